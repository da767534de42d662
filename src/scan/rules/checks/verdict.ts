import type { Check } from '../../engine/index.ts'

/**
 * What a check says of a secret. `held`: its checksum or its structure is right, so it is what it looks like. `failed`: its vendor
 * would not take it, so it is no secret. `open`: the check cannot tell (cut off, of a seed that is not published), so the pattern's
 * word stands, and people have to look. The secret is hostile: bounded work, and no exception.
 */
export type Verdict = ReturnType<Check>

export const held: Verdict = { verdict: 'held' }
export const failed: Verdict = { verdict: 'failed' }
export const open: Verdict = { verdict: 'open' }

export function heldIf(holds: boolean, otherwise: Verdict = failed): Verdict {
  return holds ? held : otherwise
}
