import assert from 'node:assert/strict'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { test, type TestContext } from 'node:test'
import { Secret, type StepId } from '../lib/index.ts'
import { ringSetup } from '../vault/key-ring.fixture.ts'
import { createGivenNames } from './given-names.ts'
import { loadSeed } from './vault-secrets.ts'

const token = () => `tok_${randomBytes(27).toString('base64url')}`

async function setup(t: TestContext) {
  const it = ringSetup(t)
  const server = async () => {
    const { store, ring } = await it.server()
    const seed = () => loadSeed(store, ring, { row: 'asked_seed', context: 'seed' })
    return { store, names: createGivenNames({ store, clock: it.clock, seed }) }
  }
  const given = (value: string, isKept = false) => ({
    ...{ connection: 'aws', step: 'stp_1' as StepId, lease: 'lse_1', untilMs: it.clock.ms + 60_000 },
    ...{ value: new Secret(value), isKept },
  })
  return { clock: it.clock, one: await server(), two: await server(), server, given }
}

test('what a step was given is known at each server, also when the one that gave it is gone, until it is over', async (t) => {
  const { clock, one, two, given } = await setup(t)
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 })
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' })
  const [minted, inside, kept] = [token(), token(), token()]
  one.names.add(given(minted))
  one.names.add(given(JSON.stringify({ access_key_id: 'AKIAEXAMPLE', secret_access_key: inside })))
  one.names.add(given(pem))
  one.names.add(given(kept, true))
  await one.names.sweep()
  await one.store.close()
  const isOurs = async (text: string) => (await two.names.ownerOf(new Secret(text)))?.lease === 'lse_1'
  // As a file of JSON has the key, too.
  for (const text of [minted, inside, kept, ` ${minted}\n`, pem, pem.trim().replaceAll('\n', '\\n')])
    assert.equal(await isOurs(text), true, text.slice(0, 30))
  for (const text of [token(), minted.slice(1), `${minted}x`]) assert.equal(await isOurs(text), false)
  const rows = JSON.stringify(await two.store.read.selectFrom('given_names').selectAll().execute())
  for (const text of [minted, inside, kept]) assert.ok(!rows.includes(text.slice(4, 12)))
  clock.ms += 60_000
  assert.deepEqual([await isOurs(minted), await isOurs(kept)], [false, true])
  await two.names.sweep()
  const left = await two.store.read.selectFrom('given_names').selectAll().execute()
  // What another store keeps lives on after the lease.
  assert.equal(left.length, 1)
  clock.ms += 90 * 86_400_000
  await two.names.sweep()
  assert.equal(await isOurs(kept), false)
})

test('what could not be written is written by a later sweep; a sealed vault leaves nothing of it', async (t) => {
  const { one, two, given } = await setup(t)
  const { names, store } = one
  const [first, second] = [token(), token()]
  const write = store.writeAll
  store.writeAll = () => Promise.reject(new Error('the disk is full'))
  names.add(given(first))
  await assert.rejects(names.sweep(), /the disk is full/)
  store.writeAll = write
  await names.sweep()
  assert.equal((await two.names.ownerOf(new Secret(first)))?.connection, 'aws')
  store.writeAll = () => Promise.reject(new Error('the disk is full'))
  names.add(given(second))
  await assert.rejects(names.sweep())
  names.forget()
  store.writeAll = write
  await names.sweep()
  assert.equal(await two.names.ownerOf(new Secret(second)), undefined)
})

test('one that could be guessed is known only if it is all that somebody presents', async (t) => {
  const { one, two, given } = await setup(t)
  const words = 'correct-horse-battery-staple'
  one.names.add(given(words))
  await one.names.sweep()
  assert.equal((await two.names.ownerOf(new Secret(words)))?.isCertain, false)
  assert.equal(await two.names.ownerOf(new Secret(`PASSWORD=${words}`)), undefined)
})
