import { MayflyError } from './errors.ts'

/**
 * The record of what a step showed, as the runner writes it, the server keeps it and `mayfly logs` reads it. Plain bytes: a
 * head with the time that the others count from, then one frame after the other:
 *
 *     mayfly-log/1 2026-11-28T08:38:29.123Z
 *     1042 o 6
 *     hello
 *     1050 x 4096
 *
 * Milliseconds since the head's time; `o` standard output, `e` standard error; how many bytes follow the line. `x`: so many
 * bytes were shown at that point and are not in the record.
 */
export type LogFrame =
  | { readonly kind: 'output'; readonly ms: number; readonly stream: LogStream; readonly bytes: Buffer }
  | { readonly kind: 'lost'; readonly ms: number; readonly lostBytes: number }

export type LogStream = 'o' | 'e'

/** What one frame holds at most. */
export const logFrameBytes = 65_536

export function logHead(startedMs: number): Buffer {
  return Buffer.from(`mayfly-log/1 ${new Date(startedMs).toISOString()}\n`)
}

/** One or several frames with all of these bytes. They are copied. */
export function outputFrames(ms: number, stream: LogStream, bytes: Buffer): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; at < bytes.length; at += logFrameBytes) {
    const part = bytes.subarray(at, at + logFrameBytes)
    parts.push(Buffer.from(`${ms} ${stream} ${part.length}\n`), part)
  }
  return Buffer.concat(parts)
}

export function lostFrame(ms: number, lostBytes: number): Buffer {
  return Buffer.from(`${ms} x ${lostBytes}\n`)
}

/** Takes a record apart as its bytes come. */
export interface LogReader {
  /** Throws `bad_input` for what is no record: it came from a runner, and nobody has looked into it. */
  add(chunk: Buffer): LogFrame[]
  /** The head's time, milliseconds since the Unix epoch; known with the first frame. */
  startedMs(): number | undefined
  /** Bytes of a frame that did not come whole. */
  rest(): number
}

const headForm = /^mayfly-log\/1 (\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z)$/
const frameForm = /^(\d{1,12}) ([oex]) (\d{1,15})$/
/** Longer than any line of ours. */
const maxLineBytes = 64

export function createLogReader(): LogReader {
  let left: Buffer = Buffer.alloc(0)
  let started: number | undefined

  function next(): LogFrame | 'head' | undefined {
    const end = left.indexOf(0x0a)
    if (end > maxLineBytes || (end === -1 && left.length > maxLineBytes)) throw notALog()
    if (end === -1) return undefined
    const line = left.toString('latin1', 0, end)
    if (started === undefined) {
      started = Date.parse(headForm.exec(line)?.[1] ?? '')
      if (Number.isNaN(started)) throw notALog()
      left = left.subarray(end + 1)
      return 'head'
    }
    const [, time, kind, count] = frameForm.exec(line) ?? []
    if (kind === undefined) throw notALog()
    const [ms, size] = [Number(time), Number(count)]
    if (kind === 'x') {
      left = left.subarray(end + 1)
      return { kind: 'lost', ms, lostBytes: size }
    }
    if (size > logFrameBytes) throw notALog()
    if (left.length < end + 1 + size) return undefined
    const bytes = left.subarray(end + 1, end + 1 + size)
    left = left.subarray(end + 1 + size)
    return { kind: 'output', ms, stream: kind as LogStream, bytes }
  }

  return {
    add(chunk) {
      left = left.length === 0 ? chunk : Buffer.concat([left, chunk])
      const frames: LogFrame[] = []
      for (let frame = next(); frame !== undefined; frame = next()) if (frame !== 'head') frames.push(frame)
      return frames
    },
    startedMs: () => started,
    rest: () => left.length,
  }
}

function notALog(): MayflyError {
  return new MayflyError('bad_input', 'what is kept as the log of this step is no such log')
}
