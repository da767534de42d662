import { isIP } from 'node:net'
import { hostname } from 'node:os'
import { connect } from 'node:tls'
import { messageOf } from '../../lib/index.ts'
import { connectWatched } from './close-notify.ts'
import type { Sink, SinkEntry } from './sink.ts'

const timeoutMs = 30_000

export interface SyslogServer {
  host: string
  port: number
  /** PEM. */
  ca?: string
  cert?: string
  key?: string
}

/**
 * RFC 5424 messages over TLS (RFC 5425: a decimal length, a space, the message). Syslog has no answers but one: a server
 * replies to our `close_notify` with its own, once it has read everything before it (section 4.4). So each batch is a
 * connection of its own, and is taken for delivered when that reply has come. What a server has read and loses before it
 * is on its disk is out of our sight: where that matters, a webhook says yes for each entry.
 */
export function createSyslogSink(server: SyslogServer): Sink {
  return {
    async deliver(batch, signal) {
      const frames = Buffer.concat(batch.map(frameOf))
      try {
        await handOver(server, frames, signal)
        return { delivered: batch.length }
      } catch (error) {
        return { delivered: 0, problem: messageOf(error) }
      }
    },
    close: () => undefined,
  }
}

function handOver(server: SyslogServer, frames: Buffer, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const { host, port, ...options } = server
    const tcp = connectWatched(host, port)
    // RFC 6066, section 3: a server name is no address. The certificate is held against `host` all the same.
    const name = isIP(host) === 0 ? { servername: host } : {}
    const socket = connect({ ...options, host, ...name, socket: tcp.stream, minVersion: 'TLSv1.2' })
    let sent = false
    const fail = (error: Error) => {
      clearTimeout(timer)
      // It lives as long as we do, and would keep the batch.
      signal.removeEventListener('abort', stop)
      socket.destroy()
      tcp.stream.destroy()
      reject(error)
    }
    const timer = setTimeout(() => fail(new Error(`no answer in ${timeoutMs / 1_000} s`)), timeoutMs)
    const stop = () => fail(new Error('stopped'))
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) return stop()
    tcp.stream.once('error', fail)
    socket.once('error', fail)
    socket.once('secureConnect', () => socket.end(frames, () => (sent = true)))
    socket.resume()
    socket.once('end', () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', stop)
      tcp.stream.destroy()
      if (sent && tcp.endedByAlert()) resolve()
      else reject(new Error('the server closed the connection without a word that it has everything'))
    })
    return undefined
  })
}

const facilityLogAudit = 13

function frameOf(entry: SinkEntry): Buffer {
  const message = Buffer.from(formatSyslog(entry, hostname()))
  return Buffer.concat([Buffer.from(`${message.length} `), message])
}

/**
 * One message (RFC 5424, section 6): facility 13 (log audit), the entry's own time, its type as MSGID, index, id and run as
 * structured data under the number that RFC 5612 has for examples, the entry as JSON in ASCII.
 */
export function formatSyslog({ index, id, type, time, run, line }: SinkEntry, host: string): string {
  const priority = facilityLogAudit * 8 + severityOf(type)
  const parameters = [['index', String(index)], ['id', id], ...(run === undefined ? [] : [['run', run]])]
  const data = parameters.map(([name, value]) => `${name}="${escapeParameter(value ?? '')}"`).join(' ')
  const head = [
    `<${priority}>1`,
    timestamp.test(time) ? time : '-',
    printable(host, 255),
    'mayfly',
    '-',
    printable(type, 32),
  ]
  return `${head.join(' ')} [mayfly@32473 ${data}] ${toAscii(line)}`
}

/** Section 6.2.3, as a whole: what an entry says after its time would be read as the next fields. */
const timestamp = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)$/

/** RFC 5424, table 2: 2 critical, 4 warning, 5 notice, 6 informational. */
function severityOf(type: string): number {
  if (type.startsWith('history.')) return 2
  if (/\.(?:refused|denied|lost)$/.test(type)) return 4
  return type.startsWith('access.') || type.startsWith('egress.') ? 6 : 5
}

/** Section 6.3.3: quote, backslash and closing bracket are escaped; so are line breaks, which would begin a message in a file. */
function escapeParameter(value: string): string {
  return toAscii(value.replaceAll(/["\\\]]/g, (char) => `\\${char}`)).replaceAll(
    // eslint-disable-next-line no-control-regex
    /[\x00-\x1f]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

function printable(text: string, maxLength: number): string {
  const kept = text.replaceAll(/[^\x21-\x7e]/g, '').slice(0, maxLength)
  return kept === '' ? '-' : kept
}

// The same JSON in ASCII: no byte order mark, and no two ways to read it (section 6.4).
function toAscii(text: string): string {
  return text.replaceAll(
    /[\u007f-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
