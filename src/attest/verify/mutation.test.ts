import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseTrustedRoot, verifyBundle } from './index.ts'
import { oracleTakes } from './oracle.fixture.ts'
import type { BundleJson } from './shapes.fixture.ts'
import { createWorld } from './world.fixture.ts'

const world = await createWorld()
const trust = parseTrustedRoot(world.trustedRoot)
const good = await world.bundle()

type Region = readonly [name: string, of: (bundle: BundleJson) => object, field: string]
const regions: readonly Region[] = [
  ['payload', (bundle) => bundle.dsseEnvelope!, 'payload'],
  ['signature', (bundle) => bundle.dsseEnvelope!.signatures[0]!, 'sig'],
  ['certificate', (bundle) => bundle.verificationMaterial.certificate!, 'rawBytes'],
  ['entry', (bundle) => bundle.verificationMaterial.tlogEntries[0]!, 'canonicalizedBody'],
  ['log’s id', (bundle) => bundle.verificationMaterial.tlogEntries[0]!.logId, 'keyId'],
  ['root', (bundle) => bundle.verificationMaterial.tlogEntries[0]!.inclusionProof, 'rootHash'],
  [
    ...(['timestamp'] as const),
    (bundle) => bundle.verificationMaterial.timestampVerificationData.rfc3161Timestamps[0]!,
    'signedTimestamp',
  ],
]

for (const [name, of, field] of regions)
  test(`a changed bit of the ${name} is refused wherever it is, and never taken where Sigstore refuses it`, () => {
    const bytes = Buffer.from(String(Reflect.get(of(good), field)), 'base64')
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(7), (at, bit) => {
        const changed = Buffer.from(bytes)
        changed[at]! ^= 1 << bit
        const bundle = structuredClone(good)
        Reflect.set(of(bundle), field, changed.toString('base64'))
        const verdict = verifyBundle(bundle, trust)
        // Of a timestamp that is granted it is not signed whether it was granted as it was asked for.
        if (verdict.ok) assert.ok(name === 'timestamp' && oracleTakes(bundle, world.trustedRoot))
      }),
      { numRuns: 120 },
    )
  })

test('a changed character anywhere in its text is refused, or nothing that Sigstore refuses', () => {
  const text = JSON.stringify(good)
  let taken = 0
  fc.assert(
    fc.property(fc.nat(text.length - 1), fc.nat(127), (at, code) => {
      const changed = text.slice(0, at) + String.fromCharCode(code) + text.slice(at + 1)
      const verdict = verifyBundle(changed, trust)
      if (!verdict.ok) return
      taken++
      assert.ok(oracleTakes(changed, world.trustedRoot), changed)
    }),
    { numRuns: 600 },
  )
  assert.ok(taken < 60)
})

test('any JSON and any text for any part of it: a reason, and no exception', () => {
  const parts = pathsIn(good)
  fc.assert(
    fc.property(fc.constantFrom(...parts), fc.oneof(fc.jsonValue(), fc.base64String()), (path, value) => {
      const bundle = structuredClone(good)
      put(bundle, path, value)
      const verdict = verifyBundle(bundle, trust)
      if (verdict.ok) assert.ok(oracleTakes(bundle, world.trustedRoot), JSON.stringify([path, value]))
    }),
    { numRuns: 1000 },
  )
  fc.assert(fc.property(fc.anything(), (input) => !verifyBundle(input, trust).ok))
  fc.assert(fc.property(fc.uint8Array(), (input) => !verifyBundle(input, trust).ok))
})

/** To every value in it, itself excluded. */
function pathsIn(value: unknown): string[][] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, one]) => [
    [name],
    ...pathsIn(one).map((path) => [name, ...path]),
  ])
}

function put(value: unknown, [name = '', ...path]: readonly string[], to: unknown): void {
  const record = value as Record<string, unknown>
  if (path.length === 0) record[name] = to
  else put(record[name], path, to)
}
