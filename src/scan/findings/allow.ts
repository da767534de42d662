import { compilePattern, type Pattern } from '../../lib/index.ts'
import { compileExpression } from '../engine/index.ts'
import type { Acceptance } from './model.ts'
import { shownReason } from './reason.ts'

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
  /** Undefined: it is not known yet, and no path allows it. */
  readonly file: string | undefined
  readonly fingerprint: string
  readonly secret: string
  readonly line: string
}

export interface AllowList {
  /** The first entry that allows a finding. Each part that an entry has must be so. */
  entryFor(asked: Asked): AllowEntry | undefined
  /** Which entries, by their place in the list, allow it as soon as its path is one of theirs: those that ask for more than a path. */
  ifPathFits(asked: Asked): readonly number[]
  /** The first entry that allows it at this path; `ifPathFits` is what was answered when the secret was at hand. */
  entryForPath(
    found: { readonly rule: string; readonly ifPathFits?: readonly number[] },
    file: string,
  ): AllowEntry | undefined
}

/** Throws `bad_input` for an expression that is no pattern. */
export function createAllowList(entries: readonly AllowEntry[], nowMs: number): AllowList {
  const compiled = entries
    .map(compileEntry)
    .filter(({ entry: { untilMs } }) => untilMs === undefined || nowMs < untilMs)
  return {
    entryFor: (asked) => compiled.find((one) => isAllowed(one, asked))?.entry,
    ifPathFits: (asked) =>
      compiled.filter((one) => isAllowedButForPath(one, asked)).map(({ index }) => index),
    entryForPath: ({ rule, ifPathFits = [] }, file) =>
      compiled.find(({ entry, index, ofPath, others }) => {
        if (ofPath.length === 0 || !isOfRule(entry, rule)) return false
        if (entry.isAny === true) return ofPath.some((test) => test(file))
        return ofPath.every((test) => test(file)) && (others.length === 0 || ifPathFits.includes(index))
      })?.entry,
  }
}

/** What a finding says that an entry allows. */
export function acceptanceOf({ reason, untilMs }: AllowEntry): Acceptance {
  const until = untilMs === undefined ? {} : { until: new Date(untilMs - 1).toISOString().slice(0, 10) }
  return { by: 'allow-list', reason: shownReason(reason), ...until }
}

type Test = (asked: Asked) => boolean
type PathTest = (file: string) => boolean

interface CompiledEntry {
  readonly entry: AllowEntry
  readonly index: number
  readonly ofPath: readonly PathTest[]
  readonly others: readonly Test[]
}

function compileEntry(entry: AllowEntry, index: number): CompiledEntry {
  return { entry, index, ofPath: pathTestsOf(entry), others: testsOf(entry) }
}

function isOfRule({ rules }: AllowEntry, rule: string): boolean {
  return rules === undefined || rules.includes(rule)
}

function isAllowed({ entry, ofPath, others }: CompiledEntry, asked: Asked): boolean {
  const { file } = asked
  // An entry that asks nothing would allow everything.
  if (ofPath.length + others.length === 0) return entry.rules?.includes(asked.rule) === true
  if (!isOfRule(entry, asked.rule)) return false
  const fits: PathTest = (path) => ofPath.some((test) => test(path))
  if (entry.isAny === true) return others.some((test) => test(asked)) || (file !== undefined && fits(file))
  if (file === undefined && ofPath.length > 0) return false
  return others.every((test) => test(asked)) && ofPath.every((test) => test(file ?? ''))
}

function isAllowedButForPath({ entry, ofPath, others }: CompiledEntry, asked: Asked): boolean {
  if (ofPath.length === 0 || others.length === 0 || entry.isAny === true) return false
  return isOfRule(entry, asked.rule) && others.every((test) => test(asked))
}

function pathTestsOf({ paths, expressions = [] }: AllowEntry): PathTest[] {
  const ofFile = expressions.filter(({ of }) => of === 'file').map(({ pattern }) => pattern)
  return [
    ...(paths === undefined ? [] : [fitsOne(paths)]),
    ...(ofFile.length === 0 ? [] : [matchesOne(ofFile)]),
  ]
}

function testsOf({ values, fingerprints, words, expressions = [] }: AllowEntry): Test[] {
  const isValue = values === undefined ? undefined : fitsOne(values)
  return [
    ...(isValue === undefined ? [] : [({ secret }: Asked) => isValue(secret)]),
    ...(fingerprints === undefined ? [] : [({ fingerprint }: Asked) => fingerprints.includes(fingerprint)]),
    ...(words === undefined ? [] : [hasWord(words)]),
    // Each kind of what is looked at is a part of its own, of which one has to match.
    ...(['secret', 'line'] as const).flatMap((of) => {
      const own = expressions.filter((one) => one.of === of).map(({ pattern }) => pattern)
      if (own.length === 0) return []
      const matches = matchesOne(own)
      return [(asked: Asked) => matches(asked[of])]
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

function matchesOne(patterns: readonly string[]): (text: string) => boolean {
  const expressions = patterns.map((pattern) => compileExpression(pattern))
  return (text) => expressions.some((expression) => expression.test(text))
}

function fitsOne(sources: readonly string[]): (text: string) => boolean {
  const patterns: Pattern[] = sources.map(compilePattern)
  return (text) => patterns.some((pattern) => pattern.matches(text))
}
