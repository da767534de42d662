import { fstatSync } from 'node:fs'

/** Whether two descriptors lead to one place: a terminal, a file, one end of a pipe (`2>&1`). */
export function isSamePlace(one: number, other: number): boolean {
  try {
    const [a, b] = [fstatSync(one, { bigint: true }), fstatSync(other, { bigint: true })]
    return a.dev === b.dev && a.ino === b.ino && a.rdev === b.rdev
  } catch {
    // One of them is closed.
    return false
  }
}
