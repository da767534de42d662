import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { MayflyError, type ErrorCode } from '../lib/index.ts'
import { insertRow, isDuplicate, openStore, startCheckpoints, type Store, upsertRow } from './index.ts'
import { migrate } from './migrations.ts'

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-store-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function setup(t: TestContext) {
  const file = join(folderOf(t), 'mayfly.db')
  const store = openStore(file)
  t.after(() => store.close().catch(() => undefined))
  return { file, store }
}

const put = (store: Store, key: string, value = 'x') =>
  store.write((tx) => tx.insertInto('meta').values({ key, value }).execute())

async function keysIn(store: Store): Promise<string[]> {
  return (await store.read.selectFrom('meta').select('key').orderBy('key').execute()).map(({ key }) => key)
}

function code(expected: ErrorCode, message = /./) {
  return (error: unknown) =>
    error instanceof MayflyError && error.code === expected && message.test(error.message)
}

test('what was written is read, also by another process’ eyes, and after a restart', async (t) => {
  const { file, store } = setup(t)
  await put(store, 'a', 'é\0\u{1F600}')
  const other = new DatabaseSync(file, { readOnly: true })
  assert.equal(other.prepare('SELECT count(*) AS n FROM meta').get()?.['n'], 1)
  other.close()
  await store.close()
  const again = openStore(file)
  t.after(() => again.close())
  assert.deepEqual(await keysIn(again), ['a'])
})

test('the journal is a WAL: readers never wait for a writer', (t) => {
  const { file } = setup(t)
  const other = new DatabaseSync(file)
  assert.equal(other.prepare('PRAGMA journal_mode').get()?.['journal_mode'], 'wal')
  other.close()
})

test('a commit takes along what each of several has to keep, not what the last one that said so has', async (t) => {
  const { store } = setup(t)
  for (const key of ['first', 'second'])
    store.alsoKeep(() => upsertRow('meta', 'key', { key, value: 'kept' }))
  await put(store, 'a')
  assert.deepEqual(await keysIn(store), ['a', 'first', 'second'])
})

test('a write gives back what its work does', async (t) => {
  const { store } = setup(t)
  assert.equal(await store.write(async () => 42), 42)
})

test('many writes at once: all there, each with its own result', async (t) => {
  const { store } = setup(t)
  const results = await Promise.all(
    Array.from({ length: 1000 }, (_, i) =>
      store.write(
        async (tx) => (
          await tx
            .insertInto('meta')
            .values({ key: `k${i}`, value: 'x' })
            .execute(),
          i
        ),
      ),
    ),
  )
  assert.deepEqual(
    results,
    Array.from({ length: 1000 }, (_, i) => i),
  )
  assert.equal((await keysIn(store)).length, 1000)
})

test('writes that come together share commits', async (t) => {
  const { file, store } = setup(t)
  // PRAGMA data_version of another connection changes with each commit it can see.
  const other = new DatabaseSync(file)
  t.after(() => other.close())
  const version = () => Number(other.prepare('PRAGMA data_version').get()?.['data_version'])
  const seen = new Set([version()])
  await Promise.all(
    Array.from({ length: 200 }, (_, i) => put(store, `k${i}`).then(() => seen.add(version()))),
  )
  assert.equal(seen.size, 2)
})

test('one of them fails: alone, with its own error, and nothing of it is kept', async (t) => {
  const { store } = setup(t)
  const failing = store.write(async (tx) => {
    await tx.insertInto('meta').values({ key: 'half', value: 'x' }).execute()
    throw new Error('no further')
  })
  const settled = await Promise.allSettled([
    put(store, 'a'),
    failing,
    put(store, 'b'),
    put(store, 'a'),
    put(store, 'c'),
  ])
  assert.deepEqual(
    settled.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled', 'rejected', 'fulfilled'],
  )
  await assert.rejects(failing, /no further/)
  assert.deepEqual(await keysIn(store), ['a', 'b', 'c'])
  assert.deepEqual(store.health(), { ok: true })
})

test('work that waits keeps the others out of its transaction, not out of the store', async (t) => {
  const { store } = setup(t)
  const slow = store.write(async (tx) => {
    await tx.insertInto('meta').values({ key: 'slow', value: 'x' }).execute()
    await new Promise((resolve) => setImmediate(resolve))
    throw new Error('gone')
  })
  const quick = put(store, 'quick')
  assert.deepEqual(await keysIn(store), [], 'readers do not wait, and see no half transaction')
  await assert.rejects(slow, /gone/)
  await quick
  assert.deepEqual(await keysIn(store), ['quick'])
})

