import { setImmediate } from 'node:timers/promises'
import type { Step } from '../../broker/index.ts'
import type { Connection } from '../../connections/index.ts'
import {
  unnamedOperation,
  type Allowed,
  type Decision,
  type Denied,
  type Operation,
  type Policy,
} from '../../policy/index.ts'

const decisionsPerTurn = 100

interface Judged {
  readonly allowed: readonly (Allowed & { readonly operation: Operation })[]
  readonly denied: readonly { readonly operation: Operation; readonly decision: Denied }[]
}

/** What policy says to each; `anyRef`: whether some ref of it would be allowed. */
export async function judge(
  policy: Policy,
  step: Step,
  operations: readonly Operation[],
  anyRef: boolean,
): Promise<Judged> {
  const [allowed, denied]: [Judged['allowed'][number][], Judged['denied'][number][]] = [[], []]
  for (const [index, operation] of operations.entries()) {
    // Others are served between the refs of a push that has thousands.
    if (index % decisionsPerTurn === decisionsPerTurn - 1) await setImmediate()
    const decision = decideOne(policy, step, operation, anyRef)
    if (decision.allow) allowed.push({ operation, ...decision })
    else denied.push({ operation, decision })
  }
  return { allowed, denied }
}

export function decideOne(policy: Policy, step: Step, operation: Operation, anyRef = false): Decision {
  const { subject } = step.session
  return anyRef
    ? policy.decideAnyRef(step.role, operation, subject)
    : policy.decide(step.role, operation, subject)
}

/** Policy is held against names: another spelling of one would pass its forbids by. Undefined if all are spelt as they must be. */
export function unnamedIn(operations: readonly Operation[], anyRef: boolean): string | undefined {
  return operations
    .filter(({ path }) => !anyRef || path !== '')
    .map(unnamedOperation)
    .find((why) => why !== undefined)
}

/**
 * Why the connection is not the registry for one of these packages; undefined if it is for all. A name that another registry may have
 * to itself: this one must not even hear of it.
 */
export function unservedIn({ packages }: Connection, operations: readonly Operation[]): string | undefined {
  if (packages === undefined) return undefined
  return operations
    .map(({ path }) => (path === '' ? undefined : packages.unserved(path)))
    .find((why) => why !== undefined)
}
