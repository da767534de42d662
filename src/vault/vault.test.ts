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
  assert.deepEqual(
    (await vault.list()).map(({ name, version }) => [name, version]),
    [
      ['github', 2],
      ['other', 1],
    ],
  )
  assert.equal((await vault.open('github', { version: 1 })).reveal(), 'one')
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
  await store.write((tx) => tx.updateTable('secret_names').set({ name: 'precious' }).execute())
  await assert.rejects(vault.open('precious'), code('vault_key'))
  await store.write((tx) => tx.updateTable('secrets').set({ name: 'cheap', version: 2 }).execute())
  await store.write((tx) =>
    tx.updateTable('secret_names').set({ name: 'cheap', current_version: 2 }).execute(),
  )
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

test('a version that is staged is used by nobody until it is put to use; then the newest stands, whoever came last', async (t) => {
  const { vault, store } = setup(t)
  await vault.set('a', new Secret('one'))
  const [two, three] = await store.write(async (tx) => {
    const secrets = vault.change(tx)
    return [
      await secrets.stage('a', new Secret('two'), 'ann'),
      await secrets.stage('a', new Secret('three'), 'bob'),
    ]
  })
  assert.equal((await vault.open('a')).reveal(), 'one')
  const use = (version: number, how = {}) => store.write((tx) => vault.change(tx).use('a', version, how))
  await use(three ?? 0)
  await use(two ?? 0)
  assert.equal((await vault.open('a')).reveal(), 'three')
  await use(two ?? 0, { back: true })
  assert.equal((await vault.open('a')).reveal(), 'two')
  assert.deepEqual(
    (await vault.history('a')).map(({ version, by, state }) => [version, by, state]),
    [
      [3, 'bob', 'staged'],
      [2, 'ann', 'current'],
      [1, null, 'older'],
    ],
  )
})

test('a value that others know does not come back: not set again, not restored, with or without a line break', async (t) => {
  const { vault, store } = setup(t)
  for (const value of ['one', 'two', 'three']) await vault.set('a', new Secret(value))
  await store.write((tx) =>
    tx.updateTable('secret_names').set({ compromised_version: 2 }).where('name', '=', 'a').execute(),
  )
  const known = code('conflict', /the value of version \d of secret "a", which others know/)
  for (const value of ['one', 'two', 'two\n']) await assert.rejects(vault.set('a', new Secret(value)), known)
  for (const version of [1, 2])
    await assert.rejects(
      store.write((tx) => vault.change(tx).stageOld('a', version)),
      known,
    )
  await store.write((tx) => vault.change(tx).stageOld('a', 3))
  assert.equal(await vault.set('a', new Secret('four')), 5)
  assert.equal((await vault.open('a')).reveal(), 'four')
})

test('a secret that was only staged is not there', async (t) => {
  const { vault, store } = setup(t)
  await store.write((tx) => vault.change(tx).stage('a', new Secret('x')))
  await assert.rejects(vault.open('a'), code('secret_missing', /is not in the vault/))
  assert.deepEqual([await vault.list(), await vault.find('a')], [[], undefined])
})

test('deleted: of no use until it is restored, or set again', async (t) => {
  const { vault, store } = setup(t)
  await vault.set('a', new Secret('x'))
  assert.equal(await store.write((tx) => vault.change(tx).delete('a')), 1)
  await assert.rejects(vault.open('a'), code('secret_missing', /is deleted: mayfly secret restore a/))
  await assert.rejects(vault.open('a', { version: 1 }), code('secret_missing'))
  assert.deepEqual(await vault.list(), [])
  assert.equal((await vault.list({ deleted: true })).length, 1)
  await store.write((tx) => vault.change(tx).undelete('a'))
  assert.equal((await vault.open('a')).reveal(), 'x')
  await store.write((tx) => vault.change(tx).delete('a'))
  assert.equal(await vault.set('a', new Secret('y')), 2)
  assert.equal((await vault.open('a')).reveal(), 'y')
})

