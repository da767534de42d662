import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MayflyError } from '../../lib/index.ts'
import type { Finding, HandedKey } from '../../scan/findings/index.ts'
import { verified } from './verify.ts'

test('a server that fails once costs what was asked then, and not the report', async () => {
  const keys = new Map<string, HandedKey>(
    Array.from({ length: 20 }, (_, i) => [`f${i}`, { rule: 'r', fingerprint: `f${i}`, secret: 'x' }]),
  )
  const findings = [...keys.keys()].map((fingerprint) => ({ fingerprint }) as Finding)
  let calls = 0
  const call = async (_method: string, _path: string, body?: unknown) => {
    if (++calls === 2) throw new MayflyError('upstream_unreachable', 'it does not answer within 30 s')
    const { keys: asked } = body as { keys: HandedKey[] }
    return {
      keys: asked.map(({ fingerprint }) => ({
        ...{ fingerprint, state: 'alive', at: 'vendor.test', asked: 'now', revocable: false },
      })),
    }
  }
  const told = await verified({ call: call as never }, findings, keys)
  assert.equal(calls, 3)
  assert.deepEqual(
    told.map(({ liveness }) => liveness?.state),
    Array.from({ length: 20 }, (_, i) => (i >= 8 && i < 16 ? 'unknown' : 'alive')),
  )
  assert.match(told[8]?.liveness?.why ?? '', /the server was not asked: it does not answer within 30 s/)
})
