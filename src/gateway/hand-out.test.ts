import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Step } from '../broker/index.ts'
import type { Connection } from '../connections/index.ts'
import { Secret } from '../lib/index.ts'
import { createHandOuts } from './hand-out.ts'

test('that something handed to a step is dead is known until it asks again; what it was not handed is nothing to it', async () => {
  let end: (step: Step, connection: string, byHost: boolean) => void = () => undefined
  const connection = (name: string) =>
    ({
      ...{ name, kind: 'tcp', url: 'tcp://db:1' },
      credential: { scheme: 'postgres-role', config: {} },
      deliver: { env: { PGPASSWORD: '{password}' }, files: {} },
    }) as unknown as Connection
  const roles = new Map([
    [
      'build',
      { grants: [{ action: 'tcp:credential', connection: 'orders', source: 'tcp:credential orders' }] },
    ],
  ])
  const handOuts = createHandOuts({
    policy: () => ({ roles }) as never,
    targets: () => ({ connections: [connection('orders'), connection('other')] }) as never,
    broker: {
      refusedByTool: () => undefined,
      lease: async () => ({ fields: { password: new Secret('p') }, expiresMs: 1 }) as never,
      onLeaseEnd: (listener) => (end = listener),
    },
    gatekeeper: { permit: async () => ({ allow: true }) as never },
  })
  const step = { id: 'stp_1', role: 'build' } as Step
  const told: string[] = []
  handOuts.onEnd(({ id }) => void told.push(id))
  end(step, 'orders', true)
  assert.equal(handOuts.hasEnded(step), false, 'it was handed nothing yet')
  assert.equal((await handOuts.handOut(step, '/home/step')).length, 1)
  end(step, 'other', false)
  assert.equal(handOuts.hasEnded(step), false)
  end(step, 'orders', true)
  assert.equal(handOuts.hasEnded(step), true)
  assert.deepEqual(told, ['stp_1'])
  await handOuts.handOut(step, '/home/step')
  assert.equal(handOuts.hasEnded(step), false)
})
