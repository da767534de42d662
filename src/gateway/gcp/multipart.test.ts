import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import fc from 'fast-check'
import { MayflyError } from '../../lib/index.ts'
import type { Exchange } from '../exchange.ts'
import { readMultipart } from './multipart.ts'

/** A body that comes in pieces of these lengths. */
function asked(body: Buffer, lengths: readonly number[]): Exchange {
  const pieces: Buffer[] = []
  for (let [at, i] = [0, 0]; at < body.length; i++) {
    const length = lengths[i % lengths.length] ?? 1
    pieces.push(body.subarray(at, at + length))
    at += length
  }
  const headers = { 'content-type': 'multipart/related; boundary=b1' }
  return { request: Object.assign(Readable.from(pieces), { headers }) } as unknown as Exchange
}

/** What goes on; undefined for what is refused, or breaks off. Any other error is a fault. */
async function sent(exchange: Exchange): Promise<string | undefined> {
  const read = await readMultipart(exchange)
  if (typeof read === 'string') return undefined
  const own = /boundary=(.*)$/.exec(read.headers?.['content-type'] ?? '')?.[1] ?? ''
  try {
    const chunks = await (read.body as Readable).toArray()
    return Buffer.concat(chunks as Buffer[])
      .toString('latin1')
      .replaceAll(own, 'OWN')
  } catch (error) {
    assert.ok(error instanceof MayflyError && error.code === 'denied', String(error))
    return undefined
  }
}

const lengths = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 4 })
const bit = fc.constantFrom('--b1x', '--b1', '--', '\r\n', '\n', '\r', 'b1', 'x', '\0', '\xff', '{', ' ', ':')
const text = fc.array(bit, { maxLength: 12 }).map((bits) => bits.join(''))

test('bytes go on as they are, in whatever pieces they come and whatever they look like', async () => {
  // Its boundary is no part of them.
  const content = text.filter((one) => !/\r\n--b1(?:[\s-]|$)/.test(one))
  await fc.assert(
    fc.asyncProperty(content, lengths, async (bytes, pieces) => {
      const head = '--b1\r\nContent-Type: application/json\r\n\r\n{"name":"a"}\r\n--b1\r\n\r\n'
      const out = await sent(asked(Buffer.from(`${head}${bytes}\r\n--b1--\r\n`, 'latin1'), pieces))
      assert.equal(
        out,
        `--OWN\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n{"name":"a"}\r\n--OWN\r\n\r\n${bytes}\r\n--OWN--\r\n`,
      )
    }),
    { numRuns: 300 },
  )
})

test('nothing that a step sends makes it throw, and what goes on has two parts', async () => {
  const word = fc.oneof(
    bit,
    fc.constantFrom('Content-Type: application/json\r\n', '\r\n\r\n', '{"name":"a"}', '--b1--'),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(word, { maxLength: 20 }), lengths, async (words, pieces) => {
      const body = Buffer.from(`--b1\r\nContent-Type: application/json\r\n\r\n{}${words.join('')}`, 'latin1')
      const out = await sent(asked(body, pieces))
      if (out !== undefined) assert.equal(out.split('--OWN').length, 4)
    }),
    { numRuns: 1_000 },
  )
})
