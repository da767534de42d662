import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { readEnvironment } from '../config/environment.ts'
import type { HttpClient } from '../http-client/index.ts'
import { MayflyError, type Clock, type Secret } from '../lib/index.ts'
import type { SignIdentityToken } from '../oidc-issuer/index.ts'
import type { RulesHolder } from '../rules/index.ts'
import { createExternalSecrets, type ExternalSecrets } from '../vault/index.ts'

export interface SecretSourceOptions {
  /** `NAME=FOLDER`, for stores of kind `file`. */
  secretFiles?: readonly string[]
  /** `NAME=PROGRAM`, for stores of kind `command`. */
  secretCommand?: readonly string[]
}

/**
 * Secrets in other stores. Until the policy in force is known (`rules`) there are none. Throws `bad_input` for what the command
 * line names and is not there.
 */
export function secretsElsewhere(
  options: SecretSourceOptions,
  deps: {
    rules: () => RulesHolder | undefined
    http: HttpClient
    clock: Clock
    openSecret: (name: string) => Promise<Secret>
    identityToken: SignIdentityToken
  },
): ExternalSecrets {
  const { rules, identityToken } = deps
  return createExternalSecrets({
    ...deps,
    document: () => {
      const holder = rules()
      return holder?.loaded === true ? holder.current().document : undefined
    },
    identityToken: (audience, server) => identityToken({ audience, subject: { server } }),
    folders: named('--secret-files', options.secretFiles, (path) => statSync(path).isDirectory()),
    commands: named('--secret-command', options.secretCommand, isProgram),
    variables: readEnvironment().variables,
  })
}

function isProgram(path: string): boolean {
  const stat = statSync(path)
  return stat.isFile() && (stat.mode & 0o111) !== 0
}

function named(
  option: string,
  given: readonly string[] | undefined,
  isGood: (path: string) => boolean,
): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const one of given ?? []) {
    const { name, path } = /^(?<name>[a-z][a-z0-9-]{0,62})=(?<path>.+)$/.exec(one)?.groups ?? {}
    if (name === undefined || path === undefined)
      throw new MayflyError(
        'bad_input',
        `${option} ${one}: write NAME=PATH, with a name that mayfly.yaml uses`,
      )
    if (found.has(name)) throw new MayflyError('bad_input', `${option} ${name} is given twice`)
    found.set(name, checked(option, resolve(path), isGood))
  }
  return found
}

function checked(option: string, path: string, isGood: (path: string) => boolean): string {
  try {
    if (isGood(path)) return path
  } catch {
    // It is not there.
  }
  const what = option === '--secret-files' ? 'a folder' : 'a program that can be started'
  throw new MayflyError('bad_input', `${option}: ${path} is not ${what}`)
}
