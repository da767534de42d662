import { dependenciesIn, digestsIn, type Dependencies } from './claimed-dependencies.ts'
import { listIn, recordIn, textIn, type Fields } from './lenient-fields.ts'
import { isOfOtherJob, jobOfProvenance, jobOfReceipt, otherJob, type JobSaid } from './job-signer.ts'
import { sha256Hex } from './key.ts'
import type { Statement, Verified } from './model.ts'
import { buildType, cosignType, provenanceType, receiptType, summaryType } from './types.ts'

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
  readonly stepId: string | undefined
  readonly approvals: readonly Approval[]
  readonly noSecretFound: boolean | undefined
  readonly dependencies: Dependencies
  /** SHA-256, hex, of other statements that it names: bills of materials of a provenance, what a summary looked at. */
  readonly names: readonly string[]
  /** URL of the server whose step it is about, if it is one of ours. */
  readonly server: string | undefined
  /** SHA-256 of its statement, hex. */
  readonly statementSha256: () => string | undefined
  /** Why what the statement says of the step is not taken. */
  readonly unbelieved: string | undefined
  /** Why whoever signed it may not say this at all. */
  readonly stranger: string | undefined
}

export interface Approval {
  readonly group?: string
  /** `session`, or the operation. */
  readonly of?: string
  readonly people: readonly string[]
}

/**
 * `own`: it was signed under a root that signs for Mayfly alone. Anybody else may write into a statement of his that it was made by
 * our builder, in a role of ours: of his statements the certificate counts, and the builder that it names, which is his word.
 */
export function claimedBy(verified: Verified, own: boolean): Claimed {
  const { statement, statementBytes } = verified
  const type = statement?.predicateType ?? 'signature'
  const said = recordIn(statement?.predicate)
  const predicate = type === provenanceType ? said : {}
  const definition = recordIn(predicate['buildDefinition'])
  const builder = textIn(recordIn(recordIn(predicate['runDetails'])['builder'])['id'])
  const ours = own && definition['buildType'] === buildType
  const receipt = own && type === receiptType ? said : undefined
  let sha256: string | undefined
  return {
    verified,
    type: type === cosignType ? 'signature' : type,
    ...signerOf(verified, ours ? bySource(definition) : receipt && byIdentity(receipt)),
    builder,
    result: type === summaryType ? textIn(said['verificationResult']) : undefined,
    ...ofNobody,
    ...(ours ? ofStep(predicate, definition, builder) : {}),
    ...(receipt === undefined ? {} : ofReceipt(receipt)),
    ...(type === summaryType ? { names: digestsIn(said['inputAttestations']) } : {}),
    statementSha256: () => (sha256 ??= statementBytes && sha256Hex(statementBytes)),
    stranger: strangerTo(ours ? jobOfProvenance(definition) : receipt && jobOfReceipt(receipt), verified),
    unbelieved: own || type !== provenanceType ? undefined : foreign,
  }
}

const foreign =
  'it was signed under a root that others sign under, too: of what it says only the certificate counts, and not role, tier, run, approvals, secrets, dependencies'

const ofNobody = {
  ...{ tier: undefined, role: undefined, runId: undefined, stepId: undefined, server: undefined },
  ...{ approvals: [], noSecretFound: undefined, dependencies: undefined, names: [] },
}

function strangerTo(said: JobSaid | undefined, { signer }: Verified): string | undefined {
  return said !== undefined && isOfOtherJob(said, signer) ? `other_signer: ${otherJob}` : undefined
}

type Job = Pick<Claimed, 'issuer' | 'repositoryId' | 'ownerId' | 'repository' | 'ref'>
const noJob: Job = {
  ...{
    issuer: undefined,
    repositoryId: undefined,
    ownerId: undefined,
    repository: undefined,
    ref: undefined,
  },
}

