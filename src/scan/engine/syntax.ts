import { escapeUnseen, MayflyError } from '../../lib/index.ts'
import type { ByteSet } from './bytes.ts'

/** A pattern, read. */
export type Node =
  | { readonly kind: 'bytes'; readonly set: ByteSet }
  | { readonly kind: 'sequence'; readonly items: readonly Node[] }
  | { readonly kind: 'choice'; readonly items: readonly Node[] }
  | {
      readonly kind: 'repeat'
      readonly item: Node
      readonly min: number
      readonly max: number
      readonly greedy: boolean
    }
  | { readonly kind: 'group'; readonly item: Node; readonly index: number }
  | { readonly kind: 'assert'; readonly what: Assertion }

export type Assertion = 'start' | 'end' | 'line-start' | 'line-end' | 'word-edge' | 'no-word-edge'

/** RE2's flags. */
export interface Flags {
  readonly ignoreCase: boolean
  readonly multiline: boolean
  readonly dotAll: boolean
  readonly ungreedy: boolean
}

/** A pattern as far as it has been read. */
export interface Cursor {
  readonly text: string
  at: number
  groups: number
  depth: number
}

/** `why` says what is wrong with the part, and what to write instead. */
export function refusePattern(cursor: Cursor, from: number, why: string): MayflyError {
  const part = escapeUnseen(cursor.text.slice(from, Math.max(from + 1, cursor.at)).slice(0, 60))
  return new MayflyError('bad_input', `at character ${from + 1} of the pattern, "${part}": ${why}`)
}
