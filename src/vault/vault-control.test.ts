import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { globSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { MayflyError, Secret } from '../lib/index.ts'
import { openSealed, seal, type KeyProvider } from './index.ts'
import { ringSetup } from './key-ring.fixture.ts'
import { createPassphraseProvider } from './providers/passphrase.ts'
import { otherBytes, sealedColumns, sealedMeta } from './sealed-columns.ts'
import { createVaultControl } from './vault-control.ts'

const cost = { n: 2 ** 4, r: 8, p: 1 }
const good = 'correct horse battery'

/** A server of the store, with its control. */
async function server(
  it: ReturnType<typeof ringSetup>,
  ...args: Parameters<ReturnType<typeof ringSetup>['server']>
) {
  const deps = await it.server(...args)
  return { ...deps, control: createVaultControl({ ...deps, providers: () => deps.providers }) }
}

type Server = Awaited<ReturnType<typeof server>>

/** As the owners of the tables seal: one value in each. */
async function fill({ store, ring }: Server, secrets = 3): Promise<void> {
  const of = (context: string) => seal(ring, context, Buffer.from(`value of ${context}`))
  await store.write(async (tx) => {
    for (let version = 1; version <= secrets; version++)
      await tx
        .insertInto('secrets')
        .values({
          name: 'a"b',
          version,
          sealed: of(`secret "a"b" version ${version}`),
          created_ms: 1,
          created_by: null,
          destroyed_ms: null,
        })
        .execute()
    await tx
      .insertInto('secrets')
      .values({
        name: 'gone',
        version: 1,
        sealed: Buffer.alloc(0),
        created_ms: 1,
        created_by: null,
        destroyed_ms: 2,
      })
      .execute()
    await tx
      .insertInto('people')
      .values({ who: 'w', alias: null, person: 'per_1', sealed: of('person per_1'), created_ms: 1 })
      .execute()
    for (const [key, context] of Object.entries(sealedMeta))
      await tx
        .insertInto('meta')
        .values({ key, value: of(context).toString('base64') })
        .execute()
  })
}

/** Opens every value that `fill` made, and tells by which keys they are sealed. */
async function openAll({ store, ring }: Pick<Server, 'store' | 'ring'>): Promise<Set<number>> {
  const found = new Set<number>()
  const check = (context: string, sealed: Uint8Array) => {
    assert.equal(openSealed(ring, context, sealed).reveal().toString(), `value of ${context}`)
    found.add(Buffer.from(sealed).readUInt32BE(1))
  }
  for (const row of await store.read
    .selectFrom('secrets')
    .selectAll()
    .where('destroyed_ms', 'is', null)
    .execute())
    check(`secret "${row.name}" version ${row.version}`, row.sealed)
  for (const row of await store.read.selectFrom('people').selectAll().execute())
    check(`person ${row.person}`, row.sealed)
  for (const [key, context] of Object.entries(sealedMeta))
    check(context, Buffer.from(store.find('meta', { key })?.value ?? '', 'base64'))
  return found
}

async function rotateToEnd(it: ReturnType<typeof ringSetup>, { control, store }: Server): Promise<void> {
  for (let i = 0; i < 10_000; i++) {
    const { more, finish } = await control.rotation.step()
    if (finish !== undefined) {
      await store.write(async (tx) => void (await finish(tx)))
      return
    }
    if (!more) it.clock.ms += 5_000
  }
  assert.fail('it does not come to an end')
}

// --- rotate-key.

test('every column of bytes in the store is known: as sealed, or why it is not', (t) => {
  const it = ringSetup(t)
  it.open()
  const database = new DatabaseSync(it.database)
  const tables = database.prepare("select name from sqlite_master where type = 'table'").all()
  const bytes = tables.flatMap(({ name }) =>
    database
      .prepare(`pragma table_info("${String(name)}")`)
      .all()
      .filter(({ type }) => type === 'BLOB')
      .map((column) => `${String(name)}.${String(column['name'])}`),
  )
  database.close()
  const known = [
    ...sealedColumns.map(({ table, column }) => `${table}.${column}`),
    ...Object.keys(otherBytes),
  ]
  assert.deepEqual(bytes.toSorted(), known.toSorted())
})

test('whoever seals is known, since a key is retired once nothing of theirs names it', () => {
  const folder = join(import.meta.dirname, '..')
  const found = globSync('**/*.ts', { cwd: folder })
    .filter((file) => !/\.(?:test|fixture)\.ts$/.test(file) && !file.startsWith('vault/'))
    .filter((file) =>
      /import \{[^}]*\bseal\b[^}]*\} from '[./]+\/vault\/index\.ts'/.test(
        readFileSync(join(folder, file), 'utf8'),
      ),
    )
  // Each of them: `sealedColumns` or `sealedMeta` has where it keeps what it seals.
  assert.deepEqual(found.toSorted(), [
    'attest/trust/keys.ts',
    'broker/people.ts',
    'broker/run-keys.ts',
    'honey/honey.ts',
    'inspection/vault-secrets.ts',
    'main/up.ts',
    'oidc-issuer/signing-key.ts',
  ])
})

