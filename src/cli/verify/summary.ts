import { writeFileSync } from 'node:fs'
import { judge, verifyBundle } from '../../attest/verify/index.ts'
import { MayflyError, messageOf } from '../../lib/index.ts'
import { createOperatorApi } from '../operator-api.ts'
import { readJsonLines } from '../text-file.ts'
import type { VerifyPolicy } from './policy.ts'
import type { Outcome } from './report.ts'
import type { TrustInUse } from '../named-trust.ts'

export interface SummaryOptions {
  readonly vsa?: string
  readonly vsaFailed?: boolean
  readonly resourceUri?: string
}

interface Answer {
  readonly artifacts: readonly {
    readonly verified: boolean
    readonly reasons: readonly string[]
    readonly summary: {
      readonly bundle?: object
      readonly pending?: true
      readonly failure?: string
      readonly id: string
    } | null
  }[]
}

/**
 * Has the server verify the same by itself, and writes the summary that it signs of that. Its answer counts, and not ours: what is
 * not verified there is not verified. Throws why there is none.
 */
export async function withSummary(
  outcome: Outcome,
  policy: VerifyPolicy,
  { roots, own }: TrustInUse,
  { vsa: file, vsaFailed = false, resourceUri }: SummaryOptions,
): Promise<Outcome> {
  const { digest, result } = outcome
  if (file === undefined || digest === undefined || result === 'unknown') return outcome
  if (result === 'not verified' && !vsaFailed) return outcome
  const { artifacts } = await createOperatorApi(policy).call<Answer>('POST', '/v1/attestations/verify', {
    artifacts: [{ digest, ...(resourceUri === undefined ? {} : { resource_uri: resourceUri }) }],
    policy: { text: policy.text },
    ...(policy.sharedRoot === undefined
      ? {}
      : {
          bundles: bundlesOf(outcome),
          trusted_roots: readJsonLines(policy.sharedRoot).map((one) => JSON.parse(one) as unknown),
        }),
    sign: vsaFailed ? 'always' : 'passed',
  })
  const [answer] = artifacts
  if (answer === undefined) throw new MayflyError('conflict', 'the server answered for no artifact')
  const { summary } = answer
  const told = answer.verified ? outcome : refusedBy(outcome, answer.reasons)
  if (summary === null) return told
  if (summary.bundle === undefined)
    throw new MayflyError(
      'upstream_unreachable',
      `the summary is not signed yet: ${summary.failure ?? `it will be found by the digest, as ${summary.id}`}`,
    )
  const text = JSON.stringify(summary.bundle)
  // Under a root of others the server's own is not known here.
  if (own && answer.verified) checkSummary(text, digest, roots)
  write(file, summary.bundle)
  return told
}

function refusedBy({ by: _, images: _images, ...outcome }: Outcome, reasons: readonly string[]): Outcome {
  return { ...outcome, result: 'not verified', reasons: reasons.map((one) => `at the server: ${one}`) }
}

function checkSummary(text: string, digest: string, roots: TrustInUse['roots']): void {
  const checked = roots.map((root) => verifyBundle(text, root))
  const verified = checked.filter((one) => one.ok)
  const judged = judge(verified, digest, { predicate: 'vsa' }, { nowMs: Date.now(), own: () => true })
  if (judged.ok) return
  const why = verified.length === 0 ? checked.flatMap((one) => (one.ok ? [] : one.detail)) : judged.missing
  throw new MayflyError('conflict', `the summary that the server signed does not hold: ${why.join('; ')}`)
}

/** `*.intoto.jsonl` is the DSSE envelope alone, which slsa-verifier reads. */
function write(file: string, bundle: object): void {
  const envelope = 'dsseEnvelope' in bundle ? bundle.dsseEnvelope : undefined
  const isPlain = file.endsWith('.intoto.jsonl')
  try {
    writeFileSync(file, `${JSON.stringify(isPlain ? envelope : bundle)}\n`)
  } catch (cause) {
    throw new MayflyError('bad_input', `--vsa ${file} cannot be written: ${messageOf(cause)}`, { cause })
  }
}

function bundlesOf({ found = [] }: Outcome): unknown[] {
  return found.slice(0, 50).flatMap((text): unknown[] => {
    try {
      return [JSON.parse(text)]
    } catch {
      return []
    }
  })
}
