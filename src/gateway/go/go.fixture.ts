import { createHash } from 'node:crypto'
import type { TestContext } from 'node:test'
import { packLockfiles } from '../../lockfiles/bundle.ts'
import { compileRules, openWorld, request, type Answer, type World } from '../gateway.fixture.ts'
import { startUpstream, type Upstream } from '../upstream.fixture.ts'
import { hash1 } from './hash1.ts'
import type { TestSumdb } from './sumdb.fixture.ts'
import { makeZip, type ZipEntry } from './zip.fixture.ts'

const host = 'proxy.test'

export interface GoWorld {
  readonly world: World
  readonly upstream: Upstream
  /** What the proxy has, by path; anything else is a 404. */
  readonly bodies: Map<string, string | Buffer>
  /** Paths that reached the proxy. */
  readonly asked: () => string[]
  get(path: string): Promise<Answer>
}

/** A step whose role has these grants, with these go.sum files, at a module proxy of its own. */
export async function openGo(
  t: TestContext,
  options: {
    grants?: readonly string[]
    sums?: readonly string[]
    storage?: Upstream
    sumdb?: TestSumdb | 'off'
  } = {},
): Promise<GoWorld> {
  const world = await openWorld(t)
  const upstream = await startUpstream(t, host)
  const { storage, sumdb } = options
  const bodies: GoWorld['bodies'] = new Map()
  upstream.handle = ({ url = '' }, response) => {
    const ofSumdb = typeof sumdb === 'object' ? url.split(`/mirror/sumdb/${sumdb.name}/`)[1] : undefined
    const body = bodies.get(url) ?? (ofSumdb === undefined ? undefined : (sumdb as TestSumdb).serve(ofSumdb))
    if (body === undefined) response.writeHead(404).end('who knows')
    else response.writeHead(200, { 'content-length': Buffer.byteLength(body) }).end(body)
  }
  const { targets, policy } = compileRules(
    {
      go: {
        kind: 'go',
        url: `https://${host}/mirror`,
        dial: `127.0.0.1:${upstream.port}`,
        ca: `${upstream.ca}\n${storage?.ca ?? ''}`,
        ...(storage === undefined ? {} : { storage: [`localhost:${storage.port}`] }),
        ...(sumdb === undefined ? {} : { sumdb: sumdb === 'off' ? sumdb : sumdb.key }),
        credential: { basic: 'secret:go' },
      },
    },
    options.grants ?? ['go:download go'],
  )
  world.setTargets(targets, policy)
  const files = (options.sums ?? []).map((text, at) => ({ path: `m${at}/go.sum`, text }))
  if (files.length > 0) await world.gateway.pinLockfiles(world.step, packLockfiles(files))
  return {
    ...{ world, upstream, bodies },
    asked: () => upstream.begun.map(({ url }) => url),
    get: (path) => world.ask(request('GET', `/mirror${path}`, { host }), { authority: `${host}:443` }),
  }
}

export interface Module {
  readonly mod: string
  readonly zip: Buffer
  /** Its two lines of go.sum. */
  readonly sum: string
}

export function makeModule(name: string, version: string, files: Readonly<Record<string, string>>): Module {
  const mod = `module ${name}\n`
  const all = Object.entries({ 'go.mod': mod, ...files })
  const entries: ZipEntry[] = all.map(([file, content]) => ({ name: `${name}@${version}/${file}`, content }))
  const hashed = (file: string, content: string) => ({
    name: Buffer.from(file),
    sha256: createHash('sha256').update(content).digest('hex'),
  })
  const ofZip = hash1(all.map(([file, content]) => hashed(`${name}@${version}/${file}`, content)))
  const ofMod = hash1([hashed('go.mod', mod)])
  return {
    mod,
    zip: makeZip(entries),
    sum: `${name} ${version} ${ofZip}\n${name} ${version}/go.mod ${ofMod}\n`,
  }
}
