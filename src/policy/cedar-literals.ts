import { compilePattern, didYouMean, type NameForm } from '../lib/index.ts'
import { kindNamed, kindNames, kindOf, namesPath, namesRef, type KindName } from '../kinds/index.ts'
import { impossible, type IssuerFacts } from './issuer-facts.ts'

/** What exists in the policy that a forbid stands beside. */
export interface ForbidWorld {
  readonly roles: ReadonlySet<string>
  /** Each connection's kind, by its name. */
  readonly connections: ReadonlyMap<string, string>
  readonly issuers: ReadonlyMap<string, IssuerFacts>
}

/** A text that a policy holds against an attribute of the resource, or of the job. */
interface Literal {
  readonly of: 'resource' | 'context'
  readonly attribute: string
  readonly text: string
  /** Of `like`: `*` in it stands for any characters. */
  readonly pattern: boolean
}

type Node = Readonly<Record<string, unknown>>

/**
 * What a forbid compares with that is never so: a short ref, a path in another spelling, a connection, an issuer or an
 * event that there is not. Such a forbid would be in force, and never forbid (design.md, Never 14).
 */
export function deadLiterals(
  json: unknown,
  actions: readonly string[] | undefined,
  world: ForbidWorld,
): string[] {
  const kindsOfActions =
    actions === undefined ? kindNames : [...new Set(actions.flatMap((one) => kindOf(one) ?? []))]
  const scope = {
    kinds: kindsOfActions,
    paths: actions === undefined || actions.some(namesPath),
    refs: actions === undefined || actions.some(namesRef),
  }
  const problems = literalsIn(json).flatMap((literal) => problemOf(literal, scope, world) ?? [])
  return [...new Set([...problems, ...wholeComparisons(json)])]
}

interface Scope {
  readonly kinds: readonly KindName[]
  readonly paths: boolean
  readonly refs: boolean
}

function problemOf(literal: Literal, scope: Scope, world: ForbidWorld): string | undefined {
  const { of, attribute, text } = literal
  const say = (why: string) => `${of}.${attribute} is never "${text}", so this would never match: ${why}`
  if (of === 'context') {
    const why = contextProblem(literal, world.issuers)
    return why === undefined ? undefined : say(why)
  }
  if (!literal.pattern && text.includes('*'))
    return say('a text with * in it is compared by `like`, not by ==')
  if (attribute === 'connection') {
    const names = [...world.connections].filter(([, kind]) => scope.kinds.some((one) => one === kind))
    const why = nameProblem(
      literal,
      names.map(([name]) => name),
      'connection for these actions',
    )
    return why === undefined ? undefined : say(why)
  }
  const forms = scope.kinds.map(kindNamed)
  if (attribute === 'path' && !scope.paths)
    return matches(literal, '') ? undefined : say('these actions are for a connection as a whole')
  if (attribute === 'path')
    return formProblem(
      literal,
      forms.map(({ path }) => path.form),
      say,
    )
  // Where there is no ref it is empty.
  if (attribute !== 'ref' || matches(literal, '')) return undefined
  if (!scope.refs) return say('these actions name no ref')
  return formProblem(
    literal,
    forms.flatMap(({ ref }) => ref?.form ?? []),
    say,
  )
}

function formProblem(
  { text, pattern, attribute }: Literal,
  forms: readonly NameForm[],
  say: (why: string) => string,
): string | undefined {
  if (forms.some((form) => (pattern ? form.possible(text) : form.is(text)))) return undefined
  // A path with capitals is told what to do with them.
  if (attribute === 'path' && text !== text.toLowerCase()) return undefined
  const meant = forms.map((form) => form.meant(text)).find((one) => one !== undefined)
  const rules = forms.map(({ rule }) => rule).join(', or ')
  return say(`it is ${rules}${meant === undefined ? '' : `; write "${meant}"`}`)
}

