/** The claims that trust rules name, the same for every CI. A claim that the token does not carry is absent. */
export const attributeNames = [
  'subject',
  'repository',
  'repository_id',
  'owner',
  'owner_id',
  'ref',
  'ref_protected',
  'commit',
  'workflow',
  'workflow_digest',
  'environment',
  'event',
  'actor',
  'actor_id',
  'runner',
  'fork',
] as const

export type AttributeName = (typeof attributeNames)[number]
export type Attributes = Readonly<Partial<Record<AttributeName, string>>>

/** One CI job, as its issuer's verified token describes it. */
export interface Identity {
  /** The issuer's name in mayfly.yaml. */
  readonly issuer: string
  readonly issuerUrl: string
  readonly attributes: Attributes
  /** The CI's own ids of the run; together with issuer and repository they name it for good. */
  readonly run: { readonly id: string; readonly attempt: string; readonly job: string }
  /** Claims of the token by their own names, as text; nested ones by their path, `outer/inner`. */
  readonly claims: Readonly<Record<string, string>>
  /** One-shot: `iss` + `jti` (without one, the payload's digest), and until when it must be remembered (seconds since the epoch). */
  readonly tokenId: string
  readonly expiresSeconds: number
}

/** Why a token was refused. Each has a test; none tells a stranger more than its name. */
export type IdentityRefusal =
  | 'token_oversized'
  | 'token_malformed'
  | 'algorithm_refused'
  | 'header_refused'
  | 'issuer_unknown'
  | 'issuer_unreachable'
  | 'key_unknown'
  | 'signature_invalid'
  | 'token_expired'
  | 'token_not_yet_valid'
  | 'audience_mismatch'
  | 'claim_missing'
  | 'claim_malformed'
  | 'claim_refused'
  | 'owner_mismatch'

export interface Refused {
  readonly ok: false
  readonly reason: IdentityRefusal
  readonly detail: string
  /** What the token says of its job, if its issuer did sign it: a job that is known may learn the reason. */
  readonly job?: Pick<Identity, 'issuer' | 'attributes' | 'claims'>
  /** Seconds after which the same token may be taken. */
  readonly retryAfterSeconds?: number
}

export type IdentityResult = { readonly ok: true; readonly identity: Identity } | Refused

export function refuse(reason: IdentityRefusal, detail: string): Refused {
  return { ok: false, reason, detail }
}
