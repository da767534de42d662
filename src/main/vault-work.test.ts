import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createVaultControl } from '../vault/index.ts'
import { ringSetup } from '../vault/key-ring.fixture.ts'
import { tryToOpen } from './sealed-start.ts'
import { createSessionsEnd, createVaultWork } from './vault-work.ts'

test('a server that was killed while it sealed: the next one revokes on, then seals and says what is left', async (t) => {
  const it = ringSetup(t)
  const killed = await it.server()
  await createVaultControl({ ...killed, providers: () => killed.providers }).beginSeal()
  const { ring, ...deps } = await it.server()
  ring.forget('a start')
  const control = createVaultControl({ ...deps, ring, providers: () => deps.providers })
  assert.equal(await tryToOpen(control), undefined, 'it starts as a whole: revoking takes the keys')
  const [revoked, counts] = [[] as string[], { active: 1, ending: 1 }]
  const endSessions = createSessionsEnd({
    broker: {
      revoke: (_which, reason) => Promise.resolve(void revoked.push(reason)) as never,
      counts() {
        assert.ok(control.hasKeys())
        it.clock.ms += 30_000
        counts.active = 0
        return Promise.resolve({ ...counts, undelivered: 0 }) as never
      },
    },
    ...{ control, clock: it.clock, longestMs: 75_000 },
  })
  const outbox = { deliver: () => undefined } as never
  await createVaultWork({ control, outbox, endSessions, clock: it.clock, tell: assert.fail })()
  assert.deepEqual(revoked, ['vault_sealed'])
  assert.equal(control.hasKeys(), false)
  assert.match(control.closed() ?? '', /an operator sealed the vault/)
  const rows = await deps.store.read.selectFrom('outbox').select('event').execute()
  assert.deepEqual(
    rows.map(({ event }) => (JSON.parse(event) as { type: string; data: unknown }).data),
    [{ state: 'finished', left: 1 }],
  )
})

test('unsealed while it is being sealed: it stays open', async (t) => {
  const it = ringSetup(t)
  const deps = await it.server()
  const control = createVaultControl({ ...deps, providers: () => deps.providers })
  await control.beginSeal()
  await control.unseal()
  assert.equal(await control.seal(), false)
  assert.equal(control.closed(), undefined)
})
