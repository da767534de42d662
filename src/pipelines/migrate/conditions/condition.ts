import { either, fails, holds, not, type Outcome } from './words.ts'

/** Runs of a pipeline that a role may trust: by one event, on one ref or all that begin so. */
export interface Run {
  readonly event: string
  /** `refs/heads/main`, `refs/tags/v*`. */
  readonly ref: string
}

/** What decides whether something runs. */
export type Condition =
  | { readonly is: 'all' | 'any'; readonly of: readonly Condition[] }
  | { readonly is: 'not'; readonly of: Condition }
  | Leaf

export interface Leaf {
  readonly is: 'leaf'
  readonly at: (run: Run) => Outcome
  /** Refs that it names, as patterns. */
  readonly refs: readonly string[]
  /** The words of it, where no token says what they are. */
  readonly untold?: string
  /** Of its refs the one that is wider than what it says. */
  readonly wider?: { readonly ref: string; readonly than: string }
}

export const always: Condition = { is: 'all', of: [] }

export function leaf(at: Leaf['at'], refs: readonly string[] = [], untold?: string): Leaf {
  return { is: 'leaf', at, refs, ...(untold === undefined ? {} : { untold }) }
}

export function untoldLeaf(text: string): Leaf {
  return leaf(() => either, [], text)
}

/** Never claims more than is sure: where a part is not understood, the whole neither holds nor fails for certain. */
export function outcomeAt(condition: Condition, run: Run): Outcome {
  if (condition.is === 'leaf') return condition.at(run)
  if (condition.is === 'not') return not(outcomeAt(condition.of, run))
  const of = condition.of.map((one) => outcomeAt(one, run))
  const isAll = condition.is === 'all'
  if (of.length === 0) return isAll ? holds : fails
  const [hold, fail] = [of.map(({ canHold }) => canHold), of.map(({ canFail }) => canFail)]
  return isAll
    ? { canHold: hold.every(Boolean), canFail: fail.some(Boolean) }
    : { canHold: hold.some(Boolean), canFail: fail.every(Boolean) }
}

export function leavesOf(condition: Condition): Leaf[] {
  if (condition.is === 'leaf') return [condition]
  return (condition.is === 'not' ? [condition.of] : condition.of).flatMap(leavesOf)
}

/**
 * Of these runs those for each of which the condition may hold: all of them, or those on the refs that it names. None where it is not
 * surely understood: what comes out is never more than what went in.
 */
export function narrowedTo<T extends Run>(run: T, condition: Condition): T[] {
  if (outcomeAt(condition, run).canHold) return [run]
  const refs = [...new Set(leavesOf(condition).flatMap((one) => one.refs))]
  const parts = refs.flatMap((ref) => {
    const narrower = common(run.ref, ref)
    return narrower === undefined || narrower === run.ref ? [] : [{ ...run, ref: narrower }]
  })
  const good = parts.filter((part) => outcomeAt(condition, part).canHold)
  return good.filter(
    ({ ref }, i) =>
      good.findIndex((one) => one.ref === ref) === i &&
      !good.some((one) => one.ref !== ref && covers(one.ref, ref)),
  )
}

/** The narrower of two patterns; undefined where they have nothing in common. */
export function common(one: string, other: string): string | undefined {
  if (covers(one, other)) return other
  return covers(other, one) ? one : undefined
}

export function covers(pattern: string, ref: string): boolean {
  return pattern.endsWith('*') ? ref.startsWith(pattern.slice(0, -1)) : pattern === ref
}
