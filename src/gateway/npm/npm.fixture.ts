import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TestContext } from 'node:test'
import { packLockfiles } from '../../lockfiles/bundle.ts'
import type { Lockfile } from '../../lockfiles/index.ts'
import {
  compileRules,
  npmHost,
  openWorld,
  request,
  usualConnections,
  type Answer,
  type World,
} from '../gateway.fixture.ts'
import { startUpstream, type Upstream } from '../upstream.fixture.ts'

export function integrityOf(bytes: Buffer | string, algorithm = 'sha512'): string {
  return `${algorithm}-${createHash(algorithm).update(bytes).digest('base64')}`
}

/** An npm registry as an upstream: bodies by path; what is not there is a 404. */
export interface Registry {
  readonly upstream: Upstream
  readonly bodies: Map<
    string,
    string | Buffer | ((request: IncomingMessage, response: ServerResponse) => void)
  >
  /** Adds a version with its file, and says so in the package's document. */
  add(name: string, version: string, options?: { file?: string; dist?: Record<string, unknown> }): void
  /** Says when a version was published, in the package's full document. */
  publishedAt(name: string, version: string, time: string): void
  packumentOf(name: string): Record<string, unknown>
}

export async function startRegistry(t: TestContext): Promise<Registry> {
  const upstream = await startUpstream(t, npmHost)
  const documents = new Map<
    string,
    { name: string; versions: Record<string, unknown>; time?: Record<string, string> }
  >()
  const registry: Registry = {
    upstream,
    bodies: new Map(),
    add(name, version, { file = `the file of ${name}@${version}`, dist = {} } = {}) {
      const path = `/${name}/-/${name.slice(name.indexOf('/') + 1)}-${version}.tgz`
      const known = documents.get(name) ?? { name, versions: {} }
      const usual = { tarball: `https://${npmHost}${path}`, integrity: integrityOf(file) }
      known.versions[version] = { name, version, dist: { ...usual, ...dist } }
      documents.set(name, known)
      registry.bodies.set(path, file)
      registry.bodies.set(`/${name}`, JSON.stringify(known))
    },
    publishedAt(name, version, time) {
      const known = documents.get(name) ?? { name, versions: {} }
      known.time = { ...known.time, [version]: time }
      registry.bodies.set(`/${name}`, JSON.stringify(known))
    },
    packumentOf: (name) => structuredClone(documents.get(name) ?? { name, versions: {} }),
  }
  upstream.handle = (incoming, response) => {
    const body = registry.bodies.get(decodeURIComponent(incoming.url ?? ''))
    if (typeof body === 'function') return body(incoming, response)
    if (body === undefined) return void response.writeHead(404).end('{}')
    response.writeHead(200, { 'content-length': Buffer.byteLength(body) }).end(body)
  }
  return registry
}

export interface NpmWorld {
  readonly world: World
  readonly registry: Registry
  /** Paths that reached the registry, in order. */
  readonly asked: () => string[]
  get(path: string): Promise<Answer>
  ask(method: string, path: string, body?: string | Buffer, headers?: Record<string, string>): Promise<Answer>
}

/** A step whose role has these grants, with these lockfiles, at a registry of its own. */
export async function openNpm(
  t: TestContext,
  options: {
    grants?: readonly (string | { readonly grant: string; readonly artifact: 'run' })[]
    /** What the run is known to have made; else it is asked of the world's own. */
    isOfRun?: (digests: readonly string[]) => boolean
    lockfiles?: readonly Lockfile[]
    connection?: Readonly<Record<string, unknown>>
    /** Certificates to trust for the registry's storage. */
    ca?: string
  } = {},
): Promise<NpmWorld> {
  const { isOfRun } = options
  const artifacts =
    isOfRun === undefined
      ? {}
      : {
          artifacts: {
            isOfRun: async (_step: unknown, digests: readonly string[]) => isOfRun(digests),
            add: async () => {},
          },
        }
  const world = await openWorld(t, artifacts)
  const registry = await startRegistry(t)
  const { upstream } = registry
  const usual = usualConnections({ ...upstream, ca: `${upstream.ca}\n${options.ca ?? ''}` })
  const { targets, policy } = compileRules(
    { npm: { ...(usual['npm'] as object), ...options.connection } },
    options.grants ?? ['npm:install npm'],
  )
  world.setTargets(targets, policy)
  if (options.lockfiles !== undefined)
    await world.gateway.pinLockfiles(world.step, packLockfiles(options.lockfiles))
  const ask: NpmWorld['ask'] = (method, path, body, headers = {}) =>
    world.ask(request(method, path, { host: npmHost, headers, ...(body === undefined ? {} : { body }) }), {
      authority: `${npmHost}:443`,
    })
  return {
    world,
    registry,
    ask,
    get: (path) => ask('GET', path),
    asked: () => upstream.begun.map(({ url }) => url),
  }
}

export function packageLock(packages: Readonly<Record<string, Record<string, unknown>>>): Lockfile {
  const places = Object.entries(packages).map(([name, one]) => [`node_modules/${name}`, one])
  return {
    path: 'package-lock.json',
    text: JSON.stringify({ lockfileVersion: 3, packages: Object.fromEntries(places) }),
  }
}

/** Of a later yarn, which has no digest of files. */
export function yarnLock(...resolutions: readonly string[]): Lockfile {
  const entries = resolutions.map((one, i) => `"dep${i}@npm:^1.0.0":\n  resolution: "${one}"\n`)
  return { path: 'yarn.lock', text: `__metadata:\n  version: 10\n\n${entries.join('\n')}` }
}

export function errorOf({ body }: Answer): string {
  return String((JSON.parse(body) as { error?: unknown }).error)
}
