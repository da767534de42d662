import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createProofNonces, createProofSigner, createProofVerifier } from './index.ts'
import { startMs } from './issuer.fixture.ts'

const expected = { method: 'POST', uri: 'https://mayfly.example.com/oauth/token' }

async function setup() {
  const clock = { ms: startMs, nowMs: () => clock.ms }
  const nonces = createProofNonces({ clock })
  const verifier = createProofVerifier({ clock, nonces })
  return { clock, nonces, verifier, signer: await createProofSigner({ clock }) }
}

test('a nonce is ours for ten minutes, and not before it was made', async () => {
  const { clock, nonces } = await setup()
  const nonce = nonces.issue()
  assert.equal(nonces.accepts(nonce), true)
  clock.ms += 10 * 60_000
  assert.equal(nonces.accepts(nonce), true)
  clock.ms += 1
  assert.equal(nonces.accepts(nonce), false)
  clock.ms = startMs - 1
  assert.equal(nonces.accepts(nonce), false)
})

test('refused: a nonce of another process, one that was changed, anything else', async () => {
  const { clock, nonces } = await setup()
  const nonce = nonces.issue()
  assert.equal(createProofNonces({ clock }).accepts(nonce), false)
  for (const other of [
    nonce.slice(0, -1),
    `${nonce}A`,
    nonce.toUpperCase(),
    '',
    7,
    null,
    undefined,
    {},
    [nonce],
  ])
    assert.equal(nonces.accepts(other), false, String(other))
  fc.assert(fc.property(fc.string(), (text) => assert.equal(nonces.accepts(text), text === nonce)))
})

test('within a second everybody gets the same nonce, then another, and each is ours for its own time', async () => {
  const { clock, nonces } = await setup()
  const first = nonces.issue()
  clock.ms += 999
  assert.equal(nonces.issue(), first)
  clock.ms += 1
  const second = nonces.issue()
  assert.notEqual(second, first)
  clock.ms += 599_000
  assert.deepEqual([nonces.accepts(first), nonces.accepts(second)], [true, true])
  nonces.issue()
  clock.ms += 1
  assert.deepEqual([nonces.accepts(first), nonces.accepts(second)], [false, true])
  nonces.issue()
  assert.equal(nonces.accepts(second), true)
})

test('the clock is set back: nonces from ahead are refused and a new one is handed out', async () => {
  const { clock, nonces } = await setup()
  const ahead = nonces.issue()
  clock.ms -= 60_000
  const nonce = nonces.issue()
  assert.notEqual(nonce, ahead)
  assert.deepEqual([nonces.accepts(ahead), nonces.accepts(nonce)], [false, true])
})

test('a proof without our nonce is asked for again with one, and then taken', async () => {
  const { verifier, signer } = await setup()
  const first = await verifier.verify(await signer.sign(expected), expected)
  assert.ok(!first.ok && first.nonce !== undefined)
  assert.match(first.detail, /needs a nonce/)
  signer.learnNonce(first.nonce)
  assert.equal((await verifier.verify(await signer.sign(expected), expected)).ok, true)
})

test('a proof dated ahead and used before a restart is refused after it', async () => {
  const { clock, verifier, signer } = await setup()
  signer.learnNonce(verifier.freshNonce())
  clock.ms += 50_000
  const ahead = await signer.sign(expected)
  clock.ms -= 50_000
  assert.equal((await verifier.verify(ahead, expected)).ok, true)
  const restarted = createProofVerifier({ clock, nonces: createProofNonces({ clock }) })
  const again = await restarted.verify(ahead, expected)
  assert.ok(!again.ok && again.nonce !== undefined)
})

test('what is wrong for another reason gets no nonce', async () => {
  const { verifier, signer } = await setup()
  const proof = await signer.sign({ ...expected, method: 'GET' })
  const refused = await verifier.verify(proof, expected)
  assert.ok(!refused.ok && refused.nonce === undefined)
})

test('a signer takes no nonce that is not of the form of one', async () => {
  const { signer } = await setup()
  for (const text of ['a"b', 'a\r\nb', 'a b', '', 'x'.repeat(257), undefined, 4]) signer.learnNonce(text)
  const [, payload = ''] = (await signer.sign(expected)).split('.')
  assert.equal('nonce' in JSON.parse(Buffer.from(payload, 'base64url').toString()), false)
})

test('a proof from before a restart, or by a clock that is behind, is asked for again and then taken', async () => {
  const { clock, verifier, signer } = await setup()
  signer.learnNonce(verifier.freshNonce())
  const underWay = await signer.sign(expected)
  clock.ms += 5_000
  const restarted = createProofVerifier({ clock, nonces: createProofNonces({ clock }) })
  const first = await restarted.verify(underWay, expected)
  assert.ok(!first.ok && first.nonce !== undefined, 'it is told the next nonce')
  signer.learnNonce(first.nonce)
  clock.ms -= 5_000
  const behind = await signer.sign(expected)
  clock.ms += 5_000
  assert.equal((await restarted.verify(behind, expected)).ok, true)
})
