import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { readEnvironment } from '../../config/environment.ts'
import { authFiles, readAuthFiles, recordOf, type AuthFile } from './auth-files.ts'
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
const maxToldChars = 300

export interface LoginFound {
  readonly login: Login | undefined
  /** Files that cannot be read, helpers that fail: what they have may be what is missing. */
  readonly problems: readonly string[]
}

/** As `docker login` keeps it, or podman: in a file of theirs, or with a program that the file names. */
export async function loginFor(image: ImageName): Promise<LoginFound> {
  const problems: string[] = []
  for (const config of readAuthFiles(authFiles(readEnvironment().variables), problems))
    for (const name of namesOf(image)) {
      const key = Object.keys(config.auths).find((one) => plainName(one) === name)
      const inFile = key === undefined ? undefined : loginIn(config.auths[key])
      const login = inFile ?? (await askHelper(config, name, key ?? name, problems))
      if (login !== undefined) return { login, problems }
    }
  return { login: undefined, problems }
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

/** Beside an identity token docker keeps a user without a password: the token counts. */
function loginIn(one: unknown): Login | undefined {
  const { auth, identitytoken: identity, registrytoken: bearer, username, password } = recordOf(one)
  if (isToken(identity)) return { kind: 'identity', token: identity }
  if (isToken(bearer)) return { kind: 'bearer', token: bearer }
  if (typeof auth !== 'string' || auth === '')
    // As pull secrets of Kubernetes may have it.
    return isText(username) && isText(password)
      ? { kind: 'basic', text: `${username}:${password}` }
      : undefined
  const text = Buffer.from(auth, 'base64').toString('utf8').replace(/\0+$/, '')
  return /^[^:]+:./.test(text) ? { kind: 'basic', text } : undefined
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

function isToken(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21-\x7e]{1,65536}$/.test(value)
}

/** The protocol of docker's credential helpers: the registry on standard input, JSON on standard output. */
async function askHelper(
  { credHelpers, credsStore }: AuthFile,
  name: string,
  key: string,
  problems: string[],
): Promise<Login | undefined> {
  const named = Object.keys(credHelpers).find((one) => plainName(one) === name)
  const helper = named === undefined ? credsStore : credHelpers[named]
  const isPlain = typeof helper === 'string' && /^[A-Za-z0-9._-]+$/.test(helper)
  // A helper knows registries, and no repositories of theirs.
  if (!isPlain || name.includes('/')) return undefined
  const asked = named ?? (name === 'index.docker.io' ? 'https://index.docker.io/v1/' : key)
  const program = `docker-credential-${helper}`
  try {
    const asking = run(program, ['get'], { timeout: 30_000, maxBuffer: maxAnswerBytes })
    asking.child.stdin?.on('error', () => undefined).end(asked)
    const login = loginOfHelper((await asking).stdout)
    if (login === 'none')
      problems.push(`the credential helper ${program} answered something that is no login`)
    else return login
  } catch (error) {
    const why = failureOf(error)
    if (why !== undefined) problems.push(`the credential helper ${program} failed: ${why}`)
  }
  return undefined
}

/** Never told again: it may be half a password. */
function loginOfHelper(stdout: string): Login | undefined | 'none' {
  try {
    const { Username: user, Secret: secret } = recordOf(JSON.parse(stdout))
    if (typeof user !== 'string' || typeof secret !== 'string') return 'none'
    if (secret === '') return undefined
    if (user === '<token>') return isToken(secret) ? { kind: 'identity', token: secret } : 'none'
    return { kind: 'basic', text: `${user}:${secret}` }
  } catch {
    return 'none'
  }
}

/** Undefined where it only has no login: helpers say that with an exit code, too, and their errors on either output. */
function failureOf(error: unknown): string | undefined {
  const { code, killed, stdout, stderr } = recordOf(error)
  if (code === 'ENOENT') return 'it is not installed'
  if (killed === true) return 'it took too long, or said too much'
  const said = [stderr, stdout].filter(isText).join(' ').replace(/\s+/g, ' ').trim()
  if (/credentials not found/i.test(said)) return undefined
  return `exit code ${String(code)}${said === '' ? '' : `: ${said.slice(0, maxToldChars)}`}`
}
