import { judge, type BundleVerifier, type Verified } from '../../attest/verify/index.ts'
import { MayflyError } from '../../lib/index.ts'
import type { TrustInUse } from '../named-trust.ts'
import { mayBeNewer } from '../stored-trust.ts'
import type { VerifyPolicy } from './policy.ts'
import type { Outcome } from './report.ts'
import type { Bundles, Found, Target } from './target.ts'

type Judged = Pick<Outcome, 'result' | 'reasons' | 'by' | 'images' | 'found'>

/** `verifiers`: of each root, for all artifacts of a command: what stands beside many of them is verified once. */
export interface Verifying extends TrustInUse {
  readonly verifiers: readonly BundleVerifier[]
}

/** Of indexes in indexes; and of images in all, which whoever pushed the index chose. */
const [maxDepth, maxImages] = [3, 500]

/**
 * Judges what was found about a target, then what the server has, and of an index, as the deploy gate does, each image in it: who met the
 * demands for every image that somebody may come to run met them for the index.
 */
export async function judgeTarget(
  target: Target,
  policy: VerifyPolicy,
  trust: Verifying,
  around: { readonly depth: number; readonly seen: Map<string, Judged> } = { depth: 0, seen: new Map() },
): Promise<Judged> {
  const known = around.seen.get(target.digest)
  if (known !== undefined) return known
  if (around.seen.size >= maxImages)
    throw new MayflyError(
      'limit_exceeded',
      `an index with more than ${maxImages} images is not looked through`,
    )
  const judged = await judgeOne(target, policy, trust)
  around.seen.set(target.digest, judged)
  const images = judged.result === 'verified' || around.depth === maxDepth ? [] : await target.images?.()
  if (images === undefined || images.length === 0) return judged
  const found = [...(judged.found ?? [])]
  const verified: { digest: string; by: Verified }[] = []
  for (const image of images) {
    const one = await judgeTarget(await image.open(), policy, trust, { ...around, depth: around.depth + 1 })
    if (one.by === undefined) {
      const of = one.reasons.map((reason) => `of what it lists, ${image.digest}: ${reason}`)
      const result = one.result === 'unknown' ? one.result : judged.result
      return { ...judged, result, reasons: [...judged.reasons, ...of] }
    }
    found.push(...(one.found ?? []))
    verified.push(...(one.images ?? [{ digest: image.digest, by: one.by }]))
  }
  const [first] = verified
  const all: Judged = {
    result: 'verified',
    reasons: [],
    found,
    images: verified,
    ...(first && { by: first.by }),
  }
  around.seen.set(target.digest, all)
  return all
}

async function judgeOne({ digest, bundles, more }: Target, policy: VerifyPolicy, trust: Verifying) {
  const first = judgeAll(digest, bundles.found, policy, trust)
  const others = first.result === 'verified' ? undefined : await moreOf(bundles, more)
  const all = [...bundles.found, ...(others?.found ?? [])]
  const judged = others === undefined ? first : judgeAll(digest, all, policy, trust)
  const found = all.map(({ text }) => text)
  if (judged.result === 'verified') return { ...judged, found }
  const { unread } = bundles
  const isCut = bundles.isCut || others?.isCut === true
  const reasons = [
    ...(unread === undefined ? [] : [unread.message]),
    ...(unread !== undefined && all.length === 0 ? [] : judged.reasons),
    ...(isCut ? ['there is more about it than was read'] : []),
    ...(others?.notes ?? []),
  ]
  return { result: unread === undefined ? judged.result : ('unknown' as const), reasons, found }
}

/**
 * What the server has. It is asked for more than what stands beside something: where it does not answer (or wants an API token), what
 * stands there is judged all the same. Throws what it answers if nothing stands there.
 */
async function moreOf({ found }: Bundles, more: Target['more']) {
  try {
    const others = await more?.()
    return others && { ...others, notes: [] }
  } catch (error) {
    if (!(error instanceof MayflyError) || found.length === 0) throw error
    return {
      found: [],
      isCut: false,
      notes: [`the server has not told what else there is: ${error.message}`],
    }
  }
}

function judgeAll(
  digest: string,
  found: readonly Found[],
  { demands }: VerifyPolicy,
  { verifiers, own, stored, storedKeys }: Verifying,
): Judged {
  if (found.length === 0)
    return {
      result: 'not verified',
      reasons: [
        'no attestation was found: beside a file it is FILE.sigstore.json, sha256-HEX.sigstore.json or provenance.sigstore.json; --attestations names another folder, --bundle another file, --server asks a server',
      ],
    }
  const verified: Verified[] = []
  const refused: string[] = []
  const hints = new Set<string | undefined>()
  const distinct = new Map(found.map((one) => [one.text, one])).values()
  for (const { text, from } of distinct) {
    const checked = verifiers.map((one) => one.verify(text))
    const good = checked.find((one) => one.ok)
    if (good !== undefined) verified.push(good)
    else refused.push(...checked.flatMap((one) => (one.ok ? [] : [`${from}: ${one.detail} (${one.reason})`])))
    const isOfKey = checked.every((one) => !one.ok && one.reason === 'unknown_key')
    if (checked.every((one) => !one.ok && mayBeNewer(one.reason)))
      hints.add(isOfKey ? (storedKeys ?? stored) : stored)
  }
  const judged = judge(verified, digest, demands, { nowMs: Date.now(), own: () => own })
  return judged.ok
    ? { result: 'verified', reasons: [], by: judged.by }
    : {
        result: 'not verified',
        reasons: [...judged.missing, ...new Set(refused), ...[...hints].filter((hint) => hint !== undefined)],
      }
}
