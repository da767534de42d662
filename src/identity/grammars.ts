/** Grammars that several profiles share, each for a whole value. */
export const numericId = /^[0-9]{1,20}$/
export const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
/** Full name of a commit: SHA-1 or SHA-256, never a branch's name or an abbreviation. */
export const commitHash = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/

/**
 * Any value that a rule may name: printable ASCII, so that nobody's look-alike, zero-width or right-to-left
 * characters show one name to a person who approves or reads the log, and another to the rule.
 */
export const printable = /^[\x21-\x7e](?:[\x20-\x7e]{0,1022}[\x21-\x7e])?$/

/** A tag if there is one, else the branch: full, so that no tag passes for a branch of its name. */
export function fullRef(branch: string | undefined, tag: string | undefined): string | undefined {
  if (tag !== undefined && tag !== '') return `refs/tags/${tag}`
  return branch === undefined || branch === '' ? undefined : `refs/heads/${branch}`
}