/** By the certificate. A key names nobody: then the server's own record does. */
function signerOf({ signer }: Verified, said: Job = noJob): Job & Pick<Claimed, 'identity'> {
  if (signer.kind === 'key') return { ...said, identity: undefined }
  const { san, issuer, claims } = signer.identity
  return {
    issuer,
    identity: san,
    repositoryId: textIn(own(claims, 'sourceRepositoryIdentifier')),
    ownerId: textIn(own(claims, 'sourceRepositoryOwnerIdentifier')),
    repository: textIn(own(claims, 'sourceRepositoryURI')),
    ref: textIn(own(claims, 'sourceRepositoryRef')),
  }
}

function bySource(definition: Fields): Job {
  const source = recordIn(recordIn(definition['externalParameters'])['source'])
  return {
    issuer: textIn(recordIn(recordIn(definition['internalParameters'])['issuer'])['url']),
    repositoryId: textIn(source['repositoryId']),
    ownerId: textIn(source['ownerId']),
    repository: /^git\+([^@#?]+)/.exec(textIn(source['uri']) ?? '')?.[1] ?? textIn(source['repository']),
    ref: textIn(source['ref']),
  }
}

function byIdentity(receipt: Fields): Job {
  const identity = recordIn(receipt['identity'])
  const attributes = recordIn(identity['attributes'])
  return {
    issuer: textIn(identity['issuerUrl']),
    repositoryId: textIn(attributes['repository_id']),
    ownerId: textIn(attributes['owner_id']),
    repository: textIn(attributes['repository']),
    ref: textIn(attributes['ref']),
  }
}

/** See docs/attestations.md. */
function ofStep(predicate: Fields, definition: Fields, builder = '') {
  const external = recordIn(definition['externalParameters'])
  const internal = recordIn(definition['internalParameters'])
  const details = recordIn(predicate['runDetails'])
  // The builder says which tier it is: one for each.
  const { server, tier } = /^(?<server>.+)\/builders\/tier-(?<tier>[bce])$/.exec(builder)?.groups ?? {}
  return {
    ...{ server, tier: tier?.toUpperCase(), role: textIn(external['role']) },
    ...{ runId: textIn(internal['run']), stepId: textIn(internal['stepId']) },
    approvals: listIn(internal['approvals']).map(approvalIn),
    noSecretFound: noSecretIn(details),
    dependencies: dependenciesIn(definition['resolvedDependencies'], internal, server),
    names: digestsIn(details['byproducts']),
  }
}

function ofReceipt(predicate: Fields) {
  const idOf = (name: string) => textIn(recordIn(predicate[name])['id'])
  return {
    ...{ runId: idOf('run'), stepId: idOf('step') },
    server: textIn(recordIn(predicate['server'])['url']),
  }
}

/** What its own statement says of a step that this server is about to sign for: is all that it took in verified? */
export function isAllVerified(statement: Statement): boolean {
  const predicate = recordIn(statement.predicate)
  const definition = recordIn(predicate['buildDefinition'])
  const builder = textIn(recordIn(recordIn(predicate['runDetails'])['builder'])['id'])
  return ofStep(predicate, definition, builder).dependencies?.unverified.length === 0
}

function approvalIn(value: unknown): Approval {
  const { group, of, people } = recordIn(value)
  return {
    ...(typeof group === 'string' ? { group } : {}),
    ...(typeof of === 'string' ? { of } : {}),
    people: listIn(people).flatMap((one) => textIn(one) ?? []),
  }
}

function noSecretIn(details: Fields): boolean | undefined {
  const outcomes = listIn(details['byproducts'])
    .map(recordIn)
    .filter((one) => one['name'] === 'outcome')
  const found = recordIn(outcomes[0]?.['annotations'])['secretsFound']
  return outcomes.length === 1 && typeof found === 'number' ? found === 0 : undefined
}

function own(fields: Readonly<Record<string, string>>, name: string): unknown {
  return Object.hasOwn(fields, name) ? fields[name] : undefined
}
