import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { createServer as createTlsServer } from 'node:tls'

/** A small CONNECT proxy: it takes one well-formed head and nothing else, and knows hosts only by `routes`. */
export interface TestProxy {
  readonly port: number
  /** Heads, as they came. */
  readonly heads: string[]
  /** By `host:port` of CONNECT: the local port that is meant. */
  readonly routes: Map<string, number>
  /** The `user:password` that it wants. */
  password: string | undefined
  /** What it says instead of looking. */
  say: string | undefined
}

export async function startProxy(t: TestContext, tls?: { key: string; cert: string }): Promise<TestProxy> {
  const sockets = new Set<Socket>()
  const keep = (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.once('close', () => sockets.delete(socket))
  }
  const serve = (socket: Socket) => {
    keep(socket)
    let head = ''
    const onData = (chunk: Buffer) => {
      head += chunk.toString('latin1')
      if (!head.includes('\r\n\r\n')) return
      socket.off('data', onData)
      proxy.heads.push(head)
      if (proxy.say !== undefined) return void socket.write(proxy.say, 'latin1')
      const answer = (status: string) =>
        void socket.end(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`)
      const authority = /^CONNECT (\S+) HTTP\/1\.1\r\n/.exec(head)?.[1] ?? ''
      if (!head.endsWith('\r\n\r\n') || authority === '') return answer('400 Bad Request')
      const shown = /^proxy-authorization: Basic (\S+)\r$/im.exec(head)?.[1] ?? ''
      if (proxy.password !== undefined && Buffer.from(shown, 'base64').toString() !== proxy.password)
        return answer('407 Proxy Authentication Required')
      const port = proxy.routes.get(authority)
      if (port === undefined) return answer('403 Forbidden')
      const upstream = connect(port, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
        socket.pipe(upstream).pipe(socket)
      })
      keep(upstream)
      socket.once('close', () => upstream.destroy())
      upstream.once('close', () => socket.destroy())
    }
    socket.on('data', onData)
  }
  const server: Server = tls === undefined ? createServer(serve) : createTlsServer(tls, serve)
  if (tls !== undefined) server.on('tlsClientError', () => undefined)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const proxy: TestProxy = {
    port: (server.address() as AddressInfo).port,
    heads: [],
    routes: new Map(),
    password: undefined,
    say: undefined,
  }
  t.after(() => {
    server.close()
    for (const socket of [...sockets].toReversed()) socket.destroy()
  })
  return proxy
}
