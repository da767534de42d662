import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { readEnvironment } from '../../config/environment.ts'
import type { ImageName } from './image-name.ts'

const run = promisify(execFile)
const maxAnswerBytes = 131_072

/**
 * The `Authorization` that a registry asks for by its challenge: a token of its token server, or the login itself. Undefined if this
 * machine has none that it takes.
 */
export async function registryLogin(image: ImageName, challenge: string): Promise<string | undefined> {
  const login = await loginFor(image.host)
  const basic = login === undefined ? undefined : `Basic ${Buffer.from(login).toString('base64')}`
  if (/^basic\b/i.test(challenge)) return basic
  const realm = parameterIn(challenge, 'realm')
  if (!/^bearer\b/i.test(challenge) || realm === undefined || !URL.canParse(realm)) return undefined
  const url = new URL(realm)
  // A login goes in the clear only to this machine.
  if (url.protocol !== 'https:' && !isLocal(url.hostname)) return undefined
  const service = parameterIn(challenge, 'service')
  if (service !== undefined) url.searchParams.set('service', service)
  url.searchParams.set('scope', `repository:${image.repository}:pull`)
  const answer = await fetch(url, {
    headers: { accept: 'application/json', ...(basic === undefined ? {} : { authorization: basic }) },
    signal: AbortSignal.timeout(30_000),
  })
  if (!answer.ok) return undefined
  const text = await answer.text()
  if (text.length > maxAnswerBytes) return undefined
  const { token, access_token: access } = JSON.parse(text) as { token?: unknown; access_token?: unknown }
  const given = token ?? access
  return typeof given === 'string' && /^[\x21-\x7e]+$/.test(given) ? `Bearer ${given}` : undefined
}

function isLocal(host: string): boolean {
  return /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(host)
}

function parameterIn(challenge: string, name: string): string | undefined {
  return new RegExp(`[ ,]${name}="([^"]{1,2000})"`, 'i').exec(challenge)?.[1]
}

interface DockerConfig {
  readonly auths?: Readonly<Record<string, { readonly auth?: unknown; readonly identitytoken?: unknown }>>
  readonly credHelpers?: Readonly<Record<string, unknown>>
  readonly credsStore?: unknown
}

/** `user:password`, as `docker login` keeps it, or podman. */
async function loginFor(host: string): Promise<string | undefined> {
  const names =
    host === 'registry-1.docker.io'
      ? ['https://index.docker.io/v1/', 'docker.io', host]
      : [host, `https://${host}`]
  for (const config of configs())
    for (const name of names) {
      const helper = Object.hasOwn(config.credHelpers ?? {}, name)
        ? config.credHelpers?.[name]
        : config.credsStore
      const login =
        loginIn(config, name) ?? (typeof helper === 'string' ? await askHelper(helper, name) : undefined)
      if (login !== undefined) return login
    }
  return undefined
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
  return files
    .filter((file) => existsSync(file))
    .flatMap((file) => {
      try {
        return [JSON.parse(readFileSync(file, 'utf8')) as DockerConfig]
      } catch {
        return []
      }
    })
}

function loginIn({ auths = {} }: DockerConfig, name: string): string | undefined {
  const auth = Object.hasOwn(auths, name) ? auths[name]?.auth : undefined
  return typeof auth === 'string' && auth !== '' ? Buffer.from(auth, 'base64').toString('utf8') : undefined
}

/** The protocol of docker's credential helpers: the registry on standard input, JSON on standard output. */
async function askHelper(helper: string, name: string): Promise<string | undefined> {
  if (!/^[A-Za-z0-9._-]+$/.test(helper)) return undefined
  try {
    const asking = run(`docker-credential-${helper}`, ['get'], { timeout: 30_000, maxBuffer: maxAnswerBytes })
    asking.child.stdin?.end(name)
    const { Username: user, Secret: secret } = JSON.parse((await asking).stdout) as Record<string, unknown>
    return typeof user === 'string' && typeof secret === 'string' ? `${user}:${secret}` : undefined
  } catch {
    return undefined
  }
}