function contextProblem(literal: Literal, issuers: ReadonlyMap<string, IssuerFacts>): string | undefined {
  const { attribute, text, pattern } = literal
  if (attribute === 'issuer') return nameProblem(literal, [...issuers.keys()], 'issuer')
  // Outside of `like` a star is itself, and no form of ours has one.
  const asked = pattern ? text : text.replaceAll('*', '?')
  const why = [...issuers.values()].map((facts) => impossible(facts, { claim: attribute, raw: false }, asked))
  return why.some((one) => one === undefined) ? undefined : why[0]
}

function nameProblem(literal: Literal, names: readonly string[], what: string): string | undefined {
  if (names.some((name) => matches(literal, name))) return undefined
  const meant = didYouMean(literal.text, names)
  return `there is no such ${what}${meant === undefined ? '' : `; did you mean "${meant}"?`}`
}

function matches({ text, pattern }: Literal, name: string): boolean {
  return pattern ? compilePattern(text).matches(name) : text === name
}

const comparisons = ['==', '!=', '<', '<=', '>', '>=', 'contains', 'containsAll', 'containsAny', 'in', 'like']

/** Every text on one side of a comparison that has an attribute on the other, however deep in sets and records. */
function literalsIn(json: unknown): Literal[] {
  const found: Literal[] = []
  eachComparison(json, ({ left, right, pattern }) => {
    for (const [one, other] of [
      [left, right],
      [right, left],
    ])
      for (const attribute of attributesIn(one)) {
        const texts = pattern === undefined ? textsIn(other) : [likeText(pattern)]
        if (pattern !== undefined && one !== left) continue
        found.push(...texts.map((text) => ({ ...attribute, text, pattern: pattern !== undefined })))
      }
  })
  return found
}

/** `resource` has no id, and `context` has more than anybody writes out: compared as a whole they are never equal. */
function wholeComparisons(json: unknown): string[] {
  const found: string[] = []
  const { resource } = json as { resource?: { op?: string } }
  const message = (what: string) =>
    `${what} is compared as a whole, which never holds: compare its attributes`
  if (resource?.op === '==' || resource?.op === 'in') found.push(message('resource'))
  eachComparison(json, ({ left, right }) => {
    for (const side of [left, right]) {
      const name = (side as { Var?: string } | undefined)?.Var
      if (name === 'resource' || name === 'context') found.push(message(name))
    }
  })
  return found
}

function eachComparison(node: unknown, visit: (operands: Node) => void): void {
  if (typeof node !== 'object' || node === null) return
  for (const [key, value] of Object.entries(node)) {
    if (comparisons.includes(key) && typeof value === 'object' && value !== null) visit(value as Node)
    eachComparison(value, visit)
  }
}

function attributesIn(node: unknown): Pick<Literal, 'of' | 'attribute'>[] {
  if (typeof node !== 'object' || node === null) return []
  const access = (node as Node)['.'] as { left?: { Var?: string }; attr?: string } | undefined
  const of = access?.left?.Var
  if ((of === 'resource' || of === 'context') && access?.attr !== undefined)
    return [{ of, attribute: access.attr }]
  // Where a comparison stands inside of another, it has its own two sides.
  return Object.entries(node).flatMap(([key, inner]) =>
    comparisons.includes(key) ? [] : attributesIn(inner),
  )
}

function textsIn(node: unknown): string[] {
  if (typeof node !== 'object' || node === null) return []
  return Object.entries(node).flatMap(([key, value]) => {
    if (comparisons.includes(key)) return []
    if (key === 'Value') return [value].flat().filter((one) => typeof one === 'string')
    return textsIn(value)
  })
}

/** A pattern as it is written; a star that stands for itself is one that no name has. */
function likeText(pattern: unknown): string {
  if (!Array.isArray(pattern)) return ''
  return pattern
    .map((one: unknown) =>
      one === 'Wildcard' ? '*' : ((one as { Literal?: string }).Literal ?? '').replaceAll('*', '?'),
    )
    .join('')
}
