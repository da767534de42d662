import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '../../lib/index.ts'

const maxConfigBytes = 4_194_304

/** What one such file says; nothing of it is checked. */
export interface AuthFile {
  readonly auths: Readonly<Record<string, unknown>>
  readonly credHelpers: Readonly<Record<string, unknown>>
  readonly credsStore?: unknown
}

/**
 * Where docker keeps its logins, and podman and buildah theirs (containers-auth.json(5)): in the runtime folder of the user, which without
 * `XDG_RUNTIME_DIR` (root in a container of a CI) is below /run/containers, or else with the user's configuration.
 */
export function authFiles(
  variables: Readonly<Record<string, string>>,
  userId = process.getuid?.(),
): readonly string[] {
  const set = (name: string) => (variables[name] === '' ? undefined : variables[name])
  const below = (folder: string | undefined, path: string) =>
    folder === undefined ? [] : [join(folder, path)]
  const [docker, home, runtime] = [set('DOCKER_CONFIG'), set('HOME'), set('XDG_RUNTIME_DIR')]
  const config = set('XDG_CONFIG_HOME') ?? (home === undefined ? undefined : join(home, '.config'))
  const ofUser = userId === undefined ? undefined : join('/run/containers', String(userId))
  const named = set('REGISTRY_AUTH_FILE')
  return [
    ...(named === undefined ? [] : [named]),
    ...(docker === undefined ? below(home, '.docker/config.json') : below(docker, 'config.json')),
    ...(runtime === undefined ? below(ofUser, 'auth.json') : below(runtime, 'containers/auth.json')),
    ...below(config, 'containers/auth.json'),
  ]
}

/** Why one cannot be read is added to `problems`. */
export function readAuthFiles(files: readonly string[], problems: string[]): AuthFile[] {
  return files.filter((file) => existsSync(file)).flatMap((file) => readAuthFile(file, problems))
}

function readAuthFile(file: string, problems: string[]): AuthFile[] {
  try {
    const text = readFileSync(file, 'utf8')
    if (text.length > maxConfigBytes) throw new Error(`it is longer than ${maxConfigBytes} characters`)
    const { auths, credHelpers, credsStore } = recordOf(parsed(text))
    return [{ auths: recordOf(auths), credHelpers: recordOf(credHelpers), credsStore }]
  } catch (error) {
    problems.push(`${file}, which has logins, cannot be read: ${messageOf(error)}`)
    return []
  }
}

/** What a parser says of a text repeats a piece of it, which here may be a password. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Error('it is no JSON')
  }
}

export function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {}
}