test('every seed that is loaded by the name of its row is sealed anew, as what it is sealed as', () => {
  const folder = join(import.meta.dirname, '..')
  const rows = globSync('**/*.ts', { cwd: folder })
    .filter((file) => !/\.(?:test|fixture)\.ts$/.test(file))
    .flatMap((file) => [
      ...readFileSync(join(folder, file), 'utf8').matchAll(/\brow: '(\w+)',\s*context: '([^']+)'/g),
    ])
    .map(([, row = '', context]) => [row, context])
  assert.ok(rows.length > 0)
  assert.deepEqual(
    rows,
    rows.map(([row = '']) => [row, sealedMeta[row]]),
  )
})

test('rotate-key: everything is sealed anew by a new key, online; only then the old one is retired', async (t) => {
  const it = ringSetup(t)
  const one = await server(it)
  await fill(one, 250)
  const before = one.ring.newest().id
  assert.deepEqual(await one.control.rotation.begin(), { key: before + 1, begun: true })
  assert.deepEqual(await one.control.rotation.begin(), { key: before + 1, begun: false })
  assert.ok((await one.control.status()).older > 250)
  await one.control.rotation.step()
  assert.deepEqual(await openAll(one), new Set([before, before + 1]))
  await rotateToEnd(it, one)
  assert.deepEqual(await openAll(one), new Set([before + 1]))
  const { keys, older } = await one.control.status()
  assert.equal(older, 0)
  assert.deepEqual(
    keys.map(({ retired }) => retired !== null),
    [true, false],
  )
  assert.equal((await one.control.rotation.step()).more, false)
  assert.equal((await one.control.rotation.begin()).begun, true)
})

test('rotate-key by two servers at once: nothing is lost, and one of them ends it', async (t) => {
  const it = ringSetup(t)
  const [one, two] = [await server(it), await server(it)]
  await fill(one, 250)
  const begun = await Promise.all([one.control.rotation.begin(), two.control.rotation.begin()])
  assert.equal(begun.filter(({ begun: isNew }) => isNew).length, 1)
  let ended = 0
  for (let i = 0; i < 200 && ended === 0; i++) {
    const steps = await Promise.all(
      [one, two].map(async ({ control, store }) => ({ store, ...(await control.rotation.step()) })),
    )
    const finished = await Promise.all(
      steps.map(async ({ store, finish }) =>
        finish === undefined ? undefined : await store.write((tx) => finish(tx)),
      ),
    )
    ended += finished.filter((key) => key !== undefined).length
    it.clock.ms += 1_000
  }
  assert.equal(ended, 1)
  assert.deepEqual(await openAll(two), new Set([begun[0]?.key]))
})

