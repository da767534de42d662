import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TestContext } from 'node:test'
import { systemClock } from '../../lib/index.ts'
import { createRunCa } from '../run-ca.ts'

export interface SeenRequest {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

export interface ClusterStub {
  readonly dial: string
  readonly ca: string
  readonly seen: SeenRequest[]
  readonly open: () => number
  /** Writes a line to every watch that is open. */
  event(line: string): void
}

/**
 * STUB of an API server, where no real one is built: it answers what it is sent, keeps watches open, and speaks both protocols of
 * exec and port-forward as far as the handshake; then it sends back what comes.
 */
export async function startClusterStub(t: TestContext, host: string): Promise<ClusterStub> {
  const authority = await createRunCa({
    runId: 'cluster',
    expiresMs: systemClock.nowMs() + 3_600_000,
    clock: systemClock,
  })
  const context = await authority.contextFor(host)
  const seen: SeenRequest[] = []
  const sockets = new Set<Duplex>()
  const watches = new Set<NodeJS.WritableStream>()
  const keep = async (request: IncomingMessage) => {
    const body = Buffer.concat(await request.toArray()).toString()
    const { method = '', url = '', headers } = request
    seen.push({ method, url, headers, body })
    return body
  }
  const server = createServer({ SNICallback: (_name, done) => done(null, context) }, (request, response) => {
    void keep(request).then((body) => {
      response.setHeader('content-type', 'application/json')
      if (request.url?.includes('reflect') === true) return response.end(request.headers.authorization)
      if (request.method === 'GET' && request.url?.includes('/missing') === true) response.statusCode = 404
      if (!/[?&](?:watch|follow)=true/.test(request.url ?? ''))
        return response.end(JSON.stringify({ kind: 'Echo', url: request.url, body }))
      response.flushHeaders()
      watches.add(response)
      return response.once('close', () => watches.delete(response))
    })
  })
  server.on('upgrade', (request: IncomingMessage, socket: Duplex) => {
    const { method = '', url = '', headers } = request
    seen.push({ method, url, headers, body: '' })
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.once('close', () => sockets.delete(socket))
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n${accepted(headers)}\r\n`)
    socket.on('data', (chunk: Buffer) => socket.write(unmasked(headers, chunk)))
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.closeAllConnections()
    server.close()
  })
  return {
    dial: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    ca: authority.certificate,
    seen,
    open: () => sockets.size + watches.size,
    event: (line) => {
      for (const one of watches) one.write(`${line}\n`)
    },
  }
}

function accepted({ upgrade, ...headers }: IncomingMessage['headers']): string {
  if (upgrade?.startsWith('SPDY') === true)
    return `Upgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\n`
  const key = `${headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`
  const accept = createHash('sha1').update(key).digest('base64')
  const [protocol] = headers['sec-websocket-protocol']?.split(',') ?? []
  const chosen = protocol === undefined ? '' : `Sec-WebSocket-Protocol: ${protocol.trim()}\r\n`
  return `Upgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n${chosen}`
}

/** A short frame of a client, as a server would send it. */
function unmasked({ upgrade }: IncomingMessage['headers'], chunk: Buffer): Buffer {
  if (upgrade?.toLowerCase() !== 'websocket') return chunk
  const length = (chunk[1] ?? 0) & 0x7f
  const mask = chunk.subarray(2, 6)
  const payload = chunk.subarray(6, 6 + length).map((byte, i) => byte ^ (mask[i % 4] ?? 0))
  return Buffer.concat([Buffer.from([chunk[0] ?? 0, length]), payload])
}
