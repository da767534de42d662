import { compilePattern, type Pattern } from '../lib/index.ts'
import { trustAttributes, type TrustConditions, type TrustConfig } from '../config/index.ts'

/** The claims a rule is held against; an `Identity` has this shape. */
export interface TrustSubject {
  readonly issuer: string
  readonly attributes: Readonly<Record<string, string | undefined>>
  readonly claims: Readonly<Record<string, string>>
}

export interface Condition {
  readonly claim: string
  /** A claim of the token by its own name, not one of an Identity's attributes. */
  readonly raw: boolean
  readonly patterns: readonly Pattern[]
}

/** A trust rule that was compiled; a rule as written cannot be asked. */
export interface CompiledTrust {
  readonly issuer: string
  /** All of these must hold, */
  readonly must: readonly Condition[]
  /** and beside them all of at least one of these lists, if there are any. */
  readonly any: readonly (readonly Condition[])[]
  /** Its author accepts names that may change hands. */
  readonly byName: boolean
}

/** One condition that did not hold: what to change in the job, or in the rule. */
export interface Mismatch {
  readonly claim: string
  readonly expected: readonly string[]
  readonly got: string | null
  /** It stands in this alternative of `any`, counted from 0: the one that came nearest. */
  readonly alternative?: number
}

/** One condition against one subject. */
export interface Comparison extends Mismatch {
  readonly holds: boolean
}

export function compileTrust(trust: TrustConfig): CompiledTrust {
  const { issuer, any = [], by_name: byName = false, ...must } = trust
  return { issuer, must: compileConditions(must), any: any.map(compileConditions), byName }
}

function compileConditions({ claims = {}, ...attributes }: TrustConditions): Condition[] {
  const compile = (raw: boolean) => (entry: [string, string | string[] | undefined]) => {
    const [claim, value] = entry
    if (value === undefined) return []
    return [{ claim, raw, patterns: [value].flat().map(compilePattern) }]
  }
  return [
    ...Object.entries(attributes).flatMap(compile(false)),
    ...Object.entries(claims).flatMap(compile(true)),
  ]
}

/** The rule as alternatives alone: a subject is trusted if every condition of one of them holds. */
export function branches(trust: CompiledTrust): (readonly Condition[])[] {
  return trust.any.length === 0 ? [trust.must] : trust.any.map((one) => [...trust.must, ...one])
}

/** Every condition against what the subject has: those of `must`, then those of the alternative that came nearest. */
export function compare(trust: CompiledTrust, subject: TrustSubject): Comparison[] {
  const issuer = {
    claim: 'issuer',
    expected: [trust.issuer],
    got: subject.issuer,
    holds: subject.issuer === trust.issuer,
  }
  // What another issuer's claims are called says nothing here.
  if (!issuer.holds) return [issuer]
  const must = trust.must.map((condition) => hold(condition, subject))
  const alternatives = trust.any.map((conditions, alternative) =>
    conditions.map((condition) => ({ ...hold(condition, subject), alternative })),
  )
  const [nearest = []] = alternatives.toSorted((a, b) => failures(a) - failures(b))
  return [issuer, ...must, ...nearest]
}

/** Every condition that does not hold; none means the rule trusts the subject. */
export function mismatches(trust: CompiledTrust, subject: TrustSubject): Mismatch[] {
  return compare(trust, subject).flatMap(({ holds, ...mismatch }) => (holds ? [] : [mismatch]))
}

function hold({ claim, raw, patterns }: Condition, subject: TrustSubject): Comparison {
  const values = raw ? subject.claims : subject.attributes
  // A claim named like a property of every object is not there unless the token has it.
  const got = Object.hasOwn(values, claim) ? values[claim] : undefined
  const holds = got !== undefined && patterns.some((pattern) => pattern.matches(got))
  return { claim, expected: patterns.map((pattern) => pattern.source), got: got ?? null, holds }
}

function failures(comparisons: readonly Comparison[]): number {
  return comparisons.filter(({ holds }) => !holds).length
}

/**
 * Does the rule fix one of these claims to literal values, whichever alternative holds, so that no wildcard lets a
 * stranger in? A raw claim that is only called like one of ours fixes nothing: the issuer's own claim of that name
 * may be anything.
 */
export function pinsOneOf(trust: CompiledTrust, claims: readonly string[]): boolean {
  return branches(trust).every((conditions) => claims.some((claim) => pins(conditions, claim)))
}

/** Do these conditions together fix the claim to literal values? */
export function pins(conditions: readonly Condition[], claim: string): boolean {
  return conditionsOn(conditions, claim).some(isLiteral)
}

/** Does the rule name exactly this subject's value of the claim, in any alternative? */
export function pinsSubject(trust: CompiledTrust, claim: string, subject: TrustSubject): boolean {
  const got = (trustAttributes.has(claim) ? subject.attributes : subject.claims)[claim]
  if (got === undefined || trust.issuer !== subject.issuer) return false
  const all = [...trust.must, ...trust.any.flat()]
  return conditionsOn(all, claim).some(({ patterns }) =>
    patterns.some((pattern) => pattern.literal && pattern.matches(got)),
  )
}

/** The conditions on a claim as trust rules name it: an attribute, or a raw claim of any other name. */
export function conditionsOn(conditions: readonly Condition[], claim: string): readonly Condition[] {
  const raw = !trustAttributes.has(claim)
  return conditions.filter((condition) => condition.claim === claim && condition.raw === raw)
}

function isLiteral({ patterns }: Condition): boolean {
  return patterns.every((pattern) => pattern.literal)
}

/** By issuer, the raw claims that some rule looks at. */
export function rawClaimsOf(trusts: Iterable<CompiledTrust>): ReadonlyMap<string, ReadonlySet<string>> {
  const byIssuer = new Map<string, Set<string>>()
  for (const trust of trusts) {
    const named = byIssuer.get(trust.issuer) ?? new Set()
    for (const { claim, raw } of [...trust.must, ...trust.any.flat()]) if (raw) named.add(claim)
    byIssuer.set(trust.issuer, named)
  }
  return byIssuer
}

/** Those of the named claims that the subject has. */
export function pickClaims(named: Iterable<string>, { claims }: TrustSubject): Record<string, string> {
  const picked = [...named].flatMap((claim) => {
    const value = Object.hasOwn(claims, claim) ? claims[claim] : undefined
    return value === undefined ? [] : [[claim, value] as const]
  })
  return Object.fromEntries(picked)
}
