import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Splitter } from './splitter.ts'
import { ProtocolFault } from '../read-exactly.ts'
import { int32, message } from './wire.ts'

const messages = fc.array(
  fc.record({
    type: fc.constantFrom('a', 'b', 'c', 'd'),
    body: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  }),
  { maxLength: 12 },
)

/** `a` passes, of `b` all is looked at, of `c` five bytes, and of `d` five, and what follows is dropped. */
const wants: Readonly<Record<string, number | undefined>> = { b: 1_000, c: 5, d: 5 }

function cut(bytes: Buffer, at: readonly number[]): Buffer[] {
  const places = [...new Set(at.map((one) => one % (bytes.length + 1)))].toSorted((one, other) => one - other)
  return [...places, bytes.length].map((end, index) => bytes.subarray(places[index - 1] ?? 0, end))
}

test('however a stream is cut into pieces, its messages are the same ones, and each byte passes once or is dropped', () => {
  fc.assert(
    fc.property(messages, fc.array(fc.nat(600), { maxLength: 20 }), (all, cuts) => {
      const opened: string[] = []
      const splitter = new Splitter((type, length) => {
        opened.push(`${type} ${length}`)
        return wants[type]
      })
      const seen: [string, string][] = []
      const out: Buffer[] = []
      const stream = Buffer.concat(all.map(({ type, body }) => message(type, body)))
      for (const chunk of cut(stream, cuts))
        for (const piece of splitter.split(chunk)) {
          if (Buffer.isBuffer(piece)) out.push(piece)
          else {
            seen.push([piece.type, piece.head.toString('hex')])
            if (piece.type === 'd') splitter.dropRest()
            else out.push(piece.raw)
          }
        }
      assert.deepEqual(
        opened,
        all.map(({ type, body }) => `${type} ${body.length}`),
      )
      const looked = all.filter(({ type }) => type !== 'a')
      assert.deepEqual(
        seen,
        looked.map(({ type, body }) => [type, body.subarray(0, wants[type]).toString('hex')]),
      )
      const passed = all.filter(({ type }) => type !== 'd').map(({ type, body }) => message(type, body))
      assert.ok(Buffer.concat(out).equals(Buffer.concat(passed)))
    }),
    { numRuns: 500 },
  )
})

test('a length that is less than itself is a fault, wherever it is cut', () => {
  const bad = Buffer.concat([message('a'), Buffer.from('a'), int32(3)])
  for (let at = 0; at <= bad.length; at++) {
    const splitter = new Splitter(() => undefined)
    assert.throws(() => cut(bad, [at]).flatMap((chunk) => [...splitter.split(chunk)]), ProtocolFault)
  }
})
