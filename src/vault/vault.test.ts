import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { MayflyError, Secret, type ErrorCode } from '../lib/index.ts'
import { openStore } from '../store/index.ts'
import { createVault, createVaultKey, loadVaultKey, openSealed, seal } from './index.ts'

const key = new Secret(randomBytes(32))

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-vault-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function code(expected: ErrorCode, message = /./) {
  return (error: unknown) =>
    error instanceof MayflyError && error.code === expected && message.test(error.message)
}

// --- Envelope.

test('property: what is sealed opens again, under the same key and context', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.string(), (value, context) => {
      const opened = openSealed(key, context, seal(key, context, Buffer.from(value)))
      assert.deepEqual(opened.reveal(), Buffer.from(value))
    }),
  )
})

test('sealing twice gives two values, neither of which shows the text', () => {
  const value = Buffer.from('hunter2-correct-horse')
  const [a, b] = [seal(key, 'c', value), seal(key, 'c', value)]
  assert.notDeepEqual(a, b)
  assert.equal(a.includes(value), false)
  assert.equal(a.length, 5 + 60 + 28 + value.length)
})

test('refused: another key', () => {
  const sealed = seal(key, 'c', Buffer.from('x'))
  assert.throws(
    () => openSealed(new Secret(randomBytes(32)), 'c', sealed),
    code('vault_key', /^c does not open with this vault key/),
  )
})

test('refused: another name, another version, and a context that swaps its two', () => {
  const context = 'secret "a" version 1'
  const sealed = seal(key, context, Buffer.from('x'))
  for (const other of [
    'secret "b" version 1',
    'secret "a" version 2',
    'secret "a" version 11',
    '',
    `${context} `,
    `key:${context}`,
  ]) {
    assert.throws(() => openSealed(key, other, sealed), code('vault_key'), other)
  }
})

test('refused: any single bit of a sealed value flipped', () => {
  const sealed = seal(key, 'c', Buffer.from('short'))
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const tampered = Buffer.from(sealed)
    tampered[bit >> 3] = (tampered[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    assert.throws(() => openSealed(key, 'c', tampered), code('vault_key'), `bit ${bit}`)
  }
})

test('refused: cut short anywhere, or longer', () => {
  const sealed = seal(key, 'c', Buffer.from('short'))
  for (let length = 0; length < sealed.length; length++) {
    assert.throws(
      () => openSealed(key, 'c', sealed.subarray(0, length)),
      code('vault_key'),
      `${length} bytes`,
    )
  }
  assert.throws(() => openSealed(key, 'c', Buffer.concat([sealed, Buffer.of(0)])), code('vault_key'))
})

test('refused: the sealed key of one value with the sealed value of another', () => {
  const [a, b] = [seal(key, 'c', Buffer.from('a')), seal(key, 'c', Buffer.from('b'))]
  assert.throws(
    () => openSealed(key, 'c', Buffer.concat([a.subarray(0, 65), b.subarray(65)])),
    code('vault_key'),
  )
})

test('the error tells nothing of the value or the key', () => {
  const sealed = seal(key, 'c', Buffer.from('hunter2'))
  assert.throws(
    () => openSealed(new Secret(randomBytes(32)), 'c', sealed),
    (error) => !inspect(error, { depth: null }).includes('hunter2'),
  )
})

// --- The key file.

test('createVaultKey: 0600, 32 bytes of base64, never over an existing file', (t) => {
  const file = join(folderOf(t), 'vault.key')
  const made = createVaultKey(file)
  assert.equal(statSync(file).mode & 0o777, 0o600)
  assert.equal(made.reveal().length, 32)
  const text = readFileSync(file, 'utf8')
  assert.throws(() => createVaultKey(file), /EEXIST/)
  assert.equal(readFileSync(file, 'utf8'), text)
  assert.deepEqual(loadVaultKey(file).reveal(), made.reveal())
})

test('createVaultKey: what a killed start has left is no key, and stands in no way', (t) => {
  const folder = folderOf(t)
  const file = join(folder, 'vault.key')
  writeFileSync(`${file}.new`, 'half a k', { mode: 0o644 })
  const made = createVaultKey(file)
  assert.deepEqual(loadVaultKey(file).reveal(), made.reveal())
  assert.deepEqual(readdirSync(folder), ['vault.key'])
})

test('createVaultKey: not through a link, even one that leads nowhere', (t) => {
  const folder = folderOf(t)
  symlinkSync(join(folder, 'target'), join(folder, 'vault.key'))
  assert.throws(() => createVaultKey(join(folder, 'vault.key')), /EEXIST|ELOOP/)
})

test('loadVaultKey refuses a file that others may read or write', (t) => {
  const file = join(folderOf(t), 'vault.key')
  createVaultKey(file)
  for (const mode of [0o640, 0o604, 0o620, 0o602, 0o644, 0o666, 0o610, 0o601]) {
    chmodSync(file, mode)
    assert.throws(() => loadVaultKey(file), code('vault_key', new RegExp(`mode ${mode.toString(8)}`)))
  }
  chmodSync(file, 0o400)
  assert.equal(loadVaultKey(file).reveal().length, 32)
})

test('loadVaultKey refuses a link', (t) => {
  const folder = folderOf(t)
  createVaultKey(join(folder, 'real.key'))
  symlinkSync('real.key', join(folder, 'vault.key'))
  assert.throws(() => loadVaultKey(join(folder, 'vault.key')), code('vault_key', /cannot be read/))
})

test('loadVaultKey refuses what is not there', (t) => {
  assert.throws(() => loadVaultKey(join(folderOf(t), 'none')), code('vault_key', /restore it/))
})

test('loadVaultKey refuses anything but 32 bytes', (t) => {
  const file = join(folderOf(t), 'vault.key')
  for (const text of [
    '',
    '\n',
    randomBytes(31).toString('base64'),
    randomBytes(33).toString('base64'),
    'not a key',
  ]) {
    writeFileSync(file, text, { mode: 0o600 })
    assert.throws(() => loadVaultKey(file), code('vault_key', /not 32 bytes of base64/), text)
  }
})

test('loadVaultKey refuses 32 bytes with something else between them', (t) => {
  const file = join(folderOf(t), 'vault.key')
  const text = randomBytes(32).toString('base64')
  for (const damaged of [
    `${text.slice(0, 20)}\n!!${text.slice(20)}`,
    `${text}${'='.repeat(4)}rest of another file`,
  ]) {
    writeFileSync(file, damaged, { mode: 0o600 })
    assert.throws(() => loadVaultKey(file), code('vault_key', /not 32 bytes of base64/), damaged)
  }
})

test('loadVaultKey refuses a folder', (t) => {
  const folder = join(folderOf(t), 'vault.key')
  mkdirSync(folder, { mode: 0o700 })
  assert.throws(() => loadVaultKey(folder), code('vault_key'))
})

test('loadVaultKey refuses a FIFO, and does not wait for somebody to write to it', (t) => {
  const fifo = join(folderOf(t), 'vault.key')
  if (spawnSync('sh', ['-c', 'mkfifo -m 600 "$1"', 'sh', fifo]).status !== 0) return t.skip('no mkfifo here')
  const script = `import { loadVaultKey } from ${JSON.stringify(import.meta.resolve('./index.ts'))}
    try { loadVaultKey(${JSON.stringify(fifo)}) } catch (error) { process.stdout.write(error.code) }`
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    timeout: 10_000,
    encoding: 'utf8',
  })
  assert.equal(child.stdout, 'vault_key', 'it waited')
})

