import { belongsTo } from './belonging.ts'
import { claimedBy, type Claimed } from './claimed.ts'
import { matchesOne } from './demand-pattern.ts'
import type { Verified } from './model.ts'

type OneOrMore = string | readonly string[]

/**
 * What somebody who takes an artifact demands of how it was made. Keys are as in policies; all of them must hold, for one provenance
 * about exactly the digest that is asked for. In patterns `*` stands for any run of characters; the whole text must match.
 */
export interface Demands {
  /** `builder.id` of the provenance. */
  readonly builder?: OneOrMore
  /** The weakest isolation that is taken: B all namespaces, C no process namespace. */
  readonly tier?: 'B' | 'C'
  /** URL of the CI's OIDC issuer, as the certificate has it. */
  readonly issuer?: string
  readonly repository_id?: OneOrMore
  readonly owner_id?: OneOrMore
  /** `OWNER/NAME`, or the whole URL. */
  readonly repository?: OneOrMore
  readonly ref?: OneOrMore
  readonly role?: OneOrMore
  /** It was made in the same run as what asks for it. */
  readonly same_run?: true
  /** The subject alternative name of the certificate: the workflow, or whoever signed. */
  readonly identity?: OneOrMore
  /** `of`: a pattern of the operation that they said yes to; of the job that took the role, if it is left out. */
  readonly approvals?: { readonly count?: number; readonly group?: string; readonly of?: string }
  readonly max_age_seconds?: number
  readonly no_secret_found?: true
  readonly dependencies?: 'verified'
  /** Types of statements that must be there, by our words or as URIs. Provenance if it is left out. */
  readonly predicate?: OneOrMore
  /** Names that may change hands are taken without the ids that stand for them. */
  readonly by_name?: true
}

/** Words for types of statements; a URI stands for itself, `signature` for a signature over the artifact alone. */
export const predicateWords: Readonly<Record<string, string>> = {
  provenance: 'https://slsa.dev/provenance/v1',
  sbom: 'https://cyclonedx.org/bom',
  spdx: 'https://spdx.dev/Document',
  vsa: 'https://slsa.dev/verification_summary/v1',
  receipt: 'urn:mayfly:step-receipt:v1',
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

/** `verified`: bundles whose signatures held. `subjectDigest`: `sha256:HEX`, or by another algorithm. */
export function judge(
  verified: readonly Verified[],
  subjectDigest: string,
  demands: Demands,
  context: JudgeContext,
): Judgement {
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
    return { one, missing: unmet(one, demands, context) }
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
  'https://slsa.dev/provenance/v1': provenanceChecks,
  'https://slsa.dev/verification_summary/v1': summaryChecks,
}

function unmet(claimed: Claimed, demands: Demands, context: JudgeContext): string[] {
  const isProvenance = claimed.type === predicateWords['provenance']
  const checks = [
    ...signerChecks,
    ...((Object.hasOwn(checksOf, claimed.type) ? checksOf[claimed.type] : undefined) ?? []),
  ]
  const missing = checks.flatMap((check) => check(claimed, demands, context) ?? [])
  const says = isProvenance && missing.length > 0 ? claimed.unbelieved : undefined
  return says === undefined ? missing : [...missing, says]
}

function texts(name: string, expected: OneOrMore | undefined, got: string | undefined): string | undefined {
  if (expected === undefined) return undefined
  const patterns = [expected].flat()
  return got !== undefined && matchesOne(patterns, got) ? undefined : line(name, patterns.join(' or '), got)
}

function line(name: string, expected: string, got: string | undefined): string {
  return `${name}: expected ${shown(expected)}, got ${got === undefined ? 'nothing' : shown(got)}`
}

const maxShown = 300

/** A statement of others may say anything, in any length, to a terminal. */
function shown(text: string): string {
  const plain = Array.from(text.slice(0, maxShown), (one) =>
    /[\p{C}\p{Z}]/u.test(one) && one !== ' ' ? '?' : one,
  )
  return `${plain.join('')}${text.length > maxShown ? '…' : ''}`
}

/** By its name on its host, or where the pattern is a URL by that. */
function repositoryCheck(expected: OneOrMore | undefined, uri: string | undefined): string | undefined {
  if (expected === undefined) return undefined
  const patterns = [expected].flat()
  const name = uri?.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/]*\//, '')
  const isMet = patterns.some((one) => {
    const got = one.includes('://') ? uri : name
    return got !== undefined && matchesOne([one], got)
  })
  return isMet ? undefined : line('repository', patterns.join(' or '), uri)
}

const tiers = ['B', 'C', 'E']

function tierCheck(least: Demands['tier'], tier: string | undefined): string | undefined {
  if (least === undefined) return undefined
  const is = tier !== undefined && tiers.includes(tier) && tiers.indexOf(tier) <= tiers.indexOf(least)
  return is ? undefined : line('tier', `${least}${least === 'C' ? ' or B' : ''}`, tier)
}

function runCheck(same: true | undefined, runId: string | undefined, own: string | undefined) {
  if (same === undefined || (runId !== undefined && runId === own)) return undefined
  return line('same_run', own ?? 'a run', runId)
}

/** In a statement people are pseudonyms; whatever else stands among them is nobody. */
const person = /^per_[0-9a-hjkmnp-tv-z]{24}$/

function approvalsCheck(expected: Demands['approvals'], got: Claimed['approvals']): string | undefined {
  if (expected === undefined) return undefined
  const { count = 1, group, of = 'session' } = expected
  const about = got
    .filter((one) => (group === undefined || one.group === group) && matchesOne([of], one.of ?? ''))
    .flatMap(({ people }) => people.filter((one) => person.test(one)))
  const people = new Set(about)
  const isMet = Number.isSafeInteger(count) && count >= 1 && people.size >= count
  const where = `${group === undefined ? '' : ` of ${group}`}${of === 'session' ? '' : ` to ${of}`}`
  return isMet ? undefined : line('approvals', `${count}${where}`, `${people.size}${where}`)
}

/** A clock that runs behind the log's by a little is no reason; a time that is yet to come is. */
const clockSkewMs = 300_000

function ageCheck(most: number | undefined, ageMs: number): string | undefined {
  if (most === undefined) return undefined
  if (ageMs >= -clockSkewMs && ageMs <= most * 1000) return undefined
  return line('max_age', `at most ${most} s`, ageMs < 0 ? 'a time to come' : `${Math.round(ageMs / 1000)} s`)
}

function secretsCheck(expected: true | undefined, noneFound: boolean | undefined): string | undefined {
  if (expected === undefined || noneFound === true) return undefined
  const got = noneFound === false ? 'it was found in the output or in what it made' : undefined
  return line('no_secret_found', 'no secret of the job in output and artifacts', got)
}

function dependenciesCheck(
  expected: 'verified' | undefined,
  got: Claimed['dependencies'],
): string | undefined {
  if (expected === undefined || (got !== undefined && got.unverified.length === 0)) return undefined
  if (got === undefined) return line('dependencies', 'all verified', undefined)
  const [first = ''] = got.unverified
  const more = got.unverified.length - 1
  return line('dependencies', 'all verified', `${first}${more > 0 ? `, and ${more} more` : ''}`)
}
