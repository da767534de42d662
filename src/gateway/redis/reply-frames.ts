/** The end of one reply, or of something that is none, in the bytes that were given. */
export interface Frame {
  /** Where it ends. */
  readonly end: number
  /** Its first byte: `>` is what nobody asked for (RESP3). */
  readonly mark: string
  /** Of an array: what its first value is, if that is a short text; it says what a message is about. */
  readonly word: string
  /** Its last line, as far as it is kept. */
  readonly last: string
}

/** Aggregates within each other; what scripts answer may be nested, and nothing real is nested so deep. */
const maxDepth = 1_024
const maxWordChars = 16
/** In the place of how many values are to come: of a string that comes in chunks. */
const chunks = -1

/**
 * Finds where replies end (RESP2 and RESP3, protocol specification), as they stream: nothing of them is kept but the line that is
 * not whole yet, and a word. Throws `RangeError` for what is no reply: from there on nobody knows which answer is for which question.
 */
export function createReplyFrames(): (chunk: Buffer) => Frame[] {
  /** Of each aggregate that is open, how many values it lacks; the outermost first. `Infinity`: until it says that it ends. */
  const open: number[] = []
  let line = ''
  let skip = 0
  let mark = ''
  let word: string | undefined
  /** How many of the bytes that are skipped are the word. */
  let ofWord = 0

  return (chunk) => {
    const frames: Frame[] = []
    let at = 0
    while (at < chunk.length) {
      if (skip > 0) {
        const step = Math.min(skip, chunk.length - at)
        if (ofWord > 0) word = `${word ?? ''}${chunk.toString('latin1', at, at + Math.min(step, ofWord))}`
        ofWord = Math.max(0, ofWord - step)
        skip -= step
        at += step
        if (skip > 0) break
        if (open.at(-1) !== chunks) closed(frames, at, '')
        continue
      }
      const end = chunk.indexOf(0x0a, at)
      const upTo = end === -1 ? chunk.length : end + 1
      line = keep(line, chunk, at, upTo)
      at = upTo
      if (end === -1) break
      const whole = line
      line = ''
      begin(whole, frames, at)
    }
    return frames
  }

  function begin(whole: string, frames: Frame[], at: number): void {
    const first = whole[0] ?? ''
    if (!whole.endsWith('\r\n')) throw new RangeError('a line does not end with CR LF')
    if (open.length === 0) [mark, word] = [first, undefined]
    if (open.at(-1) === chunks) return nextChunk(whole, frames, at)
    if (lines.has(first)) return closed(frames, at, whole)
    if (first === '.') return endStreamed(whole, frames, at)
    const text = whole.slice(1, -2)
    const isStreamed = text === '?' && streamed.has(first)
    if (!isStreamed && !/^(?:-1|0|[1-9][0-9]{0,15})$/.test(text))
      throw new RangeError('a length is no number')
    if (bulks.has(first)) return isStreamed ? nest(chunks) : beginText(Number(text), frames, at)
    const values = perElement.get(first)
    if (values === undefined) throw new RangeError('it begins no reply')
    if (isStreamed) return nest(Infinity)
    // An attribute is followed by the value that it is about.
    const count = Math.max(0, Number(text)) * values + (first === '|' ? 1 : 0)
    if (count === 0) closed(frames, at, whole)
    else nest(count)
  }

  function nest(values: number): void {
    if (open.length >= maxDepth) throw new RangeError('it is nested too deep')
    open.push(values)
  }

  function beginText(length: number, frames: Frame[], at: number): void {
    if (length === -1) return closed(frames, at, '')
    skip = length + 2
    if (open.length === 1 && word === undefined && length <= maxWordChars) ofWord = length
  }

  function nextChunk(whole: string, frames: Frame[], at: number): void {
    if (!/^;(?:0|[1-9][0-9]{0,15})\r\n$/.test(whole)) throw new RangeError('a chunk of a string is none')
    const length = Number(whole.slice(1, -2))
    if (length > 0) return void (skip = length + 2)
    open.pop()
    closed(frames, at, '')
  }

  function endStreamed(whole: string, frames: Frame[], at: number): void {
    if (whole !== '.\r\n' || open.at(-1) !== Infinity) throw new RangeError('it ends what has not begun')
    open.pop()
    closed(frames, at, '')
  }

  function closed(frames: Frame[], end: number, last: string): void {
    word ??= ''
    while (open.length > 0) {
      const left = (open.pop() ?? 1) - 1
      if (left > 0) return void open.push(left)
    }
    frames.push({ end, mark, word, last })
  }
}

const streamed: ReadonlySet<string> = new Set(['$', '*', '~', '%'])
const lines: ReadonlySet<string> = new Set(['+', '-', ':', '_', '#', ',', '('])
const bulks: ReadonlySet<string> = new Set(['$', '=', '!'])
const perElement: ReadonlyMap<string, number> = new Map([
  ['*', 1],
  ['~', 1],
  ['>', 1],
  ['%', 2],
  ['|', 2],
])

/** Only what tells how a reply goes on is kept of its line: an error, or a number, may be long. */
const keptChars = 24

function keep(line: string, chunk: Buffer, from: number, to: number): string {
  const joined = line + chunk.toString('latin1', from, to)
  return joined.length <= keptChars ? joined : joined.slice(0, keptChars - 2) + joined.slice(-2)
}
