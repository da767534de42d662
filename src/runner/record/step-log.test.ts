import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { createLogReader, limits, MayflyError, type LogFrame } from '../../lib/index.ts'
import { createPieces } from './pieces.ts'
import { createStepLog, type SendPiece } from './step-log.ts'

/** A server that keeps what it is sent, as far as `answer` lets it. */
function openLog(answer: (take: () => { size: number }, offset: number) => ReturnType<SendPiece>) {
  const kept = { bytes: Buffer.alloc(0) }
  const told: string[] = []
  let largest = 0
  const log = createStepLog({
    async send(offset, bytes) {
      largest = Math.max(largest, bytes.length)
      return await answer(() => {
        if (offset === kept.bytes.length) kept.bytes = Buffer.concat([kept.bytes, bytes])
        return { size: kept.bytes.length }
      }, offset)
    },
    tell: (line) => told.push(line),
    nowMs: () => 1_000,
  })
  return { log, kept, told, largest: () => largest }
}

function framesOf(record: Buffer): LogFrame[] {
  const reader = createLogReader()
  return reader.add(record)
}

const shownIn = (frames: readonly LogFrame[], stream: string) =>
  Buffer.concat(
    frames.flatMap((one) => (one.kind === 'output' && one.stream === stream ? [one.bytes] : [])),
  ).toString()
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')
const pause = (ms: number) => new Promise((next) => setTimeout(next, ms))

test('both outputs arrive in their order, and what is reported is the digest of what the server has', async () => {
  const { log, kept, told } = openLog(async (take) => take())
  for (let i = 0; i < 50; i++) log.add(i % 2 === 0 ? 'o' : 'e', Buffer.from(`${i}\n`))
  const summary = await log.end()
  assert.deepEqual(summary, { bytes: kept.bytes.length, sha256: sha256(kept.bytes) })
  const frames = framesOf(kept.bytes)
  assert.equal(frames.length, 50)
  assert.equal(shownIn(frames, 'o').split('\n')[3], '6')
  assert.deepEqual(told, [])
})

test('a step that says nothing has no log', async () => {
  const { log, kept } = openLog(async (take) => take())
  assert.equal(await log.end(), undefined)
  assert.equal(kept.bytes.length, 0)
})

test('memory that is written to again after it was shown changes nothing', async () => {
  const { log, kept } = openLog(async (take) => take())
  const memory = Buffer.from('first\n')
  log.add('o', memory)
  memory.fill('x')
  await log.end()
  assert.equal(shownIn(framesOf(kept.bytes), 'o'), 'first\n')
})

test('an answer that is lost, and a server that took a part, are gone on from', async () => {
  let calls = 0
  const { log, kept } = openLog(async (take) => {
    if (calls++ > 0) return take()
    take()
    kept.bytes = kept.bytes.subarray(0, kept.bytes.length - 3)
    throw new MayflyError('upstream_unreachable', 'the connection broke')
  })
  log.add('o', Buffer.from('all of it\n'))
  const summary = await log.end()
  assert.equal(summary?.sha256, sha256(kept.bytes))
  assert.equal(shownIn(framesOf(kept.bytes), 'o'), 'all of it\n')
})

test('a server that is away is said once, costs the step nothing, and the digest stands anyway', async () => {
  const { log, told } = openLog(async () => {
    throw new MayflyError('upstream_unreachable', 'the Mayfly server does not answer')
  })
  const chunk = Buffer.alloc(100_000, 'x')
  let waited = 0
  for (let i = 0; i < 200; i++) {
    if (log.add('o', chunk) !== undefined) waited++
    if (i === 100) await pause(50)
  }
  const summary = await log.end()
  assert.equal(told.length, 1)
  assert.match(told[0] ?? '', /waits to be kept: the Mayfly server does not answer/)
  assert.ok(waited <= 1, String(waited))
  assert.match(summary?.sha256 ?? '', /^[0-9a-f]{64}$/)
  assert.equal(summary?.unsent_bytes, summary?.bytes)
  assert.ok((summary?.lost_bytes ?? 0) > 10_000_000)
})

test('what did not fit is counted in the record, where it was', async () => {
  let down = true
  const { log, kept, largest } = openLog(async (take) => {
    if (down) throw new MayflyError('upstream_unreachable', 'down')
    return take()
  })
  const chunk = Buffer.alloc(65_000, 'x')
  log.add('o', Buffer.from('before\n'))
  await pause(1_100)
  for (let i = 0; i < 100; i++) log.add('o', chunk)
  down = false
  // Its next try.
  await pause(1_100)
  log.add('o', Buffer.from('after\n'))
  const summary = await log.end()
  const frames = framesOf(kept.bytes)
  const lost = frames.filter((one) => one.kind === 'lost')
  assert.equal(lost.length, 1)
  assert.equal(lost[0]?.lostBytes, summary?.lost_bytes)
  const text = shownIn(frames, 'o')
  assert.equal(text.length + (summary?.lost_bytes ?? 0), 'before\nafter\n'.length + 100 * chunk.length)
  assert.ok(text.startsWith('before\n') && text.endsWith('after\n'))
  assert.equal(summary?.sha256, sha256(kept.bytes))
  assert.ok(largest() <= limits.logPieceBytes)
})

