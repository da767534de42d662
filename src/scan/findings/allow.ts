import { compilePattern, type Pattern } from '../../lib/index.ts'

/** Findings that are none, as a rule file says. It can be posted to another thread. */
export interface AllowEntry {
  readonly reason: string
  /** Milliseconds since 1970: from then on it allows nothing. */
  readonly untilMs?: number
  /** Only findings of these rules; of all if left out. */
  readonly rules?: readonly string[]
  /** Patterns in which `*` stands for anything. */
  readonly paths?: readonly string[]
  /** Of the secret itself. */
  readonly values?: readonly string[]
  readonly fingerprints?: readonly string[]
}

/** What an entry may ask of a finding. */
export interface Asked {
  readonly rule: string
  readonly file: string
  readonly fingerprint: string
  readonly secret: string
}

/** The first entry that allows a finding, and until when. Each part that an entry has must be so. */
export type AllowList = (asked: Asked) => AllowEntry | undefined

export function createAllowList(entries: readonly AllowEntry[], nowMs: number): AllowList {
  const compiled = entries
    .filter(({ untilMs }) => untilMs === undefined || nowMs < untilMs)
    .map((entry) => ({ entry, tests: testsOf(entry) }))
    // An entry that asks nothing would allow everything.
    .filter(({ tests }) => tests.length > 0)
  return (asked) => compiled.find(({ tests }) => tests.every((test) => test(asked)))?.entry
}

function testsOf({ rules, paths, values, fingerprints }: AllowEntry): ((asked: Asked) => boolean)[] {
  return [
    ...(rules === undefined ? [] : [({ rule }: Asked) => rules.includes(rule)]),
    ...(paths === undefined ? [] : [anyOf(paths, ({ file }) => file)]),
    ...(values === undefined ? [] : [anyOf(values, ({ secret }) => secret)]),
    ...(fingerprints === undefined ? [] : [({ fingerprint }: Asked) => fingerprints.includes(fingerprint)]),
  ]
}

function anyOf(sources: readonly string[], textOf: (asked: Asked) => string): (asked: Asked) => boolean {
  const patterns: Pattern[] = sources.map(compilePattern)
  return (asked) => patterns.some((pattern) => pattern.matches(textOf(asked)))
}
