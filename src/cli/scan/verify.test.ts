import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MayflyError } from '../../lib/index.ts'
import type { Finding, HandedKey } from '../../scan/findings/index.ts'
import { createKeys, verified } from './verify.ts'

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
  const told = await verified({ call: call as never }, findings, { all: keys, more: new Set() })
  assert.equal(calls, 3)
  assert.deepEqual(
    told.map(({ liveness }) => liveness?.state),
    Array.from({ length: 20 }, (_, i) => (i >= 8 && i < 16 ? 'unknown' : 'alive')),
  )
  assert.match(told[8]?.liveness?.why ?? '', /the server was not asked: it does not answer within 30 s/)
})

const keyOf = (i: number): HandedKey => ({ rule: 'r', fingerprint: `f${i}`, secret: 'x' })
const findingOf = ({ fingerprint }: HandedKey) => ({ fingerprint }) as Finding

test('a server that fails twice in a row is not waited for any more', async () => {
  const keys = createKeys(undefined)
  const all = Array.from({ length: 400 }, (_, i) => keyOf(i))
  for (const key of all) keys.take(key)
  let calls = 0
  const call = () => {
    calls++
    return Promise.reject(new MayflyError('upstream_unreachable', 'it does not answer within 30 s'))
  }
  const told = await verified({ call }, all.map(findingOf), keys)
  assert.equal(calls, 2)
  assert.ok(told.every(({ liveness }) => liveness?.state === 'unknown'))
  assert.match(told.at(-1)?.liveness?.why ?? '', /the server was not asked: it did not answer before/)
})

test('what is too much to be asked about says so; one that is to be ended is found behind any number of others', async () => {
  const keys = createKeys(undefined, 3)
  const all = Array.from({ length: 5 }, (_, i) => keyOf(i))
  for (const key of [...all, ...all]) keys.take(key)
  const call = async () => ({
    keys: all
      .slice(0, 3)
      .map(({ fingerprint }) => ({ fingerprint, state: 'dead', at: 'v', revocable: false })),
  })
  const told = await verified({ call: call as never }, all.map(findingOf), keys)
  assert.deepEqual(
    told.map(({ liveness }) => liveness?.state),
    ['dead', 'dead', 'dead', 'unknown', 'unknown'],
  )
  assert.match(told[4]?.liveness?.why ?? '', /not asked about: more than 3 were found/)
  const one = createKeys('f4', 3)
  for (const key of all) one.take(key)
  assert.deepEqual([...one.all.keys()], ['f4'])
})
