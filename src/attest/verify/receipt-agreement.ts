import { listIn, textIn, type Fields } from './receipt-form.ts'

/** Collects where a receipt says something else than its entries. */
export interface Agreement {
  readonly problems: readonly string[]
  readonly unproved: readonly string[]
  /** Texts by the rule of `sameText`; numbers as they are; both missing is the same. */
  same(what: string, said: unknown, found: unknown): void
  /** Lists under one name, in any order, with `NAMECount` where there are more than are named. */
  list(name: string, said: Fields, found: Fields): void
  near(what: string, said: unknown, found: string, maxApartMs: number): void
  holds(what: string, isSo: boolean): void
  /** There is no entry that bears it out. */
  leave(what: string): void
}

export function createAgreement(): Agreement {
  const problems: string[] = []
  const unproved: string[] = []
  const add = (what: string) => void problems.push(`${what} is not what the audit log has`)
  return {
    problems,
    unproved,
    same(what, said, found) {
      if (!sameValue(said, found)) add(what)
    },
    list(name, said, found) {
      const [own, others] = [listIn(said[name]), listIn(found[name])]
      const [count, otherCount] = [said, found].map((one) => one[`${name}Count`] ?? listIn(one[name]).length)
      if (count !== otherCount) return add(name)
      const isWhole = said[`${name}Count`] === undefined
      if (isWhole && !others.every((one) => own.some((other) => sameValue(other, one)))) add(name)
      if (found[`${name}Count`] === undefined && !own.every((one) => others.some((o) => sameValue(one, o))))
        add(name)
    },
    near(what, said, found, maxApartMs) {
      if (!(Math.abs(Date.parse(textIn(said) ?? '') - Date.parse(found)) <= maxApartMs)) add(what)
    },
    holds(what, isSo) {
      if (!isSo) add(what)
    },
    leave: (what) => void unproved.push(what),
  }
}

function sameValue(said: unknown, found: unknown): boolean {
  const [own, other] = [textIn(said), textIn(found)]
  if (own === undefined || other === undefined) return (said ?? undefined) === (found ?? undefined)
  return sameText(own, other)
}

/** So many UTF-16 units a receipt keeps of a text at least before it cuts it, and an entry of what it says of its job. */
const keptChars = 1_024
const keptOfJob = 500

/** The same text as receipts write it: control characters are replaced, and long ones end in `…`. */
export function sameText(said: string, found: string): boolean {
  const clean = (text: string) => text.replaceAll(/\p{Cc}/gu, '\uFFFD').toWellFormed()
  const [own, other] = [clean(said), clean(found)]
  if (own === other) return true
  if (own.length >= keptChars && own.endsWith('…')) return other.startsWith(own.slice(0, -1))
  return other.length === keptOfJob && other.endsWith('…') && own.startsWith(other.slice(0, -1))
}
