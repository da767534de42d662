import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { coded } from './git.fixture.ts'
import { flushPacket, packetLine, readPacket } from './pkt-line.ts'

test('every length that the header can name is a packet, a wait or an error', () => {
  const bytes = Buffer.alloc(65_535, 'x')
  for (let length = 0; length <= 0xffff; length++) {
    bytes.write(length.toString(16).padStart(4, '0'), 0, 'latin1')
    const read = () => readPacket(bytes, 0)
    if (length === 0) assert.deepEqual(read(), { packet: { kind: 'flush' }, next: 4 })
    else if (length <= 2) assert.deepEqual(read(), { packet: { kind: 'delimiter' }, next: 4 })
    else if (length <= 4 || length > 65_520) assert.throws(read, coded('bad_input'), String(length))
    else {
      const got = read()
      assert.ok(
        got?.packet.kind === 'data' && got.next === length && got.packet.payload.length === length - 4,
      )
    }
  }
})

test('what is not four hexadecimal digits is no length', () => {
  for (const header of [
    '000g',
    ' 005',
    '-001',
    '+005',
    '0x05',
    '5\n\0\0',
    '٠٠٠٥',
    'PACK',
    '1e1 ',
    '\0\0\0\0',
  ])
    assert.throws(
      () => readPacket(Buffer.concat([Buffer.from(header), Buffer.alloc(64)]), 0),
      coded('bad_input'),
      header,
    )
  assert.equal(readPacket(Buffer.from('000Aabcdef'), 0)?.next, 10)
})

test('a packet cut anywhere waits for the rest', () => {
  const whole = packetLine('a payload of some length')
  for (let end = 0; end < whole.length; end++)
    assert.equal(readPacket(whole.subarray(0, end), 0), undefined, String(end))
  assert.equal(readPacket(whole, 0)?.next, whole.length)
})

test('what was written is read, at any offset, and neighbours stay apart', () => {
  const payloads = fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 20 })
  fc.assert(
    fc.property(payloads, fc.uint8Array({ maxLength: 9 }), (written, before) => {
      const lines = written.map((one) => packetLine(Buffer.from(one)))
      const bytes = Buffer.concat([before, ...lines, flushPacket])
      const read: Buffer[] = []
      let offset = before.length
      for (;;) {
        const one = readPacket(bytes, offset)
        assert.ok(one !== undefined)
        offset = one.next
        if (one.packet.kind !== 'data') break
        read.push(one.packet.payload)
      }
      assert.deepEqual(
        read,
        written.map((one) => Buffer.from(one)),
      )
      assert.equal(offset, bytes.length)
    }),
  )
})

test('the longest payload makes a round trip', () => {
  const payload = Buffer.alloc(65_516, 7)
  const read = readPacket(packetLine(payload), 0)
  assert.ok(read?.packet.kind === 'data' && read.packet.payload.equals(payload))
})

test('junk never does anything but throw bad_input, wait, or give a packet inside the bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat(44), (junk, offset) => {
      const bytes = Buffer.from(junk)
      try {
        const read = readPacket(bytes, offset)
        return read === undefined || (read.next <= bytes.length && read.next > offset)
      } catch (error) {
        return coded('bad_input')(error)
      }
    }),
  )
})
