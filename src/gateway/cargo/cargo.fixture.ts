import { createHash } from 'node:crypto'
import type { TestContext } from 'node:test'
import { packLockfiles } from '../../lockfiles/bundle.ts'
import { compileRules, openWorld, request, type Answer, type World } from '../gateway.fixture.ts'
import { startUpstream, type Upstream } from '../upstream.fixture.ts'
import { indexPath } from './route.ts'

export const host = 'index.test'
/** What the gateway adds: the stub of the broker knows one scheme. */
export const injected = `Basic ${Buffer.from('injected:for-cargo').toString('base64')}`

export interface CargoWorld {
  readonly world: World
  readonly upstream: Upstream
  /** What the registry has, by path; anything else is a 404. */
  readonly bodies: Map<string, string | Buffer>
  /** Adds a version to the index, and its file. */
  add(name: string, version: string, file: string, cksum?: string): void
  /** Paths that reached the registry. */
  readonly asked: () => string[]
  get(path: string): Promise<Answer>
  put(path: string, body: Buffer): Promise<Answer>
}

export function sha256(text: string | Buffer): string {
  return createHash('sha256').update(text).digest('hex')
}

/** A step whose role has these grants, with this Cargo.lock, at a registry of its own. */
export async function openCargo(
  t: TestContext,
  options: { grants?: readonly string[]; lock?: string; storage?: Upstream } = {},
): Promise<CargoWorld> {
  const world = await openWorld(t)
  const upstream = await startUpstream(t, host)
  const { storage } = options
  const ca = `${upstream.ca}\n${storage?.ca ?? ''}`
  const bodies: CargoWorld['bodies'] = new Map()
  bodies.set(
    '/config.json',
    JSON.stringify({ dl: `https://${host}/files`, api: `https://${host}`, 'auth-required': true }),
  )
  upstream.handle = ({ url = '' }, response) => {
    const body = bodies.get(url)
    if (body === undefined) response.writeHead(404).end('{}')
    else response.writeHead(200, { etag: '"1"', 'content-length': Buffer.byteLength(body) }).end(body)
  }
  const connection = {
    ...{ kind: 'cargo', url: `https://${host}`, dial: `127.0.0.1:${upstream.port}`, ca },
    credential: { bearer: 'secret:cargo' },
    ...(storage === undefined ? {} : { storage: [`localhost:${storage.port}`] }),
  }
  const { targets, policy } = compileRules({ cargo: connection }, options.grants ?? ['cargo:download cargo'])
  world.setTargets(targets, policy)
  if (options.lock !== undefined)
    await world.gateway.pinLockfiles(world.step, packLockfiles([{ path: 'Cargo.lock', text: options.lock }]))
  const ask = (method: string, path: string, body?: Buffer) =>
    world.ask(
      request(method, path, {
        host,
        headers: { authorization: 'mine' },
        ...(body === undefined ? {} : { body }),
      }),
      {
        authority: `${host}:443`,
      },
    )
  return {
    ...{ world, upstream, bodies },
    add(name, version, file, cksum = sha256(file)) {
      const path = indexPath(name.toLowerCase())
      const line = JSON.stringify({ name, vers: version, deps: [], cksum, features: {}, yanked: false })
      bodies.set(path, `${String(bodies.get(path) ?? '')}${line}\n`)
      bodies.set(`/files/${name}/${version}/download`, file)
    },
    asked: () => upstream.begun.map(({ method, url }) => `${method} ${url}`),
    get: (path) => ask('GET', path),
    put: (path, body) => ask('PUT', path, body),
  }
}

export function lockOf(
  ...packages: readonly (readonly [name: string, version: string, checksum: string])[]
): string {
  return packages.reduce(
    (text, [name, version, checksum]) =>
      `${text}\n[[package]]\nname = "${name}"\nversion = "${version}"\nsource = "registry+https://github.com/rust-lang/crates.io-index"\nchecksum = "${checksum}"\n`,
    'version = 4\n',
  )
}

/** The body of `cargo publish`. */
export function publication(about: string | Readonly<Record<string, unknown>>, crate: string): Buffer {
  const json = Buffer.from(typeof about === 'string' ? about : JSON.stringify(about))
  const lengths = [json.length, Buffer.byteLength(crate)].map((bytes) => {
    const head = Buffer.alloc(4)
    head.writeUInt32LE(bytes)
    return head
  })
  return Buffer.concat([lengths[0] ?? json, json, lengths[1] ?? json, Buffer.from(crate)])
}
