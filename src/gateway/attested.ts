import {
  createBundleCheck,
  judge,
  type BundleCheck,
  type Demands,
  type Trust,
  type Verified,
} from '../attest/verify/index.ts'
import { messageOf, type Clock, type RunId } from '../lib/index.ts'
import type { Step } from '../broker/index.ts'
import type { ProvenanceDemand } from '../policy/index.ts'
import { createTrustFiles } from './trust-files.ts'

/** The attestations that this server made. */
export interface Attestations {
  /** The JSON of bundles about this digest, `sha256:HEX`, in pages: what could meet the demand of somebody in this run first. */
  about(digest: string, demand: Demands, run: RunId): AsyncIterable<readonly string[]>
  /** Waits a bounded while for what the run has to be signed; `pending` if something still is. */
  ofRun(
    run: RunId,
    digest: string,
  ): Promise<{ readonly bundles: readonly string[]; readonly pending: boolean }>
  /** Whose signatures are this server's. */
  trust(): Promise<Trust>
}

/** Something that is published or deployed. */
export interface Brought {
  /** `sha256:HEX`. */
  readonly digest: string
  /** Of an image as it is named, `registry.example.com/octo/app`: attestations may stand beside it there. */
  readonly image?: string
  /** What is pushed as this image. */
  readonly manifest?: { readonly bytes: Buffer; readonly type: string }
}

/** What let it pass, for the record. */
export interface AttestedBy {
  readonly digest: string
  readonly type: string
  readonly by: string
  readonly logIndex: number
  readonly signed: string
}

export type AttestedAnswer =
  | { readonly ok: true; readonly attested: readonly AttestedBy[] }
  | { readonly ok: false; readonly why: string; readonly pending: boolean }

/** Holds what is brought against what a grant demands of attestations about it. */
export type Attested = (
  step: Step,
  brought: readonly Brought[],
  demand: ProvenanceDemand,
) => Promise<AttestedAnswer>

/**
 * Attestations that stand beside an image in its registry, and the images that it has for each platform; or why nobody could look. The
 * gateway asks with what the step itself may use there, and for nothing that it may not.
 */
export type Beside = (
  step: Step,
  /** `image` as in `registry.example.com/octo/app`. */
  brought: Brought & { readonly image: string },
) => Promise<
  | {
      readonly bundles: readonly string[]
      readonly isCut: boolean
      readonly platforms: readonly string[]
      /** Some of it was not read, since the registry wants to be asked later. */
      readonly isBusy?: true
    }
  | { readonly why: string; readonly isBusy?: true }
>

interface Asked {
  readonly step: Step
  readonly demand: ProvenanceDemand
  readonly check: BundleCheck
  /** Digests that were looked at. */
  readonly met: Set<string>
}

/** More would be a release of its own. */
const maxBrought = 500
const maxReasons = 5
/** Of indexes in indexes. */
const maxDepth = 3
const tooMany: AttestedAnswer = {
  ...{ ok: false, why: `it brings more than ${maxBrought} things at once`, pending: false },
}

