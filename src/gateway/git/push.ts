import { compilePattern, escapeUnseen, messageOf } from '../../lib/index.ts'
import type { Operation } from '../../policy/index.ts'
import { plainAnswer, type Exchange, type Permission, type Proven } from '../exchange.ts'
import type { PushScanner } from '../push-scanner.ts'
import { changeByNames, actionOf } from './change.ts'
import { lookingScanner } from './looking-scanner.ts'
import { createPackMeter } from './pack-meter.ts'
import { passJudged, passWhole } from './pass-push.ts'
import { flushPacket } from './pkt-line.ts'
import { recordUpdates, type JudgedUpdate } from './push-record.ts'
import { formatOf, readPushRequest, type PushRequest, type RefUpdate } from './push-request.ts'
import { reasonsOf, refuseAll, refusePush } from './refuse-push.ts'
import { forward, operationOn, passOn, type Route } from './route.ts'
import { openScan, type BlobScan, type ScanRecord } from './scan.ts'
import { createUpstreamRepository, type ServerRef, type UpstreamRepository } from './upstream-repository.ts'

/**
 * A push: what its names tell is decided first; then the server is asked which of its refs are symbolic; then the push
 * goes upstream, all but the end of its pack if only the pack tells what it does, or a scanner looks at it. One ref that is refused refuses all.
 */
export async function push(exchange: Exchange, route: Route, scanner?: PushScanner): Promise<void> {
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
  const option = refusedOption(exchange, pushed)
  if (option !== undefined) return refuseAll(exchange, route, pushed, option)
  const named = pushed.updates.map((update) => withOwn(exchange, route, update))
  const scan = scanOf(exchange, route, pushed, scanner)
  const isDecided =
    scan === undefined &&
    named.every(({ change, own }) => change !== undefined && (own === undefined || own === true))
  const permitUpdates = (
    updates: readonly JudgedUpdate[],
    scanned?: ScanRecord,
    again = false,
  ): Promise<Permission> => {
    const operations = updates.map(({ ref, change }) => operationOn(exchange, route, actionOf(change), ref))
    const options = pushed.options.length === 0 ? {} : { pushOptions: pushed.options }
    const isExamined = scan === undefined || scanned !== undefined
    const more = { ...options, ...(scanned === undefined ? {} : { scan: scanned }) }
    const detail = { git: { ...recordUpdates(updates, isExamined), ...more } }
    const byRef = new Map(updates.map((one) => [one.ref, one]))
    const proven = ({ ref = '' }: Operation) => provenOf(byRef.get(ref))
    return exchange.permitAll(operations, detail, { again, proven })
  }
  const permit = await permitUpdates(named, undefined, !isDecided)
  if (!permit.allow) return refusePush(exchange, pushed, reasonsOf(permit, named), permit.message)
  const repository = createUpstreamRepository(exchange, permit, formatOf(pushed))
  const refs = await serverRefs(repository, named)
  if (typeof refs === 'string') return refuseAll(exchange, route, pushed, refs)
  const meter = createPackMeter(exchange, pushed)
  const job = { exchange, route, pushed, permit, permitUpdates, repository, refs, meter, scan }
  return isDecided ? passWhole(job) : passJudged(job, named)
}

/** What the names tell; where a grant asks for the commit of the job, also whether it is just that one. */
function withOwn(exchange: Exchange, route: Route, update: RefUpdate): JudgedUpdate {
  const change = changeByNames(update)
  const asksFor = (action: string) =>
    exchange.asks(operationOn(exchange, route, action, update.ref))?.commit === 'own'
  if (change === 'delete' || !(asksFor('git:push') || asksFor('git:force'))) return { ...update, change }
  return { ...update, change, own: update.newCommit === exchange.ownCommit || 'only its objects tell' }
}

function provenOf(update: JudgedUpdate | undefined): Proven {
  const { own } = update ?? {}
  if (own === undefined) return {}
  return { commit: own === true ? 'own' : { why: own } }
}

/** A push that only deletes brings no pack. */
function scanOf(
  exchange: Exchange,
  { repository }: Route,
  pushed: PushRequest,
  given: PushScanner | undefined,
): BlobScan | undefined {
  const { connection, step } = exchange
  const { updates } = pushed
  if (updates.every((one) => changeByNames(one) === 'delete')) return undefined
  const scanner = given ?? lookingScanner(exchange, repository, updates)
  if (scanner === undefined) return undefined
  const refs = updates.map(({ ref }) => ref)
  const push = scanner.begin({ step, connection: connection.name, repository, refs })
  const named = updates.map(({ newCommit }) => newCommit)
  return openScan(scanner, push, { idBytes: formatOf(pushed).idBytes, named })
}

/** A client of a shallow clone tells where its history ends even if it has nothing to push. */
async function askPush(exchange: Exchange, route: Route, { head, packBytes }: PushRequest): Promise<void> {
  const what = `git:push ${exchange.connection.name}/${route.repository}`
  const isAll = exchange.request.headers['content-length'] === String(head.length) && packBytes === 0
  if (!isAll)
    return plainAnswer(exchange.response, 400, exchange.deny(what, 'a push without refs carries nothing'))
  const permit = await exchange.permit(
    operationOn(exchange, route, 'git:push'),
    { git: { phase: 'ask' } },
    { anyRef: true },
  )
  if (!permit.allow) return plainAnswer(exchange.response, 403, permit.message)
  await passOn(exchange, await forward(exchange, permit, flushPacket))
}

/** Push options start what no ref names (GitLab: a merge request, merged when its pipeline succeeds): only those that the connection lists. */
function refusedOption({ connection }: Exchange, { options }: PushRequest): string | undefined {
  const known = (connection.pushOptions ?? []).map(compilePattern)
  const refused = options.find((option) => !known.some((one) => one.matches(option)))
  return refused === undefined
    ? undefined
    : `push option "${escapeUnseen(refused)}" is not among the push_options of connection "${connection.name}"`
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
