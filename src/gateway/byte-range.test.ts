import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import fc from 'fast-check'
import { byteRange, cutRange } from './byte-range.ts'

test('the bytes that are cut out are those that were asked for, however they come', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ minLength: 1, maxLength: 60 }),
      fc.option(fc.nat(70)),
      fc.option(fc.nat(70)),
      fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 9 }),
      async (bytes, from, to, cuts) => {
        const range = byteRange(`bytes=${from ?? ''}-${to ?? ''}`, bytes.length)
        const expected =
          from === null
            ? bytes.slice(Math.max(0, bytes.length - (to ?? 0)))
            : bytes.slice(from, to === null ? undefined : to + 1)
        const isRange = from === null ? (to ?? 0) > 0 : expected.length > 0
        assert.equal(range !== undefined, isRange)
        if (range === undefined) return
        const chunks: Buffer[] = []
        let at = 0
        for (const cut of [...cuts, bytes.length]) chunks.push(Buffer.from(bytes.slice(at, (at += cut))))
        const out = await Readable.from(chunks).pipe(cutRange(range)).toArray()
        assert.deepEqual(Buffer.concat(out as Buffer[]), Buffer.from(expected))
        assert.equal(range.last - range.first + 1, expected.length)
      },
    ),
  )
})

test('what is no single range is the whole', () => {
  for (const header of [
    '',
    'bytes=-',
    'bytes=-0',
    'bytes=9-',
    'bytes=2-1',
    'bytes=0-1,3-4',
    'items=0-1',
    'bytes=a-b',
    `bytes=${'9'.repeat(400)}-`,
  ])
    assert.equal(byteRange(header, 9), undefined, header)
  assert.equal(byteRange(undefined, 9), undefined)
  assert.equal(byteRange('bytes=0-', 0), undefined)
})
