import { perlSets } from './bytes.ts'
import type { Assertion } from './syntax.ts'

/** What a byte is to an assertion beside it. */
export const Kind = { none: 0, newline: 1, word: 2, other: 3 } as const
export type Kind = (typeof Kind)[keyof typeof Kind]

const kinds = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte === 0x0a ? Kind.newline : perlSets['w']?.[byte] === 1 ? Kind.word : Kind.other,
)

export function kindOf(byte: number): Kind {
  return kinds[byte] as number as Kind
}

/** Of the byte at an index; before the first and after the last there is none. */
export function kindAt(bytes: Uint8Array, index: number): Kind {
  return index < 0 || index >= bytes.length ? Kind.none : kindOf(bytes[index] as number)
}

/** Does it hold between two bytes? */
export function holds(what: Assertion, left: Kind, right: Kind): boolean {
  switch (what) {
    case 'start':
      return left === Kind.none
    case 'end':
      return right === Kind.none
    case 'line-start':
      return left === Kind.none || left === Kind.newline
    case 'line-end':
      return right === Kind.none || right === Kind.newline
    case 'word-edge':
      return (left === Kind.word) !== (right === Kind.word)
    case 'no-word-edge':
      return (left === Kind.word) === (right === Kind.word)
  }
}
