/** The end of one reply, or of something that is none, in the bytes that were given. */
export interface Frame {
  /** Where it ends. */
  readonly end: number
  /** `push`: nobody asked for it (RESP3). */
  readonly is: 'reply' | 'push'
}

/**
 * Finds where replies end (RESP2 and RESP3, protocol specification), as they stream: nothing of them is kept but the line that is
 * not whole yet. Throws `RangeError` for what is no reply: from there on nobody knows which answer is for which question.
 */
export function createReplyFrames(): (chunk: Buffer) => Frame[] {
  /** Of each aggregate that is open, how many values it lacks; the outermost first. */
  const open: number[] = []
  let line = ''
  let skip = 0
  let isPush = false

  return (chunk) => {
    const frames: Frame[] = []
    let at = 0
    while (at < chunk.length) {
      if (skip > 0) {
        const step = Math.min(skip, chunk.length - at)
        skip -= step
        at += step
        if (skip > 0) break
        closed(frames, at)
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
    const mark = whole[0] ?? ''
    if (!whole.endsWith('\r\n')) throw new RangeError('a line does not end with CR LF')
    if (open.length === 0) isPush = mark === '>'
    if (lines.has(mark)) return closed(frames, at)
    const text = whole.slice(1, -2)
    if (!/^(?:-1|0|[1-9][0-9]{0,15})$/.test(text)) throw new RangeError('a length is no number')
    const length = Number(text)
    if (bulks.has(mark)) {
      if (length === -1) return closed(frames, at)
      skip = length + 2
      return
    }
    const values = perElement.get(mark)
    if (values === undefined) throw new RangeError('it begins no reply')
    if (open.length >= 64) throw new RangeError('it is nested too deep')
    // An attribute is followed by the value that it is about.
    const count = Math.max(0, length) * values + (mark === '|' ? 1 : 0)
    if (count === 0) closed(frames, at)
    else open.push(count)
  }

  function closed(frames: Frame[], end: number): void {
    while (open.length > 0) {
      const left = (open.pop() ?? 1) - 1
      if (left > 0) return void open.push(left)
    }
    frames.push({ end, is: isPush ? 'push' : 'reply' })
  }
}

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
