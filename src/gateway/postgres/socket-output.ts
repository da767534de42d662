import type { Duplex } from 'node:stream'
import { drained } from '../../lib/index.ts'

/** Writes what passes in one piece for each piece that came, and waits where the other side does not read. */
export class SocketOutput {
  readonly #socket: Duplex
  #waiting: Buffer[] = []

  constructor(socket: Duplex) {
    this.#socket = socket
  }

  put(bytes: Buffer): void {
    this.#waiting.push(bytes)
  }

  flush(): void {
    if (this.#waiting.length === 0 || this.#socket.destroyed) return
    this.#socket.write(this.#waiting.length === 1 ? this.#waiting[0] : Buffer.concat(this.#waiting))
    this.#waiting = []
  }

  /** Resolves when the other side has read, or is gone; undefined where there is room. */
  room(): Promise<void> | undefined {
    return this.#socket.writableNeedDrain ? drained(this.#socket) : undefined
  }
}
