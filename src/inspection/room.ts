import { MayflyError } from '../lib/index.ts'

/** For what waits to be looked at: who finds no room waits, and whoever sends to him with him. */
export interface Room {
  /** Resolves when there is room, with what gives it back. Rejects with `server_stopping` once it is closed. */
  take(bytes: number, of: string | undefined): Promise<() => void>
  close(): void
}

/** Each may exceed it by the last thing that is taken in: what is larger than all the room has its turn, too. */
export function createRoom(most: { readonly bytes: number; readonly bytesOfOne: number }): Room {
  const waiting: (() => void)[] = []
  const ofEach = new Map<string, number>()
  let bytesTaken = 0
  let isClosed = false

  const bytesOf = (of: string | undefined) => (of === undefined ? 0 : (ofEach.get(of) ?? 0))

  function count(bytes: number, of: string | undefined): void {
    bytesTaken += bytes
    if (of === undefined) return
    const now = bytesOf(of) + bytes
    if (now === 0) ofEach.delete(of)
    else ofEach.set(of, now)
  }

  function wakeAll(): void {
    for (const wake of waiting.splice(0)) wake()
  }

  return {
    async take(bytes, of) {
      while (!isClosed && (bytesTaken > most.bytes || bytesOf(of) > most.bytesOfOne))
        await new Promise<void>((wake) => waiting.push(wake))
      if (isClosed) throw new MayflyError('server_stopping', 'the server is stopping')
      count(bytes, of)
      return () => {
        count(-bytes, of)
        wakeAll()
      }
    },
    close() {
      isClosed = true
      wakeAll()
    },
  }
}
