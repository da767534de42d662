import { instantOf } from './fields.ts'
import { fieldsIn, listIn, textIn, type Fields } from './lenient-fields.ts'
import type { Statement } from './model.ts'
import { maxEntryBytes, maxNamed, receiptShape, subjectsShape } from './receipt-schema.ts'
import { misshapen } from './receipt-shape.ts'
import { receiptType, statementV1 } from './types.ts'

/** A receipt as it is written, its form checked and nothing of it believed. */
export interface ReadReceipt {
  readonly step: string
  readonly run: string
  readonly session: string
  readonly predicate: Fields
  /** Of all subjects, `sha256` in hex. */
  readonly subjects: readonly { readonly name: string | undefined; readonly sha256: string }[]
  readonly audit: {
    readonly origin: string
    readonly key: string
    readonly checkpoint: string
    readonly entries: readonly {
      readonly index: number
      readonly leafHash: string
      readonly proof: readonly string[]
      readonly entry?: string
    }[]
    readonly omitted?: number
  }
}

/** By the server's clock and by that of the log's writer; and what waits for a log that is away for a moment. */
export const maxApartMs = 600_000

/** The parts of a receipt, or what is wrong with its form. */
export function readReceipt(statement: Statement): ReadReceipt | string {
  // Also of one that nobody has read as a statement before.
  const { _type, predicateType, predicate, subject } = fieldsIn(statement) as unknown as Statement
  if (_type !== statementV1) return 'it is no in-toto statement of version 1'
  if (predicateType !== receiptType) return 'it is no step receipt of version 1'
  const odd = misshapen(predicate, receiptShape, '') ?? misshapen(subject, subjectsShape, 'subject')
  if (odd !== undefined) return odd
  const all = predicate as Fields & Pick<ReadReceipt, 'audit'>
  const problem = countProblem(all) ?? timeProblem(all) ?? twiceProblem(all) ?? entriesProblem(all.audit)
  if (problem !== undefined) return problem
  const [first] = subject
  if (first === undefined) return 'it has no subject'
  const [step, run, session] = ['step', 'run', 'session'].map((name) => textIn(fieldsIn(all[name])['id']))
  const subjects = subject.map(({ name, digest }) => ({ name, sha256: digest['sha256'] ?? '' }))
  return {
    ...{ step: step ?? '', run: run ?? '', session: session ?? '' },
    ...{ predicate: all, subjects, audit: all.audit },
  }
}

/** A number of more than are named must not stand for one that is left out: it is there if all are named that may be. */
function countProblem(predicate: Fields): string | undefined {
  for (const name of ['grants', 'egress', 'credentials'])
    if (Object.hasOwn(predicate, `${name}Count`) && listIn(predicate[name]).length !== maxNamed)
      return `${name}Count is there, and ${name} has fewer than ${maxNamed} members`
  const operations = fieldsIn(predicate['operations'])
  for (const name of ['granted', 'denied']) {
    const counts = listIn(operations[name]).map((one) => fieldsIn(one)['count'] as number)
    const [sum, total] = [counts.reduce((a, b) => a + b, 0), operations[`${name}Total`] as number]
    if (counts.length < maxNamed ? sum !== total : sum > total)
      return `operations.${name}Total is not what they come to`
  }
  const reported = fieldsIn(predicate['reported'])
  for (const name of ['artifacts', 'inputs']) {
    const { files, count } = fieldsIn(reported[name])
    if (files !== undefined && listIn(files).length > Number(count))
      return `reported.${name} names more than its count`
  }
  return undefined
}

function timeProblem(predicate: Fields): string | undefined {
  const [step, session] = [fieldsIn(predicate['step']), fieldsIn(predicate['session'])]
  if (isLater(step['started'], step['finished'], maxApartMs)) return 'the step ended before it began'
  if (isLater(session['issued'], step['started'], maxApartMs)) return 'its session is younger than the step'
  for (const one of listIn(predicate['credentials']).map(fieldsIn)) {
    if (isLater(one['issued'], one['expires'], 0)) return 'a credential expired before it was issued'
    if (one['revoked'] === undefined) {
      if (one['reason'] !== undefined) return 'a credential has a reason for an end that it has not'
    } else if (isLater(one['issued'], one['revoked'], maxApartMs))
      return 'a credential was revoked before it was issued'
  }
  return undefined
}

function isLater(one: unknown, other: unknown, slackMs: number): boolean {
  return (instantOf(one) ?? Number.NaN) > (instantOf(other) ?? Number.NaN) + slackMs
}

/** Of two by one name, one reader holds the first against its entry, and another the last. */
function twiceProblem(predicate: Fields): string | undefined {
  for (const [list, id] of [
    ['credentials', 'lease'],
    ['approvals', 'id'],
  ] as const) {
    const ids = listIn(predicate[list]).map((one) => fieldsIn(one)[id])
    if (new Set(ids).size < ids.length) return `${list} has one twice`
  }
  const taken = listIn(predicate['published'])
    .map(fieldsIn)
    .map(({ name, digest, connection }) => JSON.stringify([name, digest, connection]))
  return new Set(taken).size < taken.length ? 'published has one twice' : undefined
}

function entriesProblem({ entries }: ReadReceipt['audit']): string | undefined {
  let bytes = 0
  for (const [at, { index, entry = '' }] of entries.entries()) {
    // Twice the same entry would count what it says twice.
    if (index <= (entries[at - 1]?.index ?? -1)) return 'the places of audit.entries do not ascend'
    bytes += Buffer.byteLength(entry)
  }
  return bytes > maxEntryBytes ? `audit.entries have more than ${maxEntryBytes} bytes` : undefined
}

/** Node 20 has neither `Map.groupBy` nor sets that are compared. */
export function grouped<T, K>(all: readonly T[], keyOf: (one: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>()
  for (const one of all) {
    const key = keyOf(one)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [one])
    else group.push(one)
  }
  return groups
}

export function isSubset(some: ReadonlySet<unknown>, others: ReadonlySet<unknown>): boolean {
  for (const one of some) if (!others.has(one)) return false
  return true
}
