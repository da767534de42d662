import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createReply } from './replies.ts'
import { meaningOf } from './sql/meaning.ts'
import { Unreadable, tokensOf } from './sql/tokens.ts'
import { ProtocolFault } from '../read-exactly.ts'
import { packetOf, u16 } from './wire.ts'

const surroundings = () => ({
  databases: new Set(['shop', 'hidden']),
  readOnly: true,
  saved: new Map<string, string>(),
})

test('what stands between words changes nothing of what a statement means', () => {
  const gap = fc.constantFrom(' ', '\n', '\t', ' /* x */ ', '/**/', ' -- x\n', '#\n', " /* ' */ ")
  const statement = fc.constantFrom(
    ...[
      ['SELECT', '*', 'FROM', 'hidden', '.', 'k'],
      ['DELETE', 'FROM', '`hidden`', '.', 'k'],
      ['SHOW', 'TABLES', 'IN', 'hidden'],
    ],
    ...[
      ['SELECT', '1', 'INTO', 'OUTFILE', "'x'"],
      ['SET', 'sql_mode', '=', "'ANSI_QUOTES'"],
      ['START', 'TRANSACTION', 'READ', 'WRITE'],
    ],
    ...[
      ['DROP', 'DATABASE', 'hidden'],
      ['WITH', 'x', 'AS', '(', 'SELECT', '1', ')', 'UPDATE', 't', 'SET', 'a', '=', '1'],
    ],
  )
  fc.assert(
    fc.property(
      statement,
      fc.array(gap, { minLength: 20, maxLength: 20 }),
      fc.boolean(),
      (words, gaps, lower) => {
        const written = words
          .map((word, at) => (lower ? word.toLowerCase() : word) + (gaps[at] ?? ' '))
          .join('')
        assert.deepEqual(
          meaningOf(written, surroundings()),
          meaningOf(words.join(' '), surroundings()),
          written,
        )
      },
    ),
  )
})

test('no text makes the reader fail otherwise than by saying so', () => {
  const piece = fc.oneof(
    fc.string({ maxLength: 6 }),
    fc.constantFrom(
      "'",
      '"',
      '`',
      '\\',
      '/*',
      '*/',
      '/*!',
      '--',
      '#',
      '@',
      '@@',
      ';',
      'SELECT',
      'SET',
      'USE',
      '.',
      'hidden',
      '0x',
      '\n',
      ':=',
    ),
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
      try {
        meaningOf(pieces.join(''), surroundings())
      } catch (error) {
        assert.ok(error instanceof Unreadable, String(error))
      }
    }),
    { numRuns: 500 },
  )
  for (const text of ["'", '`a', '/* x', 'a\0b', '/* /* */ */'])
    assert.throws(() => tokensOf(text), Unreadable, text)
  assert.equal(tokensOf(`SELECT '${'x'.repeat(1_000_000)}', ${'1,'.repeat(100_000)}1`).length > 200_000, true)
})

test('the end of an answer is found however its bytes come', () => {
  const ok = (status: number) => Buffer.concat([Buffer.of(0, 0, 0), u16(status), u16(0)])
  const eof = (status: number) => Buffer.concat([Buffer.of(0xfe), u16(0), u16(status)])
  const row = (text: string) => Buffer.concat([Buffer.of(text.length), Buffer.from(text)])
  const table = (rows: readonly string[], status: number) => [
    ...[Buffer.of(1), Buffer.alloc(30, 3), eof(2)],
    ...[...rows.map(row), eof(status)],
  ]
  const bytesOf = (bodies: readonly Buffer[]) =>
    Buffer.concat(bodies.map((body, at) => packetOf(at + 1, body)))
  const texts = fc.array(fc.string({ unit: 'grapheme-ascii', maxLength: 40 }), { maxLength: 10 })
  fc.assert(
    fc.property(texts, texts, fc.integer({ min: 1, max: 60 }), (one, other, size) => {
      const bytes = bytesOf([...table(one, 0x0a), ok(0x0a), ...table(other, 2)])
      const reply = createReply('results', false)
      for (let at = 0; at < bytes.length; at += size) {
        const outcome = reply.take(bytes.subarray(at, at + size))
        assert.equal(outcome === undefined, at + size < bytes.length)
        if (outcome !== undefined)
          assert.deepEqual([outcome.rows, outcome.failed], [one.length + other.length, false])
      }
    }),
    { numRuns: 100 },
  )
  const more = createReply('one', false)
  assert.throws(() => more.take(bytesOf([ok(2), ok(2)])), ProtocolFault)
  assert.throws(
    () => createReply('results', false).take(bytesOf([Buffer.from('\u00fbfile', 'latin1')])),
    /asks for a file/,
  )
  assert.deepEqual(
    createReply('prepare', false).take(bytesOf([Buffer.from([0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])]))
      ?.statement,
    7,
  )
})
