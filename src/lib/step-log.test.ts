import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createLogReader, logFrameBytes, logHead, lostFrame, outputFrames, type LogFrame } from './index.ts'

const startedMs = Date.parse('2026-11-28T08:38:29.123Z')

function readAll(record: Buffer, size: number): { frames: LogFrame[]; rest: number } {
  const reader = createLogReader()
  const frames: LogFrame[] = []
  for (let at = 0; at < record.length; at += size) frames.push(...reader.add(record.subarray(at, at + size)))
  assert.equal(reader.startedMs(), startedMs)
  return { frames, rest: reader.rest() }
}

test('what was written is read, byte for byte and in order, however it is cut on the way', () => {
  const output = fc.record({
    ms: fc.nat(1e9),
    stream: fc.constantFrom('o' as const, 'e' as const),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  })
  fc.assert(
    fc.property(fc.array(fc.oneof(output, fc.nat())), fc.integer({ min: 1, max: 400 }), (all, size) => {
      const written = all.map((one) =>
        typeof one === 'number' ? lostFrame(7, one) : outputFrames(one.ms, one.stream, one.bytes),
      )
      const { frames, rest } = readAll(Buffer.concat([logHead(startedMs), ...written]), size)
      assert.equal(rest, 0)
      assert.deepEqual(
        frames,
        all.map((one) =>
          typeof one === 'number' ? { kind: 'lost', ms: 7, lostBytes: one } : { kind: 'output', ...one },
        ),
      )
    }),
  )
})

test('much at once is several frames', () => {
  const bytes = Buffer.alloc(3 * logFrameBytes + 1, 'x')
  const { frames } = readAll(Buffer.concat([logHead(startedMs), outputFrames(1, 'o', bytes)]), 10_000)
  assert.equal(frames.length, 4)
  assert.deepEqual(
    Buffer.concat(frames.map((frame) => (frame.kind === 'output' ? frame.bytes : Buffer.alloc(0)))),
    bytes,
  )
})

test('a record that ends within a frame says how much is left', () => {
  const record = Buffer.concat([logHead(startedMs), outputFrames(1, 'o', Buffer.from('hello\n'))])
  const { frames, rest } = readAll(record.subarray(0, -2), 5)
  assert.deepEqual([frames.length, rest], [0, 'hello\n'.length - 2 + '1 o 6\n'.length])
})

test('what is no record is refused, and fills no memory', () => {
  const head = logHead(startedMs).toString()
  for (const text of [
    'mayfly-log/2 2026-11-28T08:38:29.123Z\n',
    'mayfly-log/1 yesterday\n',
    'mayfly-log/1 2026-99-28T08:38:29.123Z\n',
    'x'.repeat(65),
    `${head}1 q 4\nabcd`,
    `${head}-1 o 4\nabcd`,
    `${head}1 o 99999999\n`,
    `${head}1 o\n`,
    `${head}${'1'.repeat(65)}`,
  ])
    assert.throws(() => createLogReader().add(Buffer.from(text)), { code: 'bad_input' }, text)
})
