import { belongsTo, withItsJob } from './belonging.ts'
import { claimedBy, type Claimed } from './claimed.ts'
import {
  ageCheck,
  approvalsCheck,
  dependenciesCheck,
  line,
  repositoryCheck,
  runCheck,
  secretsCheck,
  texts,
  tierCheck,
} from './demand-checks.ts'
import { isEmpty, readDemands, type WrittenDemands } from './demand-reader.ts'
import type { Demands } from './demand-model.ts'
import type { Verified } from './model.ts'
import { provenanceType, receiptType, sbomType, spdxType, summaryType } from './types.ts'

/** Words for types of statements; a URI stands for itself, `signature` for a signature over the artifact alone. */
export const predicateWords: Readonly<Record<string, string>> = {
  provenance: provenanceType,
  sbom: sbomType,
  spdx: spdxType,
  vsa: summaryType,
  receipt: receiptType,
  signature: 'signature',
}

export interface JudgeContext {
  readonly nowMs: number
  /** For `same_run`. */
  readonly runId?: string
  /**
   * Was it signed under a root that signs for Mayfly alone? Then what the statement says of role, tier, approvals is the server's
   * record. Under any other root these are the words of whoever signed, and a demand for them is not met.
   */
  readonly own: (one: Verified) => boolean
}

export type Judgement =
  | { readonly ok: true; readonly by: Verified }
  /** Each demand that is not met, expected against found: of the attestation that came nearest. */
  | { readonly ok: false; readonly missing: readonly string[] }

/**
 * `verified`: bundles whose signatures held. `subjectDigest`: `sha256:HEX`, or by another algorithm. Demands that are not understood, or
 * ask for nothing, are met by nothing.
 */
export function judge(
  verified: readonly Verified[],
  subjectDigest: string,
  written: WrittenDemands,
  context: JudgeContext,
): Judgement {
  const read = readDemands(written)
  if (!read.ok) return { ok: false, missing: read.problems }
  const { demands } = read
  if (isEmpty(demands)) return { ok: false, missing: ['nothing is demanded: everything would meet it'] }
  const about = verified
    .filter((one) => isAbout(one, subjectDigest))
    .map((one) => claimedBy(one, context.own(one)))
  const types = typesIn(demands)
  const judged = types.map((type) => about.filter((one) => one.type === type).map(judgeOne))
  for (const [at, type] of types.entries()) {
    const [nearest] = judged[at]?.toSorted((a, b) => a.missing.length - b.missing.length) ?? []
    if (nearest === undefined)
      return {
        ok: false,
        missing: [`${wordOf(type)}: there is none about ${subjectDigest}${othersIn(about)}`],
      }
    if (nearest.missing.length > 0) return { ok: false, missing: nearest.missing }
  }
  const met = judged.map((all) => all.filter(({ missing }) => missing.length === 0).map(({ one }) => one))
  return together(met)

  function judgeOne(one: Claimed) {
    const [missing = []] = withItsJob(one, about)
      .map((each) => unmet(each, demands, context))
      .toSorted((a, b) => a.length - b.length)
    return { one, missing }
  }
}

/** Of each type those that would do: there has to be one of each that belongs to one of the first. */
function together([firsts = [], ...others]: readonly (readonly Claimed[])[]): Judgement {
  const apart = firsts.map((first) => ({
    first,
    missing: others
      .filter((all) => !all.some((one) => belongsTo(first, one)))
      .map(
        ([one]) =>
          `${wordOf(one?.type ?? '')}: expected one of the same step as the ${wordOf(first.type)}, got one of another`,
      ),
  }))
  const [nearest] = apart.toSorted((a, b) => a.missing.length - b.missing.length)
  if (nearest === undefined) return { ok: false, missing: ['nothing is demanded'] }
  const { first, missing } = nearest
  return missing.length === 0 ? { ok: true, by: first.verified } : { ok: false, missing }
}

/**
 * The types of statements that must be there. Provenance comes first where only it says what is demanded, and where there are several:
 * it is what the others have to belong to.
 */
function typesIn(demands: Demands): readonly string[] {
  const named = [demands.predicate ?? 'provenance'].flat().map(typeOf)
  const needsProvenance = ofProvenance.some((key) => demands[key] !== undefined) || new Set(named).size > 1
  return [...new Set([...(needsProvenance ? [typeOf('provenance')] : []), ...named])]
}