export function createAttested(deps: {
  readonly attestations: Attestations | undefined
  readonly beside: Beside
  readonly clock: Clock
}): Attested {
  const { attestations, beside, clock } = deps
  const files = createTrustFiles(deps)

  async function trustFor({ trusted_root: root }: ProvenanceDemand): Promise<Trust | undefined> {
    return root === undefined ? attestations?.trust() : files.of(root)
  }

  async function one(asked: Asked, brought: Brought, depth: number): Promise<AttestedAnswer> {
    const { step, demand, check, met } = asked
    const { digest, image } = brought
    // Whoever builds indexes of indexes could ask for more than anybody has time for.
    if (met.size >= maxBrought) return tooMany
    met.add(digest)
    const { runId } = step.session
    const looked = createLook(check, demand, { nowMs: clock.nowMs(), runId })
    const ofRun = await attestations?.ofRun(runId, digest)
    await looked.add(ofRun?.bundles ?? [])
    const pending = ofRun?.pending ?? false
    let known = looked.judge(digest)
    for await (const page of attestations?.about(digest, demand, runId) ?? []) {
      if (known.ok) break
      await looked.add(page)
      known = looked.judge(digest)
    }
    if (known.ok) return known
    const signing = pending ? '; its attestation is being signed' : ''
    if (image === undefined) return { ok: false, why: `${known.why}${signing}`, pending }
    const there = await beside(step, { ...brought, image })
    if ('why' in there) {
      const why = `${known.why}; ${there.why}${signing}`
      return { ok: false, why, pending: pending || there.isBusy === true }
    }
    await looked.add(there.bundles)
    const found = looked.judge(digest)
    if (found.ok) return found
    const cut = there.isCut ? '; more stands beside it in its registry than was read' : ''
    const busy = there.isBusy === true ? '; its registry is busy: try again' : ''
    const why = `${found.why}${cut}${busy}${signing}`
    const isLater = pending || busy !== ''
    if (there.platforms.length === 0 || depth === maxDepth) return { ok: false, why, pending: isLater }
    // An index whose every image was attested brings nothing else.
    const images = there.platforms.map((child) => ({ digest: child, image }))
    const each = await all(asked, images, depth + 1)
    return each.ok
      ? each
      : { ok: false, why: `${why}; of what it lists: ${each.why}`, pending: each.pending || busy !== '' }
  }

  async function all(asked: Asked, brought: readonly Brought[], depth: number): Promise<AttestedAnswer> {
    const attested: AttestedBy[] = []
    for (const each of brought) {
      // What did not hold ended it.
      if (asked.met.has(each.digest)) continue
      const answer = await one(asked, each, depth)
      if (!answer.ok) return answer
      attested.push(...answer.attested)
    }
    return { ok: true, attested }
  }

  return async (step, brought, demand) => {
    if (brought.length > maxBrought) return tooMany
    try {
      const trust = await trustFor(demand)
      if (trust === undefined) return { ok: false, why: 'this server keeps no attestations', pending: false }
      const check = createBundleCheck(trust, clock.nowMs())
      return await all({ step, demand, check, met: new Set() }, brought, 0)
    } catch (error) {
      return { ok: false, why: messageOf(error), pending: false }
    }
  }
}

/** Bundles that were found about one thing, and what is wrong with those that do not hold. */
function createLook(
  check: BundleCheck,
  { trusted_root: root, ...demands }: ProvenanceDemand,
  context: { readonly nowMs: number; readonly runId: string },
) {
  const seen = new Set<string>()
  const verified: Verified[] = []
  const refused: string[] = []
  let isSpent = false
  return {
    async add(bundles: readonly string[]) {
      for (const text of bundles) {
        if (seen.has(text)) continue
        seen.add(text)
        const checked = await check(text)
        if (checked === 'spent') {
          isSpent = true
          return
        }
        if (checked.ok) verified.push(checked)
        else refused.push(`${checked.detail} (${checked.reason})`)
      }
    },
    judge(digest: string) {
      const judged = judge(verified, digest, demands, { ...context, own: () => root === undefined })
      if (judged.ok) return { ok: true, attested: [attestedBy(digest, judged.by)] } as const
      const reasons = [...new Set(refused)].slice(0, maxReasons)
      const also = reasons.length === 0 ? '' : `; not taken: ${reasons.join('; ')}`
      const spent = isSpent ? '; there are more attestations than are looked at for one request' : ''
      return { ok: false, why: `${judged.missing.join('; ')}${also}${spent}` } as const
    },
  }
}

function attestedBy(digest: string, { statement, signer, logIndex, timeMs }: Verified): AttestedBy {
  return {
    digest,
    type: (statement?.predicateType ?? 'signature').slice(0, 200),
    by: signer.kind === 'key' ? `key ${signer.keyId}` : signer.identity.san.slice(0, 500),
    logIndex,
    signed: new Date(timeMs).toISOString(),
  }
}
