import { MayflyError } from '../../lib/index.ts'

/** Reads a body in parts; of what is asked for in one piece no more is held than its bound. */
export interface PartReader {
  /** What comes before `end`, which is passed over. Undefined if it is longer, or breaks off. */
  until(end: Buffer, maxBytes: number): Promise<Buffer | undefined>
  /** A line without its `\n`. */
  line(): Promise<string | undefined>
  /** Headers up to the empty line, each of which stands once. Undefined if they cannot be read. */
  head(): Promise<ReadonlyMap<string, string> | undefined>
  /** The same without a bound, as it comes. Throws `denied` if it breaks off. */
  through(end: Buffer): AsyncGenerator<Buffer>
  /** The next byte, which stays; empty at the end. */
  next(): Promise<string>
  /** All that is left; undefined if it is more. */
  all(maxBytes: number): Promise<string | undefined>
}

const maxLineBytes = 8_192
const maxHeaders = 20
const newline = Buffer.from('\n')

export function createPartReader(source: AsyncIterator<Buffer>): PartReader {
  let held: Buffer = Buffer.alloc(0)
  async function more(): Promise<boolean> {
    const next = await source.next()
    if (next.done === true) return false
    held = held.length === 0 ? next.value : Buffer.concat([held, next.value])
    return true
  }
  const take = (bytes: number, over: number) => {
    const taken = held.subarray(0, bytes)
    held = held.subarray(bytes + over)
    return taken
  }
  const reader: PartReader = {
    async until(end, maxBytes) {
      let from = 0
      for (;;) {
        const at = held.indexOf(end, from)
        if (at !== -1) return at > maxBytes ? undefined : take(at, end.length)
        from = Math.max(0, held.length - end.length + 1)
        if (from > maxBytes || !(await more())) return undefined
      }
    },
    line: async () => (await reader.until(newline, maxLineBytes))?.toString('latin1'),
    async head() {
      const headers = new Map<string, string>()
      for (let lines = 0; lines <= maxHeaders; lines++) {
        const line = (await reader.line())?.replace(/\r$/, '')
        if (line === '') return headers
        const [, name = '', value = ''] =
          /^([A-Za-z0-9-]{1,60}):[ \t]{0,8}([\x20-\x7e]{0,1000})$/.exec(line ?? '') ?? []
        if (name === '' || headers.has(name.toLowerCase())) return undefined
        headers.set(name.toLowerCase(), value.trimEnd())
      }
      return undefined
    },
    async *through(end) {
      for (;;) {
        const at = held.indexOf(end)
        if (at !== -1) {
          yield take(at, end.length)
          return
        }
        if (held.length >= end.length) yield take(held.length - end.length + 1, 0)
        if (!(await more())) throw new MayflyError('denied', 'its last part breaks off')
      }
    },
    next: async () => (held.length > 0 || (await more()) ? held.toString('latin1', 0, 1) : ''),
    async all(maxBytes) {
      while (held.length <= maxBytes) if (!(await more())) return held.toString('latin1')
      return undefined
    },
  }
  return reader
}
