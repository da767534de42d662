/**
 * What a person sees of a text that somebody else chose. Control and format characters (bidirectional ones reorder a
 * line, zero-width ones hide in it), private, unassigned and lone surrogate code points show nothing that can be
 * trusted, nor does any other space than the plain one.
 */
const unseen = /[\p{C}\p{Default_Ignorable_Code_Point}\u2800]|(?! )[\p{Z}]/gu

/** Every character of it can be seen. */
export function isVisible(text: string): boolean {
  return text.search(unseen) === -1
}

/** The text with `\u202e` in the place of what cannot be seen. */
export function escapeUnseen(text: string): string {
  return text.replaceAll(unseen, escaped)
}

/**
 * For a person who decides by it: a text that is not plain ASCII comes with all of its other characters spelt out, so
 * that a look-alike (`mаin`, with a Cyrillic letter) is told from the real one.
 */
export function shown(text: string): string {
  // eslint-disable-next-line no-control-regex
  const spelt = text.replaceAll(/[^\x20-\x7e]/gu, escaped)
  const seen = escapeUnseen(text)
  return spelt === seen ? seen : `${seen} (${spelt})`
}

/**
 * One line for what a terminal or a CI reads, of whatever anybody chose: nothing in it is hidden, or obeyed. GitHub obeys a line that begins
 * with `::`, spaces in front or not, GitHub and Azure `##[` and `##vso[` anywhere, TeamCity `##teamcity[`.
 */
export function plainLine(text: string): string {
  return escapeUnseen(text)
    .replace(/^( *):(?=:)/, '$1\\u003a')
    .replaceAll(/##(?=\w*\[)/g, '#\\u0023')
}

/** Whether it has three letters or digits that can be seen: less is no reason for anything. */
export function isReason(text: string): boolean {
  return (text.match(/[[\p{L}\p{N}]--\p{Default_Ignorable_Code_Point}]/gv)?.length ?? 0) >= 3
}

function escaped(char: string): string {
  // As in JSON, so that JSON stays JSON.
  return [...Array(char.length).keys()]
    .map((i) => `\\u${char.charCodeAt(i).toString(16).padStart(4, '0')}`)
    .join('')
}
