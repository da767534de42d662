import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import type { Shop } from './postgres.fixture.ts'
import { cString, errorFields, int32, message, startup } from './wire.ts'

export const begin = (parameters: Record<string, string> = {}, version = 3 << 16) =>
  startup(
    version,
    ...Object.entries({ user: 'x', database: 'shop', ...parameters }).flatMap(([name, value]) => [
      cString(name),
      cString(value),
    ]),
    Buffer.of(0),
  )
export const query = (sql: string) => message('Q', cString(sql))

/** A client that writes bytes. */
export class Raw {
  readonly #socket: Socket
  #bytes = Buffer.alloc(0)
  #wake: (() => void) | undefined
  isOver = false

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('error', () => undefined)
    socket.on('data', (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk])
      this.#wake?.()
    })
    socket.on('close', () => {
      this.isOver = true
      this.#wake?.()
    })
  }

  send(...bytes: readonly Buffer[]): void {
    this.#socket.write(Buffer.concat(bytes))
  }

  end(): void {
    this.#socket.destroy()
  }

  /** Messages up to and with one of this type, as their types and what an error says; `.` for the end. */
  async until(type: string): Promise<string[]> {
    const seen: string[] = []
    for (;;) {
      const length = this.#bytes.length < 5 ? Infinity : this.#bytes.readInt32BE(1) + 1
      if (this.#bytes.length >= length) {
        const one = String.fromCharCode(this.#bytes[0] ?? 0)
        const body = this.#bytes.subarray(5, length)
        this.#bytes = this.#bytes.subarray(length)
        const state = one === 'Z' ? body.toString('latin1') : ''
        seen.push(one === 'E' ? `E ${errorFields(body).get('C')}` : `${one}${state}`)
        if (one === type) return seen
      } else if (this.isOver) return [...seen, '.']
      else await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }
}

export async function raw(t: TestContext, shop: Shop, first: Buffer = begin()): Promise<Raw> {
  const socket = connect(shop.port, '127.0.0.1')
  t.after(() => socket.destroy())
  await once(socket, 'connect')
  const client = new Raw(socket)
  client.send(first)
  return client
}

export const answers = (all: string[]) => all.filter((one) => !['S', 'R', 'K', 'T', 'D', 'N'].includes(one))

export const parse = (name: string, sql: string) => message('P', cString(name), cString(sql), Buffer.alloc(2))
export const bind = (portal: string, name: string) =>
  message('B', cString(portal), cString(name), Buffer.alloc(6))
export const execute = (portal = '') => message('E', cString(portal), int32(0))
export const sync = message('S')
