import { messageOf } from '../../lib/index.ts'
import { plainAnswer, type Denial, type Exchange, type Permission, type Permit } from '../exchange.ts'
import { judgeUpdate, undecidable } from './ancestry.ts'
import { createByteQueue } from './byte-queue.ts'
import { actionOf, changeByNames, type Change } from './change.ts'
import { createCommitGraph, type CommitGraph } from './commit-graph.ts'
import { nextChunk } from './next-chunk.ts'
import { readPack, sha1, sha256, type ObjectFormat } from './pack-reader.ts'
import { flushPacket } from './pkt-line.ts'
import { recordUpdates, type JudgedUpdate } from './push-record.ts'
import { readPushRequest, type PushRequest } from './push-request.ts'
import { refusedPush } from './refusal.ts'
import { forward, operationOn, passOn, type Route } from './route.ts'
import { openUpstreamPush } from './upstream-push.ts'
import { createUpstreamRepository, type ServerRef, type UpstreamRepository } from './upstream-repository.ts'

/**
 * A push: what its names tell is decided first; then the server is asked which of its refs are symbolic; then the push
 * goes upstream, all but the end of its pack if only the pack tells what it does. One ref that is refused refuses all.
 */
export async function push(exchange: Exchange, route: Route): Promise<void> {
  const { request } = exchange
  if (request.headers['content-encoding'] !== undefined)
    return plainAnswer(exchange.response, 415, 'mayfly: a push is not taken compressed')
  let pushed: PushRequest
  try {
    pushed = await readPushRequest(request)
  } catch (error) {
    const what = `git:push ${exchange.connection.name}/${route.repository}`
    return plainAnswer(exchange.response, 400, exchange.deny(what, messageOf(error)))
  }
  // git asks with an empty push whether it may; nothing is named yet, and nothing may stand behind it.
  if (pushed.updates.length === 0) return askPush(exchange, route, pushed)
  const named = pushed.updates.map((update): JudgedUpdate => ({ ...update, change: changeByNames(update) }))
  const permit = await permitUpdates(exchange, route, named)
  if (!permit.allow) return refusePush(exchange, pushed, reasonsOf(permit, named), permit.message)
  const repository = createUpstreamRepository(exchange, permit, formatOf(pushed))
  const refs = await serverRefs(repository, named)
  if (typeof refs === 'string') return refuseAll(exchange, route, pushed, refs)
  const job = { exchange, route, pushed, permit, repository, refs }
  return named.every(({ change }) => change !== undefined) ? passWhole(job) : passJudged(job, named)
}

interface Job {
  readonly exchange: Exchange
  readonly route: Route
  readonly pushed: PushRequest
  readonly permit: Permit
  readonly repository: UpstreamRepository
  readonly refs: ReadonlyMap<string, ServerRef>
}

async function askPush(exchange: Exchange, route: Route, pushed: PushRequest): Promise<void> {
  const what = `git:push ${exchange.connection.name}/${route.repository}`
  const rest = exchange.request.headers['content-length'] !== '4' || pushed.packBytes > 0
  if (rest)
    return plainAnswer(exchange.response, 400, exchange.deny(what, 'a push without refs carries nothing'))
  const permit = await exchange.permit(
    operationOn(exchange, route, 'git:push'),
    { git: { phase: 'ask' } },
    { anyRef: true },
  )
  if (!permit.allow) return plainAnswer(exchange.response, 403, permit.message)
  await passOn(exchange, await forward(exchange, permit, flushPacket))
}

function permitUpdates(
  exchange: Exchange,
  route: Route,
  updates: readonly JudgedUpdate[],
): Promise<Permission> {
  const operations = updates.map(({ ref, change }) => operationOn(exchange, route, actionOf(change), ref))
  return exchange.permitAll(operations, { git: recordUpdates(updates) })
}

/** The refs of the push as the server has them, or why the push cannot go there. */
async function serverRefs(
  repository: UpstreamRepository,
  updates: readonly JudgedUpdate[],
): Promise<ReadonlyMap<string, ServerRef> | string> {
  try {
    const refs = await repository.refs(updates.map(({ ref }) => ref))
    // A push to it would move its target, which the grant does not name.
    for (const [ref, { target }] of refs)
      if (target !== undefined) return `${ref} is a symbolic ref on the server: push to ${target} itself`
    return refs
  } catch (error) {
    return `the Git server cannot be asked which of its refs are symbolic: ${messageOf(error)}`
  }
}

