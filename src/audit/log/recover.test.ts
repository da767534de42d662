import assert from 'node:assert/strict'
import { appendFile, cp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { FatalError } from '../../lib/index.ts'
import { verifyFolder } from '../verify/node.ts'
import { entriesOf, openLog, postEntries, sampleLog, temporaryFolder } from './log.fixture.ts'
import { spawnLog } from './spawn.fixture.ts'
import { type FileSystem, systemFs } from '../disk/index.ts'

/** A folder as a crash leaves it: three requests acknowledged, of 2 entries each, nothing of them published. */
async function crashedLog(t: TestContext): Promise<{ folder: string; wal: string }> {
  const folder = await temporaryFolder(t)
  const log = await openLog(t, folder)
  for (const from of [0, 2, 4]) await postEntries(log.url, entriesOf(from, from + 2))
  const copy = `${folder}-crashed`
  t.after(() => rm(copy, { recursive: true, force: true, maxRetries: 20 }))
  await cp(folder, copy, { recursive: true })
  for (const name of await readdir(join(copy, 'state')))
    if (name.startsWith('lock-') && name !== 'lock-checkpoint') await rm(join(copy, 'state', name))
  return { folder: copy, wal: join(copy, 'state', `wal-${'0'.repeat(16)}`) }
}

async function refuses(t: TestContext, folder: string, message: RegExp): Promise<void> {
  await assert.rejects(openLog(t, folder), (error) => {
    assert.ok(error instanceof FatalError, String(error))
    assert.match(error.message, message)
    assert.doesNotMatch(error.message, /\n/)
    return true
  })
  assert.deepEqual(
    (await readdir(join(folder, 'state'))).filter((name) => /^lock-\d/.test(name)),
    [],
  )
}

async function sizeAfterRestart(t: TestContext, folder: string): Promise<number> {
  const log = await openLog(t, folder)
  await log.close()
  const verdict = await verifyFolder(folder, log.verifierKey)
  assert.ok(verdict.ok, JSON.stringify(verdict))
  return verdict.size
}

test('what was acknowledged and not published is published after a restart', async (t) => {
  const { folder } = await crashedLog(t)
  assert.equal(await sizeAfterRestart(t, folder), 6)
})

test('a torn last record is cut, wherever it was torn; the log goes on after it', async (t) => {
  for (const cut of [1, 40, 60, 100]) {
    const { folder, wal } = await crashedLog(t)
    await truncate(wal, (await readFile(wal)).length - cut)
    assert.equal(await sizeAfterRestart(t, folder), 4)
    assert.equal(await sizeAfterRestart(t, folder), 4)
  }
  const { folder, wal } = await crashedLog(t)
  await appendFile(wal, Buffer.alloc(5_000))
  assert.equal(await sizeAfterRestart(t, folder), 6)
})

test('a damaged record before the last one is refused, whichever byte it is', async (t) => {
  const { folder, wal } = await crashedLog(t)
  const bytes = await readFile(wal)
  const recordBytes = (bytes.length - 32) / 3
  for (let at = 32; at < 32 + 2 * recordBytes; at += 7) {
    await writeFile(wal, bytes.with(at, (bytes[at] ?? 0) ^ 0x80))
    await refuses(t, folder, /damaged: entry [02] is unreadable/)
  }
  await writeFile(wal, bytes.with(3, 0))
  await refuses(t, folder, /its head is unreadable/)
})

test('a folder that was changed under the log is refused, and named', async (t) => {
  const changes: [RegExp, (folder: string) => Promise<unknown>][] = [
    [
      /storage is ahead: 300 entries are published, 100 locked/,
      (f) => cp(join(f, 'checkpoints/100'), join(f, 'state/lock-checkpoint')),
    ],
    [
      /size 100 is published, but size 300 is locked/,
      (f) => cp(join(f, 'checkpoints/100'), join(f, 'checkpoint')),
    ],
    [/no lock checkpoint/, (f) => rm(join(f, 'state/lock-checkpoint'))],
    [/key is missing/, (f) => rm(join(f, 'state/key'))],
    [/key\.vkey is not the public half of/, (f) => spoil(join(f, 'key.vkey'))],
    [/write-ahead log is missing/, (f) => rmWal(f)],
    [/tile\/0\/001\.p\/44 is missing/, (f) => rm(join(f, 'tile/0/001.p/44'))],
    [/last tiles do not give the root/, (f) => spoil(join(f, 'tile/0/001.p/44'))],
    [/last entries are not those/, (f) => spoil(join(f, 'tile/entries/001.p/44'))],
    [/not a checkpoint signed by this log/, (f) => spoil(join(f, 'checkpoint'))],
    [/entry 2 was published with other bytes/, (f) => spoil(join(f, 'tile/0/000'))],
  ]
  const { folder } = await sampleLog(t, [100, 300])
  for (const [message, change] of changes) {
    const copy = `${folder}-copy`
    t.after(() => rm(copy, { recursive: true, force: true, maxRetries: 20 }))
    await cp(folder, copy, { recursive: true })
    await change(copy)
    await refuses(t, copy, message)
    await rm(copy, { recursive: true })
  }
  await assert.rejects(
    openLog(t, folder, { origin: 'another' }),
    /is the log of test\.example\/audit, not of another/,
  )
})

async function rmWal(folder: string): Promise<void> {
  for (const name of await readdir(join(folder, 'state')))
    if (name.startsWith('wal-')) await rm(join(folder, 'state', name))
}

async function spoil(path: string): Promise<void> {
  const bytes = await readFile(path)
  const at = Math.min(70, bytes.length - 2)
  await writeFile(path, bytes.with(at, (bytes[at] ?? 0) ^ 1))
}

test('one writer: a second process, and this one again, are told who it is; a dead one is not in the way', async (t) => {
  const folder = await temporaryFolder(t)
  const first = await spawnLog(folder)
  assert.ok(typeof first !== 'string')
  t.after(() => first.end('SIGKILL'))
  assert.match(String(await spawnLog(folder)), new RegExp(`is in use by process ${first.process.pid} on `))
  await first.end('SIGKILL')
  const second = await openLog(t, folder)
  await assert.rejects(openLog(t, folder), new RegExp(`is in use by process ${process.pid} on `))
  await second.close()
})

/** A file system on which `op` of files whose path matches fails from the moment `broken` is set. */
function breakable(
  op: 'write' | 'datasync' | 'sync',
  path: RegExp,
  code: string,
): { fs: FileSystem; break: () => void } {
  let broken = false
  const open: FileSystem['open'] = async (name, ...rest) => {
    const handle = await systemFs.open(name, ...rest)
    if (!path.test(String(name))) return handle
    const real = handle[op].bind(handle) as (...args: unknown[]) => Promise<unknown>
    const failing = async (...args: unknown[]) => {
      if (!broken) return await real(...args)
      throw Object.assign(new Error(`${code}: no`), { code })
    }
    return Object.assign(handle, { [op]: failing })
  }
  return { fs: { ...systemFs, open }, break: () => (broken = true) }
}

for (const [op, code, status] of [
  ['write', 'ENOSPC', 507],
  ['datasync', 'EIO', 503],
] as const) {
  test(`${code} on ${op}: nothing is acknowledged any more, and everybody is told why`, async (t) => {
    const folder = await temporaryFolder(t)
    const disk = breakable(op, /wal-/, code)
    const log = await openLog(t, folder, { fs: disk.fs })
    assert.equal((await postEntries(log.url, entriesOf(0, 3))).status, 200)
    disk.break()
    const answers = await Promise.all([1, 2, 3].map((i) => postEntries(log.url, entriesOf(i * 3, i * 3 + 3))))
    assert.deepEqual(
      answers.map((answer) => answer.status),
      [status, status, status],
    )
    assert.match(answers[0]?.body.message ?? '', code === 'ENOSPC' ? /the disk is full/ : /EIO/)
    const health = await fetch(`${log.url}/healthz`)
    assert.equal(health.status, 503)
    assert.match(JSON.stringify(await health.json()), /"ok":false.*until it is restarted/)
    assert.equal((await fetch(`${log.url}/checkpoint`)).status, 200)
    assert.deepEqual(
      log.faults.map((fault) => fault.code),
      [code === 'ENOSPC' ? 'disk_full' : 'audit_unavailable'],
    )
    await log.close()
    // The three acknowledged ones are there; after a failed fsync others may be.
    const size = await sizeAfterRestart(t, folder)
    assert.ok(op === 'write' ? size === 3 : size >= 3)
  })
}

for (const path of [/staged/, /lock-checkpoint|state\/\.new/, /checkpoint$|\/\.new/]) {
  test(`a commit that fails at ${path.source} stops the log, and a restart completes it`, async (t) => {
    const folder = await temporaryFolder(t)
    const disk = breakable('sync', path, 'EIO')
    const log = await openLog(t, folder, { fs: disk.fs, publishIntervalMs: 20 })
    disk.break()
    await postEntries(log.url, entriesOf(0, 300))
    while (log.faults.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    assert.equal((await postEntries(log.url, entriesOf(300, 301))).status, 503)
    await log.close()
    assert.equal(await sizeAfterRestart(t, folder), 300)
  })
}
