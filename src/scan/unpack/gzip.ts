import type { Budget } from './budget.ts'
import { flowOf, type Flow } from './flow.ts'
import { inflated } from './inflate.ts'
import { createRegion } from './region.ts'
import { deeper, stopped, Stopped, type Walk } from './walk.ts'

/**
 * A gzip (RFC 1952), zlib (RFC 1950) or Zstandard file: all its members one behind the other, as `cat a.gz b.gz` makes them, then what is behind.
 * Names and comments in the heads are seen, too.
 */
export async function unpackCompressed(
  walk: Walk,
  flow: Flow,
  form: 'gzip' | 'zlib' | 'zstd',
): Promise<void> {
  const inner = deeper(walk)
  if (inner === undefined) return
  const heads = createRegion({ ...walk, name: `${walk.name}!(head)` })
  const members = {
    zstd: () => inflated(flow, 'zstd', walk.budget),
    zlib: () => unzlibbed(flow, walk.budget),
    gzip: () => gunzipped(flow, walk.budget, heads.add),
  }[form]()
  let isBroken = false
  const failed = (error: unknown) => {
    isBroken = true
    stopped(walk)(error)
  }
  await walk.open(inner, flowOf(members, failed))
  await members.return(undefined)
  await heads.end()
  if (isBroken && !walk.budget.isSpent()) await seeRest(walk, flow)
  else await openRest(walk, flow)
}

/** Where it is broken, what is left of it may look like the beginning of the very same. */
async function seeRest(walk: Walk, flow: Flow): Promise<void> {
  const rest = createRegion({ ...walk, name: `${walk.name}!(rest)` })
  for (let bytes = await flow.next(chunkBytes); bytes !== undefined; bytes = await flow.next(chunkBytes))
    await rest.add(bytes)
  await rest.end()
}

const chunkBytes = 262_144

/** What is behind an archive, unless that is zeros. */
export async function openRest(walk: Walk, flow: Flow): Promise<void> {
  while (!walk.budget.isSpent() && (await flow.fill(1))) {
    const end = flow.held.findIndex((byte) => byte !== 0)
    flow.take(end === -1 ? flow.held.length : end)
    if (end === -1) continue
    const rest = deeper({ ...walk, name: `${walk.name}!(behind)` })
    return rest === undefined ? undefined : walk.open(rest, flow)
  }
}

const trailerBytes = 8

async function* gunzipped(
  flow: Flow,
  budget: Budget,
  head: (bytes: Buffer) => Promise<void>,
): AsyncGenerator<Buffer> {
  while ((await flow.fill(10)) && isGzip(flow.held)) {
    const bytes = await headEnd(flow)
    const taken = flow.take(bytes)
    if (bytes > 10) await head(taken)
    yield* inflated(flow, 'deflate', budget)
    await flow.fill(trailerBytes)
    flow.take(trailerBytes)
  }
}

const [zlibHeadBytes, zlibTrailerBytes] = [2, 4]

async function* unzlibbed(flow: Flow, budget: Budget): AsyncGenerator<Buffer> {
  flow.take(zlibHeadBytes)
  yield* inflated(flow, 'deflate', budget)
  await flow.fill(zlibTrailerBytes)
  flow.take(Math.min(zlibTrailerBytes, flow.held.length))
}

export function isGzip(head: Buffer): boolean {
  return head[0] === 0x1f && head[1] === 0x8b && head[2] === 8
}

const maxHeadBytes = 131_072

/** How long the head is. It may have fields of any length. */
async function headEnd(flow: Flow): Promise<number> {
  const flags = flow.held[3] ?? 0
  let at = 10
  if ((flags & 4) !== 0) at += (await flow.fill(at + 2)) ? 2 + flow.held.readUInt16LE(at) : 2
  for (const flag of [8, 16]) if ((flags & flag) !== 0) at = (await textEnd(flow, at)) + 1
  if ((flags & 2) !== 0) at += 2
  await flow.fill(at)
  return at
}

async function textEnd(flow: Flow, from: number): Promise<number> {
  for (let bytes = from + 256; ; bytes *= 2) {
    const isMore = await flow.fill(bytes)
    const end = flow.held.indexOf(0, from)
    if (end !== -1) return end
    if (!isMore || bytes > maxHeadBytes) throw new Stopped('broken', 'the name in its head does not end')
  }
}
