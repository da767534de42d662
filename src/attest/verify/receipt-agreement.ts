import { listIn, textIn, type Fields } from './lenient-fields.ts'
import { instantOf } from './fields.ts'

/** Collects where a receipt says something else than its entries, and what of it no entry bears out. */
export interface Agreement {
  readonly problems: readonly string[]
  /** Places in the predicate, as `credentials[0].revoked`; `subject[1]` of the statement. Made of names and indexes alone. */
  readonly unproved: readonly string[]
  /** Texts by the rule of `sameText`; numbers as they are; both missing is the same. */
  same(what: string, said: unknown, found: unknown): void
  /** Lists under one name, in any order, with `NAMECount` where there are more than are named. */
  list(name: string, said: Fields, found: Fields): void
  near(what: string, said: unknown, found: string, maxApartMs: number): void
  holds(what: string, isSo: boolean): void
  /** There is no entry that bears it out. */
  leave(place: string): void
}

export function createAgreement(): Agreement {
  const problems: string[] = []
  const unproved = new Set<string>()
  const add = (what: string) => void problems.push(`${what} is not what the audit log has`)
  return {
    problems,
    get unproved() {
      return [...unproved]
    },
    same(what, said, found) {
      if (!sameValue(said, found)) add(what)
    },
    list(name, said, found) {
      const [own, others] = [listIn(said[name]), listIn(found[name])]
      const [isCut, isOtherCut] = [said, found].map((one) => one[`${name}Count`] !== undefined)
      const [count, otherCount] = [said, found].map((one) => one[`${name}Count`] ?? listIn(one[name]).length)
      if (count !== otherCount) return add(name)
      const missing = notAmong(own, others, isCutOf)
      if (missing.length > 0 && isOtherCut !== true) return add(name)
      for (const at of missing) unproved.add(`${name}[${at}]`)
      if (isCut !== true && notAmong(others, own, (entry, one) => isCutOf(one, entry)).length > 0) add(name)
    },
    near(what, said, found, maxApartMs) {
      const apart = (instantOf(said) ?? Number.NaN) - Date.parse(found)
      if (!(Math.abs(apart) <= maxApartMs)) add(what)
    },
    holds(what, isSo) {
      if (!isSo) add(what)
    },
    leave: (place) => void unproved.add(place),
  }
}

/** Indexes of those that have no like among the others. Only long texts, which may be cut, are held against each other one by one. */
function notAmong(
  some: readonly unknown[],
  others: readonly unknown[],
  isLike: (one: string, other: string) => boolean,
): number[] {
  const cleaned = others.map((one) => (typeof one === 'string' ? cleanText(one) : one))
  const known = new Set(cleaned)
  const long = cleaned.filter((one) => typeof one === 'string').filter((one) => one.length >= keptOfJob)
  return some.flatMap((one, at) => {
    const own = typeof one === 'string' ? cleanText(one) : one
    if (known.has(own)) return []
    return typeof own === 'string' && long.some((other) => isLike(own, other)) ? [] : [at]
  })
}

function sameValue(said: unknown, found: unknown): boolean {
  const [own, other] = [textIn(said), textIn(found)]
  if (own === undefined || other === undefined) return (said ?? undefined) === (found ?? undefined)
  return sameText(own, other)
}

/** So many UTF-16 units a receipt keeps of a text at least before it cuts it, and an entry of what it says of its job. */
const keptChars = 1_024
const keptOfJob = 500

/** Receipts have no control characters. */
export function cleanText(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, '\uFFFD').toWellFormed()
}

/** The same text as receipts write it: control characters are replaced, and long ones end in `…`. */
export function sameText(said: string, found: string): boolean {
  const [own, other] = [cleanText(said), cleanText(found)]
  return own === other || isCutOf(own, other)
}

export function isCutOf(own: string, other: string): boolean {
  if (own.length >= keptChars && own.endsWith('…')) return other.startsWith(own.slice(0, -1))
  return other.length === keptOfJob && other.endsWith('…') && own.startsWith(other.slice(0, -1))
}
