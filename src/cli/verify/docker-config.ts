import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { readEnvironment } from '../../config/environment.ts'
import type { ImageName } from './image-name.ts'

/** With what this machine is logged in at a registry. */
export type Login =
  /** `user:password`. */
  | { readonly kind: 'basic'; readonly text: string }
  /** An identity token, as logging in at Azure gives one: it is exchanged for others, and is no password. */
  | { readonly kind: 'identity'; readonly token: string }
  /** Shown to the registry as it is. */
  | { readonly kind: 'bearer'; readonly token: string }

const run = promisify(execFile)
const maxAnswerBytes = 131_072
const maxConfigBytes = 4_194_304

type Auth = Readonly<Record<'auth' | 'identitytoken' | 'registrytoken', unknown>>

interface DockerConfig {
  readonly auths: Readonly<Record<string, Partial<Auth>>>
  readonly credHelpers: Readonly<Record<string, unknown>>
  readonly credsStore?: unknown
}

/** As `docker login` keeps it, or podman: in a file of theirs, or with a program that the file names. */
export async function loginFor(image: ImageName): Promise<Login | undefined> {
  for (const config of configs())
    for (const name of namesOf(image)) {
      const key = Object.keys(config.auths).find((one) => plainName(one) === name)
      const inFile = key === undefined ? undefined : loginIn(config.auths[key] ?? {})
      const login = inFile ?? (await askHelper(config, name, key ?? name))
      if (login !== undefined) return login
    }
  return undefined
}

/** What it may be kept under: podman's file has repositories, too, of which the longest counts (containers-auth.json, "FORMAT"). */
function namesOf({ host, repository }: ImageName): string[] {
  const parts = repository.split('/')
  const hosts = host === 'registry-1.docker.io' ? ['index.docker.io', 'docker.io', host] : [host]
  return hosts.flatMap((one) =>
    Array.from({ length: parts.length + 1 }, (_, less) =>
      [one, ...parts.slice(0, parts.length - less)].join('/'),
    ),
  )
}

/** `https://index.docker.io/v1/` is `index.docker.io`. */
function plainName(key: string): string {
  return key.replace(/^https?:\/\//, '').replace(/(?:\/v[12])?\/?$/, '')
}

function configs(): DockerConfig[] {
  const { variables } = readEnvironment()
  const { DOCKER_CONFIG: docker, HOME: home, XDG_RUNTIME_DIR: runtime, REGISTRY_AUTH_FILE: named } = variables
  const files = [
    ...(named === undefined ? [] : [named]),
    ...(docker === undefined ? [] : [join(docker, 'config.json')]),
    ...(docker === undefined && home !== undefined ? [join(home, '.docker/config.json')] : []),
    ...(runtime === undefined ? [] : [join(runtime, 'containers/auth.json')]),
  ]
  return files.filter((file) => existsSync(file)).flatMap(configIn)
}

function configIn(file: string): DockerConfig[] {
  try {
    const text = readFileSync(file, 'utf8')
    const { auths, credHelpers, credsStore } = recordOf(text.length > maxConfigBytes ? {} : JSON.parse(text))
    return [
      { auths: recordOf(auths) as DockerConfig['auths'], credHelpers: recordOf(credHelpers), credsStore },
    ]
  } catch {
    return []
  }
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {}
}

/** Beside an identity token docker keeps a user without a password: the token counts. */
function loginIn(one: Partial<Auth>): Login | undefined {
  const { auth, identitytoken: identity, registrytoken: bearer } = recordOf(one)
  if (isToken(identity)) return { kind: 'identity', token: identity }
  if (isToken(bearer)) return { kind: 'bearer', token: bearer }
  if (typeof auth !== 'string' || auth === '') return undefined
  const text = Buffer.from(auth, 'base64').toString('utf8').replace(/\0+$/, '')
  return /^[^:]+:./.test(text) ? { kind: 'basic', text } : undefined
}

function isToken(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21-\x7e]{1,65536}$/.test(value)
}

/** The protocol of docker's credential helpers: the registry on standard input, JSON on standard output. */
async function askHelper(
  { credHelpers, credsStore }: DockerConfig,
  name: string,
  key: string,
): Promise<Login | undefined> {
  const named = Object.keys(credHelpers).find((one) => plainName(one) === name)
  const helper = named === undefined ? credsStore : credHelpers[named]
  const isPlain = typeof helper === 'string' && /^[A-Za-z0-9._-]+$/.test(helper)
  // A helper knows registries, and no repositories of theirs.
  if (!isPlain || name.includes('/')) return undefined
  const asked = named ?? (name === 'index.docker.io' ? 'https://index.docker.io/v1/' : key)
  try {
    const asking = run(`docker-credential-${helper}`, ['get'], { timeout: 30_000, maxBuffer: maxAnswerBytes })
    asking.child.stdin?.on('error', () => undefined).end(asked)
    const { Username: user, Secret: secret } = recordOf(JSON.parse((await asking).stdout))
    if (typeof user !== 'string' || typeof secret !== 'string' || secret === '') return undefined
    if (user === '<token>') return isToken(secret) ? { kind: 'identity', token: secret } : undefined
    return { kind: 'basic', text: `${user}:${secret}` }
  } catch {
    return undefined
  }
}