/** Everything is decided: the rest goes as it comes. */
async function passWhole({ exchange, pushed, permit }: Job): Promise<void> {
  const upstream = openUpstreamPush(exchange, permit)
  await upstream.finish(pushed.head)
}

/** Lets the pack through while it is read, and its last bytes once it is known what the push does. */
async function passJudged(job: Job, named: readonly JudgedUpdate[]): Promise<void> {
  const { exchange, route, pushed, permit } = job
  const upstream = openUpstreamPush(exchange, permit)
  const graph = createCommitGraph()
  const packAt = pushed.head.length - pushed.packBytes
  const queue = createByteQueue({
    first: pushed.head.subarray(packAt),
    next: () => nextChunk(exchange.request),
    pass: (bytes) => upstream.pass(bytes),
    algorithm: formatOf(pushed).algorithm,
  })
  await upstream.pass(pushed.head.subarray(0, packAt))
  const unread = await readPack(queue, formatOf(pushed), (id, parents) => graph.add(id, parents)).then(
    () => undefined,
    messageOf,
  )
  if (upstream.isOver()) return upstream.finish(Buffer.alloc(0))
  // Whoever leaves in the middle is refused nothing.
  if (!exchange.request.complete && exchange.request.destroyed) return upstream.cut()
  const judged = await judgeAll(job, named, graph, unread)
  const verdict = await permitUpdates(exchange, route, judged)
  if (!verdict.allow) {
    upstream.cut()
    const why = judged.flatMap(({ ref, why }) => (why === undefined ? [] : [`mayfly: ${ref}: ${why}`]))
    const message = [verdict.message, ...why.slice(0, maxReasons)].join('\n')
    return refusePush(exchange, pushed, reasonsOf(verdict, judged), message)
  }
  await upstream.finish(await queue.unpassed())
}

const maxReasons = 20

async function judgeAll(
  { pushed, repository, refs }: Job,
  named: readonly JudgedUpdate[],
  graph: CommitGraph,
  unread: string | undefined,
): Promise<JudgedUpdate[]> {
  // A server that takes such a push would forget the parents that the commit names.
  const cut = [...pushed.shallow].find((id) => graph.has(id))
  const undecided = unread ?? (cut === undefined ? undefined : `the push cuts the history off at ${cut}`)
  const judged: JudgedUpdate[] = []
  for (const update of named) {
    if (update.change !== undefined) judged.push(update)
    else if (undecided === undefined) {
      const server = { repository, ref: refs.get(update.ref) }
      judged.push({ ...update, ...(await judgeUpdate(update, graph, server)) })
    } else judged.push({ ...update, ...undecidable(undecided) })
  }
  return judged
}

function formatOf({ updates }: PushRequest): ObjectFormat {
  return updates[0]?.newCommit.length === 64 ? sha256 : sha1
}

/** For git's own line on each ref; the whole reason is in the message. */
function reasonsOf({ refused }: Denial, updates: readonly JudgedUpdate[]): Map<string, string> {
  const names = new Set(refused.map(({ ref }) => ref))
  return new Map(
    updates
      .filter(({ ref }) => names.has(ref))
      .map(({ ref, change }) => [ref, `not granted${change === undefined ? '' : told[change](ref)}`]),
  )
}

const told: Readonly<Record<Change, (ref: string) => string>> = {
  create: () => '',
  fast_forward: () => '',
  force: (ref) => (ref.startsWith('refs/tags/') ? ': the tag exists' : ': not a fast-forward'),
  delete: () => ': a deletion',
}

function refuseAll(exchange: Exchange, route: Route, pushed: PushRequest, why: string): Promise<void> {
  const names = pushed.updates.map(({ ref }) => ref)
  const message = exchange.deny(
    `git:push ${exchange.connection.name}/${route.repository}@${names.join(', ')}`,
    why,
  )
  return refusePush(exchange, pushed, new Map(names.map((ref) => [ref, 'refused'])), message)
}

async function refusePush(
  exchange: Exchange,
  pushed: PushRequest,
  reasons: ReadonlyMap<string, string>,
  message: string,
): Promise<void> {
  // git sends its whole pack before it reads the answer.
  exchange.request.resume()
  await new Promise<void>((done) => {
    if (exchange.request.readableEnded || exchange.request.destroyed) done()
    for (const name of ['end', 'close']) exchange.request.once(name, () => done())
  })
  const body = refusedPush(pushed, reasons, message)
  exchange.response.writeHead(200, {
    'content-type': 'application/x-git-receive-pack-result',
    'cache-control': 'no-cache',
    'content-length': body.length,
  })
  exchange.response.end(body)
}
