import { messageOf } from '../../lib/index.ts'
import type { Exchange, Permission, Permit } from '../exchange.ts'
import { judgeUpdate, undecidable } from './ancestry.ts'
import { createByteQueue } from './byte-queue.ts'
import { createCommitGraph, type CommitGraph } from './commit-graph.ts'
import { createPackTags, whyNotOwn, type PackTags } from './own-commit.ts'
import type { PackMeter } from './pack-meter.ts'
import type { OnCommit } from './object-format.ts'
import { readPack } from './pack-reader.ts'
import type { JudgedUpdate } from './push-record.ts'
import { formatOf, type PushRequest } from './push-request.ts'
import { reasonsOf, refuseAll, refusePush } from './refuse-push.ts'
import type { Route } from './route.ts'
import type { BlobScan, ScanRecord } from './scan.ts'
import { createPushReport } from './push-report.ts'
import { sideMessage } from './refusal.ts'
import { openUpstreamPush, type UpstreamPush } from './upstream-push.ts'
import type { ServerRef, UpstreamRepository } from './upstream-repository.ts'

/** A push that may go upstream, as far as its names tell. */
export interface PushJob {
  readonly exchange: Exchange
  readonly route: Route
  readonly pushed: PushRequest
  readonly permit: Permit
  /** Asks for what each update turned out to be, and records it; with what was looked at, if a scanner did. */
  permitUpdates(updates: readonly JudgedUpdate[], scanned?: ScanRecord): Promise<Permission>
  readonly repository: UpstreamRepository
  /** Of the refs of the push, those that the server has. */
  readonly refs: ReadonlyMap<string, ServerRef>
  readonly meter: PackMeter
  readonly scan: BlobScan | undefined
}

/** Everything is decided: the rest goes as it comes. */
export async function passWhole(job: PushJob): Promise<void> {
  const { exchange, pushed, permit, meter } = job
  const upstream = openUpstreamPush(exchange, permit, () => meter.next())
  try {
    await finish(job, upstream, pushed.head)
  } catch (error) {
    if (meter.why() === undefined) throw error
    upstream.cut()
    return refuseTooLarge(job)
  }
}

/** Lets the pack through while it is read, and its last bytes once it is known what the push does and brings. */
export async function passJudged(job: PushJob, named: readonly JudgedUpdate[]): Promise<void> {
  const { exchange, pushed, permit, meter, scan } = job
  const upstream = openUpstreamPush(exchange, permit, () => meter.next())
  const graph = createCommitGraph()
  const packAt = pushed.head.length - pushed.packBytes
  const queue = createByteQueue({
    first: pushed.head.subarray(packAt),
    next: () => meter.next(),
    pass: (bytes) => upstream.pass(bytes),
    algorithm: formatOf(pushed).algorithm,
  })
  await upstream.pass(pushed.head.subarray(0, packAt))
  const addCommit: OnCommit = (id, parents) => graph.add(id, parents)
  const tags = createPackTags()
  const reading = readPack(queue, formatOf(pushed), addCommit, scan, tags.add)
  const unread = await reading.then(() => undefined, messageOf)
  if (upstream.isOver()) return finish(job, upstream, Buffer.alloc(0))
  // Whoever leaves in the middle is refused nothing.
  if (!exchange.request.complete && exchange.request.destroyed) return upstream.cut()
  if (meter.why() !== undefined) {
    upstream.cut()
    return refuseTooLarge(job)
  }
  const findings = await findingsOf(job, unread)
  if (findings.length > 0) {
    upstream.cut()
    return refuseAll(
      exchange,
      job.route,
      pushed,
      'secrets were found in it, or it could not be looked at',
      findings,
    )
  }
  const judged = await judgeAll(job, named, { graph, tags }, unread)
  const verdict = await job.permitUpdates(judged, scan?.record())
  if (!verdict.allow) {
    upstream.cut()
    tellWarnings(job)
    const why = judged.flatMap(({ ref, why }) => (why === undefined ? [] : [`mayfly: ${ref}: ${why}`]))
    const message = [verdict.message, ...why.slice(0, maxReasons)].join('\n')
    return refusePush(exchange, pushed, reasonsOf(verdict, judged), message)
  }
  await finish(job, upstream, await queue.unpassed())
}

/** Lets the end through, and records what the server says of each ref: that it may be changed is in the log before. */
async function finish(job: PushJob, upstream: UpstreamPush, bytes: Buffer): Promise<void> {
  const { exchange, pushed, route } = job
  const report = createPushReport()
  const warnings = job.scan?.warnings() ?? []
  const message = sideMessage(
    pushed,
    warnings.map((line) => `mayfly: warning: ${line}`),
  )
  const { status, isBefore } = await upstream.finish(bytes, (chunk) => report.take(chunk), message)
  if (!isBefore) tellWarnings(job)
  // Another answer changed nothing.
  if (status !== 200) return
  for (const result of report.results(pushed.updates))
    exchange.accepted({ type: 'git.pushed', item: { repository: route.repository, ...result } })
}

/** Where git shows none: beside what it shows. */
function tellWarnings({ exchange, route, scan }: PushJob): void {
  for (const line of scan?.warnings() ?? []) exchange.tell(`mayfly: ${route.repository}: warning: ${line}`)
}

/** What speaks against what the push brings, if it is looked at; what cannot be read was not. */
async function findingsOf({ scan }: PushJob, unread: string | undefined): Promise<readonly string[]> {
  if (scan === undefined) return []
  return unread === undefined ? scan.finish() : [`what the push brings cannot be looked at: ${unread}`]
}

const maxReasons = 20

function refuseTooLarge({ exchange, route, pushed, meter }: PushJob): Promise<void> {
  return refuseAll(exchange, route, pushed, meter.why() ?? '')
}

async function judgeAll(
  { pushed, repository, refs, exchange }: PushJob,
  named: readonly JudgedUpdate[],
  { graph, tags }: { graph: CommitGraph; tags: PackTags },
  unread: string | undefined,
): Promise<JudgedUpdate[]> {
  // A server that takes such a push would forget the parents that the commit names.
  const cut = [...pushed.shallow].find((id) => graph.has(id))
  const undecided = unread ?? (cut === undefined ? undefined : `the push cuts the history off at ${cut}`)
  const judged: JudgedUpdate[] = []
  for (const update of named) {
    const own = await ownOf(update)
    if (update.change !== undefined) judged.push({ ...update, ...own })
    else if (undecided === undefined) {
      const server = { repository, ref: refs.get(update.ref) }
      judged.push({ ...update, ...(await judgeUpdate(update, graph, server)), ...own })
    } else judged.push({ ...update, ...undecidable(undecided), ...own })
  }
  return judged

  async function ownOf({ own, newCommit }: JudgedUpdate): Promise<Pick<JudgedUpdate, 'own'>> {
    if (typeof own !== 'string') return {}
    if (undecided !== undefined) return { own: undecided }
    const why = await whyNotOwn(tags.peeled(newCommit), exchange.ownCommit, graph, repository)
    return { own: why ?? true }
  }
}
