import type { Term, TermKind } from './terms.ts'

/** One value as it was asked for: `*` stands for any characters, a commit may be cut short. */
export interface Wanted {
  readonly kind: TermKind
  readonly value: string
}

const shortCommit = /^[0-9a-f]{7,63}$/

/** As SQLite's GLOB reads it; `undefined` for a value that is meant as it is. */
export function globOf({ kind, value }: Wanted): string | undefined {
  if (kind === 'commit' && shortCommit.test(value) && value.length !== 40) return `${value}*`
  if (!value.includes('*')) return undefined
  return value.replaceAll(/[?[]/g, (special) => `[${special}]`)
}

/** The same as a test of one term. */
export function matcherOf(wanted: Wanted): (term: Term) => boolean {
  const { kind, value } = wanted
  const asked = kind === 'host' ? value.toLowerCase() : value
  if (globOf(wanted) === undefined) return ([of, has]) => of === kind && has === asked
  const text = kind === 'commit' && !asked.includes('*') ? `${asked}*` : asked
  const pattern = new RegExp(
    `^${text
      .split('*')
      .map((part) => part.replaceAll(/[\\^$.|?+()[\]{}]/g, '\\$&'))
      .join('[^]*')}$`,
  )
  return ([of, has]) => of === kind && pattern.test(has)
}
