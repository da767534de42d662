import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import fc from 'fast-check'
import { MayflyError } from '../../../lib/index.ts'
import { text, u32 } from '../../../ssh-keys/index.ts'
import { createHandles } from './handles.ts'
import { packetOf, readPackets } from './packets.ts'
import { requestIn, whyNot } from './request.ts'

test('a packet is read alike however its bytes come, and no length is believed', async () => {
  const packets = fc.array(
    fc.tuple(fc.oneof(fc.constant(6), fc.integer({ min: 0, max: 255 })), fc.uint8Array({ maxLength: 300 })),
    {
      maxLength: 8,
    },
  )
  await fc.assert(
    fc.asyncProperty(packets, fc.integer({ min: 1, max: 50 }), async (sent, size) => {
      const bytes = Buffer.concat(sent.map(([type, body]) => packetOf(type, Buffer.from(body))))
      const stream = new PassThrough()
      for (let at = 0; at < bytes.length; at += size) stream.write(bytes.subarray(at, at + size))
      stream.end()
      const read: [number, Buffer][] = []
      for await (const { type, body, parts } of readPackets(stream)) {
        const whole = Buffer.concat(parts)
        assert.ok(whole.equals(packetOf(type, whole.subarray(5))))
        // Of content of files only the beginning is read.
        assert.ok(body.equals(whole.subarray(5, 5 + body.length)))
        if (type !== 6 && type !== 103) assert.equal(body.length, whole.length - 5)
        read.push([type, whole.subarray(5)])
      }
      assert.deepEqual(
        read,
        sent.map(([type, body]) => [type, Buffer.from(body)]),
      )
    }),
    { numRuns: 60 },
  )
  for (const length of [0, 0xffffffff, 400_000]) {
    const stream = new PassThrough()
    stream.end(Buffer.concat([u32(length), Buffer.alloc(10)]))
    await assert.rejects(async () => {
      for await (const packet of readPackets(stream)) assert.fail(String(packet.type))
    }, RangeError)
  }
})

test('every request that changes something names what it changes, whatever else is in it', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 255 }), fc.uint8Array({ maxLength: 60 }), (type, body) => {
      try {
        requestIn({ type, body: Buffer.from(body) })
      } catch (error) {
        assert.ok(error instanceof MayflyError)
      }
    }),
  )
  const path = text('/srv/x')
  const useOf = (type: number, ...rest: Buffer[]) =>
    requestIn({ type, body: Buffer.concat([u32(7), path, ...rest]) })?.paths.map(({ use }) => use)
  assert.deepEqual(useOf(3, u32(1), u32(0)), ['read'])
  for (const flags of [2, 3, 4, 8, 16, 9])
    assert.deepEqual(useOf(3, u32(flags), u32(0)), ['write'], String(flags))
  for (const type of [9, 13, 14, 15]) assert.deepEqual(useOf(type), ['write'], String(type))
  assert.deepEqual(useOf(18, text('/srv/y')), ['write', 'write'])
  // Symbolic links, and what nobody has named.
  for (const type of [20, 21, 22, 199, 201]) assert.equal(useOf(type, text('/srv/y')), undefined)
  const hardlink = { type: 200, body: Buffer.concat([u32(7), text('hardlink@openssh.com'), path, path]) }
  assert.equal(requestIn(hardlink), undefined)
  for (const packet of [hardlink, { type: 20, body: path }])
    assert.match(whyNot(packet), /^links are not made/)
})

test('by a handle that was closed nothing is changed, though the host gives its number to another file', () => {
  const handles = createHandles()
  const [one, other] = [text('0'), text('1')]
  const ask = (type: number, id: number, ...rest: Buffer[]) => {
    const request = requestIn({ type, body: Buffer.concat([u32(id), ...rest]) })
    assert.ok(request)
    return handles.begin(request, [{ operation: 'op', facts: { id } }])
  }
  const answer = (type: number, id: number, ...rest: Buffer[]) =>
    handles.answered({ type, body: Buffer.concat([u32(id), ...rest]) }).map(({ facts }) => facts['id'])
  assert.equal(ask(3, 1, text('/w'), u32(0x1a), u32(0)), undefined)
  assert.match(ask(10, 2, one, u32(0)) ?? '', /not open/)
  assert.deepEqual(answer(102, 1, one), [1])
  assert.equal(ask(10, 3, one, u32(0)), undefined)
  // All of it at once, before the host has answered anything.
  assert.equal(ask(4, 4, one), undefined)
  assert.equal(ask(3, 5, text('/r'), u32(1), u32(0)), undefined)
  assert.match(ask(10, 6, one, u32(0)) ?? '', /not open/)
  assert.match(ask(3, 5, text('/w'), u32(2), u32(0)) ?? '', /same number/)
  for (const id of [3, 4]) assert.deepEqual(answer(101, id, u32(0)), [id])
  assert.deepEqual(answer(102, 5, one), [5])
  assert.match(ask(10, 7, one, u32(0)) ?? '', /opened to be read/)
  assert.match(ask(4, 8, other) ?? '', /not open/)
  // What the host refused was not done.
  assert.equal(ask(13, 9, text('/w')), undefined)
  assert.deepEqual(answer(101, 9, u32(4)), [])
})
