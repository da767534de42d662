import type { FileKind, Written } from '../kind.ts'
import { mark } from '../mark.ts'
import type { Random } from '../random.ts'

/** A file with a secret at a place of its own, which it labels by the function that it is given. */
export type Row = readonly [
  name: string,
  make: (random: Random, secret: (value: string) => string) => Written,
]

export function secretKinds(rows: readonly Row[]): FileKind[] {
  return rows.map(([name, make]) => ({
    name,
    file: (random, kind) => make(random, (value) => mark('secret', kind, value)),
  }))
}
