/** How a form lies around one of its windows. */
export interface Shape {
  readonly bytes: number
  /** Where in the form the window begins. */
  readonly at: number
  readonly isSpaced: boolean
  readonly isWrapped: boolean
}

/** A text that may be a form of a secret. */
export interface Candidate {
  readonly start: number
  readonly end: number
  /** As it is proved: without what may stand between its lines. */
  readonly form: Buffer
  /** Its window, by which it was met: whatever has the same one has the same number. */
  readonly window: number
}

export function isSameShape(one: Shape, other: Shape): boolean {
  return (
    one.bytes === other.bytes &&
    one.at === other.at &&
    one.isSpaced === other.isSpaced &&
    one.isWrapped === other.isWrapped
  )
}
