import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { systemClock } from '../lib/index.ts'
import { createRunCa } from './run-ca.ts'

export interface Seen {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  /** Which of the upstream's connections it came on. */
  readonly socket: number
}

/** A real TLS server under a CA of its own, as an upstream. */
export interface Upstream {
  readonly port: number
  readonly ca: string
  /** Requests whose head arrived. */
  readonly begun: { method: string; url: string }[]
  /** Requests that arrived whole. */
  readonly seen: Seen[]
  readonly openSockets: () => number
  /** TCP connections since the start. */
  readonly accepted: () => number
  /** Takes a request once its body is read; `onHead` may take it before. */
  handle: (request: IncomingMessage, response: ServerResponse) => void
  onHead: ((request: IncomingMessage, response: ServerResponse) => void) | undefined
  /** Before a push the gateway asks which refs are symbolic: answered with none, as an empty repository does. */
  answersRefs: boolean
}

function isAskedByGateway(request: IncomingMessage): boolean {
  return (
    request.url?.endsWith('/git-upload-pack') === true && request.headers['user-agent'] === 'git/2 (mayfly)'
  )
}

function answerRefs(request: IncomingMessage, response: ServerResponse): void {
  request.resume()
  response.writeHead(200, { 'content-type': 'application/x-git-upload-pack-result' }).end('0000')
}

/** `host` may be a list: then each of them has a certificate. */
export async function startUpstream(t: TestContext, host: string | readonly string[]): Promise<Upstream> {
  const authority = await createRunCa({
    runId: 'upstream',
    expiresMs: systemClock.nowMs() + 3_600_000,
    clock: systemClock,
  })
  const contexts = new Map(
    await Promise.all([host].flat().map(async (one) => [one, await authority.contextFor(one)] as const)),
  )
  const [usual] = contexts.values()
  const sockets = new Map<Socket, number>()
  let accepted = 0
  const server = createServer(
    { SNICallback: (name, done) => done(null, contexts.get(name) ?? usual) },
    (request, response) => {
      upstream.begun.push({ method: request.method ?? '', url: request.url ?? '' })
      request.on('error', () => undefined)
      response.on('error', () => undefined)
      if (upstream.answersRefs && isAskedByGateway(request)) return answerRefs(request, response)
      if (upstream.onHead !== undefined) return upstream.onHead(request, response)
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        upstream.seen.push({
          method: request.method ?? '',
          url: request.url ?? '',
          headers: request.headers,
          body: Buffer.concat(chunks),
          socket: request.socket.remotePort ?? 0,
        })
        upstream.handle(request, response)
      })
    },
  )
  const upstream: Upstream = {
    port: 0,
    ca: authority.certificate,
    begun: [],
    seen: [],
    openSockets: () => sockets.size,
    accepted: () => accepted,
    handle: (_request, response) =>
      void response.writeHead(200, { 'content-type': 'text/plain' }).end('upstream says hello'),
    onHead: undefined,
    answersRefs: true,
  }
  server.on('connection', (socket) => {
    sockets.set(socket, ++accepted)
    socket.on('error', () => undefined)
    socket.once('close', () => sockets.delete(socket))
  })
  server.on('tlsClientError', () => undefined)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  t.after(() => {
    server.close()
    for (const socket of sockets.keys()) socket.destroy()
  })
  return Object.assign(upstream, { port: (server.address() as AddressInfo).port })
}
