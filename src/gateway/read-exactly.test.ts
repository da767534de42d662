import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { ProtocolFault, readExactly } from './read-exactly.ts'

/** What the event loop still comes to while somebody waits. */
async function turns(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((next) => setImmediate(next))
}

test('a message that comes in pieces is waited for while others are served, and what is behind it is left', async () => {
  for (const pieces of [['a', 'bcd', 'rest'], ['abc', 'drest'], ['abcdrest'], [...'abcdrest']]) {
    const socket = new PassThrough()
    const reading = readExactly(socket, 4)
    for (const piece of pieces) {
      socket.write(piece)
      await turns()
    }
    assert.equal(String(await reading), 'abcd')
    assert.equal(String(await readExactly(socket, 4)), 'rest')
    assert.equal((await readExactly(socket, 0)).length, 0)
  }
  const large = Buffer.alloc(3_000_000, 'x')
  const socket = new PassThrough()
  const reading = readExactly(socket, large.length)
  for (let at = 0; at < large.length; at += 100_000) {
    socket.write(large.subarray(at, at + 100_000))
    await turns()
  }
  assert.ok((await reading).equals(large))
})

test('a connection that ends within a message is a fault', async () => {
  for (const end of ['end', 'destroy'] as const) {
    const socket = new PassThrough()
    const reading = readExactly(socket, 4)
    const failed = assert.rejects(reading, ProtocolFault)
    socket.write('abc')
    await turns()
    socket[end]()
    await failed
  }
})
