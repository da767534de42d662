import { mark, type Truth } from '../mark.ts'
import type { Written } from '../kind.ts'
import type { Random } from '../random.ts'

/** A name with a value, as a form is to write it down. */
export interface Entry {
  /** In capitals, words joined by `_`. */
  readonly called: string
  /** The value, encoded as the form needs it, with its label around it if it has one. */
  put(encode?: (value: string) => string): string
}

/** A kind of file: how it writes names with values. */
export interface Form {
  readonly name: string
  readonly write: (entries: readonly Entry[], random: Random) => Written
  /** It says of itself that all in it is secret, so nothing else is put into it. */
  readonly secretsOnly: boolean
}

export function labelled(truth: Truth, kind: string, called: string, value: string): Entry {
  return { called, put: (encode = (same) => same) => mark(truth, kind, encode(value)) }
}

export function plain([called, value]: readonly [string, string]): Entry {
  return { called, put: (encode = (same) => same) => encode(value) }
}

interface Row {
  readonly path: string
  readonly head?: string
  readonly line: (entry: Entry, random: Random) => string
  readonly between?: string
  readonly tail?: string
  readonly utf16?: true
  readonly secretsOnly?: true
}

/** A form of one piece of text an entry. `{service}` in path and head is a name. */
export function form(name: string, row: Row): Form {
  const write = (entries: readonly Entry[], random: Random): Written => {
    const service = random.pick(['billing', 'orders', 'media', 'ledger'])
    const named = (text: string) => text.replaceAll('{service}', service)
    const body = entries.map((entry) => row.line(entry, random)).join(row.between ?? '\n')
    const text = `${named(row.head ?? '')}${body}${row.tail ?? '\n'}`
    return { path: named(row.path), text, ...(row.utf16 === true ? { utf16: true as const } : {}) }
  }
  return { name, write, secretsOnly: row.secretsOnly === true }
}