test('rotate-key: a value that changes meanwhile keeps what was written', async (t) => {
  const it = ringSetup(t)
  const one = await server(it)
  await fill(one)
  await one.control.rotation.begin()
  const context = 'secret "a"b" version 1'
  const stepping = one.control.rotation.step()
  const sealed = seal(one.ring, context, Buffer.from('another'))
  await Promise.all([
    stepping,
    one.store.write((tx) =>
      tx.updateTable('secrets').set({ sealed }).where('name', '=', 'a"b').where('version', '=', 1).execute(),
    ),
  ])
  const row = one.store.find('secrets', { name: 'a"b', version: 1 })
  assert.equal(
    openSealed(one.ring, context, row?.sealed ?? Buffer.alloc(0))
      .reveal()
      .toString(),
    'another',
  )
})

test('rotate-key: a damaged value stays, is told, and keeps its key in use', async (t) => {
  const it = ringSetup(t)
  const one = await server(it)
  await fill(one)
  await one.store.write((tx) =>
    tx.updateTable('secrets').set({ version: 9 }).where('version', '=', 2).execute(),
  )
  await one.control.rotation.begin()
  const told: string[] = []
  for (let i = 0; i < 30; i++) {
    const step = await one.control.rotation.step()
    told.push(...step.broken)
    assert.equal(step.finish, undefined)
    it.clock.ms += 1_000
  }
  assert.deepEqual([...new Set(told)], ['secret "a"b" version 9'])
  assert.equal((await one.control.status()).older, 1)
})

test('rotate-key: killed at any row, it goes on where it was, and nothing is lost', async (t) => {
  const it = ringSetup(t)
  const one = await server(it)
  await fill(one, 330)
  const { key } = await one.control.rotation.begin()
  const program = join(import.meta.dirname, 'rotate-key.fixture.ts')
  for (const batches of [1, 3]) {
    const child = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', program, it.database, it.keyFile],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    let seen = 0
    child.stdout.on('data', (piece: Buffer) => {
      seen += piece.length
      if (seen >= batches) child.kill('SIGKILL')
    })
    await new Promise((next) => child.once('exit', next))
    assert.ok(seen >= batches)
    await openAll(one)
  }
  await rotateToEnd(it, one)
  assert.deepEqual(await openAll(one), new Set([key]))
})

// --- rekey.

test('rekey: to a passphrase; what wrapped before opens no more, and servers that run go on', async (t) => {
  const it = ringSetup(t)
  const hand = createPassphraseProvider({ describe: 'by hand', cost })
  const one = await server(it, 'key-file', { hand })
  const two = await server(it)
  await fill(one)
  await openAll(two)
  const done = await one.control.rekey('hand', new Secret(good))
  assert.deepEqual(done, { provider: 'hand', kind: 'passphrase', describe: 'by hand' })
  assert.equal((await one.control.status()).provider?.kind, 'passphrase')
  for (const running of [one, two]) await openAll(running)
  assert.equal(two.ring.lacksRoot(), true)
  rmSync(it.keyFile)
  await assert.rejects(one.control.rekey('key-file'), { message: /is not there yet: make it with/ })
  await assert.rejects(it.server('hand', { hand }), { code: 'vault_sealed' })
  await assert.rejects(it.server('hand', { hand }, new Secret('correct horse batterY')), {
    ...{ code: 'vault_key', message: /not the passphrase/ },
  })
  await openAll(await it.server('hand', { hand }, new Secret(good)))
})

test('rekey: a provider that does not unwrap what it wrapped, or is away, changes nothing', async (t) => {
  const it = ringSetup(t)
  const bad: KeyProvider = {
    kind: 'bad',
    describe: 'd',
    wrap: () => Promise.resolve('w'),
    unwrap: () => Promise.resolve(randomBytes(32)),
  }
  const away: KeyProvider = {
    ...bad,
    wrap: () => Promise.reject(new MayflyError('upstream_unreachable', 'away')),
  }
  const two = await server(it)
  await fill(two)
  const rows = () => two.store.read.selectFrom('vault_keys').selectAll().execute()
  const before = await rows()
  const providers = { use: 'bad', named: (name: string) => (name === 'away' ? away : bad) }
  const control = createVaultControl({ ...two, providers: () => providers })
  await assert.rejects(control.rekey(), { code: 'credential_failed', message: /nothing was changed/ })
  await assert.rejects(control.rekey('away'), { code: 'upstream_unreachable' })
  assert.deepEqual(await rows(), before)
  await openAll(await it.server())
})