// --- The vault, over a real store.

function setup(t: TestContext, vaultKey = key) {
  const store = openStore(join(folderOf(t), 'mayfly.db'))
  t.after(() => store.close())
  const clock = { nowMs: () => 5 }
  return { store, clock, vault: createVault({ store, key: vaultKey, clock }) }
}

test('versions count up, the newest is opened, older ones stay', async (t) => {
  const { vault } = setup(t)
  assert.equal(await vault.set('github', new Secret('one')), 1)
  assert.equal(await vault.set('github', new Secret('zwei é')), 2)
  assert.equal(await vault.set('other', new Secret('x')), 1)
  assert.equal((await vault.open('github')).reveal(), 'zwei é')
  assert.deepEqual(await vault.list(), [
    { name: 'github', version: 1, createdMs: 5 },
    { name: 'github', version: 2, createdMs: 5 },
    { name: 'other', version: 1, createdMs: 5 },
  ])
})

test('versions set at the same time are all kept', async (t) => {
  const { vault } = setup(t)
  const versions = await Promise.all(
    Array.from({ length: 20 }, (_, i) => vault.set('a', new Secret(`value-${i}`))),
  )
  assert.deepEqual(
    versions.toSorted((a, b) => a - b),
    Array.from({ length: 20 }, (_, i) => i + 1),
  )
  assert.equal((await vault.open('a')).reveal(), `value-${versions.indexOf(20)}`)
})

test('a secret that is not there', async (t) => {
  const { vault } = setup(t)
  await vault.set('github', new Secret('x'))
  for (const name of ['githu', 'github ', '', 'GITHUB', '%']) {
    await assert.rejects(vault.open(name), code('secret_missing', /mayfly secret set/), name)
  }
})

test('the store holds no plaintext', async (t) => {
  const { vault, store } = setup(t)
  await vault.set('github', new Secret('hunter2-correct-horse'))
  const rows = await store.read.selectFrom('secrets').selectAll().execute()
  assert.equal(rows.length, 1)
  assert.equal(Buffer.from(rows[0]?.sealed ?? []).includes('hunter2'), false)
})

test('a sealed value moved to another name or version does not open', async (t) => {
  const { vault, store } = setup(t)
  await vault.set('cheap', new Secret('x'))
  await store.write((tx) => tx.updateTable('secrets').set({ name: 'precious' }).execute())
  await assert.rejects(vault.open('precious'), code('vault_key'))
  await store.write((tx) => tx.updateTable('secrets').set({ name: 'cheap', version: 2 }).execute())
  await assert.rejects(vault.open('cheap'), code('vault_key'))
})

test('check: the first start marks the store with its key, another key is refused from then on', async (t) => {
  const { vault, store, clock } = setup(t)
  await vault.check()
  await vault.check()
  const stranger = createVault({ store, key: new Secret(randomBytes(32)), clock })
  await assert.rejects(stranger.check(), code('vault_key', /restore the key file/))
  await vault.set('a', new Secret('x'))
  await assert.rejects(stranger.open('a'), code('vault_key'))
})
