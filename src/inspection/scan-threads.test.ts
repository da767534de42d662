import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test, type TestContext } from 'node:test'
import { systemClock, type Clock } from '../lib/index.ts'
import { createKnownSecrets, fingerprintsOf, keysOf, type WindowTable } from '../scan/known/index.ts'
import { createScanThreads } from './index.ts'
import { startScanThread } from './scan-thread.ts'
import { createShared, createWorks, fileAt, beatOf } from './work.ts'

const cleanBytes = Buffer.from('a clean line\n'.repeat(1_000))
const brackets = Buffer.concat([Buffer.from('{"nbformat":4,"cells":'), Buffer.alloc(32_000_000, '[')])
const cells = Buffer.from(`{"nbformat":4,"cells":[${'{"source":"a"},'.repeat(2_000_000)}`)

function threads(t: TestContext, entry?: URL, clock: Clock = systemClock) {
  const scanner = createScanThreads({ clock, ...(entry === undefined ? {} : { entry }) })
  t.after(() => scanner.close())
  return scanner
}

test('a notebook that is made to take all memory or time leaves the thread to those that share it', async (t) => {
  const scanner = threads(t)
  const beside = scanner.stream('layer')
  await beside.write(cleanBytes)
  const bombs = [brackets, cells].map((bytes) => scanner.scan('a.ipynb', bytes))
  await beside.write(cleanBytes)
  const clean = scanner.scan('clean', cleanBytes)
  for (const scanned of [await beside.end(), await clean, ...(await Promise.all(bombs))])
    assert.deepEqual(scanned.findings, [])
})

test('a small file is looked at while the thread is at a long one', async (t) => {
  const scanner = threads(t)
  const order: string[] = []
  // More threads than any machine starts here.
  const long = Array.from({ length: 4 }, () => scanner.scan('long', cells).then(() => order.push('long')))
  await scanner.scan('short', cleanBytes).then(() => order.push('short'))
  await Promise.all(long)
  assert.equal(order[0], 'short')
})

test('a thread that is told to forget looks for no secret of the vault any more, until it is given them again', async (t) => {
  const scanner = threads(t)
  const secret = `tok_${randomBytes(27).toString('base64url')}`
  const keys = keysOf(randomBytes(32))
  const known = createKnownSecrets<string>(keys)
  known.add('secret 1 deploy', 'deploy', fingerprintsOf(secret, keys))
  const found = async (table: WindowTable | undefined) =>
    (await scanner.scan('a.env', Buffer.from(`key=${secret}\n`), { table, handed: [] })).candidates.length > 0
  // More threads than any machine starts here.
  const all = (table: WindowTable | undefined) => Promise.all(Array.from({ length: 8 }, () => found(table)))
  const [one, none] = [Array(8).fill(true), Array(8).fill(false)]
  assert.deepEqual(await all(known.table()), one)
  scanner.forget()
  assert.deepEqual(await all(undefined), none)
  assert.deepEqual(await all(known.table()), one)
})

const ending = new URL('./scan-thread.fixture.ts', import.meta.url)

test('of a thread that ends, the file that it was at is refused; what it had beside is looked at again', async (t) => {
  const scanner = threads(t, ending)
  const stream = scanner.stream('layer')
  await stream.write(Buffer.from('first '))
  const refused = assert.rejects(scanner.scan('bomb', Buffer.from('x')), /^MayflyError: bomb: it takes more/)
  await stream.write(Buffer.from('second'))
  const beside = scanner.scan('beside', Buffer.from('1234'))
  await refused
  assert.equal((await beside).unseen[0]?.name, '4 bytes')
  await stream.write(Buffer.from(' third'))
  assert.equal((await stream.end()).unseen[0]?.name, '18 bytes')
})

test('a stream of which not all is here any more says that it has to come again', async (t) => {
  const scanner = threads(t, ending)
  const stream = scanner.stream('layer')
  for (let i = 0; i < 9; i++) await stream.write(Buffer.alloc(1_048_576))
  await assert.rejects(scanner.scan('bomb', Buffer.from('x')), /bomb/)
  await assert.rejects(stream.end(), /layer: the thread that looked into it ended at another file: try again/)
})

