import { sha256Hex } from '../../lib/index.ts'
import type { Change } from './change.ts'
import type { RefUpdate } from './push-request.ts'

/** An update and what it does to its ref; undefined as long as only the pack can tell. */
export interface JudgedUpdate extends RefUpdate {
  readonly change: Change | undefined
  /** Why it is not a fast-forward. */
  readonly why?: string
  /** Where a grant asks for it: the commit of the job or one that descends from it, or why it is not known to be. */
  readonly own?: true | string
}

const recordedBytes = 12_000

/**
 * The updates for the entry: as many as it has room for, and a digest of them all. In phase `examine` the push may go
 * upstream but for its end; what it does is recorded in phase `push`, before the server gets that end.
 */
export function recordUpdates(
  updates: readonly JudgedUpdate[],
  isExamined: boolean,
): Record<string, unknown> {
  const lines = updates.map(({ ref, oldCommit, newCommit }) => `${oldCommit} ${newCommit} ${ref}\n`)
  let left = recordedBytes
  const fitting = updates.filter((one) => (left -= Buffer.byteLength(JSON.stringify(one)) + 20) >= 0)
  const whole =
    fitting.length === updates.length
      ? {}
      : { updateCount: updates.length, updatesSha256: sha256Hex(lines.join('')) }
  const phase = isExamined && updates.every(({ change }) => change !== undefined) ? 'push' : 'examine'
  return { phase, updates: fitting.map((one) => ({ ...one, change: one.change ?? 'update' })), ...whole }
}
