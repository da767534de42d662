import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { createKnownSecrets, keysOf } from '../scan/known/index.ts'
import { createCollected } from './collected.ts'
import type { Scanned } from './content-scanner.ts'
import type { Owner } from './vault-secrets.ts'

const nothing: Scanned = {
  ...{ findings: [], more: 0, sureMore: 0 },
  ...{ unseen: [], keys: [], candidates: [], spans: [] },
}

test('of one thing that is sent few pieces wait at once, however small they are', async () => {
  const known = createKnownSecrets<Owner>(keysOf(randomBytes(32)))
  const waiting: (() => void)[] = []
  let looked = 0
  const collected = createCollected({
    secrets: {
      known: () => known,
      sweep: async () => undefined,
      forget: () => undefined,
      given: () => undefined,
    },
    // In place of threads, which are done when the test says so.
    scanner: {
      async scan() {
        looked++
        await new Promise<void>((done) => waiting.push(done))
        return nothing
      },
      stream: () => assert.fail('none is asked for'),
    },
    handed: [],
    step: { id: 'stp_1' },
  })
  let isAdded = false
  async function add(): Promise<void> {
    for (let count = 0; count < 300; count++) await collected.add(`${count}`, Buffer.alloc(200))
    isAdded = true
  }
  const adding = add()
  for (let turns = 0; turns < 1_000; turns++) await turn()
  assert.equal(waiting.length, 64)
  while (!isAdded) {
    assert.ok(waiting.length <= 64)
    waiting.shift()?.()
    await turn()
  }
  await adding
  for (const done of waiting) done()
  await collected.end((name) => name)
  assert.equal(looked, 300)
})
