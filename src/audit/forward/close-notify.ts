import { connect, type Socket } from 'node:net'
import { Duplex } from 'node:stream'

/** A TCP connection to put TLS on, which remembers whether the last TLS record that came in was an alert. */
export interface WatchedSocket {
  stream: Duplex
  /** True when the peer's last word was an alert: at the end of a faultless connection, `close_notify`. */
  endedByAlert(): boolean
}

const alert = 21
const applicationData = 23
/** TLS 1.3 writes every record as application data: an alert is its two bytes, one for the type, 16 of the cipher. */
const sealedAlertBytes = 19

/**
 * Node tells no difference between a peer that closed its TLS session (RFC 8446, section 6.1) and one whose process died;
 * the records' own headers, which are in the clear, do. A syslog server sends nothing else of that size.
 */
export function connectWatched(host: string, port: number): WatchedSocket {
  const socket = connect({ host, port, allowHalfOpen: true })
  let last = false
  const watch = watchRecords((type, bytes) => {
    last = type === alert || (type === applicationData && bytes === sealedAlertBytes)
  })
  socket.on('data', watch)
  return { stream: duplexOver(socket), endedByAlert: () => last }
}

/** Calls back for each TLS record (RFC 8446, section 5.1) in a stream that comes in pieces. */
function watchRecords(onRecord: (type: number, bytes: number) => void): (chunk: Buffer) => void {
  let head = Buffer.alloc(0)
  let left = 0
  return (chunk) => {
    for (let at = 0; at < chunk.length;) {
      if (left > 0) {
        const taken = Math.min(left, chunk.length - at)
        left -= taken
        at += taken
        continue
      }
      const taken = chunk.subarray(at, at + 5 - head.length)
      head = Buffer.concat([head, taken])
      at += taken.length
      if (head.length < 5) return
      left = head.readUInt16BE(3)
      onRecord(head[0] ?? 0, left)
      head = Buffer.alloc(0)
    }
  }
}

function duplexOver(socket: Socket): Duplex {
  const stream = new Duplex({
    allowHalfOpen: true,
    read: () => void socket.resume(),
    write: (chunk: Buffer, _, done) => void socket.write(chunk, (error) => done(error)),
    final: (done) => void socket.end(() => done()),
    destroy: (error, done) => {
      socket.destroy()
      done(error)
    },
  })
  socket.on('data', (chunk) => {
    if (!stream.push(chunk)) socket.pause()
  })
  socket.once('end', () => stream.push(null))
  socket.once('error', (error) => stream.destroy(error))
  return stream
}
