import type { AddressInfo, Socket } from 'node:net'
import { createServer as createTcpServer } from 'node:net'
import type { TestContext } from 'node:test'
import { createServer as createTlsServer, type SecureContext } from 'node:tls'

import type { HostileAnswer } from '../../../src/lib/hostile-answers.fixture.ts'

export interface RawServer {
  readonly port: number
  /** Connections that are open. */
  readonly open: () => number
  answer: HostileAnswer
}

/** Sends the answer of the moment to whoever says anything; over TLS if it is given a context. */
export async function startRawServer(t: TestContext, context?: SecureContext): Promise<RawServer> {
  const sockets = new Set<Socket>()
  const onSocket = (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined).once('close', () => sockets.delete(socket))
    socket.on('data', () => {
      const { bytes, close: ends } = server.answer
      if (ends) socket.end(bytes, 'latin1')
      else socket.write(bytes, 'latin1')
    })
  }
  const listener =
    context === undefined
      ? createTcpServer(onSocket)
      : createTlsServer({ SNICallback: (_name, done) => done(null, context) }, onSocket)
  listener.on('tlsClientError', () => undefined)
  await new Promise<void>((done) => listener.listen(0, '127.0.0.1', done))
  t.after(() => {
    listener.close()
    for (const socket of sockets) socket.destroy()
  })
  const server: RawServer = {
    port: (listener.address() as AddressInfo).port,
    open: () => sockets.size,
    answer: { bytes: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello' },
  }
  return server
}