test('writeAll: all or nothing, alone, in its turn, made only then', async (t) => {
  const { store } = setup(t)
  const made: string[] = []
  const all = (...keys: string[]) =>
    store.writeAll((tables) => {
      made.push(keys.join())
      return keys.map((key) => tables.insertInto('meta').values({ key, value: 'x' }))
    })
  const before = put(store, 'a')
  const settled = Promise.allSettled([
    all('b', 'c'),
    all('d', 'a'),
    all('e'),
    put(store, 'c'),
    put(store, 'f'),
  ])
  assert.deepEqual(made, [])
  await before
  const failed = (await settled).map((one) =>
    one.status === 'rejected' ? isDuplicate(one.reason) : undefined,
  )
  assert.deepEqual(failed, [undefined, true, undefined, true, undefined])
  assert.deepEqual(made, ['b,c', 'd,a', 'e'])
  assert.deepEqual(await keysIn(store), ['a', 'b', 'c', 'e', 'f'])
  assert.deepEqual(store.health(), { ok: true })
})

test('a write resolves once the disk has confirmed its commit; what is committed meanwhile shares the next', async (t) => {
  const file = join(folderOf(t), 'mayfly.db')
  const asked: { confirm: () => void; seen: number }[] = []
  const other = () => {
    const database = new DatabaseSync(file, { readOnly: true })
    const rows = Number(database.prepare('SELECT count(*) AS n FROM meta').get()?.['n'])
    database.close()
    return rows
  }
  const store = openStore(file, async (handle) => {
    assert.equal((await handle.stat()).ino, statSync(`${file}-wal`).ino)
    await new Promise<void>((confirm) => asked.push({ confirm, seen: other() }))
  })
  t.after(() => store.close())
  const resolved: string[] = []
  const write = (key: string) => put(store, key).then(() => resolved.push(key))
  const until = async (count: number) => {
    while (asked.length < count) await new Promise((next) => setTimeout(next, 1))
  }
  const first = write('a')
  await until(1)
  assert.equal(asked[0]?.seen, 1, 'it is committed before the disk is asked')
  const later = ['b', 'c', 'd'].map(write)
  while (other() < 4) await new Promise((next) => setTimeout(next, 1))
  await new Promise((next) => setTimeout(next, 20))
  assert.deepEqual([asked.length, resolved], [1, []])
  const confirmed = store.confirmed().then(() => resolved.push('all that is seen'))
  asked[0]?.confirm()
  await first
  await until(2)
  assert.deepEqual(resolved, ['a'])
  asked[1]?.confirm()
  await Promise.all([...later, confirmed])
  assert.deepEqual([asked.length, resolved], [2, ['a', 'b', 'c', 'd', 'all that is seen']])
  await store.confirmed()
  assert.equal(asked.length, 2, 'nothing waits for the disk, so it is not asked')
})

test('the disk does not confirm: whoever waits is told, and nothing more is taken', async (t) => {
  const file = join(folderOf(t), 'mayfly.db')
  let works = true
  const store = openStore(file, async () => {
    if (!works) throw new Error('EIO: i/o error, fdatasync')
  })
  t.after(() => store.close())
  await put(store, 'a')
  works = false
  const failed = await Promise.allSettled([put(store, 'b'), put(store, 'c')])
  const isFailure = code('store_failed', /did not confirm.*start Mayfly again: EIO/)
  for (const one of failed) assert.ok(one.status === 'rejected' && isFailure(one.reason))
  // It may work again by itself, but what it has of `b` nobody knows.
  works = true
  await assert.rejects(put(store, 'd'), isFailure)
  await assert.rejects(store.confirmed(), isFailure)
  const health = store.health()
  assert.ok(!health.ok && health.reason.includes('did not confirm'))
  assert.equal((await keysIn(store)).includes('d'), false)
})

test('checkpoints: what was written comes into the database while it is open, and its log goes when both are closed', async (t) => {
  const { file, store } = setup(t)
  const checkpoints = startCheckpoints(file)
  for (let i = 0; i < 20; i++) await put(store, `k${i}`, 'x'.repeat(100_000))
  const deadlineMs = performance.now() + 20_000
  while (statSync(file).size < 2_000_000) {
    assert.ok(performance.now() < deadlineMs, 'nothing came into the database')
    await new Promise((next) => setTimeout(next, 20))
  }
  await checkpoints.close()
  await store.close()
  assert.equal(existsSync(`${file}-wal`), false)
  const again = openStore(file)
  t.after(() => again.close())
  assert.equal((await keysIn(again)).length, 20)
})

test('later work of one commit sees what earlier work wrote', async (t) => {
  const { store } = setup(t)
  const first = put(store, 'a')
  const count = store.write(async (tx) => (await tx.selectFrom('meta').selectAll().execute()).length)
  await first
  assert.equal(await count, 1)
})

