import { MayflyError, newId, nowSeconds, Secret, type Clock } from '../lib/index.ts'
import type { PolicyDocument } from '../config/index.ts'
import { isOwn, mayBeFor, serverMayBeFor } from './audiences.ts'
import { signCompactAside } from './compact-jws.ts'
import type { SigningKeys } from './signing-keys.ts'
import type { SigningAlgorithm } from './signing-key.ts'
import { serverSubject, subjectOf } from './subject.ts'

/** A step's lease that a token is for: what the broker knows of it, and what the job's issuer said. */
export interface IdentityFacts {
  readonly lease: string
  readonly connection: { readonly name: string }
  readonly run: string
  readonly step: string
  readonly role: string
  readonly repository?: string
  readonly job?: {
    readonly issuer: string
    readonly attributes: Readonly<Record<string, string | undefined>>
  }
}

export interface IdentityTokenRequest {
  /** One that the configuration names for this role or connection. */
  readonly audience: string
  /** Whom it is for: a step, by its lease; or Mayfly itself, for a purpose (`secret-store/NAME`). */
  readonly subject: IdentityFacts | { readonly server: string }
  /** RS256 if left out, which everybody takes. */
  readonly alg?: SigningAlgorithm
  /** With AWS's claim for session tags: then they stand in CloudTrail, and policies can name them. */
  readonly awsSessionTags?: boolean
}

/** Signs an identity token (a JWT of five minutes). Throws `config_invalid` for an audience that nobody named. */
export type SignIdentityToken = (request: IdentityTokenRequest) => Promise<Secret>

const lifetimeSeconds = 300
/** The clock of who takes it may be that much behind ours. */
const skewSeconds = 60

export function createIdentityTokens(deps: {
  signingKeys: SigningKeys
  clock: Clock
  /** Our own URL: the `iss`. */
  url: () => string
  document: () => PolicyDocument
}): SignIdentityToken {
  return async ({ audience, subject, alg = 'RS256', awsSessionTags = false }) => {
    const document = deps.document()
    refuseOwn(audience, deps.url(), document)
    const claims =
      'server' in subject
        ? serverClaims(document, audience, subject.server)
        : stepClaims(document, audience, subject)
    const iat = nowSeconds(deps.clock)
    const payload = {
      iss: deps.url(),
      aud: audience,
      ...claims,
      iat,
      nbf: iat - skewSeconds,
      exp: iat + lifetimeSeconds,
      jti: newId('idt'),
      ...(awsSessionTags ? { 'https://aws.amazon.com/tags': sessionTags(claims) } : {}),
    }
    const key = await deps.signingKeys.firstSigner('identity', alg)
    return new Secret(await signCompactAside(key, 'JWT', payload))
  }
}

function refuseOwn(audience: string, url: string, document: PolicyDocument): void {
  if (isOwn(document, audience, url))
    throw new MayflyError(
      'config_invalid',
      `${audience} is an audience of Mayfly itself: it signs identity tokens for others only`,
    )
}

function stepClaims(document: PolicyDocument, audience: string, facts: IdentityFacts) {
  const { lease, run, step, role, job, connection } = facts
  if (!mayBeFor(document, audience, { role, connection: connection.name }))
    throw unnamed(audience, `roles.${role}.identity.audiences`)
  const { repository = facts.repository, repository_id, ref, commit } = job?.attributes ?? {}
  const attributes = { ...job?.attributes, repository }
  const config = Object.hasOwn(document.roles, role) ? document.roles[role] : undefined
  return {
    sub: subjectOf(role, config?.identity?.subject, attributes),
    ...{ role, run, step, lease },
    ...(job === undefined ? {} : { ci: job.issuer }),
    ...present({ repository, repository_id, ref, commit }),
  }
}

function serverClaims(document: PolicyDocument, audience: string, purpose: string) {
  if (!serverMayBeFor(document, audience)) throw unnamed(audience, 'identity_tokens.audiences')
  return { sub: serverSubject(purpose) }
}

function unnamed(audience: string, key: string): MayflyError {
  return new MayflyError(
    'config_invalid',
    `no identity token is signed for ${audience}, which the policy does not name: add it to ${key}`,
  )
}

/** AWS, "Pass session tags in AWS STS": keys to 128, values to 256 characters of this alphabet, each in an array. */
function sessionTags(claims: Readonly<Record<string, string>>) {
  const tags = Object.entries(claims).filter(
    ([name, value]) => tagged.has(name) && /^[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,256}$/u.test(value),
  )
  return {
    principal_tags: Object.fromEntries(tags.map(([name, value]) => [`mayfly-${name}`, [value]])),
    // What a role takes on from here on is still known to be of this lease.
    transitive_tag_keys: tags.map(([name]) => `mayfly-${name}`).filter((key) => key === 'mayfly-lease'),
  }
}

const tagged = new Set(['lease', 'role', 'run', 'step', 'repository', 'repository_id', 'ref'])

function present(claims: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(claims).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== '',
    ),
  )
}
