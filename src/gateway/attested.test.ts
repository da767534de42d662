import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../lib/index.ts'
import { keptAttestations, openSigning } from './attestations.fixture.ts'
import { createAttested } from './attested.ts'
import { openWorld } from './gateway.fixture.ts'

const hex = (n: number) => `sha256:${String(n).padStart(64, '0')}`

test('an index of more indexes than anybody has time for is refused, though all in them is attested', async (t) => {
  const { step } = await openWorld(t)
  const signing = await openSigning(t)
  const kept = keptAttestations(signing)
  const leaf = hex(1)
  kept.bundles.push(await signing.sign({ digest: leaf }))
  const judged = (width: number) => {
    const platforms = (digest: string) =>
      digest === hex(2) ? Array.from({ length: width }, (_, n) => hex(1000 + n)) : [leaf]
    return createAttested({
      attestations: {
        ...kept,
        async *about(digest) {
          yield digest === leaf ? kept.bundles : []
        },
      },
      beside: async (_, { digest }) => ({ bundles: [], isCut: false, platforms: platforms(digest) }),
      clock: systemClock,
    })(step, [{ digest: hex(2), image: 'registry.example.com/octo/app' }], { role: 'build' })
  }
  assert.equal((await judged(498)).ok, true)
  const refused = await judged(499)
  assert.match(refused.ok ? '' : refused.why, /more than 500 things/)
})
