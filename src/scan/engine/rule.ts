import { MayflyError, messageOf } from '../../lib/index.ts'
import { anchorsOf } from './anchors.ts'
import { maxPlaces } from './backtrack.ts'
import { compileExpression, type Expression } from './expression.ts'
import { withoutLead } from './lead.ts'
import type { Check, CheckName, Finder, FinderName, Rule } from './model.ts'
import { parsePattern } from './parse.ts'
import { compileProgram, type Program } from './program.ts'

export const defaultReach = 256
export const maxReach = 16_384
const maxKeywordBytes = 64

/** What rules call by name. */
export interface Helpers {
  readonly checks: Readonly<Partial<Record<CheckName, Check>>>
  readonly finders: Readonly<Partial<Record<FinderName, Finder>>>
}

/** Which of these keywords the pattern can contain. Throws bad_input for what is no pattern. */
export function keywordsOfPattern(pattern: string, keywords: readonly string[]): readonly string[] {
  const program = compileProgram(withoutLead(parsePattern(pattern).root), 0)
  if (program === undefined) return []
  const anchors = anchorsOf(program, keywords)
  return keywords.filter((_, i) => (anchors[i]?.length ?? 0) > 0)
}

/** A rule whose parts have been read. */
export interface ReadRule {
  readonly rule: Rule
  readonly reach: number
  readonly allow: readonly Expression[]
  readonly check: Check | undefined
  /** How its secrets are found around a keyword. */
  readonly by: Pattern | Finder
}

export interface Pattern {
  readonly program: Program
  /** Of each keyword: where in the program it begins. */
  readonly anchors: readonly (readonly number[])[]
}

type Refuse = (why: string, cause?: unknown) => MayflyError

/** Throws bad_input: which rule, which part of it, why, and what to do. */
export function readRule(rule: Rule, { checks, finders }: Helpers): ReadRule {
  const refuse: Refuse = (why, cause) => new MayflyError('bad_input', `rule ${rule.id}: ${why}`, { cause })
  checkKeywords(rule, refuse)
  const reach = rule.reach ?? defaultReach
  if (!Number.isInteger(reach) || reach < 1 || reach > maxReach)
    throw refuse(`a reach of ${reach}; write 1 to ${maxReach} bytes`)
  return {
    rule,
    reach,
    allow: (rule.allow ?? []).map((one) => reading('allow', refuse, () => compileExpression(one))),
    check: rule.check === undefined ? undefined : named('check', rule.check, checks, refuse),
    by:
      rule.finder === undefined
        ? readPattern(rule, reach, refuse)
        : named('finder', rule.finder, finders, refuse),
  }
}

function checkKeywords({ keywords }: Rule, refuse: Refuse): void {
  if (keywords.length === 0)
    throw refuse('no keyword; name one that stands in every secret, or right before it')
  for (const keyword of keywords) {
    if (!/^[\x20-\x7e]*$/.test(keyword)) throw refuse('a keyword that is not ASCII; name another')
    if (keyword.length < 3 || keyword.length > maxKeywordBytes)
      throw refuse(`the keyword "${keyword}": write 3 to ${maxKeywordBytes} characters`)
  }
}

function readPattern(rule: Rule, reach: number, refuse: Refuse): Pattern {
  const program = reading('pattern', refuse, () => programOf(rule))
  if (program === undefined || program.code.length * (reach * 2 + maxKeywordBytes) > maxPlaces)
    throw refuse(
      'the pattern is too large for its reach; use smaller counts, {32,} for {32,4096}, or a smaller reach',
    )
  const anchors = anchorsOf(program, rule.keywords)
  const missing = rule.keywords.find((_, i) => anchors[i]?.length === 0)
  if (missing !== undefined)
    throw refuse(
      `the pattern cannot contain the keyword "${missing}"; take it out, or let the pattern have it`,
    )
  return { program, anchors }
}

function programOf(rule: Rule): Program | undefined {
  const { root, groups } = parsePattern(rule.pattern, { ignoreCase: rule.ignoreCase === true })
  return compileProgram(withoutLead(root), groups)
}

function reading<T>(what: string, refuse: Refuse, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw refuse(`${what}: ${messageOf(error)}`, error)
  }
}

function named<T>(what: string, name: string, all: Readonly<Record<string, T>>, refuse: Refuse): T {
  const one = Object.hasOwn(all, name) ? all[name] : undefined
  if (one === undefined)
    throw refuse(`there is no ${what} "${name}"; there are ${Object.keys(all).join(', ') || 'none'}`)
  return one
}
