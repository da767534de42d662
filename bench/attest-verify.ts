import { bundleFromJSON } from '@sigstore/bundle'
import { TrustedRoot } from '@sigstore/protobuf-specs'
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify'
import { parseTrustedRoot, verifyBundle } from '../src/attest/verify/index.ts'
import { createWorld, statementOf } from '../src/attest/verify/world.fixture.ts'
import type { BenchResult } from './result.ts'
import { median, percentile } from './statistics.ts'

const rounds = 400
const warmUp = 100

/** A bundle from its text to who signed what, beside Sigstore's own library on the same one; then of 10,000 artifacts, and of a file. */
export async function benchAttestVerify(): Promise<BenchResult[]> {
  const world = await createWorld()
  const root = JSON.stringify(world.trustedRoot)
  const text = JSON.stringify(await world.bundle())
  const trust = parseTrustedRoot(root)
  const theirs = toTrustMaterial(TrustedRoot.fromJSON(JSON.parse(root)))
  const ourCost = sample(() => verifyBundle(text, trust).ok)
  const theirCost = sample(() => {
    const entity = toSignedEntity(bundleFromJSON(JSON.parse(text)))
    const thresholds = { ctlogThreshold: 0, tlogThreshold: 1, timestampThreshold: 1 }
    return new Verifier(theirs, thresholds).verify(entity).identity !== undefined
  })
  const subject = Array.from({ length: 10_000 }, (_, i) => ({
    name: `dist/file-${i}.js`,
    digest: { sha256: i.toString(16).padStart(64, '0') },
  }))
  const large = JSON.stringify(await world.bundle({ statement: statementOf({ subject }) }))
  const file = JSON.stringify(await world.bundle({ message: Buffer.from('app') }))
  const p50 = median(ourCost)
  return [
    {
      ...{ name: 'a bundle verified, p50', value: p50, unit: 'ms', target: '< 5 ms', ok: p50 < 5 },
      ...{ ratio: p50 / median(theirCost), against: '@sigstore/verify' },
    },
    { name: 'a bundle verified, p99', value: percentile(ourCost, 99), unit: 'ms' },
    { name: 'a bundle verified by @sigstore/verify, p50', value: median(theirCost), unit: 'ms' },
    of(
      'a bundle of 10,000 artifacts verified, p50',
      sample(() => verifyBundle(large, trust).ok, 20),
    ),
    of(
      'the signature of a file verified by its digest, p50',
      sample(() => verifyBundle(file, trust).ok),
    ),
  ]
}

function of(name: string, samples: readonly number[]): BenchResult {
  return { name, value: median(samples), unit: 'ms' }
}

function sample(verify: () => boolean, count = rounds): number[] {
  const samples: number[] = []
  for (let i = 0; i < warmUp + count; i++) {
    const startedMs = performance.now()
    const isGood = verify()
    samples.push(performance.now() - startedMs)
    if (!isGood) throw new Error('a good bundle was refused')
  }
  return samples.slice(warmUp)
}
