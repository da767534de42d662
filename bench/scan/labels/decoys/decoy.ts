import type { FileKind, Written } from '../kind.ts'
import { mark } from '../mark.ts'
import type { Random } from '../random.ts'

/** A file in which much looks like a secret: it labels each of the places by the function that it is given. */
export type Make = (random: Random, decoy: (value: string) => string) => Written
export type Row = readonly [name: string, make: Make]

export function decoyKinds(rows: readonly Row[]): FileKind[] {
  return rows.map(([name, make]) => ({
    name,
    file: (random, kind) => make(random, (value) => mark('decoy', kind, value)),
  }))
}

export const list = (count: number, line: (i: number) => string, between = '\n'): string =>
  Array.from({ length: count }, (_, i) => line(i)).join(between)

export const version = (random: Random): string =>
  `${random.below(9)}.${random.below(30)}.${random.below(20)}`
