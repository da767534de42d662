import assert from 'node:assert/strict'
import { createCipheriv, randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { Secret } from '../lib/index.ts'
import { createStoredRing, createVault, loadVaultKey, openRing, openSealed, seal } from './index.ts'
import { ringSetup } from './key-ring.fixture.ts'

const text = Buffer.from('hunter2-correct-horse')

/** Format 1, written anew from its description: 1 || sealed data key || sealed value. */
function sealedBefore(key: Buffer, context: string, value: Buffer): Buffer {
  const encrypt = (by: Buffer, aad: string, bytes: Buffer) => {
    const nonce = randomBytes(12)
    const cipher = createCipheriv('aes-256-gcm', by, nonce)
    cipher.setAAD(Buffer.from(aad))
    return Buffer.concat([nonce, cipher.update(bytes), cipher.final(), cipher.getAuthTag()])
  }
  const dataKey = randomBytes(32)
  return Buffer.concat([
    Buffer.of(1),
    encrypt(key, `key:${context}`, dataKey),
    encrypt(dataKey, `value:${context}`, value),
  ])
}

test('a new store gets a ring; every server of it opens what another has sealed', async (t) => {
  const it = ringSetup(t)
  const [one, two] = [await it.server(), await it.server()]
  assert.equal(one.ring.newest().id, 1)
  assert.deepEqual(openSealed(two.ring, 'c', seal(one.ring, 'c', text)).reveal(), text)
  const rows = await one.store.read.selectFrom('vault_keys').selectAll().execute()
  assert.equal(rows.length, 1)
  assert.equal(Buffer.from(rows[0]?.wrapped ?? []).includes(one.ring.newest().key.reveal()), false)
})

test('two servers that start on a new store at once have one ring', async (t) => {
  const it = ringSetup(t)
  const [one, two] = await Promise.all([it.server(), it.server()])
  assert.deepEqual(openSealed(two.ring, 'c', seal(one.ring, 'c', text)).reveal(), text)
  assert.deepEqual(openSealed(one.ring, 'c', seal(two.ring, 'c', text)).reveal(), text)
})

test('in a store of before, the key file’s key becomes key 0, and what it sealed still opens', async (t) => {
  const it = ringSetup(t)
  const key = loadVaultKey(it.keyFile).reveal()
  const before = it.open()
  const check = sealedBefore(key, 'vault check', Buffer.from('mayfly')).toString('base64')
  await before.write((tx) => tx.insertInto('meta').values({ key: 'vault check', value: check }).execute())
  const { ring, store, clock } = await it.server()
  assert.equal(ring.newest().id, 0)
  assert.deepEqual(openSealed(ring, 'c', sealedBefore(key, 'c', text)).reveal(), text)
  await createVault({ store, key: ring, clock }).check()
})

test('refused: a store of before with another key file; no ring is made of it', async (t) => {
  const it = ringSetup(t)
  const before = it.open()
  const check = sealedBefore(randomBytes(32), 'vault check', Buffer.from('mayfly')).toString('base64')
  await before.write((tx) => tx.insertInto('meta').values({ key: 'vault check', value: check }).execute())
  await assert.rejects(it.server(), { code: 'vault_key', message: /restore the key file/ })
  assert.equal(before.find('vault_keys', { id: 0 }), undefined)
})

test('refused: another key file', async (t) => {
  const it = ringSetup(t)
  await it.server()
  writeFileSync(it.keyFile, `${randomBytes(32).toString('base64')}\n`)
  await assert.rejects(it.server(), { code: 'vault_key', message: /restore the key file/ })
})

test('a ring that is not open seals and opens nothing, and says so', async (t) => {
  const it = ringSetup(t)
  const deps = await it.server()
  const sealed = seal(deps.ring, 'c', text)
  const closed = createStoredRing(deps.store)
  for (const work of [() => seal(closed, 'c', text), () => openSealed(closed, 'c', sealed)])
    assert.throws(work, { code: 'vault_sealed', message: 'the vault is sealed: mayfly vault unseal' })
  const key = deps.ring.newest().key.reveal()
  deps.ring.forget('it was sealed')
  assert.deepEqual(key, Buffer.alloc(32), 'the key is still in memory')
  assert.throws(() => openSealed(deps.ring, 'c', sealed), { code: 'vault_sealed', message: /it was sealed/ })
  await openRing(deps)
  assert.deepEqual(openSealed(deps.ring, 'c', sealed).reveal(), text)
})

test('refused: a value that names a key which the ring has not, and one key under another’s id', async (t) => {
  const it = ringSetup(t)
  const { ring } = await it.server()
  const sealed = seal(ring, 'c', text)
  sealed.writeUInt32BE(7, 1)
  assert.throws(() => openSealed(ring, 'c', sealed), { code: 'vault_key' })
  assert.throws(() => openSealed(new Secret(randomBytes(32)), 'c', sealed), { code: 'vault_key' })
})