test('isDuplicate: a key that is there, and no other error', async (t) => {
  const { store } = setup(t)
  await put(store, 'a')
  await assert.rejects(put(store, 'a'), isDuplicate)
  const used = () =>
    store.write((tx) =>
      tx.insertInto('spent_tokens').values({ issuer: 'i', token_id: 't', expires_ms: 1 }).execute(),
    )
  await used()
  await assert.rejects(used(), isDuplicate)
  const orphan = store.write((tx) =>
    tx
      .insertInto('leases')
      .values({
        id: 'l',
        session_id: 'none',
        step_id: 'none',
        connection: 'c',
        grant_source: 'g',
        kind: 'static',
        created_ms: 1,
        expires_ms: 1,
        revoked_ms: null,
        revoke_reason: null,
      })
      .execute(),
  )
  const wrongType = store.write((tx) =>
    tx.insertInto('spent_tokens').values({ issuer: 'i', token_id: 'u', expires_ms: 1.5 }).execute(),
  )
  for (const other of [orphan, wrongType]) {
    const error: unknown = await other.then(
      () => assert.fail('written'),
      (reason: unknown) => reason,
    )
    assert.equal(isDuplicate(error), false, String(error))
  }
  assert.equal(isDuplicate(new Error('UNIQUE constraint failed')), false)
  assert.equal(isDuplicate(undefined), false)
})

test('find: the one row that has all of the values; a name that is a quote finds nothing', async (t) => {
  const { store } = setup(t)
  const used = (issuer: string, token_id: string) =>
    insertRow('spent_tokens', { expires_ms: 1, issuer, token_id })
  await store.writeAll(() => [used('i', 'a'), used('i', 'b'), used('j', 'a')])
  const found = store.find('spent_tokens', { issuer: 'j', token_id: 'a' })
  assert.deepEqual({ ...found }, { expires_ms: 1, issuer: 'j', token_id: 'a' })
  assert.equal(store.find('spent_tokens', { issuer: 'j', token_id: 'b' }), undefined)
  assert.equal(store.find('spent_tokens', { issuer: "' OR 1 --" }), undefined)
})

test('upsertRow: one row a key, the last of them; insertRow: the first, and a duplicate', async (t) => {
  const { store } = setup(t)
  const state = (next_number: number) =>
    upsertRow('runs', 'id', { id: 'run_1', next_number, given_up: `[${next_number}]` })
  await store.writeAll(() => [state(1), state(2)])
  await store.write(async (_, run) => run(state(3)))
  assert.deepEqual(
    { ...store.find('runs', { id: 'run_1' }) },
    { id: 'run_1', next_number: 3, given_up: '[3]' },
  )
  const row = insertRow('runs', { id: 'run_1', next_number: 9, given_up: '[]' })
  await assert.rejects(
    store.writeAll(() => [row]),
    isDuplicate,
  )
  const half = store.write(async (_, run) => {
    run(state(4))
    run(row)
  })
  await assert.rejects(half, isDuplicate)
  assert.equal(store.find('runs', { id: 'run_1' })?.next_number, 3)
})

test('big texts and blobs come back as they were', async (t) => {
  const { store } = setup(t)
  const sealed = Buffer.alloc(1_000_000, 7)
  await store.write((tx) =>
    tx.insertInto('secrets').values({ name: 'n', version: 1, sealed, created_ms: 1 }).execute(),
  )
  const row = await store.read.selectFrom('secrets').selectAll().executeTakeFirstOrThrow()
  assert.ok(Buffer.from(row.sealed).equals(sealed))
})

test('refused: a store of a newer version, which stays as it is', async (t) => {
  const { file, store } = setup(t)
  await put(store, 'a')
  await store.close()
  const database = new DatabaseSync(file)
  database.exec('PRAGMA user_version = 99')
  database.close()
  assert.throws(() => openStore(file), code('data_folder', /schema 99/))
  const after = new DatabaseSync(file)
  assert.equal(after.prepare('PRAGMA user_version').get()?.['user_version'], 99)
  after.close()
})

test('of servers that start at once on a new database one makes its tables, and all have them', async (t) => {
  const file = join(folderOf(t), 'mayfly.db')
  const start = new SharedArrayBuffer(4)
  const source = `import { workerData, parentPort } from 'node:worker_threads'
    import { openStore } from ${JSON.stringify(import.meta.resolve('./index.ts'))}
    parentPort.postMessage('ready')
    Atomics.wait(new Int32Array(workerData.start), 0, 0)
    await openStore(workerData.file).close()`
  const url = new URL(`data:text/javascript,${encodeURIComponent(source)}`)
  const workers = Array.from({ length: 3 }, () => new Worker(url, { workerData: { file, start } }))
  // If one does not come so far, the others wait for ever.
  t.after(() => Promise.all(workers.map((worker) => worker.terminate())))
  await Promise.all(workers.map((worker) => once(worker, 'message')))
  const ends = workers.map((worker) => once(worker, 'exit'))
  Atomics.store(new Int32Array(start), 0, 1)
  Atomics.notify(new Int32Array(start), 0)
  assert.deepEqual(await Promise.all(ends), [[0], [0], [0]])
})

