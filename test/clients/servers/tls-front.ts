import type { ChildProcess } from 'node:child_process'
import { connect, createServer as createTcp, type AddressInfo } from 'node:net'
import { createServer } from 'node:tls'
import { makeCertificate } from '../../../demo/peers/git-server.ts'

/** TLS for a server that has none, under a certificate for the host. */
export async function frontWithTls(
  host: string,
  port: number,
): Promise<{ dial: string; ca: string; close: () => void }> {
  const { ca, cert, key } = await makeCertificate(host)
  const tls = createServer({ cert, key }, (socket) => {
    const inner = connect(port, '127.0.0.1')
    socket.on('error', () => inner.destroy())
    inner.on('error', () => socket.destroy())
    socket.pipe(inner).pipe(socket)
  })
  await new Promise<void>((done) => tls.listen(0, '127.0.0.1', done))
  return {
    ca,
    dial: `127.0.0.1:${(tls.address() as AddressInfo).port}`,
    close: () => void tls.close(),
  }
}

export async function freePort(): Promise<number> {
  const server = createTcp()
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  await new Promise((done) => server.close(done))
  return port
}

/** Throws if the server ends before it answers. */
export async function untilAnswers(port: number, server: ChildProcess): Promise<void> {
  while (!(await answers(port))) {
    if (server.exitCode !== null) throw new Error(`the server ended with ${server.exitCode}`)
    await new Promise((next) => setTimeout(next, 50))
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}
