import { connect as connectHttp2, type ClientHttp2Session, type OutgoingHttpHeaders } from 'node:http2'
import type { TestContext } from 'node:test'
import type { TLSSocket } from 'node:tls'
import type { World } from '../gateway.fixture.ts'

/** A frame (RFC 9113, section 4.1). */
export interface Frame {
  readonly type: number
  readonly flags: number
  readonly stream: number
  readonly payload: Buffer
}

export const frameTypes = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  window: 8,
  continuation: 9,
}

export function frame(
  type: keyof typeof frameTypes,
  flags: number,
  stream: number,
  payload: Buffer | string = '',
): Buffer {
  const bytes = Buffer.from(payload as string)
  const head = Buffer.alloc(9)
  head.writeUIntBE(bytes.length, 0, 3)
  head.writeUInt8(frameTypes[type], 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, bytes])
}

/** Literals without indexing and without Huffman coding (RFC 7541, section 6.2.2): any bytes as name and value. */
export function headerBlock(headers: readonly (readonly [string, string])[]): Buffer {
  return Buffer.concat(headers.map(([name, value]) => Buffer.concat([Buffer.of(0), text(name), text(value)])))
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1')
  const lengths = [Math.min(bytes.length, 127)]
  for (let rest = bytes.length - 127; lengths[0] === 127; rest >>= 7) {
    lengths.push(rest > 127 ? (rest & 127) | 128 : rest)
    if (rest <= 127) break
  }
  return Buffer.concat([Buffer.from(lengths), bytes])
}

/** A client that sends what no client sends. */
export interface RawClient {
  readonly socket: TLSSocket
  send(...frames: readonly Buffer[]): void
  /** The first frame that is meant; undefined if the connection ends without it. */
  next(isMeant: (frame: Frame) => boolean): Promise<Frame | undefined>
  readonly closed: Promise<void>
}

const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'

export async function rawClient(world: World, authority: string): Promise<RawClient> {
  const socket = await world.secure({ authority, ALPNProtocols: ['h2'] })
  const frames: Frame[] = []
  const wakers = new Set<() => void>()
  const wake = () => {
    for (const one of wakers) one()
  }
  let rest = Buffer.alloc(0)
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk])
    for (
      let size = 9;
      rest.length >= 9 && rest.length >= (size = 9 + rest.readUIntBE(0, 3));
      rest = rest.subarray(size)
    )
      frames.push({
        type: rest.readUInt8(3),
        flags: rest.readUInt8(4),
        stream: rest.readUInt32BE(5),
        payload: rest.subarray(9, size),
      })
    wake()
  })
  socket.on('close', wake)
  socket.write(Buffer.concat([Buffer.from(preface), frame('settings', 0, 0)]))
  return {
    socket,
    closed: new Promise((done) => socket.once('close', () => done())),
    send: (...some) => void socket.write(Buffer.concat(some)),
    async next(isMeant) {
      for (;;) {
        const found = frames.find(isMeant)
        if (found !== undefined) return found
        if (socket.closed) return undefined
        await new Promise<void>((done) => {
          const once = () => {
            wakers.delete(once)
            done()
          }
          wakers.add(once)
        })
      }
    },
  }
}

export interface Http2Answer {
  readonly status: number
  readonly headers: Record<string, unknown>
  readonly trailers: Record<string, unknown>
  readonly body: string
  /** Statuses of interim answers. */
  readonly interim: readonly number[]
  /** How the stream was reset. */
  readonly reset: number
}

/** A well-behaved client of HTTP/2 within a tunnel. */
export async function http2Client(
  t: TestContext,
  world: World,
  authority: string,
): Promise<ClientHttp2Session> {
  const socket = await world.secure({ authority, ALPNProtocols: ['h2'] })
  const session = connectHttp2(`https://${authority}`, { createConnection: () => socket })
  session.on('error', () => undefined)
  t.after(() => session.destroy())
  return session
}

export function askHttp2(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  body?: string | Buffer,
): Promise<Http2Answer> {
  return new Promise((resolve, reject) => {
    const stream = session.request(headers, { endStream: body === undefined })
    const chunks: Buffer[] = []
    const interim: number[] = []
    let head: Record<string, unknown> = {}
    let trailers: Record<string, unknown> = {}
    stream.on('headers', (more) => interim.push(Number(more[':status'])))
    stream.on('continue', () => body !== undefined && headers['expect'] !== undefined && stream.end(body))
    stream.on('response', (more) => (head = { ...more }))
    stream.on('trailers', (more) => (trailers = { ...more }))
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('error', (error) => (stream.rstCode === 0 ? reject(error) : undefined))
    stream.on('close', () =>
      resolve({
        status: Number(head[':status'] ?? 0),
        headers: head,
        trailers,
        body: Buffer.concat(chunks).toString(),
        interim,
        reset: stream.rstCode ?? 0,
      }),
    )
    if (body !== undefined && headers['expect'] === undefined) stream.end(body)
  })
}
