import { compilePattern, type Pattern } from '../lib/index.ts'
import { trustAttributes, type TrustConfig } from '../config/index.ts'

/** The claims a rule is held against; an `Identity` has this shape. */
export interface TrustSubject {
  readonly issuer: string
  readonly attributes: Readonly<Record<string, string | undefined>>
  readonly claims: Readonly<Record<string, string>>
}

interface Condition {
  readonly claim: string
  readonly raw: boolean
  readonly patterns: readonly Pattern[]
}

/** A trust rule that was compiled; a rule as written cannot be asked. */
export interface CompiledTrust {
  readonly issuer: string
  readonly conditions: readonly Condition[]
}

/** One condition that did not hold: what to change in the job, or in the rule. */
export interface Mismatch {
  readonly claim: string
  readonly expected: readonly string[]
  readonly got: string | null
}

export function compileTrust(trust: TrustConfig): CompiledTrust {
  const { issuer, claims = {}, ...attributes } = trust
  const compile = (raw: boolean) => (entry: [string, string | string[] | undefined]) => {
    const [claim, value] = entry
    if (value === undefined) return []
    return [{ claim, raw, patterns: [value].flat().map(compilePattern) }]
  }
  return {
    issuer,
    conditions: [
      ...Object.entries(attributes).flatMap(compile(false)),
      ...Object.entries(claims).flatMap(compile(true)),
    ],
  }
}

/** Every condition that does not hold; none means the rule trusts the subject. */
export function mismatches(trust: CompiledTrust, subject: TrustSubject): Mismatch[] {
  if (subject.issuer !== trust.issuer)
    return [{ claim: 'issuer', expected: [trust.issuer], got: subject.issuer }]
  return trust.conditions.flatMap(({ claim, raw, patterns }) => {
    const got = (raw ? subject.claims : subject.attributes)[claim]
    if (got !== undefined && patterns.some((pattern) => pattern.matches(got))) return []
    return [{ claim, expected: patterns.map((pattern) => pattern.source), got: got ?? null }]
  })
}

/**
 * Does the rule fix this claim to literal values, so that no wildcard lets a stranger in? A raw claim that is only
 * called like one of ours fixes nothing: the issuer's own claim of that name may be anything.
 */
export function pinsLiterally(trust: CompiledTrust, claim: string): boolean {
  return pinsOf(trust, claim).some(({ patterns }) => patterns.every((pattern) => pattern.literal))
}

/** Does the rule name exactly this subject's value of the claim? */
export function pinsSubject(trust: CompiledTrust, claim: string, subject: TrustSubject): boolean {
  const got = (trustAttributes.has(claim) ? subject.attributes : subject.claims)[claim]
  if (got === undefined || trust.issuer !== subject.issuer) return false
  return pinsOf(trust, claim).some(({ patterns }) =>
    patterns.some((pattern) => pattern.literal && pattern.matches(got)),
  )
}

function pinsOf(trust: CompiledTrust, claim: string): readonly Condition[] {
  const raw = !trustAttributes.has(claim)
  return trust.conditions.filter((condition) => condition.claim === claim && condition.raw === raw)
}
