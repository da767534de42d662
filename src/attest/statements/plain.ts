/**
 * Texts that a step, a ref or an upstream chose, on their way into a statement: bounded, well-formed, each in its own field. Where
 * one becomes a part of a URI, every character that could end that part is escaped.
 */

/** At most so many UTF-16 units; control characters and halves of pairs are replaced, since readers differ on them. */
export function plain(text: string, maxChars = 1_024): string {
  const clean = text.slice(0, maxChars + 1).replaceAll(/\p{Cc}/gu, '\uFFFD')
  return (clean.length > maxChars ? `${clean.slice(0, maxChars - 1)}…` : clean).toWellFormed()
}

/** The same for a text of several lines: line feeds and tabs stay. */
export function plainLines(text: string, maxChars: number): string {
  const clean = text.slice(0, maxChars + 1).replaceAll(/(?![\n\t])\p{Cc}/gu, '\uFFFD')
  return (clean.length > maxChars ? `${clean.slice(0, maxChars - 1)}…` : clean).toWellFormed()
}

/** As a part of a URI that `@`, `#` or `?` would end. */
export function uriPart(text: string): string {
  return plain(text).replaceAll(/[^A-Za-z0-9._~/-]/gu, (one) =>
    [...Buffer.from(one)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  )
}

/** A URI as it came, if it is one that a reader takes as one word; undefined otherwise. */
export function plainUri(uri: string): string | undefined {
  return uri.length <= 2_048 &&
    /^[a-z][a-z0-9+.-]*:[\x21\x23-\x3b\x3d\x3f-\x5b\x5d\x5f\x61-\x7a\x7e]+$/.test(uri)
    ? uri
    : undefined
}

const hexChars: Readonly<Record<string, readonly number[]>> = {
  sha256: [64],
  sha384: [96],
  sha512: [128],
  dirHash: [64],
  gitCommit: [40, 64],
}

/** Digests under in-toto's names and in its form; what is neither is left out. Undefined if none is left. */
export function digestSet(digest: Readonly<Record<string, string>>): Record<string, string> | undefined {
  const known = Object.entries(digest)
    .filter(([name, hex]) => hexChars[name]?.includes(hex.length) === true && /^[0-9a-f]+$/.test(hex))
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
  return known.length === 0 ? undefined : Object.fromEntries(known)
}

/** RFC 3339 in UTC. Throws a RangeError for a time that is none. */
export function timeOf(ms: number): string {
  return new Date(ms).toISOString()
}

/** The pseudonym of a person in the audit log; a name must not come into a statement, which cannot be erased. */
export function isPseudonym(person: string): boolean {
  return /^per_[0-9a-hjkmnp-tv-z]{24}$/.test(person)
}

/** The members that are there. */
export function present<T extends Readonly<Record<string, unknown>>>(
  members: T,
): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }
}
