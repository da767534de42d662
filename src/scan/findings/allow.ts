import { compilePattern, type Pattern } from '../../lib/index.ts'
import { compileExpression } from '../engine/index.ts'
import type { Acceptance } from './model.ts'

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
  /** Patterns as rules have them, which match somewhere in what they are held against. */
  readonly expressions?: readonly { readonly of: 'secret' | 'line' | 'file'; readonly pattern: string }[]
  /** Words that the secret contains, in whatever case. */
  readonly words?: readonly string[]
  /** One of its parts is enough, beside `rules`; else each that it has must be so. */
  readonly isAny?: boolean
}

/** What an entry may ask of a finding. */
export interface Asked {
  readonly rule: string
  readonly file: string
  readonly fingerprint: string
  readonly secret: string
  readonly line: string
}

/** The first entry that allows a finding, and until when. Each part that an entry has must be so. */
export type AllowList = (asked: Asked) => AllowEntry | undefined

/** Throws `bad_input` for an expression that is no pattern. */
export function createAllowList(entries: readonly AllowEntry[], nowMs: number): AllowList {
  const compiled = entries
    .filter(({ untilMs }) => untilMs === undefined || nowMs < untilMs)
    .map((entry) => ({ entry, test: testOf(entry) }))
  return (asked) => compiled.find(({ test }) => test(asked))?.entry
}

/** What a finding says that an entry allows. */
export function acceptanceOf({ reason, untilMs }: AllowEntry): Acceptance {
  const until = untilMs === undefined ? {} : { until: new Date(untilMs).toISOString().slice(0, 10) }
  return { by: 'allow-list', reason, ...until }
}

type Test = (asked: Asked) => boolean

/** An entry that asks nothing would allow everything. */
function testOf(entry: AllowEntry): Test {
  const { rules, isAny } = entry
  const tests = testsOf(entry)
  if (tests.length === 0) return (asked) => rules?.includes(asked.rule) === true
  return (asked) => {
    if (rules !== undefined && !rules.includes(asked.rule)) return false
    return isAny === true ? tests.some((test) => test(asked)) : tests.every((test) => test(asked))
  }
}

function testsOf(entry: AllowEntry): Test[] {
  const { paths, values, fingerprints, words, expressions } = entry
  return [
    ...(paths === undefined ? [] : [anyOf(paths, ({ file }) => file)]),
    ...(values === undefined ? [] : [anyOf(values, ({ secret }) => secret)]),
    ...(fingerprints === undefined ? [] : [({ fingerprint }: Asked) => fingerprints.includes(fingerprint)]),
    ...(words === undefined ? [] : [hasWord(words)]),
    // Each kind of what is looked at is a part of its own, of which one has to match.
    ...(['secret', 'line', 'file'] as const).flatMap((of) => {
      const own = (expressions ?? []).filter((one) => one.of === of)
      return own.length === 0
        ? []
        : [
            matchesOne(
              own.map(({ pattern }) => pattern),
              (asked) => asked[of],
            ),
          ]
    }),
  ]
}

function hasWord(words: readonly string[]): Test {
  const lower = words.map((word) => word.toLowerCase())
  return ({ secret }) => {
    const text = secret.toLowerCase()
    return lower.some((word) => text.includes(word))
  }
}

function matchesOne(patterns: readonly string[], textOf: (asked: Asked) => string): Test {
  const expressions = patterns.map((pattern) => compileExpression(pattern))
  return (asked) => {
    const text = textOf(asked)
    return expressions.some((expression) => expression.test(text))
  }
}

function anyOf(sources: readonly string[], textOf: (asked: Asked) => string): Test {
  const patterns: Pattern[] = sources.map(compilePattern)
  return (asked) => patterns.some((pattern) => pattern.matches(textOf(asked)))
}
