import type { Verified } from './model.ts'

/** What an attestation claims, as far as whoever signed it may say so; undefined where nobody says it. */
export interface Claimed {
  readonly verified: Verified
  /** Type of the statement; `signature` for a signature over the artifact alone. */
  readonly type: string
  readonly issuer: string | undefined
  readonly repositoryId: string | undefined
  readonly ownerId: string | undefined
  /** Its URL. */
  readonly repository: string | undefined
  readonly ref: string | undefined
  /** Subject alternative name of the certificate. */
  readonly identity: string | undefined
  /** What a verification summary says came of it. */
  readonly result: string | undefined
  readonly builder: string | undefined
  readonly tier: string | undefined
  readonly role: string | undefined
  readonly runId: string | undefined
  readonly approvals: readonly Approval[]
  readonly noSecretFound: boolean | undefined
  /** Those that only a server vouched for; undefined if nobody says what it was built from. */
  readonly dependencies: { readonly unverified: readonly string[] } | undefined
  /** Why what the statement says of the step is not taken. */
  readonly unbelieved: string | undefined
}

interface Approval {
  readonly group?: string
  readonly people: readonly string[]
}

const provenanceType = 'https://slsa.dev/provenance/v1'
const summaryType = 'https://slsa.dev/verification_summary/v1'
const cosignType = 'https://sigstore.dev/cosign/sign/v1'
const stepBuild = 'urn:mayfly:step:v1'

/**
 * `own`: it was signed under a root that signs for Mayfly alone. Anybody else may write into a statement of his that it was made by
 * our builder, in a role of ours: of his statements the certificate counts, and the builder that it names, which is his word.
 */
export function claimedBy(verified: Verified, own: boolean): Claimed {
  const { statement } = verified
  const type = statement?.predicateType ?? 'signature'
  const predicate = type === provenanceType ? record(statement?.predicate) : {}
  const definition = record(predicate['buildDefinition'])
  const builder = text(record(record(predicate['runDetails'])['builder'])['id'])
  const ours = own && definition['buildType'] === stepBuild
  const signer = signerOf(verified, ours ? definition : {})
  return {
    verified,
    type: type === cosignType ? 'signature' : type,
    ...signer,
    builder,
    result: type === summaryType ? text(record(statement?.predicate)['verificationResult']) : undefined,
    ...(ours ? ofStep(predicate, definition, builder) : ofNobody),
    unbelieved: own || type !== provenanceType ? undefined : foreign,
  }
}

const foreign =
  'it was signed under a root that others sign under, too: of what it says only the certificate counts, and not role, tier, run, approvals, secrets, dependencies'

const ofNobody = {
  tier: undefined,
  role: undefined,
  runId: undefined,
  approvals: [],
  noSecretFound: undefined,
  dependencies: undefined,
}

/** By the certificate. A key names nobody: then the server's own record does. */
function signerOf({ signer }: Verified, definition: Fields) {
  if (signer.kind === 'certificate') {
    const { san, issuer, claims } = signer.identity
    return {
      issuer,
      identity: san,
      repositoryId: text(own(claims, 'sourceRepositoryIdentifier')),
      ownerId: text(own(claims, 'sourceRepositoryOwnerIdentifier')),
      repository: text(own(claims, 'sourceRepositoryURI')),
      ref: text(own(claims, 'sourceRepositoryRef')),
    }
  }
  const source = record(record(definition['externalParameters'])['source'])
  return {
    issuer: text(record(record(definition['internalParameters'])['issuer'])['url']),
    identity: undefined,
    repositoryId: text(source['repositoryId']),
    ownerId: text(source['ownerId']),
    repository: /^git\+([^@#?]+)/.exec(text(source['uri']) ?? '')?.[1] ?? text(source['repository']),
    ref: text(source['ref']),
  }
}

/** See docs/attestations.md. */
function ofStep(predicate: Fields, definition: Fields, builder: string | undefined) {
  const [external, internal] = [
    record(definition['externalParameters']),
    record(definition['internalParameters']),
  ]
  return {
    // The builder says which tier it is: one for each.
    tier: /\/builders\/tier-([bce])$/.exec(builder ?? '')?.[1]?.toUpperCase(),
    role: text(external['role']),
    runId: text(internal['run']),
    approvals: list(internal['approvals']).map(approvalIn),
    noSecretFound: noSecretIn(record(predicate['runDetails'])),
    dependencies: dependenciesIn(definition['resolvedDependencies'], internal['dependenciesOmitted']),
  }
}

function approvalIn(value: unknown): Approval {
  const { group, people } = record(value)
  const named = list(people).flatMap((one) => text(one) ?? [])
  return typeof group === 'string' ? { group, people: named } : { people: named }
}

function noSecretIn(details: Fields): boolean | undefined {
  const outcomes = list(details['byproducts'])
    .map(record)
    .filter((one) => one['name'] === 'outcome')
  const found = record(outcomes[0]?.['annotations'])['secretsFound']
  return outcomes.length === 1 && typeof found === 'number' ? found === 0 : undefined
}

/** What holds a dependency to something better than the word of the server that it came from. */
const better = new Set(['identity', 'lockfile', 'digest', 'signature', 'sumdb'])

function dependenciesIn(value: unknown, omitted: unknown): Claimed['dependencies'] {
  if (!Array.isArray(value)) return undefined
  const unverified = value
    .map(record)
    .filter((one) => !isHeld(one))
    .map(nameOf)
  const more = typeof omitted === 'number' && omitted > 0 ? [`${omitted} that are not named`] : []
  return { unverified: [...unverified, ...more] }
}

/** Files of earlier steps, and the image that it ran in, were asked for by their digest, outside of the sandbox. */
function isHeld(dependency: Fields): boolean {
  const { verifiedBy, reported } = record(dependency['annotations'])
  if (Object.keys(record(dependency['digest'])).length === 0) return false
  return verifiedBy === undefined
    ? reported === true
    : typeof verifiedBy === 'string' && better.has(verifiedBy)
}

function nameOf(dependency: Fields): string {
  return text(dependency['uri']) ?? text(dependency['name']) ?? 'one without a name'
}

type Fields = Readonly<Record<string, unknown>>

/** JSON may say `__proto__` or `constructor`: only what it has itself counts, which an object without a prototype shows alone. */
function record(value: unknown): Fields {
  const is = typeof value === 'object' && value !== null && !Array.isArray(value)
  return Object.assign(Object.create(null) as Record<string, unknown>, is ? value : {})
}

function own(fields: Readonly<Record<string, string>>, name: string): unknown {
  return Object.hasOwn(fields, name) ? fields[name] : undefined
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
