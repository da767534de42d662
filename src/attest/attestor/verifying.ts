import { MayflyError, messageOf, type Clock } from '../../lib/index.ts'
import { vsaOf, type VerificationFacts } from '../statements/index.ts'
import {
  parseTrustedRoot,
  Refusal,
  summaryType,
  type BundleCheck,
  type Demands,
  type Judgement,
  type Trust,
} from '../verify/index.ts'
import type { StoredAttestation, VerifiedArtifact, VerifyRequest } from './model.ts'
import type { Rows } from './rows.ts'
import {
  checkBundles,
  checksOf,
  maxReasons,
  type Checked,
  inputsOf,
  judgeArtifact,
  resourceOf,
  shownBy,
  type KeptSummary,
  type TrustOf,
} from './summary.ts'

export interface VerifyingDeps {
  readonly clock: Clock
  readonly rows: Rows
  readonly url: () => string
  readonly version: string
  readonly trust: () => Promise<Trust>
  /** Throws why nothing can be signed now. */
  readonly signer: (id: string) => Promise<unknown>
  readonly about: (digest: string, demands: Demands) => AsyncIterable<readonly StoredAttestation[]>
  /** Of attestations that one request is held against. */
  readonly checkLimits?: { readonly bundles: number; readonly bytes: number }
  /** Signs one that is due, for so long. */
  readonly signed: (id: string, waitMs: number) => Promise<StoredAttestation | 'pending' | MayflyError>
}

/** What all that one request brings is held against. */
interface Held {
  readonly own: boolean
  readonly checks: readonly BundleCheck[]
  readonly nowMs: number
}

/** For all that one request asks for. */
const signMs = 10_000

/** Looks attestations up, judges them, and signs what came of it where that is asked for. */
export function createVerifying(
  deps: VerifyingDeps,
): (request: VerifyRequest) => Promise<VerifiedArtifact[]> {
  const { clock, rows } = deps

  async function one(
    artifact: VerifyRequest['artifacts'][number],
    request: VerifyRequest,
    { own, checks, nowMs }: Held,
    given: Checked,
  ) {
    const wantsSummary = [request.demands.predicate ?? []].flat().some((word) => summaryWords.has(word))
    const judgedBy = (all: Checked) => judgeArtifact(artifact, all, request, { own, nowMs })
    let [all, judgement] = [given, judgedBy(given)]
    const isEnough = () => judgement.answer.ok || all.isSpent
    for await (const page of isEnough() ? [] : deps.about(artifact.digest, request.demands)) {
      const kept = page.filter(({ kind }) => kind !== 'vsa' || wantsSummary)
      const checked = await checkBundles(
        kept.map(({ bundle }) => bundle),
        checks,
      )
      all = {
        verified: [...all.verified, ...checked.verified],
        refused: [...new Set([...all.refused, ...checked.refused])].slice(0, maxReasons),
        isSpent: checked.isSpent,
      }
      judgement = judgedBy(all)
      if (isEnough()) break
    }
    const { answer, judged } = judgement
    const isSummed = request.sign === 'always' || (request.sign === 'passed' && answer.ok)
    if (!isSummed) return { answer, summary: undefined }
    const attestations = inputsOf(all.verified, artifact.digest)
    return { answer, summary: factsOf(artifact, request, judged, own, attestations, nowMs) }
  }

  function factsOf(
    artifact: VerifyRequest['artifacts'][number],
    { policy }: VerifyRequest,
    judged: Judgement,
    own: boolean,
    attestations: VerificationFacts['attestations'],
    timeMs: number,
  ): VerificationFacts {
    const facts: VerificationFacts = {
      verifier: { id: `${deps.url()}/verifier`, version: deps.version },
      ...{ timeMs, policy, attestations, passed: judged.ok },
      resourceUri: resourceOf(artifact, judged),
      subject: {
        digest: artifact.digest,
        ...(artifact.name === undefined ? {} : { name: artifact.name }),
      },
      ...shownBy(judged, own),
    }
    try {
      vsaOf(facts)
    } catch (cause) {
      throw new MayflyError('bad_input', messageOf(cause), { cause })
    }
    return facts
  }

  return async (request) => {
    const trust = await trustOf(request, deps)
    if (request.sign !== 'never') await checkSigner(deps)
    const nowMs = clock.nowMs()
    const held = { own: trust.own, checks: checksOf(trust, nowMs, deps.checkLimits), nowMs }
    const given = await checkBundles(request.bundles, held.checks)
    const judged = []
    for (const artifact of request.artifacts) judged.push(await one(artifact, request, held, given))
    const until = performance.now() + signMs
    const signer = { san: `${deps.url()}/verifier`, issuer: deps.url(), claims: {} }
    const ids: (string | undefined)[] = []
    for (const { summary: facts } of judged)
      ids.push(
        facts && (await rows.addSummary({ facts, signer, asked: request.asked } satisfies KeptSummary)),
      )
    return await Promise.all(
      judged.map(async ({ answer }, i) => {
        const id = ids[i]
        if (id === undefined) return answer
        const summary = await deps.signed(id, Math.max(until - performance.now(), 0))
        return { ...answer, summary: { id, is: summary } }
      }),
    )
  }
}

const summaryWords = new Set(['vsa', summaryType])

/** Roots that are named stand in place of ours, as in a grant: under them others sign, too. */
async function trustOf({ trustedRoots }: VerifyRequest, deps: VerifyingDeps): Promise<TrustOf> {
  if (trustedRoots.length === 0) return { roots: [await deps.trust()], own: true }
  try {
    return { roots: trustedRoots.map((root) => parseTrustedRoot(root)), own: false }
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause
    throw new MayflyError('bad_input', `trusted_roots: ${cause.message}`, { cause })
  }
}

async function checkSigner({ signer }: VerifyingDeps): Promise<void> {
  try {
    await signer('')
  } catch (cause) {
    if (!(cause instanceof MayflyError) || cause.code !== 'bad_token') throw cause
    throw new MayflyError(
      'conflict',
      'an instance of Sigstore signs here, with the token of each job: there is none to sign a verification summary with',
      { cause },
    )
  }
}
