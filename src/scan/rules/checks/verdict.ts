import type { Check } from '../../engine/index.ts'

/**
 * What a check says of a secret. `held`: its checksum or its structure is right, so it is what it looks like. `failed`: its vendor
 * would not take it, so it is no secret. `doubtful`: its vendor's checksum or structure is not there, or cannot be computed (cut off, of a
 * seed that is not published), and yet it may be one: it is at most likely. `open`: nothing of the vendor's is checked, so the pattern's word
 * stands. The secret is hostile: bounded work, and no exception.
 */
export type Verdict = ReturnType<Check>

export const held: Verdict = { verdict: 'held' }
export const failed: Verdict = { verdict: 'failed' }
export const open: Verdict = { verdict: 'open' }
export const doubtful: Verdict = { verdict: 'doubtful' }

export function heldIf(holds: boolean, otherwise: Verdict = failed): Verdict {
  return holds ? held : otherwise
}