test('destroyed: the bytes are in none of the store’s files, the number is not given again, and nothing older is used', async (t) => {
  const folder = folderOf(t)
  const store = openStore(join(folder, 'mayfly.db'))
  t.after(() => store.close())
  const vault = createVault({ store, key, clock: { nowMs: () => 5 } })
  for (const value of ['one', 'two'.repeat(4_000)]) await vault.set('a', new Secret(value))
  const sealed = await store.read.selectFrom('secrets').select('sealed').orderBy('version').execute()
  const pieces = sealed.map((row) => Buffer.from(row.sealed).subarray(0, 60))
  const found = () => {
    const files = readdirSync(folder).map((name) => readFileSync(join(folder, name)))
    return pieces.map((piece) => files.some((file) => file.includes(piece)))
  }
  assert.deepEqual(found(), [true, true])
  assert.deepEqual(await store.write((tx) => vault.change(tx).destroy('a', 2)), [2])
  assert.equal(await vault.erase(), true)
  assert.deepEqual(found(), [true, false])
  await assert.rejects(vault.open('a'), code('secret_missing', /version 2 of secret "a" is destroyed/))
  await assert.rejects(
    store.write((tx) => vault.change(tx).stageOld('a', 2)),
    code('secret_missing', /its bytes are gone/),
  )
  assert.equal(await store.write((tx) => vault.change(tx).stageOld('a', 1)), 3)
  assert.deepEqual(await store.write((tx) => vault.change(tx).destroy('a')), [1, 3])
  assert.equal(await vault.set('a', new Secret('three')), 4)
  assert.equal((await vault.open('a')).reveal(), 'three')
})

test('moved: every version opens under the new name alone, and what is said of it goes along', async (t) => {
  const { vault, store } = setup(t)
  for (const value of ['one', 'two', 'three']) await vault.set('a', new Secret(value))
  await vault.set('b', new Secret('other'))
  await store.write(async (tx) => {
    await vault.change(tx).destroy('a', 2)
    await vault.change(tx).describe('a', { owner: 'ann', tags: { team: 'x' } })
    await vault.change(tx).move('a', 'prod/a')
  })
  await assert.rejects(vault.open('a'), code('secret_missing'))
  assert.equal((await vault.open('prod/a')).reveal(), 'three')
  assert.equal((await vault.open('prod/a', { version: 1 })).reveal(), 'one')
  assert.deepEqual(
    (await vault.history('prod/a')).map(({ state }) => state),
    ['current', 'destroyed', 'older'],
  )
  const moved = await vault.find('prod/a')
  assert.deepEqual([moved?.owner, moved?.tags], ['ann', { team: 'x' }])
  for (const taken of ['b', 'prod/a'])
    await assert.rejects(
      store.write((tx) => vault.change(tx).move('prod/a', taken)),
      code('conflict'),
    )
  assert.equal((await vault.open('b')).reveal(), 'other')
})

test('folders: those whose names begin so, and no others', async (t) => {
  const { vault } = setup(t)
  for (const name of ['prod', 'prod-eu/x', 'prod/a', 'prod/db/b', 'prodx', 'q'])
    await vault.set(name, new Secret('x'))
  const names = async (prefix: string, after = '') =>
    (await vault.list({ prefix, after })).map(({ name }) => name)
  assert.deepEqual(await names('prod/'), ['prod/a', 'prod/db/b'])
  assert.deepEqual(await names('prod/', 'prod/a'), ['prod/db/b'])
  assert.deepEqual(await names('p%'), [])
})

test('who used a secret last is written once a minute', async (t) => {
  const store = openStore(join(folderOf(t), 'mayfly.db'))
  t.after(() => store.close())
  let now = 1_000_000
  const vault = createVault({ store, key, clock: { nowMs: () => now } })
  await vault.set('a', new Secret('x'))
  const used = async (by: string | undefined) => {
    await vault.open('a', by === undefined ? {} : { by })
    // Whatever was asked for before this is written with it, or before.
    await store.write(() => Promise.resolve())
    const found = await vault.find('a')
    return [found?.usedMs, found?.usedBy]
  }
  assert.deepEqual(await used(undefined), [null, null])
  assert.deepEqual(await used('run-1'), [1_000_000, 'run-1'])
  now += 59_999
  assert.deepEqual(await used('run-2'), [1_000_000, 'run-1'])
  now += 1
  assert.deepEqual(await used('run-3'), [1_060_000, 'run-3'])
})

test('what is kept elsewhere comes from there, whatever the vault has under that name, and who used it is known', async (t) => {
  const store = openStore(join(folderOf(t), 'mayfly.db'))
  t.after(() => store.close())
  const value = new Secret('theirs')
  const external = {
    storeOf: (name: string) => (name === 'git' ? 'bao' : undefined),
    open: () => Promise.resolve({ value, version: '7', store: 'bao' }),
  }
  const vault = createVault({ store, key, clock: { nowMs: () => 5 }, external })
  await vault.set('git', new Secret('ours'))
  await store.write((tx) => tx.deleteFrom('secret_names').execute())
  assert.deepEqual(await vault.opened('git', { by: 'run-1' }), { value, version: '7', store: 'bao' })
  await store.write(() => Promise.resolve())
  const { used_by } = store.find('secret_names', { name: 'git' }) ?? {}
  assert.deepEqual([used_by, await vault.find('git')], ['run-1', undefined])
})
