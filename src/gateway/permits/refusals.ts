import type { Step } from '../../broker/index.ts'
import type { Connection } from '../../connections/index.ts'
import { describeDenials, describeOperation, type Denied, type Operation } from '../../policy/index.ts'
import type { ActivityRecord } from '../activity.ts'
import { laterSeconds, laterText } from '../busy.ts'
import type { Denials } from '../denials.ts'
import type { Denial } from '../exchange.ts'
import { maxOperations, recorded } from './entry.ts'
import { unservedIn } from './judging.ts'

/** Where a refusal is recorded: in the audit log, and in what the step is told of itself. */
export interface RefusalRecords {
  readonly denials: Denials
  readonly activity: ActivityRecord
}

/** A step chooses these texts; an entry has room for so much. */
export const maxChars = 2000
const statementChars = 160
/** An attestation is signed within seconds, unless the log is away. */
const pendingSeconds = 5

/** Records it, and returns the text for the step. */
export function deny(
  { denials, activity }: RefusalRecords,
  step: Step,
  refused: {
    readonly what: string
    readonly why: string
    readonly data?: Readonly<Record<string, unknown>>
  },
): string {
  const what = refused.what.slice(0, maxChars)
  const reason = refused.why.slice(0, maxChars)
  const requestId = denials.add(step, { what, reason, data: refused.data ?? {} })
  const line = `mayfly: refused: ${what}: ${reason} (${requestId})`
  activity.denied(step.id, what, reason, line)
  return line
}

/** For another reason than what policy says: no grant would help. */
export function refuse(
  records: RefusalRecords,
  step: Step,
  operations: readonly Operation[],
  why: string,
): Denial {
  const message = deny(records, step, { what: namesOf(operations), why })
  return { allow: false, message, refused: operations }
}

/** What policy denies, with what is missing. */
export function refuseDenied(
  records: RefusalRecords,
  step: Step,
  connection: Connection,
  refused: readonly { readonly operation: Operation; readonly decision: Denied }[],
  detail: Readonly<Record<string, unknown>>,
): Denial {
  const operations = refused.map(({ operation }) => operation)
  const unserved = unservedIn(connection, operations)
  if (unserved !== undefined) return refuse(records, step, operations, unserved)
  const decisions = refused.map(({ decision }) => decision)
  const { statement } = detail
  const named = namesOf(operations)
  // Of a database the operation names neither table nor column: which statement it was, its log tells by this alone.
  const what = typeof statement === 'string' ? `${named} (${shortened(statement)})` : named
  const message = deny(records, step, {
    what,
    why: describeDenials(step.role, decisions),
    data: {
      host: connection.host,
      // As far as there is room: a step must not keep its denial out of the log by what it asks for.
      ...(JSON.stringify(detail).length <= maxChars ? detail : {}),
      ...recorded(operations),
      held: decisions[0]?.held.slice(0, maxOperations),
    },
  })
  return { allow: false, message, refused: operations }
}

/** What a grant demands of what is brought; what only has to be signed yet may be tried again. */
export function refuseUnmet(
  records: RefusalRecords,
  step: Step,
  operations: readonly Operation[],
  { unmet, pending }: { readonly unmet: string; readonly pending: boolean },
): Denial {
  const denial = refuse(records, step, operations, unmet)
  return pending ? { ...denial, retryAfterSeconds: pendingSeconds } : denial
}

/** What policy allows, and could not be given. */
export function notNow(
  records: RefusalRecords,
  step: Step,
  operations: readonly Operation[],
  fault: unknown,
): Denial {
  const denial = refuse(records, step, operations, laterText(fault))
  const retryAfterSeconds = laterSeconds(fault)
  return retryAfterSeconds === undefined ? denial : { ...denial, retryAfterSeconds }
}

function namesOf(operations: readonly Operation[]): string {
  return operations.map(describeOperation).join(', ')
}

function shortened(statement: string): string {
  return statement.length > statementChars ? `${statement.slice(0, statementChars)}…` : statement
}
