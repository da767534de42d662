import { createHash } from 'node:crypto'
import type { IssuerConfig } from '../config/index.ts'
import { flattenClaims, type Claims } from './claims.ts'
import { printable } from './grammars.ts'
import {
  attributeNames,
  refuse,
  type AttributeName,
  type Attributes,
  type IdentityResult,
  type Refused,
} from './identity.ts'
import { limitsOf } from './profiles.ts'
import type { Profile } from './profile.ts'

/** Turns the verified claims of one CI into an `Identity`, or says what in them is not as this CI's profile has it. */
export function normalise(
  payload: Readonly<Record<string, unknown>>,
  payloadBytes: Uint8Array,
  issuer: { readonly name: string; readonly config: IssuerConfig; readonly profile: Profile },
): IdentityResult {
  const { profile, config } = issuer
  const flat = flattenClaims(payload)
  if (!flat.ok) return refuse('claim_malformed', flat.detail)
  const { claims } = flat
  const missing = profile.required.filter((claim) => (claims[claim] ?? '') === '')
  if (missing.length > 0) return refuse('claim_missing', `the token has no ${missing.join(', ')}`)
  const refused = profile.refuse?.(claims)
  if (refused !== undefined) return refuse('claim_refused', refused)
  const attributes = readAttributes(claims, profile)
  const problem =
    attributeProblem(attributes, profile) ?? pinProblem(claims, profile) ?? ownerProblem(attributes, config)
  if (problem !== undefined) return problem
  const tokenId = claims['jti'] ?? digestOf(payloadBytes)
  const named = (claim: string | undefined) => (claim === undefined ? undefined : claims[claim])
  const run = {
    id: named(profile.run.id) ?? tokenId,
    attempt: named(profile.run.attempt) ?? '1',
    job: named(profile.run.job) ?? '',
  }
  const strange = [tokenId, run.id, run.attempt].some((text) => !printable.test(text))
  if (strange || (run.job !== '' && !printable.test(run.job)))
    return refuse('claim_malformed', 'the ids of the token or of its run are not printable ASCII')
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
  for (const [attribute, value] of Object.entries(attributes) as [AttributeName, string][]) {
    if (!printable.test(value)) return malformed(attribute, value, 'is not printable ASCII')
    if (profile.grammars[attribute]?.test(value) === false)
      return malformed(attribute, value, 'does not look like one of this CI')
  }
  return undefined
}

function malformed(attribute: AttributeName, value: string, why: string): Refused {
  return refuse('claim_malformed', `${attribute} ${JSON.stringify(value).slice(0, 200)} ${why}`)
}

/** Claims that serve as pins under their own names are ids, too. */
function pinProblem(claims: Claims, { pins }: Profile): Refused | undefined {
  const known: readonly string[] = attributeNames
  const strange = pins.find((pin) => !known.includes(pin) && !printable.test(claims[pin] ?? '-'))
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
