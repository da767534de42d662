import type { Entry } from '../../audit/verify/index.ts'
import type { Agreement } from './receipt-agreement.ts'
import { fieldsIn, listIn, textIn, type Fields, type ReadReceipt } from './receipt-form.ts'

const maxApartMs = 600_000

/** How the step ended, and what it came to. */
export function endAgrees({ predicate, session }: ReadReceipt, end: Entry, agreement: Agreement): void {
  const { data, time } = end
  const step = fieldsIn(predicate['step'])
  agreement.same('session.id', session, data['session'])
  agreement.same('step.role', step['role'], data['role'])
  agreement.same('step.reason', step['reason'], data['reason'])
  agreement.same('step.outcome', step['outcome'], data['outcome'])
  agreement.near('step.finished', step['finished'], time, maxApartMs)
  const operations = fieldsIn(predicate['operations'])
  // Of a step whose supervisor did not end it, the entry of its end has none.
  if (data['granted'] === undefined && data['denied'] === undefined) agreement.leave('operations')
  else for (const name of ['granted', 'denied']) countsAgree(name, operations, data, agreement)
  digestAgrees('log', fieldsIn(predicate['log']), fieldsIn(data['log']), agreement)
  reportedAgrees(fieldsIn(predicate['reported']), fieldsIn(data['reported']), agreement)
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

function reportedAgrees(said: Fields, found: Fields, agreement: Agreement): void {
  const omitted = new Set(listIn(found['omitted']).flatMap((one) => textIn(one) ?? []))
  for (const name of omitted) agreement.leave(`reported.${name}`)
  for (const [own, other] of Object.entries(members))
    if (!omitted.has(other)) agreement.same(`reported.${own}`, said[own], found[other])
  if (!omitted.has('script')) {
    const [own, other] = [said, found].map((one) => fieldsIn(one['script']))
    agreement.same('reported.script.of', own?.['of'], other?.['of'])
    agreement.same('reported.script.digest', fieldsIn(own?.['digest'])['sha256'], other?.['sha256'])
  }
  if (!omitted.has('log'))
    digestAgrees('reported.log', fieldsIn(said['log']), fieldsIn(found['log']), agreement)
  if (!omitted.has('secrets_seen'))
    secretsAgree(listIn(said['secretsSeen']), listIn(found['secrets_seen']), agreement)
}

function secretsAgree(said: readonly unknown[], found: readonly unknown[], agreement: Agreement): void {
  const inOrder = (list: readonly unknown[]) =>
    list
      .map(fieldsIn)
      .map(({ name, count }) => JSON.stringify([name, count]))
      .toSorted()
  agreement.same('reported.secretsSeen', inOrder(said).join(), inOrder(found).join())
}
