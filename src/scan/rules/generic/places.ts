/** Where a name stands, or a value. */
export interface Place {
  readonly start: number
  readonly end: number
}

const maxName = 64
const maxBlank = 40

function among(characters: string): Uint8Array {
  const set = new Uint8Array(256)
  for (const byte of Buffer.from(characters, 'latin1')) set[byte] = 1
  return set
}

const letters = 'abcdefghijklmnopqrstuvwxyz'
const isOfName = among(`${letters}${letters.toUpperCase()}0123456789_.$-`)
const isBlank = among(' \t')
const closes = among('"\'`\\])')
const gives = among('=:,>(|?+!')
/** None of these begins a value: of a call, a list, a block, and of what is given on the next line. */
const beginsNone = among('\n\r{([;)]},|!<#')
const ends = among('\n\r \t')

const [colon, equals, quoteMark, apostrophe] = [0x3a, 0x3d, 0x22, 0x27]

/** The whole of the name in which a keyword stands, that may have an operator behind the word: `pass=`. */
export function nameAround(bytes: Buffer, from: number, to: number): Place | undefined {
  let [start, end] = [from, to]
  while (end > from && isOfName[bytes[end - 1] ?? 0] === 0) end--
  while (isOfName[bytes[end] ?? 0] === 1 && end - to < maxName) end++
  while (start > 0 && isOfName[bytes[start - 1] ?? 0] === 1 && from - start < maxName) start--
  return end - start > maxName * 2 ? undefined : { start, end }
}

/**
 * Of most words nothing is said by what follows them, and that is seen by a few bytes; only where this is true is anything read. It may
 * be true of what gives nothing.
 */
export function mayBeGiven(bytes: Buffer, { start, end }: Place): boolean {
  let at = end
  while (at - end < 4 && closes[bytes[at] ?? 0] === 1) at++
  const next = skipBlank(bytes, at)
  if (gives[bytes[next] ?? 0] === 1) return isValueAhead(bytes, next)
  return isOtherwiseGiven(bytes, { start, end }, next)
}

function skipBlank(bytes: Buffer, from: number): number {
  let at = from
  while (at - from < maxBlank && isBlank[bytes[at] ?? 0] === 1) at++
  return at
}

function isValueAhead(bytes: Buffer, operator: number): boolean {
  let at = operator
  while (at - operator < 3 && gives[bytes[at] ?? 0] === 1) at++
  at = skipBlank(bytes, at)
  if (isOfYaml(bytes, at)) return true
  if (bytes[at] === 0x0d || bytes[at] === 0x0a) at = onNextLine(bytes, at)
  if (at + 4 > bytes.length || beginsNone[bytes[at] ?? 0] === 1) return false
  if (ends[bytes[at + 1] ?? 0] === 1 || ends[bytes[at + 2] ?? 0] === 1) return false
  // A text in three quotes may begin in the next line.
  return ends[bytes[at + 3] ?? 0] === 0 || bytes[at] === bytes[at + 2] || startsAt(bytes, at, 'new ')
}

/** `!!str value`; `|` and `>` with their value in the lines below. */
function isOfYaml(bytes: Buffer, at: number): boolean {
  const byte = bytes[at]
  if (byte === 0x21) return startsAt(bytes, at, '!!str ')
  return (
    (byte === 0x7c || byte === 0x3e) &&
    /^[|>][-+1-9]{0,2}[ \t]{0,8}\r?\n[ \t]/.test(bytes.toString('latin1', at, at + 16))
  )
}

/** Where the next line begins behind its indentation; where it has none, `at`. */
function onNextLine(bytes: Buffer, at: number): number {
  const line = at + (bytes[at] === 0x0d && bytes[at + 1] === 0x0a ? 2 : 1)
  const next = skipBlank(bytes, line)
  return next === line ? at : next
}

/** `ENV X value`, `--x value`, `var x string = …`, `get(x) or …`; and `name: X`, whose value has a line or an attribute of its own. */
function isOtherwiseGiven(bytes: Buffer, { start, end }: Place, next: number): boolean {
  const [before, beforeThat] = [bytes[start - 1] ?? 0, bytes[start - 2] ?? 0]
  if ([before, beforeThat, bytes[start - 3] ?? 0].some((byte) => byte === colon || byte === equals))
    return true
  if (bytes[next] === quoteMark || bytes[next] === apostrophe)
    return bytes[start] === 0x2d || (isBlank[before] === 1 && isBlank[bytes[end] ?? 0] === 1)
  if (bytes[end] === 0x5b) return /^\[[0-9]{0,4}\][ \t]{0,4}=/.test(bytes.toString('latin1', end, end + 12))
  if (bytes[start] === 0x2d && bytes[start + 1] === 0x2d) return true
  if (
    isBlank[before] === 1 &&
    isBlank[bytes[end] ?? 0] === 1 &&
    /[VTtvx]/.test(String.fromCharCode(beforeThat))
  )
    return true
  return (
    startsAt(bytes, next, 'string') ||
    startsAt(bytes, next, '[]byte') ||
    startsAt(bytes, next, 'or ') ||
    startsAt(bytes, next, '{')
  )
}

function startsAt(bytes: Buffer, at: number, text: string): boolean {
  if (bytes[at] !== text.charCodeAt(0)) return false
  return bytes.toString('latin1', at, Math.min(at + text.length, bytes.length)) === text
}