test('a thread that is silent in one file is ended, however much it is handed meanwhile', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  let isLost = false
  const thread = startScanThread({ nowMs: () => 0, lost: () => (isLost = true), entry: ending })
  t.after(() => thread.close())
  const more = { table: undefined, handed: [] }
  const silent = thread.begin({ ...more, name: 'silent' })
  silent.piece(new Uint8Array(10))
  await silent.taken(0)
  // From here on it says nothing.
  silent.piece(new Uint8Array(10))
  const beside = thread.begin({ ...more, name: 'layer' })
  const refused = assert.rejects(silent.scanned, /^MayflyError: silent: it takes more time/)
  for (let seconds = 0; seconds < 60; seconds += 20) {
    assert.equal(isLost, false)
    beside.piece(new Uint8Array(10))
    void thread.begin({ ...more, name: 'file', bytes: new Uint8Array(10) })
    t.mock.timers.tick(20_000)
  }
  assert.equal(isLost, true)
  await refused
  assert.equal(await beside.scanned, 'lost beside another')
})

test('a thread that has taken all of a stream, and is silent then, is ended', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const thread = startScanThread({ nowMs: () => 0, lost: () => undefined, entry: ending })
  t.after(() => thread.close())
  const silent = thread.begin({ table: undefined, handed: [], name: 'silent' })
  silent.piece(new Uint8Array(10))
  await silent.taken(0)
  silent.end()
  const refused = assert.rejects(silent.scanned, /^MayflyError: silent: it takes more time/)
  t.mock.timers.tick(60_000)
  await refused
})

test('a thread that answers is not ended, and one that has nothing more to do is', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  let isLost = false
  const thread = startScanThread({ nowMs: () => 0, lost: () => (isLost = true), entry: ending })
  t.after(() => thread.close())
  for (let count = 0; count < 5; count++) {
    const going = thread.begin({ table: undefined, handed: [], name: 'file', bytes: new Uint8Array(10) })
    t.mock.timers.tick(59_000)
    await going.scanned
    assert.equal(isLost, false)
  }
  t.mock.timers.tick(60_000)
  assert.equal(isLost, true)
})

test('output is looked at while all threads and all room are taken by what steps send', async (t) => {
  const scanner = threads(t, ending)
  // More threads than any machine starts here, and with the last one more bytes than may wait.
  const sizes = [10, 10, 10, 134_217_728]
  const over = Promise.allSettled(sizes.map((size) => scanner.scan('silent', Buffer.alloc(size))))
  const looked = { table: undefined, handed: [], as: 'output' } as const
  const scanned = await scanner.scan('output', Buffer.from('1234'), looked)
  assert.equal(scanned.unseen[0]?.name, '4 bytes')
  await scanner.close()
  for (const { status } of await over) assert.equal(status, 'rejected')
})

test('of more streams than there are places, the one that waits longest gives up its own', async (t) => {
  let now = 0
  const scanner = threads(t, undefined, { ...systemClock, nowMs: () => now })
  const streams = Array.from({ length: 256 }, () => scanner.stream('layer'))
  for (const stream of streams) await stream.write(cleanBytes)
  // The thread has taken all of it.
  await scanner.scan('clean', cleanBytes)
  assert.throws(() => scanner.stream('one more'), /too many files are looked into at once/)
  now += 20_000
  for (const stream of streams.slice(1)) await stream.write(cleanBytes)
  await scanner.scan('clean', cleanBytes)
  now += 20_000
  const next = scanner.stream('one more')
  await next.write(cleanBytes)
  assert.deepEqual((await next.end()).findings, [])
  const [idle, busy] = streams
  await assert.rejects(idle?.end() ?? Promise.resolve(), /layer: it waited for more, while too many others/)
  assert.deepEqual((await busy?.end())?.findings, [])
})

test('who works says so at any moment; time counts for the file that takes it, and more than its size is worth ends it', async () => {
  let now = 0
  const shared = createShared()
  const works = createWorks(shared, () => now)
  const [one, two] = [works(1), works(2)]
  assert.equal(fileAt(shared), -1)
  one.resume()
  assert.equal(fileAt(shared), 1)
  now += 50_000
  two.resume()
  const before = beatOf(shared)
  now += 59_000
  assert.equal(fileAt(shared), 2)
  const turn = two.done(0)
  assert.notEqual(beatOf(shared), before)
  assert.equal(fileAt(shared), -1)
  await turn
  assert.equal(fileAt(shared), 2)
  one.resume()
  now += 12_000
  // 62 s: as much as it may with two seconds' bytes.
  await one.done(20_000_000)
  two.resume()
  now += 2_000
  assert.throws(() => two.done(0), /it takes more time than a file of its size may/)
  two.pause()
  assert.equal(fileAt(shared), -1)
})
