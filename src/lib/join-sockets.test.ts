import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { joinSockets } from './join-sockets.ts'

/** Two ends of a connection whose middle is joined by us. */
async function ends(t: TestContext): Promise<{ client: Socket; server: Socket; middle: Socket[] }> {
  const sockets: Socket[] = []
  const accept = async () => {
    const listener = createServer({ allowHalfOpen: true })
    await new Promise<void>((done) => listener.listen(0, '127.0.0.1', done))
    const taking = once(listener, 'connection') as Promise<[Socket]>
    const near = connect({
      port: (listener.address() as AddressInfo).port,
      host: '127.0.0.1',
      allowHalfOpen: true,
    })
    const [far] = await taking
    listener.close()
    for (const socket of [near, far]) socket.on('error', () => undefined)
    sockets.push(near, far)
    return { near, far }
  }
  t.after(() => {
    for (const socket of sockets) socket.destroy()
  })
  const [left, right] = [await accept(), await accept()]
  joinSockets(left.far, right.near)
  return { client: left.near, server: right.far, middle: [left.far, right.near] }
}

/** What it hears until the other side has ended; its own side stays open. */
async function heard(socket: Socket): Promise<string> {
  let text = ''
  socket.on('data', (chunk: Buffer) => (text += String(chunk)))
  await once(socket, 'end')
  return text
}

test('whoever has ended still hears the answer, from either side', async (t) => {
  for (const which of ['client', 'server'] as const) {
    const both = await ends(t)
    const asks = both[which]
    const answers = which === 'client' ? both.server : both.client
    asks.end('a question')
    assert.equal(await heard(answers), 'a question')
    answers.end('an answer after the end')
    assert.equal(await heard(asks), 'an answer after the end')
  }
})

test('all that was said before the end arrives at a slow reader', async (t) => {
  const { client, server } = await ends(t)
  const size = 20_000_000
  server.end(Buffer.alloc(size, 'x'))
  client.end()
  server.resume()
  // The middle has all of it, and its far side is closed, long before this side reads.
  await new Promise((next) => setTimeout(next, 50))
  let read = 0
  for await (const chunk of client) {
    read += (chunk as Buffer).length
    if (read % 7 === 0) await new Promise((next) => setImmediate(next))
  }
  assert.equal(read, size)
})

test('a side that breaks off breaks the other off', async (t) => {
  for (const which of ['client', 'server'] as const) {
    const both = await ends(t)
    const other = which === 'client' ? both.server : both.client
    other.resume()
    both[which].resetAndDestroy()
    await once(other, 'end')
    assert.ok(both.middle.every((socket) => socket.destroyed))
  }
})
