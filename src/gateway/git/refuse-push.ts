import type { Denial, Exchange } from '../exchange.ts'
import type { Change } from './change.ts'
import type { JudgedUpdate } from './push-record.ts'
import type { PushRequest } from './push-request.ts'
import { refusedPush } from './refusal.ts'
import type { Route } from './route.ts'

/** Answers a push that changes nothing: with git's own line on each ref, and the message on the side band. */
export async function refusePush(
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

/** Refuses the push as a whole, for a reason that is not policy's; `lines` say more of it. */
export function refuseAll(
  exchange: Exchange,
  route: Route,
  pushed: PushRequest,
  why: string,
  lines: readonly string[] = [],
): Promise<void> {
  const names = pushed.updates.map(({ ref }) => ref)
  const message = exchange.deny(
    `git:push ${exchange.connection.name}/${route.repository}@${names.join(', ')}`,
    lines.length === 0 ? why : `${why}: ${lines[0]}`,
  )
  const all = [message, ...lines.slice(1).map((line) => `mayfly: ${line}`)].join('\n')
  return refusePush(exchange, pushed, new Map(names.map((ref) => [ref, 'refused'])), all)
}

/** For git's own line on each ref; the whole reason is in the message. */
export function reasonsOf({ refused }: Denial, updates: readonly JudgedUpdate[]): Map<string, string> {
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
