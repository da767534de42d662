import type { Duplex } from 'node:stream'
import { limits } from '../../lib/index.ts'

/** One command as it came, and its words: views of the same bytes. */
export interface Command {
  readonly raw: Buffer
  readonly words: readonly Buffer[]
}

/** What a client sent that is no command; said to it, and the connection ended: nobody knows where the next one would begin. */
export class Malformed extends Error {}

/**
 * Reads commands as arrays of bulk strings (Redis serialization protocol, "Sending commands to a Redis server"), written in the
 * one way that every server reads alike: no sign, no leading zero, nothing between. Inline commands are refused: a line of a
 * file, or of a request of another protocol, would be a command. What every server passes over in silence is dropped: empty lines,
 * which `redis-cli --pipe` sends, and arrays of nothing. Throws `Malformed`.
 */
export async function* readCommands(socket: Duplex): AsyncGenerator<Command> {
  const held = createHeld()
  const begun: Begun = { at: 0, left: undefined, words: [] }
  // Whoever reads has yet to say why it stops.
  for await (const chunk of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    held.append(chunk)
    for (;;) {
      if (begun.left === undefined) held.take(nothingAt(held.bytes()))
      const bytes = held.bytes()
      if (begun.left === undefined && mayBeNothing(bytes)) break
      if (!goOn(begun, bytes)) break
      held.take(begun.at)
      yield {
        raw: bytes.subarray(0, begun.at),
        words: begun.words.map(([from, to]) => bytes.subarray(from, to)),
      }
      begun.at = 0
      begun.left = undefined
      begun.words = []
    }
  }
}

/** How far a command is read that is not whole yet: each byte is looked at once, however slowly it comes. */
interface Begun {
  at: number
  /** Words that it lacks; undefined until it has said how many it has. */
  left: number | undefined
  words: [from: number, to: number][]
}

/** True once the command is whole. */
function goOn(begun: Begun, bytes: Buffer): boolean {
  if (begun.left === undefined) {
    const count = numberAt(bytes, 0, 0x2a, limits.redisWords)
    if (count === undefined) return false
    begun.left = count.value
    begun.at = count.next
  }
  while (begun.left > 0) {
    const length = numberAt(bytes, begun.at, 0x24, limits.redisCommandBytes)
    if (length === undefined) return false
    const end = length.next + length.value
    if (end > limits.redisCommandBytes)
      throw new Malformed(`a command of more than ${limits.redisCommandBytes} bytes is not passed`)
    if (bytes.length < end + 2) return false
    if (bytes[end] !== 0x0d || bytes[end + 1] !== 0x0a) throw new Malformed('a word is longer than it says')
    begun.words.push([length.next, end])
    begun.at = end + 2
    begun.left--
  }
  return true
}

const nothings = ['\r\n', '*0\r\n', '*-1\r\n'].map((text) => Buffer.from(text))

/** How many bytes at the beginning stand for nothing. */
function nothingAt(bytes: Buffer): number {
  for (let at = 0; ;) {
    const nothing = nothings.find((one) => one.equals(bytes.subarray(at, at + one.length)))
    if (nothing === undefined) return at
    at += nothing.length
  }
}

/** What follows will say. */
function mayBeNothing(bytes: Buffer): boolean {
  return nothings.some((one) => bytes.length < one.length && one.subarray(0, bytes.length).equals(bytes))
}

const digits = 9

/** `*3\r\n`, `$12\r\n`; undefined if it is not whole. */
function numberAt(
  bytes: Buffer,
  at: number,
  mark: number,
  most: number,
): { value: number; next: number } | undefined {
  const first = bytes[at]
  if (first === undefined) return undefined
  if (first !== mark)
    throw new Malformed('commands are arrays of bulk strings: inline commands, and all else, are not passed')
  const line = bytes.subarray(at + 1, at + 1 + digits + 2)
  const end = line.indexOf(0x0d)
  if (end === -1 && line.length < digits + 2) return undefined
  const text = line.toString('latin1', 0, end)
  if (end === -1 || !/^(?:0|[1-9][0-9]*)$/.test(text)) throw new Malformed('a length is no number')
  if (Number(text) > most) throw new Malformed(`a length is over the limit of ${most}`)
  if (line.length < end + 2) return undefined
  if (line[end + 1] !== 0x0a) throw new Malformed('a line does not end with CR LF')
  return { value: Number(text), next: at + 1 + end + 2 }
}

/** Bytes that came and were not taken. What was given out of them is never written over. */
function createHeld() {
  let store: Buffer = Buffer.alloc(0)
  let [from, to] = [0, 0]
  return {
    bytes: () => store.subarray(from, to),
    take: (count: number) => void (from += count),
    append(chunk: Buffer) {
      if (from === to) {
        store = chunk
        ;[from, to] = [0, chunk.length]
        return
      }
      if (store.length - to < chunk.length) {
        const rest = store.subarray(from, to)
        store = Buffer.allocUnsafeSlow((rest.length + chunk.length) * 2)
        rest.copy(store)
        ;[from, to] = [0, rest.length]
      }
      chunk.copy(store, to)
      to += chunk.length
    },
  }
}
