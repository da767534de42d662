import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Lease, Step } from '../broker/index.ts'
import { Secret } from '../lib/index.ts'
import { createGiven } from './given.ts'

const asSecrets = (fields: Record<string, string>) =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, new Secret(value)]))

for (const [what, { lease, told }] of Object.entries({
  'a role of a database': {
    lease: { fields: asSecrets({ username: 'mayfly_a_role_of_a_step', password: 'its password' }) },
    told: ['its password'],
  },
  'an SSH certificate': {
    lease: {
      fields: asSecrets({ private_key: 'the key', certificate: 'signed', public_key: 'ssh-ed25519' }),
    },
    told: ['the key'],
  },
  'a session of AWS': {
    lease: {
      authorization: new Secret('FwoSession'),
      fields: asSecrets({
        access_key_id: 'ASIA',
        secret_access_key: 'the key',
        session_token: 'FwoSession',
      }),
    },
    told: ['FwoSession', 'the key'],
  },
  'a password that goes as Basic': {
    lease: {
      authorization: new Secret(`Basic ${Buffer.from('octo:pass:word').toString('base64')}`),
      fields: asSecrets({ username: 'octo', password: 'pass:word' }),
    },
    told: [
      `Basic ${Buffer.from('octo:pass:word').toString('base64')}`,
      Buffer.from('octo:pass:word').toString('base64'),
      'pass:word',
    ],
  },
}))
  test(`of ${what} all that is secret is told once, and what others are shown of it is not`, async () => {
    const values: string[] = []
    const made = { id: 'lse_1', expiresMs: 1, ...lease } as unknown as Lease
    const given = createGiven({ lease: async () => made }, (_step, _lease, value) =>
      values.push(value.reveal()),
    )
    const step = {} as Step
    for (let i = 0; i < 2; i++) await given.lease(step, {} as never, 'any')
    assert.deepEqual(values, told)
  })
