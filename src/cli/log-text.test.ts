import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import type { LogFrame } from '../lib/index.ts'
import { createAsciicast } from './log-asciicast.ts'
import { createSafeText } from './log-text.ts'
import { createLogView } from './log-view.ts'

const esc = '\x1b'

function safe(text: string, size = text.length || 1, forPlayer = false): string {
  const [all, safeText] = [Buffer.from(text), createSafeText({ forPlayer })]
  let shown = ''
  for (let at = 0; at < all.length; at += size) shown += safeText.add(all.subarray(at, at + size))
  return shown + safeText.rest()
}

test('colours stay, and what a terminal could obey is spelt out', () => {
  assert.equal(safe(`${esc}[1;31mred${esc}[0m\tok\n`), `${esc}[1;31mred${esc}[0m\tok\n`)
  for (const hostile of [
    `${esc}]0;title\x07`,
    `${esc}]52;c;ZXZpbA==\x07`,
    `${esc}[2J`,
    `${esc}[1A`,
    `${esc}[6n`,
    `${esc}c`,
    `${esc}P$q"p${esc}\\`,
    `${esc}[?1049h`,
    `\u009b2J`,
    `\u009d0;x\u009c`,
    'a\x08b',
    '\x7f',
    '\u202etxt',
    `${esc}[31`,
    esc,
  ])
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(safe(`x${hostile}y`), /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]/, JSON.stringify(hostile))
})

test('a line that was written over is a line of its own', () => {
  assert.equal(safe('10%\r20%\r\nnext\r'), '10%\n20%\nnext\n')
})

test('how it is cut on the way changes nothing', () => {
  const parts = fc.constantFrom(
    `${esc}[31m`,
    `${esc}[2J`,
    `${esc}]0;t\x07`,
    '\r\n',
    '\r',
    'é',
    '🦋',
    'text',
    '\n',
    esc,
  )
  fc.assert(
    fc.property(fc.array(parts), fc.integer({ min: 1, max: 9 }), fc.boolean(), (all, size, forPlayer) => {
      const text = all.join('')
      assert.equal(safe(text, size, forPlayer), safe(text, undefined, forPlayer))
    }),
  )
})

const output = (ms: number, text: string | Buffer, stream: 'o' | 'e' = 'o'): LogFrame => ({
  kind: 'output',
  ms,
  stream,
  bytes: Buffer.from(text),
})
const startedMs = Date.parse('2026-11-28T10:00:00.000Z')

function view(frames: readonly LogFrame[], options: { timestamps?: boolean; toTerminal?: boolean } = {}) {
  const written: Buffer[] = []
  const told: string[] = []
  const it = createLogView({
    write: (bytes) => written.push(bytes),
    tell: (line) => told.push(line),
    timestamps: options.timestamps ?? false,
    toTerminal: options.toTerminal ?? false,
  })
  for (const frame of frames) it.add(frame, startedMs)
  it.end()
  return { bytes: Buffer.concat(written), told }
}

test('to a file it goes byte for byte, in the order of both outputs', () => {
  const raw = Buffer.from([0xff, 0x00, 0x1b, 0x0a])
  const { bytes, told } = view([
    output(1, 'a\n'),
    output(2, raw, 'e'),
    { kind: 'lost', ms: 3, lostBytes: 9 },
    output(4, 'b'),
  ])
  assert.deepEqual(bytes, Buffer.concat([Buffer.from('a\n'), raw, Buffer.from('b')]))
  assert.match(told[0] ?? '', /9 bytes/)
})

test('each line begins with its time, if that is asked for', () => {
  const frames = [output(0, 'one\ntwo'), output(1_500, ' goes on\nthree\n', 'e')]
  assert.equal(
    view(frames, { timestamps: true }).bytes.toString(),
    '2026-11-28T10:00:00.000Z one\n2026-11-28T10:00:00.000Z two goes on\n2026-11-28T10:00:01.500Z three\n',
  )
})

test('on a terminal the next prompt has its own line and colour', () => {
  const { bytes } = view([output(0, `${esc}[31mred é`)], { toTerminal: true })
  assert.equal(bytes.toString(), `${esc}[31mred é${esc}[0m\n`)
})

test('asciicast: a head, and each piece at its time; a player keeps the picture and nothing else', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-cast-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'step.cast')
  const cast = createAsciicast(file, 'test')
  cast.add(output(0, 'one\n'), startedMs)
  cast.add(output(500, `50%\r${esc}[K100%${esc}]52;c;ZXZpbA==\x07`), startedMs)
  cast.add(output(400, 'earlier?', 'e'), startedMs)
  cast.end()
  const [head, ...events] = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown)
  assert.deepEqual(head, { version: 2, width: 80, height: 24, timestamp: startedMs / 1000, title: 'test' })
  assert.deepEqual(events, [
    [0, 'o', 'one\r\n'],
    [0.5, 'o', `50%\r${esc}[K100%\\u001b]52;c;ZXZpbA==\\u0007`],
    [0.5, 'o', 'earlier?'],
  ])
  assert.throws(() => createAsciicast(file, 'test'), { code: 'bad_input', message: /there already/ })
})
