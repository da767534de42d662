import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBundleCheck, createBundleVerifier } from './bundle-check.ts'
import type { Trust } from './model.ts'

const nobody: Trust = {
  ...{ authorities: [], timestampAuthorities: [], logs: [], certificateLogs: [], keys: [], revoked: [] },
}
const reasonOf = (checked: Awaited<ReturnType<ReturnType<typeof createBundleCheck>>>) =>
  checked === 'spent' ? 'spent' : checked.ok ? 'ok' : checked.reason

test('a request is given so many bundles and bytes, of which the same one takes its part once', async () => {
  const byCount = createBundleCheck(nobody, 0, { bundles: 2, bytes: 1_000 })
  for (const [text, reason] of [
    ['a', 'malformed'],
    ['a', 'malformed'],
    ['b', 'malformed'],
    ['c', 'spent'],
    ['b', 'malformed'],
  ])
    assert.equal(reasonOf(await byCount(text ?? '')), reason)
  const byBytes = createBundleCheck(nobody, 0, { bundles: 9, bytes: 10 })
  assert.equal(reasonOf(await byBytes('x'.repeat(8))), 'malformed')
  assert.equal(reasonOf(await byBytes('x'.repeat(3))), 'spent')
  assert.equal(reasonOf(await byBytes('y')), 'malformed')
})

test('others are served between two of them', async () => {
  const check = createBundleCheck(nobody, 0)
  let served = 0
  const serving = setInterval(() => served++)
  for (let at = 0; at < 200; at++) await check(`[${'[],'.repeat(1_000)}${at}]`)
  clearInterval(serving)
  assert.ok(served > 0)
})

test('the same bundle is verified once, whoever asks for it', () => {
  let asked = 0
  const verifier = createBundleVerifier(nobody, () => ++asked)
  assert.equal(verifier.knows('a'), false)
  const first = verifier.verify('a')
  assert.equal(verifier.knows('a'), true)
  assert.equal(verifier.verify('a'), first)
  verifier.verify('b')
  assert.equal(asked, 2)
})
