import type { Finder, FinderName } from '../engine/index.ts'
import { findNamed } from './generic/find.ts'
import { findPemLines } from './pem-lines.ts'

/** What reads where a pattern would not do, by the name by which rules ask for it. */
export const finders: Readonly<Record<FinderName, Finder>> = {
  'named-password': (bytes, from, to) => findNamed(bytes, from, to, 'password'),
  'named-secret': (bytes, from, to) => findNamed(bytes, from, to, 'secret'),
  'pem-lines': findPemLines,
}