const ofProvenance = [
  'builder',
  'tier',
  'role',
  'same_run',
  'approvals',
  'no_secret_found',
  'dependencies',
] as const

function typeOf(word: string): string {
  return Object.hasOwn(predicateWords, word) ? (predicateWords[word] ?? word) : word
}

function wordOf(type: string): string {
  return Object.keys(predicateWords).find((word) => predicateWords[word] === type) ?? type
}

function othersIn(about: readonly Claimed[]): string {
  const types = [...new Set(about.map(({ type }) => wordOf(type)))]
  return types.length === 0 ? '' : ` (there is ${types.slice(0, 5).join(', ')})`
}

/** A digest that only looks like it, by another algorithm or as a name, is another subject. */
function isAbout({ statement, message }: Verified, digest: string): boolean {
  const at = digest.indexOf(':')
  const [algorithm, hex] = [digest.slice(0, at), digest.slice(at + 1)]
  if (at < 1 || hex === '') return false
  if (statement === undefined)
    return algorithm === 'sha256' && message !== undefined && toHex(message.digest) === hex
  return statement.subject.some(({ digest: one }) => Object.hasOwn(one, algorithm) && one[algorithm] === hex)
}

function toHex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

type Check = (claimed: Claimed, demands: Demands, context: JudgeContext) => string | undefined

/** What whoever signed is held to, in every attestation that counts. */
const signerChecks: readonly Check[] = [
  ({ issuer }, demands) => texts('issuer', demands.issuer, issuer),
  ({ repositoryId }, demands) => texts('repository_id', demands.repository_id, repositoryId),
  ({ ownerId }, demands) => texts('owner_id', demands.owner_id, ownerId),
  ({ repository }, demands) => repositoryCheck(demands.repository, repository),
  ({ ref }, demands) => texts('ref', demands.ref, ref),
  ({ identity }, demands) => texts('identity', demands.identity, identity),
  ({ verified }, { max_age_seconds: most }, { nowMs }) => ageCheck(most, nowMs - verified.timeMs),
]

const provenanceChecks: readonly Check[] = [
  ({ builder }, demands) => texts('builder', demands.builder, builder),
  ({ tier }, demands) => tierCheck(demands.tier, tier),
  ({ role }, demands) => texts('role', demands.role, role),
  ({ runId }, demands, context) => runCheck(demands.same_run, runId, context.runId),
  ({ approvals }, demands) => approvalsCheck(demands.approvals, approvals),
  ({ noSecretFound }, demands) => secretsCheck(demands.no_secret_found, noSecretFound),
  ({ dependencies }, demands) => dependenciesCheck(demands.dependencies, dependencies),
]

/** A summary that says FAILED is signed like any other. */
const summaryChecks: readonly Check[] = [
  ({ result }) => (result === 'PASSED' ? undefined : line('vsa', 'PASSED', result)),
]

const checksOf: Readonly<Record<string, readonly Check[]>> = {
  [provenanceType]: provenanceChecks,
  [summaryType]: summaryChecks,
}

function unmet(claimed: Claimed, demands: Demands, context: JudgeContext): string[] {
  const isProvenance = claimed.type === predicateWords['provenance']
  const checks = [
    ...signerChecks,
    ...((Object.hasOwn(checksOf, claimed.type) ? checksOf[claimed.type] : undefined) ?? []),
  ]
  const missing = checks.flatMap((check) => check(claimed, demands, context) ?? [])
  if (claimed.stranger !== undefined) return [claimed.stranger, ...missing]
  const says = isProvenance && missing.length > 0 ? claimed.unbelieved : undefined
  return [...missing, ...(says === undefined ? [] : [says]), ...nameless(claimed, demands)]
}

/** Which statement it is about, where no name could have met what is demanded. */
function nameless({ verified: { signer }, type, issuer, unbelieved }: Claimed, demands: Demands): string[] {
  const isAsked = [...ofJob, 'identity' as const].some((key) => demands[key] !== undefined)
  if (signer.kind !== 'key' || issuer !== undefined || unbelieved !== undefined || !isAsked) return []
  return [
    `the ${wordOf(type)} was signed by the key ${signer.keyId}, and a key names nobody: only a provenance or receipt of your Mayfly says of which job it is, and a bill of materials that such a provenance names`,
  ]
}

const ofJob = ['issuer', 'repository_id', 'owner_id', 'repository', 'ref'] as const
