import { MayflyError, messageOf } from '../../lib/index.ts'
import { anchorsOf } from './anchors.ts'
import { maxPlaces } from './backtrack.ts'
import { compileExpression, type Expression } from './expression.ts'
import { withoutLead } from './lead.ts'
import type { Checks, Rule } from './model.ts'
import { parsePattern } from './parse.ts'
import { compileProgram, type Program } from './program.ts'

export const defaultReach = 256
const maxReach = 16_384
const maxKeywordBytes = 64

/** A rule whose parts have been read; what it needs for matching is made at its first keyword. */
export interface ReadRule {
  readonly rule: Rule
  readonly program: Program
  /** Of each keyword. */
  readonly anchors: readonly (readonly number[])[]
  readonly reach: number
  readonly allow: readonly Expression[]
  readonly check: ((secret: string) => boolean) | undefined
}

/** Throws bad_input: which rule, which part of it, why, and what to do. */
export function readRule(rule: Rule, checks: Checks): ReadRule {
  const refuse = (why: string, cause?: unknown) =>
    new MayflyError('bad_input', `rule ${rule.id}: ${why}`, { cause })
  const reading = <T>(what: string, read: () => T): T => {
    try {
      return read()
    } catch (error) {
      throw refuse(`${what}: ${messageOf(error)}`, error)
    }
  }
  checkKeywords(rule, refuse)
  const reach = rule.reach ?? defaultReach
  if (!Number.isInteger(reach) || reach < 1 || reach > maxReach)
    throw refuse(`a reach of ${reach}; write 1 to ${maxReach} bytes`)
  const program = reading('pattern', () => programOf(rule))
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
  const check = rule.check === undefined ? undefined : checks[rule.check]
  if (rule.check !== undefined && check === undefined)
    throw refuse(`there is no check "${rule.check}"; there are ${Object.keys(checks).join(', ') || 'none'}`)
  const allow = (rule.allow ?? []).map((one) => reading('allow', () => compileExpression(one)))
  return { rule, program, anchors, reach, allow, check }
}

function checkKeywords(rule: Rule, refuse: (why: string) => MayflyError): void {
  if (rule.keywords.length === 0)
    throw refuse('no keyword; name one that stands in every secret, or right before it')
  for (const keyword of rule.keywords) {
    if (!/^[\x20-\x7e]*$/.test(keyword)) throw refuse('a keyword that is not ASCII; name another')
    if (keyword.length < 3 || keyword.length > maxKeywordBytes)
      throw refuse(`the keyword "${keyword}": write 3 to ${maxKeywordBytes} characters`)
  }
}

function programOf(rule: Rule): Program | undefined {
  const { root, groups } = parsePattern(rule.pattern, { ignoreCase: rule.ignoreCase === true })
  return compileProgram(withoutLead(root), groups)
}
