export interface Filling {
  /** What stands behind the colon. */
  readonly told: string
  /** What the template has given so far. */
  readonly before: string
  readonly random: () => number
}

/** Gives the text that stands in a template's place. */
export type Filler = (filling: Filling) => string

export function randomBytesOf(length: number, random: () => number): Buffer {
  return Buffer.from(Array.from({ length }, () => Math.floor(random() * 256)))
}

export function characters(alphabet: string, length: number, random: () => number): string {
  let text = ''
  while (text.length < length) text += alphabet.charAt(Math.floor(random() * alphabet.length))
  return text
}