test('a database of the first version: its sessions can be ended by issuer, repository and commit', async (t) => {
  const file = join(folderOf(t), 'mayfly.db')
  const old = new DatabaseSync(file)
  migrate(old, 1)
  const insert = old.prepare(
    'INSERT INTO sessions (id, run_id, identity, roles, jkt, created_ms, expires_ms, heartbeat_ms) VALUES (?, ?, ?, ?, ?, 1, 2, 1)',
  )
  const attributes = { repository_id: '7', repository: 'octo/app', commit: 'abc' }
  insert.run('ses_1', 'run_1', JSON.stringify({ issuer: 'github', attributes, run: {} }), '["build"]', 'jkt')
  insert.run(
    'ses_2',
    'run_2',
    JSON.stringify({ issuer: 'oidc', attributes: {}, run: {} }),
    '["build"]',
    'jkt',
  )
  old.exec("INSERT INTO policies (text, applied_by, applied_ms) VALUES ('x', 'anna', 1)")
  old.exec("INSERT INTO used_tokens (issuer, token_id, expires_ms) VALUES ('i', 't', 1060000)")
  old.close()
  const store = openStore(file)
  t.after(() => store.close())
  assert.ok(store.find('spent_tokens', { expires_ms: 1_000_000, issuer: 'i', token_id: 't' }))
  const columns = ['issuer', 'repository_id', 'repository', 'commit_id'] as const
  const rows = await store.read.selectFrom('sessions').select(columns).orderBy('id').execute()
  assert.deepEqual(
    rows.map((row) => columns.map((column) => row[column])),
    [
      ['github', '7', 'octo/app', 'abc'],
      ['oidc', null, null, null],
    ],
  )
  assert.equal((await store.read.selectFrom('policies').select('source').executeTakeFirst())?.source, null)
})

test('refused: a file that is no database, a folder, a place that is not there', (t) => {
  const folder = folderOf(t)
  const file = join(folder, 'x.db')
  writeFileSync(file, 'this is no database, and long enough to be looked at '.repeat(100))
  for (const path of [file, folder, join(folder, 'none', 'x.db')]) {
    assert.throws(() => openStore(path), code('store_failed', /cannot be opened/), path)
  }
})

test('close: waits for the writes under way, refuses later ones', async (t) => {
  const { file, store } = setup(t)
  const writes = Array.from({ length: 600 }, (_, i) => put(store, `k${i}`))
  await store.close()
  await Promise.all(writes)
  await assert.rejects(put(store, 'late'))
  const database = new DatabaseSync(file)
  t.after(() => database.close())
  assert.equal(database.prepare('SELECT count(*) AS n FROM meta').get()?.['n'], 600)
})

test('close: both connections are closed, whether they were used or not, so no WAL stays behind', async (t) => {
  for (const use of ['none', 'read', 'write', 'both']) {
    const { file, store } = setup(t)
    if (use === 'read' || use === 'both') await keysIn(store)
    if (use === 'write' || use === 'both') await put(store, 'a')
    await store.close()
    assert.equal(existsSync(`${file}-wal`), false, use)
  }
})

test('a full disk: each write is whole or refused with disk_full, and later writes work once there is space', (t) => {
  if (process.getuid?.() !== 0) return t.skip('only root may mount a small tmpfs')
  const script = join(import.meta.dirname, 'full-disk.fixture.ts')
  const folder = folderOf(t)
  const mounted = `mount -t tmpfs -o size=2m none "$1" || exit 77; exec "$2" "$3" "$1"`
  const child = spawnSync('unshare', ['-m', 'sh', '-c', mounted, 'sh', folder, process.execPath, script], {
    encoding: 'utf8',
  })
  if (child.error !== undefined || child.status === 77 || child.stderr.startsWith('unshare:')) {
    return t.skip('no private mount namespace or tmpfs here')
  }
  assert.equal(child.status, 0, child.stderr)
  const told: unknown = JSON.parse(child.stdout)
  assert.deepEqual(told, {
    refused: ['disk_full'],
    someWereWritten: true,
    healthWhileFull: false,
    reasonNamesTheDisk: true,
    everyPairIsWhole: true,
    writtenAreThere: true,
    refusedAreNot: true,
    readsWhileFull: true,
    foundByItself: true,
    afterSpace: true,
    healthAfter: true,
    afterRestart: true,
    integrity: 'ok',
  })
})
