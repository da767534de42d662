import { createHash } from 'node:crypto'
import type { IssuerConfig } from '../config/index.ts'
import { shown } from '../lib/index.ts'
import { flattenClaims, type Claims } from './claims.ts'
import { asciiId } from './claim-forms.ts'
import {
  attributeNames,
  refuse,
  type AttributeName,
  type Attributes,
  type IdentityResult,
  type Refused,
} from './identity.ts'
import { limitsOf, profileOf } from './profiles.ts'
import type { Profile } from './profile.ts'

interface NamedIssuer {
  readonly name: string
  readonly config: IssuerConfig
}

/**
 * Turns the claims of one CI into an `Identity`, or says what in them is not as this CI's profile has it. It verifies
 * nothing: whoever verified them, or explains a policy by them, gets the same answer.
 */
export function normalise(
  payload: Readonly<Record<string, unknown>>,
  payloadBytes: Uint8Array,
  issuer: NamedIssuer,
): IdentityResult {
  const flat = flattenClaims(payload)
  if (!flat.ok) return refuse('claim_malformed', flat.detail)
  const { claims } = flat
  const { config } = issuer
  const profile = profileOf(config)
  const attributes = readAttributes(claims, profile)
  const problem = jobProblem(claims, attributes, profile) ?? ownerProblem(attributes, config)
  if (problem !== undefined) return { ...problem, job: { issuer: issuer.name, attributes, claims } }
  const { run, tokenId, strange } = idsOf(claims, payloadBytes, profile)
  if (strange) return refuse('claim_malformed', 'the ids of the token or of its run are not printable ASCII')
  return {
    ok: true,
    identity: {
      issuer: issuer.name,
      issuerUrl: config.url,
      attributes,
      run,
      claims,
      tokenId,
      expiresSeconds: Math.ceil(Number(payload['exp'])),
    },
  }
}

/** A job as somebody describes it, by some of its claims, in the same words as a token's; or what no token could say. */
export function describeJob(
  claims: Claims,
  issuer: NamedIssuer,
): { readonly ok: true; readonly attributes: Attributes } | Refused {
  const profile = profileOf(issuer.config)
  const attributes = readAttributes(claims, profile)
  return attributeProblem(attributes, profile) ?? { ok: true, attributes }
}

function jobProblem(claims: Claims, attributes: Attributes, profile: Profile): Refused | undefined {
  const missing = profile.required.filter((claim) => (claims[claim] ?? '') === '')
  if (missing.length > 0) return refuse('claim_missing', `the token has no ${missing.join(', ')}`)
  const refused = profile.refuse?.(claims)
  if (refused !== undefined) return refuse('claim_refused', refused)
  return attributeProblem(attributes, profile) ?? pinProblem(claims, profile)
}

function idsOf(claims: Claims, payloadBytes: Uint8Array, profile: Profile) {
  const tokenId = claims['jti'] ?? digestOf(payloadBytes)
  const named = (claim: string | undefined) => (claim === undefined ? undefined : claims[claim])
  const run = {
    id: named(profile.run.id) ?? tokenId,
    attempt: named(profile.run.attempt) ?? '1',
    job: named(profile.run.job) ?? '',
  }
  const strange =
    [tokenId, run.id, run.attempt].some((text) => !asciiId.test(text)) ||
    (run.job !== '' && !asciiId.test(run.job))
  return { tokenId, run, strange }
}

function readAttributes(claims: Claims, profile: Profile): Attributes {
  const derived = profile.derive?.(claims) ?? {}
  const attributes: Partial<Record<AttributeName, string>> = {}
  for (const name of attributeNames) {
    const claim = profile.claims[name]
    const value = name in derived ? derived[name] : claim === undefined ? undefined : claims[claim]
    // An empty claim is absent, so that no rule can match it.
    if (value !== undefined && value !== '') attributes[name] = value
  }
  return attributes
}

function attributeProblem(attributes: Attributes, profile: Profile): Refused | undefined {
  const ids: readonly string[] = [...profile.pins, ...Object.values(profile.ids)]
  for (const [attribute, value] of Object.entries(attributes) as [AttributeName, string][]) {
    if (ids.includes(attribute) && !asciiId.test(value))
      return malformed(attribute, value, 'is an id, and not printable ASCII')
    if (!isText(value))
      return malformed(attribute, value, `has control characters, or over ${maxChars} characters`)
    if (profile.forms[attribute]?.is(value) === false)
      return malformed(attribute, value, `is not ${profile.forms[attribute].rule}`)
  }
  return undefined
}

const maxChars = 1_024

/**
 * Branches and environments are called in every language. Rules compare code point by code point, so that a look-alike
 * is another name; whoever shows one to a person escapes what cannot be seen (`shown`, `escapeUnseen`).
 */
function isText(value: string): boolean {
  return value.length <= maxChars && value.isWellFormed() && !/\p{Cc}/u.test(value)
}

function malformed(attribute: AttributeName, value: string, why: string): Refused {
  return refuse('claim_malformed', `${attribute} "${shown(value.slice(0, 100).toWellFormed())}" ${why}`)
}

/** Claims that serve as pins under their own names are ids, too. */
function pinProblem(claims: Claims, { pins }: Profile): Refused | undefined {
  const known: readonly string[] = attributeNames
  const strange = pins.find((pin) => !known.includes(pin) && !asciiId.test(claims[pin] ?? '-'))
  return strange === undefined ? undefined : refuse('claim_malformed', `${strange} is not printable ASCII`)
}

function ownerProblem(attributes: Attributes, config: IssuerConfig): Refused | undefined {
  for (const { key, attribute, expected } of limitsOf(config)) {
    const got = attributes[attribute]
    if (got !== expected)
      return refuse(
        'owner_mismatch',
        `${key} is ${expected}, the token's ${attribute} ${got ?? 'is missing'}`,
      )
  }
  return undefined
}

// A token without `jti` is known by its payload: another signature over it, or another header, makes no other token.
function digestOf(payloadBytes: Uint8Array): string {
  return createHash('sha256').update(payloadBytes).digest('base64url')
}