test('a step that says more than the server takes waits for it, and nothing is lost', async () => {
  const { log, kept } = openLog(async (take) => {
    await pause(2)
    return take()
  })
  const chunk = Buffer.alloc(65_000, 'x')
  let waited = 0
  for (let i = 0; i < 300; i++) {
    const until = log.add('o', chunk)
    if (until !== undefined) waited++
    await until
  }
  const summary = await log.end()
  assert.ok(waited > 0)
  assert.equal(summary?.lost_bytes, undefined)
  assert.equal(shownIn(framesOf(kept.bytes), 'o').length, 300 * chunk.length)
})

test('a server that hangs is waited for once', async () => {
  const hanging = Promise.withResolvers<{ size: number }>()
  const { log } = openLog(() => hanging.promise)
  const chunk = Buffer.alloc(65_000, 'x')
  let waited = 0
  for (let i = 0; i < 200; i++) {
    const until = log.add('o', chunk)
    if (until !== undefined) waited++
    await until
  }
  hanging.resolve({ size: 0 })
  const summary = await log.end()
  assert.equal(waited, 1)
  assert.ok((summary?.lost_bytes ?? 0) > 0)
})

test('a server that takes no more is told once, and asked no more', async () => {
  let calls = 0
  const { log, told } = openLog(async () => {
    calls++
    return { size: 0, full: 'logs.max_step allows 10 bytes' }
  })
  log.add('o', Buffer.alloc(300_000, 'x'))
  await pause(20)
  log.add('o', Buffer.alloc(300_000, 'x'))
  const summary = await log.end()
  assert.equal(calls, 1)
  assert.deepEqual(told, ['mayfly: the rest of the step’s log is not kept: logs.max_step allows 10 bytes'])
  assert.deepEqual([summary?.lost_bytes, summary?.unsent_bytes], [300_000, summary?.bytes])
})

test('a server that says it has what was never sent, or has lost what it had, gets no more', async () => {
  for (const size of [-1, 1e9]) {
    const { log, told } = openLog(async () => ({ size }))
    log.add('o', Buffer.from('x'))
    const summary = await log.end()
    assert.match(told[0] ?? '', /has lost a part/)
    assert.equal(summary?.unsent_bytes, summary?.bytes)
  }
})

test('pieces are cut where they have to be, and go on in the middle of one', () => {
  const pieces = createPieces()
  pieces.push(Buffer.from('abc'))
  pieces.push(Buffer.from('defg'))
  assert.deepEqual(pieces.next(), { offset: 0, bytes: Buffer.from('abcdefg') })
  assert.equal(pieces.confirm(5), true)
  assert.deepEqual(pieces.next(), { offset: 5, bytes: Buffer.from('fg') })
  assert.equal(pieces.confirm(4), false)
  assert.equal(pieces.confirm(8), false)
  assert.equal(pieces.confirm(7), true)
  assert.equal(pieces.bytes(), 0)
  pieces.push(Buffer.alloc(limits.logPieceBytes + 1))
  assert.equal(pieces.next().bytes.length, limits.logPieceBytes)
})

test('what the server has found, by its place, is told as the text that was sent; places of what was not are nothing', async () => {
  const found: string[] = []
  let kept = Buffer.alloc(0)
  const log = createStepLog({
    async send(offset, bytes) {
      if (offset === kept.length) kept = Buffer.concat([kept, bytes])
      const from = kept.indexOf('the-secret')
      const mask = [
        { from, to: from + 10 },
        { from: kept.length + 5, to: kept.length + 20 },
        { from: -5, to: 10 },
        { from, to: from + 2 },
      ]
      return { size: kept.length, mask }
    },
    tell: () => undefined,
    nowMs: () => 1_000,
    found: (values) => found.push(...values),
  })
  log.add('o', Buffer.from('here is the-secret, shown\n'))
  await log.end()
  assert.deepEqual(found, ['the-secret'])
})

test('what of it the server could not look at is told', async () => {
  const { log, told } = openLog(async (take) => ({
    ...take(),
    unseen: '1 part could not be looked at: \u001b[2J',
  }))
  log.add('o', Buffer.from('shown\n'))
  await log.end()
  assert.deepEqual(told, ['mayfly: of what the step writes 1 part could not be looked at: \\u001b[2J'])
})
