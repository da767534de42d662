import { ProtocolFault } from '../read-exactly.ts'
import { Reader, fullPacket } from './wire.ts'

/** How an answer to a command is built (MySQL internals, "Command Phase"). */
export type Expected =
  /** COM_QUERY and COM_STMT_EXECUTE: results, or none. */
  | 'results'
  | 'prepare'
  /** Rows, or columns, to an end. */
  | 'rows'
  | 'one'

export interface Outcome {
  readonly rows: number
  readonly bytes: number
  readonly failed: boolean
  /** Of a statement that was prepared. */
  readonly statement?: number
}

/** As much of a packet as shows what it is. */
const headBytes = 64
const moreResults = 0x8
const cursorExists = 0x40

/**
 * Finds where an answer ends, as it streams: of each packet only its beginning is kept. Throws `ProtocolFault` for what answers nothing.
 */
export function createReply(
  expected: Expected,
  deprecateEof: boolean,
): { take(chunk: Buffer): Outcome | undefined } {
  let head: Buffer = Buffer.alloc(0)
  /** Of the packet that is under way: what is not here yet, and what it is in whole. */
  let left = 0
  let length = 0
  let continues = false
  let bytes = 0
  let rows = 0
  let statement: number | undefined
  let state: 'first' | 'columns' | 'rows' | 'definitions' = expected === 'rows' ? 'rows' : 'first'
  /** Definitions that come yet, those with an end of their own among them. */
  let definitions = 0
  let outcome: Outcome | undefined
  let header: Buffer = Buffer.alloc(0)

  const done = (failed: boolean) => {
    outcome = { rows, bytes, failed, ...(statement === undefined ? {} : { statement }) }
  }

  function packet(body: Buffer, size: number): void {
    const first = body[0]
    if (first === 0xff) return done(true)
    if (state === 'first') return begin(body, size)
    if (state === 'definitions') {
      if (--definitions === 0) done(false)
      return
    }
    if (state === 'columns') {
      definitions--
      if (definitions > 0) return
      // Where a cursor is kept open no rows follow.
      const keepsRows = !deprecateEof && (statusInEof(body) & cursorExists) !== 0
      if (keepsRows) done(false)
      else state = 'rows'
      return
    }
    if (first === 0xfe && (deprecateEof ? size < fullPacket : size < 9)) return resultEnds(body)
    rows++
  }

  function begin(body: Buffer, size: number): void {
    const first = body[0]
    if (expected === 'one') return done(false)
    if (expected === 'prepare') {
      const reader = new Reader(body)
      if (reader.u8() !== 0) throw new ProtocolFault('the server answers with something else')
      statement = reader.u32()
      const [columns, parameters] = [reader.u16(), reader.u16()]
      const ends = (count: number) => (count === 0 ? 0 : count + (deprecateEof ? 0 : 1))
      definitions = ends(columns) + ends(parameters)
      state = 'definitions'
      if (definitions === 0) done(false)
      return
    }
    if (first === 0) {
      const reader = new Reader(body.subarray(1))
      reader.length()
      reader.length()
      if ((reader.u16() & moreResults) === 0) done(false)
      return
    }
    if (first === 0xfb) throw new ProtocolFault('the server asks for a file of the client')
    if (size === 0) throw new ProtocolFault('the server answers with nothing')
    const columns = new Reader(body).length()
    definitions = columns + (deprecateEof ? 0 : 1)
    state = 'columns'
  }

  function resultEnds(body: Buffer): void {
    const status = deprecateEof ? statusInOk(body) : statusInEof(body)
    if (expected === 'results' && (status & moreResults) !== 0) state = 'first'
    else done(false)
  }

  return {
    take(chunk) {
      bytes += chunk.length
      let at = 0
      while (at < chunk.length) {
        if (outcome !== undefined) throw new ProtocolFault('the server says more than was asked')
        if (left === 0) {
          const missing = 4 - header.length
          header = Buffer.concat([header, chunk.subarray(at, at + missing)])
          at += missing
          if (header.length < 4) return undefined
          const size = header.readUIntLE(0, 3)
          header = Buffer.alloc(0)
          if (!continues) {
            head = Buffer.alloc(0)
            length = 0
          }
          left = size
          length += size
          const goesOn = size === fullPacket
          if (size === 0) {
            if (!continues) packet(head, 0)
            else packet(head, length)
          }
          continues = goesOn
          if (size === 0) continue
        }
        const step = Math.min(left, chunk.length - at)
        if (head.length < headBytes)
          head = Buffer.concat([head, chunk.subarray(at, at + Math.min(step, headBytes - head.length))])
        left -= step
        at += step
        if (left === 0 && !continues) packet(head, length)
      }
      return outcome
    },
  }
}

function statusInEof(body: Buffer): number {
  const reader = new Reader(body.subarray(1))
  reader.u16()
  return reader.u16()
}

function statusInOk(body: Buffer): number {
  const reader = new Reader(body.subarray(1))
  reader.length()
  reader.length()
  return reader.u16()
}
