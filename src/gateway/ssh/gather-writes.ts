import type { Duplex } from 'node:stream'

/**
 * Hands to the system at once what is written in one turn. The library writes length, content and signature of each packet one by
 * one: three calls and three small segments where one does.
 */
export function gatherWrites(socket: Duplex): void {
  const write = socket.write.bind(socket)
  let isGathering = false
  const gather = () => {
    if (isGathering) return
    isGathering = true
    socket.cork()
    process.nextTick(() => {
      isGathering = false
      socket.uncork()
    })
  }
  socket.write = ((...written: Parameters<typeof write>) => {
    gather()
    return write(...written)
  }) as typeof socket.write
}
