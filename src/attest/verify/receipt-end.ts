import type { Entry } from '../../audit/verify/index.ts'
import { sameText, type Agreement } from './receipt-agreement.ts'
import { fieldsIn, listIn, textIn, type Fields } from './lenient-fields.ts'
import { maxApartMs, type ReadReceipt } from './receipt-form.ts'
import { instantOf } from './fields.ts'

/** How the step ended, and what it came to. */
export function endAgrees({ predicate, session }: ReadReceipt, end: Entry, agreement: Agreement): void {
  const { data, time } = end
  const step = fieldsIn(predicate['step'])
  agreement.same('session.id', session, data['session'])
  agreement.same('step.role', step['role'], data['role'])
  agreement.same('step.reason', step['reason'], data['reason'])
  agreement.same('step.outcome', step['outcome'], data['outcome'])
  endTimeAgrees(step['finished'], time, agreement)
  const operations = fieldsIn(predicate['operations'])
  // Of a step whose supervisor did not end it, the entry of its end has none.
  if (data['granted'] === undefined && data['denied'] === undefined) agreement.leave('operations')
  else for (const name of ['granted', 'denied']) countsAgree(name, operations, data, agreement)
  const isLacking = data['downloadsIncomplete'] === true
  if (isLacking) agreement.holds('materialsIncomplete', predicate['materialsIncomplete'] === true)
  else if (predicate['materialsIncomplete'] === true) agreement.leave('materialsIncomplete')
  digestAgrees('log', fieldsIn(predicate['log']), fieldsIn(data['log']), agreement)
  reportedAgrees(fieldsIn(predicate['reported']), fieldsIn(data['reported']), agreement)
}

/**
 * How a step ends is decided first, and its entry made once its gate is closed: after hours, if the server was away or its disk was full
 * in between. So an earlier end is not refused, but the entry bears it out no more.
 */
function endTimeAgrees(finished: unknown, time: string, agreement: Agreement): void {
  const lateMs = Date.parse(time) - (instantOf(finished) ?? Number.NaN)
  if (lateMs > maxApartMs) agreement.leave('step.finished')
  else agreement.near('step.finished', finished, time, maxApartMs)
}

/** Each in its order, and their sum. */
function countsAgree(name: string, operations: Fields, data: Fields, agreement: Agreement): void {
  const [said, found] = [operations[name], data[name]].map((list) => listIn(list).map(fieldsIn))
  agreement.same(`operations.${name}`, said?.length, found?.length)
  for (const [at, one] of (said ?? []).entries())
    for (const member of ['what', 'count', 'reason'])
      agreement.same(`operations.${name}[${at}].${member}`, one[member], found?.[at]?.[member])
  const total = (found ?? []).reduce(
    (sum, { count }) => sum + (typeof count === 'number' ? count : Number.NaN),
    0,
  )
  agreement.same(`operations.${name}Total`, operations[`${name}Total`], total)
}

function digestAgrees(what: string, said: Fields, found: Fields, agreement: Agreement): void {
  agreement.same(`${what}.bytes`, said['bytes'], found['bytes'])
  agreement.same(`${what}.digest`, fieldsIn(said['digest'])['sha256'], found['sha256'])
}

/** Names of the same in receipt and entry. */
const members: Readonly<Record<string, string>> = {
  exitCode: 'exitCode',
  signal: 'signal',
  durationMs: 'duration_ms',
  limit: 'limit',
  limitsHeldBy: 'limits_held_by',
  directAttempts: 'direct_attempts',
}

type Compare = (place: string, said: unknown, found: unknown, agreement: Agreement) => void

/** Of those that are no plain values. */
const parts: Readonly<Record<string, readonly [name: string, compare: Compare]>> = {
  script: ['script', scriptAgrees],
  programs: ['programs', programsAgree],
  log: ['log', (place, said, found, to) => digestAgrees(place, fieldsIn(said), fieldsIn(found), to)],
  secretsSeen: ['secrets_seen', secretsAgree],
}

function reportedAgrees(said: Fields, found: Fields, agreement: Agreement): void {
  const omitted = new Set(listIn(found['omitted']))
  for (const [own, other] of Object.entries(members))
    if (omitted.has(other)) agreement.leave(`reported.${own}`)
    else agreement.same(`reported.${own}`, said[own], found[other])
  for (const [own, [other, agree]] of Object.entries(parts))
    if (omitted.has(other)) agreement.leave(`reported.${own}`)
    else agree(`reported.${own}`, said[own], found[other], agreement)
}

function scriptAgrees(place: string, said: unknown, found: unknown, agreement: Agreement): void {
  const [own, other] = [fieldsIn(said), fieldsIn(found)]
  agreement.same(`${place}.of`, own['of'], other['of'])
  agreement.same(`${place}.text`, own['text'], other['text'])
  agreement.same(`${place}.digest`, fieldsIn(own['digest'])['sha256'], other['sha256'])
}

function programsAgree(place: string, said: unknown, found: unknown, agreement: Agreement): void {
  const [own, other] = [fieldsIn(said), fieldsIn(found)]
  for (const name of ['looks', 'more']) agreement.same(`${place}.${name}`, own[name], other[name])
  const [seen, others] = [own, other].map((one) => listIn(one['seen']).map(fieldsIn))
  agreement.same(`${place}.seen`, seen?.length, others?.length)
  for (const [at, one] of (seen ?? []).entries())
    for (const name of ['program', 'looks'])
      agreement.same(`${place}.seen[${at}].${name}`, one[name], others?.[at]?.[name])
}

/** The same pairs in any order. */
function secretsAgree(place: string, said: unknown, found: unknown, agreement: Agreement): void {
  const [own, left] = [said, found].map((list) => listIn(list).map(fieldsIn))
  agreement.same(place, own?.length, left?.length)
  if (own?.length !== left?.length) return
  for (const { name, count } of own ?? []) {
    const at = (left ?? []).findIndex(
      (one) => one['count'] === count && sameText(textIn(name) ?? '', textIn(one['name']) ?? ''),
    )
    agreement.holds(place, at !== -1)
    if (at !== -1) left?.splice(at, 1)
  }
}
