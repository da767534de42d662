import { connect, type Socket } from 'node:net'

/**
 * Sends requests that were written beforehand over kept connections, one at a time on each. Bare sockets, since a
 * client that takes as long as the server would measure itself: both share this machine.
 */
export interface Load {
  /** Resolves once the answer is there as a whole. Rejects unless it is 200. Waits for a connection that is free. */
  send(request: Buffer): Promise<void>
  close(): void
}

interface Waiting {
  readonly request: Buffer
  resolve(): void
  reject(error: Error): void
}

/** Opens `connections` to a server at `http://HOST:PORT`. */
export async function openLoad(url: string, connections: number): Promise<Load> {
  const { hostname, port } = new URL(url)
  const waiting: Waiting[] = []
  const all = await Promise.all(
    Array.from({ length: connections }, () => openConnection(hostname, Number(port))),
  )
  const free = [...all]
  const next = (connection: Connection) => {
    const one = waiting.shift()
    if (one === undefined) free.push(connection)
    else connection.start(one, () => next(connection))
  }
  return {
    send: (request) =>
      new Promise((resolve, reject) => {
        waiting.push({ request, resolve, reject })
        const connection = free.pop()
        if (connection !== undefined) next(connection)
      }),
    close() {
      for (const connection of all) connection.socket.destroy()
    },
  }
}

interface Connection {
  readonly socket: Socket
  start(one: Waiting, done: () => void): void
}

function openConnection(host: string, port: number): Promise<Connection> {
  return new Promise((resolve, reject) => {
    let current: { one: Waiting; done: () => void } | undefined
    let answer = ''
    const fail = (error: Error) => {
      reject(error)
      current?.one.reject(error)
    }
    const socket = connect({ host, port, noDelay: true })
    socket
      .setEncoding('latin1')
      .once('connect', () =>
        resolve({
          socket,
          start(one, done) {
            current = { one, done }
            socket.write(one.request)
          },
        }),
      )
      .on('data', (text: string) => {
        answer += text
        if (current === undefined || !isWhole(answer)) return
        const { one, done } = current
        const status = answer.slice(0, answer.indexOf('\r\n'))
        answer = ''
        current = undefined
        if (status.startsWith('HTTP/1.1 200 ')) one.resolve()
        else one.reject(new Error(`the server answered ${status}`))
        done()
      })
      .on('error', fail)
      .on('close', () => fail(new Error('the server closed the connection')))
  })
}

/** Is the body there that `Content-Length` says? What is answered here always says it. */
function isWhole(answer: string): boolean {
  const end = answer.indexOf('\r\n\r\n')
  if (end < 0) return false
  const length = /\r\ncontent-length: (\d+)\r\n/i.exec(answer.slice(0, end + 2))?.[1]
  if (length === undefined) throw new Error('the answer has no Content-Length')
  return answer.length >= end + 4 + Number(length)
}

/** A `POST` of a form as it goes over the wire (RFC 9112). */
export function writePost(uri: string, headers: Readonly<Record<string, string>>, body: string): Buffer {
  const { host, pathname } = new URL(uri)
  const lines = Object.entries({
    host,
    'content-type': 'application/x-www-form-urlencoded',
    'content-length': String(Buffer.byteLength(body)),
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.from(`POST ${pathname} HTTP/1.1\r\n${lines.join('')}\r\n${body}`)
}
