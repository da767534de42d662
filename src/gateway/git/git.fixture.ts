import { Readable } from 'node:stream'
import fc from 'fast-check'
import { MayflyError, type ErrorCode } from '../../lib/index.ts'
import { flushPacket, packetLine } from './pkt-line.ts'

export const zero = '0'.repeat(40)
export const commit = (digit: string) => digit.repeat(40)

/** The ref updates of a push as git sends them: capabilities behind the first, a flush at the end. */
export function pushHead(
  updates: readonly (readonly [string, string, string])[],
  more: { capabilities?: string; shallow?: readonly string[]; options?: readonly string[] } = {},
): Buffer {
  const { shallow = [], options } = more
  const usual = `report-status side-band-64k${options === undefined ? '' : ' push-options'}`
  const { capabilities = usual } = more
  const lines = updates.map(([from, to, ref], i) =>
    packetLine(`${from} ${to} ${ref}${i === 0 ? `\0 ${capabilities}` : ''}`),
  )
  const behind = options === undefined ? [] : [...options.map((one) => packetLine(one)), flushPacket]
  return Buffer.concat([
    ...shallow.map((id) => packetLine(`shallow ${id}\n`)),
    ...lines,
    flushPacket,
    ...behind,
  ])
}

/** A stream that hands out exactly these chunks, one per turn of the event loop. */
export function chunked(chunks: readonly Buffer[]): Readable {
  const left = [...chunks]
  return new Readable({
    highWaterMark: 1,
    read() {
      setImmediate(() => this.push(left.shift() ?? null))
    },
  })
}

/** Cuts at the given places, modulo the length. */
export function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [0, ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  return at
    .slice(1)
    .map((end, i) => bytes.subarray(at[i], end))
    .filter((chunk) => chunk.length > 0)
}

export const places = fc.array(fc.nat(1_000_000), { maxLength: 12 })

export function coded(code: ErrorCode, message = /./): (error: unknown) => boolean {
  return (error) => error instanceof MayflyError && error.code === code && message.test(error.message)
}
