import type { Random } from './random.ts'
import { fill } from './template.ts'

/** A kind of secret that stands as a value beside a name. */
export interface Kind {
  readonly name: string
  /** How it is called where it is found, in capitals: forms write them in their own way. */
  readonly called: readonly string[]
  readonly make: (random: Random) => string
}

/** A kind that brings the file that it is found in, with its marks. */
export interface FileKind {
  readonly name: string
  readonly file: (random: Random, name: string) => Written
}

export interface Written {
  readonly path: string
  /** With marks. */
  readonly text: string
  readonly utf16?: true
}

type Row = readonly [name: string, called: string, form: string | ((random: Random) => string)]

/** One a row: its name, what it is called (words of capitals, by spaces), its form. */
export function kindsOf(rows: readonly Row[]): Kind[] {
  return rows.map(([name, called, form]) => ({
    name,
    called: called.split(' '),
    make: typeof form === 'string' ? (random) => fill(form, random) : form,
  }))
}
