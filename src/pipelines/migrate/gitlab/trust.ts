import type { TrustRule } from '../model.ts'
import { leavesOf, narrowedTo, type Condition, type Leaf } from '../conditions/index.ts'
import type { Start } from './rules.ts'

type Alternative = TrustRule['any'][number]

export interface Trusted {
  readonly any: readonly Alternative[]
  /** Kinds of pipelines by which the job starts, and which the role does not trust. */
  readonly left: readonly string[]
  /** Patterns of it that have more than the rules' own. */
  readonly wider: readonly NonNullable<Leaf['wider']>[]
}

/** Started by people of the project, or by what they set up, for a ref of it. */
const inside = new Set(['push', 'web', 'schedule', 'api', 'trigger', 'pipeline', 'parent_pipeline'])

/**
 * Who may assume a role that writes: a job on a protected branch or tag. GitLab says of each whether it is (`ref_protected`). A merge
 * request runs what nobody has reviewed.
 */
export function writingStarts(
  starts: readonly Start[] | undefined,
  defaultBranch: string,
  condition: Condition,
): Trusted {
  const all = starts ?? [{}]
  const any = all.flatMap(({ ref = `refs/heads/${defaultBranch}`, event = 'push' }): Alternative[] =>
    inside.has(event)
      ? narrowedTo({ event, ref }, condition).map((one) => ({ ...one, ref_protected: 'true' }))
      : [],
  )
  return { any: unique(any), left: leftOf(all), wider: widerIn(condition, any) }
}

/** Who may assume one that only reads: any branch of the project, and merge requests within it. */
export function readingStarts(starts: readonly Start[] | undefined, condition: Condition): Trusted {
  const all = starts ?? [{}]
  const any = all.flatMap(({ ref, event = 'push' }): Alternative[] => {
    const runs = narrowedTo({ event, ref: ref ?? 'refs/*' }, condition)
    if (event === 'merge_request_event')
      return runs.some((run) => run.ref === 'refs/*') ? [{ event, fork: 'false' }] : []
    return inside.has(event) ? runs.map((run) => (run.ref === 'refs/*' ? { event } : run)) : []
  })
  return {
    any: unique(any),
    wider: widerIn(condition, any),
    left: all.flatMap(({ event = 'push' }) =>
      inside.has(event) || event === 'merge_request_event' ? [] : [event],
    ),
  }
}

function widerIn(condition: Condition, any: readonly Alternative[]): Trusted['wider'] {
  return leavesOf(condition).flatMap(({ wider }) =>
    wider !== undefined && any.some(({ ref }) => ref === wider.ref) ? [wider] : [],
  )
}

function leftOf(all: readonly Start[]): string[] {
  return [...new Set(all.flatMap(({ event = 'push' }) => (inside.has(event) ? [] : [event])))]
}

function unique(all: readonly Alternative[]): Alternative[] {
  const seen = new Set<string>()
  return all.filter((one) => {
    const key = JSON.stringify(one)
    return !seen.has(key) && seen.add(key)
  })
}
