import assert from 'node:assert/strict'
import { Duplex, duplexPair } from 'node:stream'
import { test } from 'node:test'
import fc from 'fast-check'
import { relay } from './relay.ts'
import type { Judge } from './statement.ts'
import { bounds, cString, cStrings, int32, message, type Fault } from './wire.ts'

const refused: Fault = { severity: 'ERROR', code: '42501', message: 'no' }
/** Refuses every text that has an x in it. */
const judge: Judge = {
  maxBytes: 30,
  read: async (sql) =>
    sql === undefined || sql.includes('x') ? refused : { bytes: 1, shape: sql.toString('latin1') },
  allow: async () => undefined,
  reported: (name) => (name === 'bad' ? 'it is bad' : undefined),
}

const name = fc.constantFrom('', 'a', 'b')
const sql = fc.constantFrom('SELECT 1', 'SELECT x', 'COPY', 'SELECT 1\0x', 'y'.repeat(60), 'x'.repeat(60))
const zero = Buffer.of(0)
const fromClient = fc.oneof(
  { weight: 3, arbitrary: sql.map((text) => message('Q', Buffer.from(text), zero)) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(name, sql)
      .map(([as, text]) => message('P', cString(as), Buffer.from(text), Buffer.alloc(3))),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(name, name)
      .map(([portal, of]) => message('B', cString(portal), cString(of), Buffer.alloc(6))),
  },
  { weight: 3, arbitrary: name.map((portal) => message('E', cString(portal), int32(0))) },
  { weight: 3, arbitrary: fc.constant(message('S')) },
  fc
    .tuple(fc.constantFrom('S', 'P'), name)
    .map(([what, one]) => message('C', Buffer.from(what), cString(one))),
  fc
    .tuple(fc.constantFrom('S', 'P'), name)
    .map(([what, one]) => message('D', Buffer.from(what), cString(one))),
  sql.map((text) => message('d', message('Q', Buffer.from(text), zero))),
  fc.constantFrom(
    message('H'),
    message('c'),
    message('f', cString('no')),
    message('F', Buffer.alloc(8)),
    message('X'),
  ),
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes)) },
)
const fromServer = fc.oneof(
  fc.constantFrom(
    ...['1', '2', '3', 'n', 'I', 's', 't', 'T', 'D', 'd', 'c', 'V', 'A', 'N'].map((type) =>
      message(type, zero),
    ),
    ...[
      message('G', Buffer.alloc(3)),
      message('H', Buffer.alloc(3)),
      message('E', zero),
      message('C', cString('SELECT 1')),
    ],
    ...['I', 'T', 'E'].map((state) => message('Z', Buffer.from(state))),
    message('C', cString('DISCARD ALL')),
    message('S', cString('a'), cString('b')),
  ),
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes)) },
)

async function collect(socket: Duplex, into: Buffer[]): Promise<void> {
  socket.on('error', () => undefined)
  for await (const chunk of socket as AsyncIterable<Buffer>) into.push(chunk)
}

/** The texts of statements in a stream of whole messages, read as a server reads it: one after the other, by their lengths. */
function textsIn(bytes: Buffer): string[] {
  const texts: string[] = []
  for (let at = 0; at + 5 <= bytes.length;) {
    const type = String.fromCharCode(bytes[at] ?? 0)
    const end = at + 1 + bytes.readInt32BE(at + 1)
    assert.ok(
      end > at + 4 && end - at <= bounds.large && /[QPBEFCDSHXcdf]/.test(type),
      'the server can read it',
    )
    const body = bytes.subarray(at + 5, end)
    if (type === 'Q') texts.push(body.toString('latin1', 0, body.length - 1))
    if (type === 'P') texts.push(cStrings(body, 2)?.texts[1] ?? '')
    at = end
  }
  return texts
}

test('whatever the two sides send: no refused text reaches the server as a statement, and a session ends with its sides', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.oneof(
          fromClient.map((bytes) => ({ bytes, of: 'client' })),
          fromServer.map((bytes) => ({ bytes, of: 'server' })),
        ),
        {
          maxLength: 30,
        },
      ),
      async (all) => {
        const [client, clientSide] = duplexPair()
        const [server, serverSide] = duplexPair()
        const got = { client: [] as Buffer[], server: [] as Buffer[] }
        const ends = [collect(client, got.client), collect(server, got.server)]
        const carried = relay({
          client: clientSide,
          server: serverSide,
          judge,
          calls: refused,
          masks: undefined,
          counted: () => undefined,
        })
        for (const { bytes, of } of all) {
          const side = of === 'client' ? client : server
          if (!side.destroyed && side.writable) side.write(bytes)
          await new Promise((next) => setImmediate(next))
        }
        client.end()
        server.end()
        const why = await carried
        for (const side of [client, server, clientSide, serverSide]) side.destroy()
        await Promise.allSettled(ends)
        const texts = textsIn(Buffer.concat(got.server))
        assert.deepEqual(
          texts.filter((text) => text.includes('x')),
          [],
        )
        assert.ok(why === undefined || why.length > 0)
      },
    ),
    { numRuns: 100 },
  )
})
