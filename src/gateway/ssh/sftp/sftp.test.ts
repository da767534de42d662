import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import fc from 'fast-check'
import { MayflyError } from '../../../lib/index.ts'
import { text, u32 } from '../../../ssh-keys/index.ts'
import { packetOf, readPackets } from './packets.ts'
import { requestIn } from './request.ts'

test('a packet is read alike however its bytes come, and no length is believed', async () => {
  const packets = fc.array(fc.tuple(fc.integer({ min: 0, max: 255 }), fc.uint8Array({ maxLength: 300 })), {
    maxLength: 8,
  })
  await fc.assert(
    fc.asyncProperty(packets, fc.integer({ min: 1, max: 50 }), async (sent, size) => {
      const bytes = Buffer.concat(sent.map(([type, body]) => packetOf(type, Buffer.from(body))))
      const stream = new PassThrough()
      for (let at = 0; at < bytes.length; at += size) stream.write(bytes.subarray(at, at + size))
      stream.end()
      const read: [number, Buffer][] = []
      for await (const { type, body } of readPackets(stream)) read.push([type, Buffer.from(body)])
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
  const hardlink = Buffer.concat([u32(7), text('hardlink@openssh.com'), path, text('/srv/y')])
  assert.equal(requestIn({ type: 200, body: hardlink }), undefined)
})