test(
  'rekey on a full disk leaves the old root whole',
  { skip: process.getuid?.() === 0 ? false : 'only root can make a small file system' },
  (t) => {
    const it = ringSetup(t)
    const program = join(import.meta.dirname, 'rekey-full-disk.fixture.ts')
    const script =
      'mount -t tmpfs -o size=2m tmpfs "$1" && exec "$2" --disable-warning=ExperimentalWarning "$3" "$1"'
    const ran = spawnSync('unshare', ['-m', 'sh', '-c', script, 'sh', it.folder, process.execPath, program], {
      encoding: 'utf8',
      timeout: 60_000,
    })
    if (/unshare failed|mount:|Operation not permitted/.test(ran.stderr))
      return t.skip(`no small file system here: ${ran.stderr.trim()}`)
    assert.equal(
      ran.stdout,
      JSON.stringify({ refused: 'disk_full', opensBefore: true, opensAfterRestart: true, thenWorks: true }),
      ran.stderr,
    )
  },
)

// --- seal and unseal.

test('seal: no server uses a key from then on, not even one that starts; unseal takes it back', async (t) => {
  const it = ringSetup(t)
  const [one, two] = [await server(it), await server(it)]
  await fill(one)
  await openAll(two)
  await one.control.beginSeal()
  assert.match(two.control.closed() ?? '', /being sealed/)
  await openAll(two)
  await one.control.seal()
  for (const { ring, control } of [one, two, await server(it)]) {
    assert.match(control.closed() ?? '', /an operator sealed the vault/)
    assert.throws(() => seal(ring, 'c', Buffer.from('x')), { code: 'vault_sealed' })
    await control.tryAgain()
    assert.notEqual(control.closed(), undefined)
  }
  await one.control.unseal()
  await openAll(one)
  it.clock.ms += 120_000
  await two.control.tryAgain()
  await openAll(two)
})

test('a provider that is away: the vault stays closed and says why, and opens when it is back', async (t) => {
  const it = ringSetup(t)
  const key = randomBytes(32)
  let isAway = false
  const kms: KeyProvider = {
    kind: 'kms',
    describe: 'k',
    wrap: (root) =>
      Promise.resolve(Buffer.from(root.map((byte, i) => byte ^ (key[i] ?? 0))).toString('base64')),
    unwrap: (wrapped) =>
      isAway
        ? Promise.reject(new MayflyError('upstream_unreachable', 'the KMS does not answer'))
        : Promise.resolve(Buffer.from(Buffer.from(wrapped, 'base64').map((byte, i) => byte ^ (key[i] ?? 0)))),
  }
  const one = await server(it, 'kms', { kms })
  await fill(one)
  isAway = true
  const { ring, ...deps } = one
  ring.forget('a restart')
  const control = createVaultControl({ ...deps, ring, providers: () => deps.providers })
  await control.tryAgain()
  assert.equal(control.closed(), 'the KMS does not answer')
  isAway = false
  await control.tryAgain()
  assert.notEqual(control.closed(), undefined, 'it waits before it asks again')
  it.clock.ms += 1_000
  await control.tryAgain()
  assert.equal(control.closed(), undefined)
  isAway = true
  it.clock.ms += 100_000
  await control.tryAgain()
  await openAll(one)
})

test('unseal with a wrong passphrase is refused, and the vault stays sealed', async (t) => {
  const it = ringSetup(t, { keyFile: false })
  const hand = createPassphraseProvider({ describe: 'by hand', cost })
  const one = await server(it, 'hand', { hand }, new Secret(good))
  await one.control.beginSeal()
  await one.control.seal()
  await assert.rejects(one.control.unseal(new Secret('correct horse batterY')), { code: 'vault_key' })
  await assert.rejects(one.control.unseal(), { code: 'vault_sealed', message: /passphrase/ })
  assert.match(one.control.closed() ?? '', /sealed/)
  await one.control.unseal(new Secret(good))
  assert.equal(one.control.closed(), undefined)
  const store = readFileSync(it.database)
  assert.equal(store.includes(good), false)
})
