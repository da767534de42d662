import { hostname } from 'node:os'
import { connect, type TLSSocket } from 'node:tls'
import { messageOf } from '../../lib/index.ts'
import type { Sink, SinkEntry } from './sink.ts'

const timeoutMs = 30_000

/**
 * RFC 5424 messages over TLS (RFC 5425: a decimal length, a space, the message). Syslog has no answers, so each batch is
 * a connection of its own: all is sent, our side is closed, and only when the server has closed its side too, which it
 * does once it has read everything, is the batch taken for delivered. What a server has read and loses before it is on
 * its disk is out of our sight: where that matters, a webhook says yes for each entry.
 */
export function createSyslogSink(server: {
  host: string
  port: number
  ca?: string
  cert?: string
  key?: string
}): Sink {
  return {
    async deliver(batch, signal) {
      const frames = Buffer.concat(batch.map(frameOf))
      try {
        await handOver(connect({ ...server, servername: server.host, minVersion: 'TLSv1.2' }), frames, signal)
        return { delivered: batch.length }
      } catch (error) {
        return { delivered: 0, problem: messageOf(error) }
      }
    },
    close: () => undefined,
  }
}

function handOver(socket: TLSSocket, frames: Buffer, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    let sent = false
    const fail = (error: Error) => {
      socket.destroy()
      reject(error)
    }
    const stop = () => fail(new Error('stopped'))
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
    socket.setTimeout(timeoutMs, () => fail(new Error(`no answer in ${timeoutMs / 1_000} s`)))
    socket.once('error', fail)
    socket.once('secureConnect', () => socket.end(frames, () => (sent = true)))
    socket.resume()
    socket.once('close', () => {
      signal.removeEventListener('abort', stop)
      if (sent) resolve()
      else reject(new Error('the server closed the connection before it had everything'))
    })
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
    /^\d{4}-\d\d-\d\dT/.test(time) ? time : '-',
    printable(host, 255),
    'mayfly',
    '-',
    printable(type, 32),
  ]
  return `${head.join(' ')} [mayfly@32473 ${data}] ${toAscii(line)}`
}

/** RFC 5424, table 2: 2 critical, 4 warning, 5 notice, 6 informational. */
function severityOf(type: string): number {
  if (type.startsWith('history.')) return 2
  if (/\.(?:refused|denied|lost)$/.test(type)) return 4
  return type.startsWith('access.') || type.startsWith('egress.') ? 6 : 5
}

/** Section 6.3.3: quote, backslash and closing bracket are escaped. */
function escapeParameter(value: string): string {
  return toAscii(value.replaceAll(/["\\\]]/g, (char) => `\\${char}`))
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
