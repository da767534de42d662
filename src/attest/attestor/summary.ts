import { gunzipSync } from 'node:zlib'
import { vsaOf, type VerificationFacts } from '../statements/index.ts'
import {
  buildType,
  checkLimits,
  createBundleCheck,
  judge,
  readProvenance,
  sha256Hex,
  type BundleCheck,
  type Judgement,
  type Provenance,
  type Trust,
  type Verified,
} from '../verify/index.ts'
import type { SignerIdentity } from '../sign/index.ts'
import type { VerifiedArtifact, VerifyRequest } from './model.ts'
import type { Row } from './rows.ts'
import { builtOf, type Built } from './statement.ts'

/** What a verification summary is made of, as its row keeps it until it is signed. */
export interface KeptSummary {
  readonly facts: VerificationFacts
  readonly signer: SignerIdentity
  /** Who asked for it, as the audit log has them; nothing of it comes into the statement. */
  readonly asked: Readonly<Record<string, unknown>>
}

/** Throws a RangeError for facts that make no statement. */
export function summaryIn({ facts: kept }: Row): {
  built: Built
  who: SignerIdentity
  about: Readonly<Record<string, unknown>>
} {
  if (kept === null) throw new RangeError('what it is made of is no more kept')
  const { facts, signer, asked } = JSON.parse(gunzipSync(kept).toString()) as KeptSummary
  const about = { result: facts.passed ? 'PASSED' : 'FAILED', asked }
  return { built: builtOf(vsaOf(facts)), who: signer, about }
}

/** Whose signatures count. */
export interface TrustOf {
  readonly roots: readonly Trust[]
  /** They sign for Mayfly alone. */
  readonly own: boolean
}

export interface Checked {
  readonly verified: readonly Verified[]
  /** Why others do not count. */
  readonly refused: readonly string[]
  /** There are others, and the request has had all that one is given. */
  readonly isSpent: boolean
}

export const maxReasons = 20

/** For one request, by each root: all of them share what one is given. */
export function checksOf({ roots }: TrustOf, nowMs: number, limits = checkLimits): BundleCheck[] {
  const [bundles, bytes] = [limits.bundles, limits.bytes].map((all) => Math.floor(all / roots.length))
  return roots.map((root) => createBundleCheck(root, nowMs, { bundles: bundles ?? 0, bytes: bytes ?? 0 }))
}

/** What of these is signed by somebody whose word counts. Others are answered in between: a hundred of them take half a second. */
export async function checkBundles(
  bundles: readonly string[],
  checks: readonly BundleCheck[],
): Promise<Checked> {
  const verified: Verified[] = []
  const refused = new Set<string>()
  for (const bundle of bundles) {
    const found = []
    for (const check of checks) {
      const one = await check(bundle)
      if (one === 'spent') return { verified, refused: [...refused], isSpent: true }
      found.push(one)
      if (one.ok) break
    }
    const good = found.find((one) => one.ok)
    if (good !== undefined) {
      verified.push(good)
      continue
    }
    for (const one of found)
      if (!one.ok && refused.size < maxReasons) refused.add(`${one.detail} (${one.reason})`)
  }
  return { verified, refused: [...refused], isSpent: false }
}

const tooMany = 'there are more attestations about it than are looked at for one request'

export function judgeArtifact(
  { digest }: VerifyRequest['artifacts'][number],
  { verified, refused, isSpent }: Checked,
  { demands }: Pick<VerifyRequest, 'demands'>,
  { own, nowMs }: { own: boolean; nowMs: number },
): { readonly answer: VerifiedArtifact; readonly judged: Judgement } {
  const judged = judge(verified, digest, demands, { nowMs, own: () => own })
  const reasons = judged.ok ? [] : [...judged.missing, ...(isSpent ? [tooMany] : []), ...refused]
  return { judged, answer: { digest, ok: judged.ok, reasons, ...(judged.ok ? { by: judged.by } : {}) } }
}

/** The statements that were looked at and are about it, by their bytes. */
export function inputsOf(verified: readonly Verified[], digest: string): VerificationFacts['attestations'] {
  const hex = digest.replace(/^sha256:/, '')
  const about = verified.flatMap(({ statement, statementBytes }) =>
    statementBytes !== undefined && statement?.subject.some((one) => one.digest['sha256'] === hex) === true
      ? [sha256Hex(statementBytes)]
      : [],
  )
  return [...new Set(about)].map((sha256) => ({ sha256 }))
}

/** CIs that say of their own runners that each is made for one job. */
const ephemeral = new Set(['github-hosted', 'gitlab-hosted'])

/** How it was built, if a provenance of ours says so under a root of ours: of all others no level is claimed. */
export function shownBy(judged: Judgement, own: boolean): Pick<VerificationFacts, 'tier' | 'isEphemeral'> {
  if (!judged.ok || !own || judged.by.statement === undefined) return {}
  const provenance = readProvenance(judged.by.statement)
  const tier = provenance?.tier?.slice(-1).toUpperCase()
  if (provenance?.buildType !== buildType || !isTier(tier)) return {}
  return { tier, isEphemeral: ephemeral.has(runnerOf(provenance) ?? '') }
}

function isTier(tier: string | undefined): tier is 'B' | 'C' | 'E' {
  return tier === 'B' || tier === 'C' || tier === 'E'
}

function runnerOf({ internalParameters: { issuer } }: Provenance): string | undefined {
  const runner = typeof issuer === 'object' && issuer !== null && 'runner' in issuer ? issuer.runner : ''
  return typeof runner === 'string' ? runner : undefined
}

/** Where somebody gets it, if nobody said: the package that a registry took, or its digest. */
export function resourceOf(
  { digest, resourceUri }: VerifyRequest['artifacts'][number],
  judged: Judgement,
): string {
  const subjects = judged.ok ? (judged.by.statement?.subject ?? []) : []
  const hex = digest.replace(/^sha256:/, '')
  const published = subjects.find(
    ({ name = '', digest: one }) => one['sha256'] === hex && /^pkg:[\x21-\x7e]+$/.test(name),
  )
  return resourceUri ?? published?.name ?? `urn:mayfly:artifact:${digest}`
}
