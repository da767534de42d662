import { isUtf8 } from 'node:buffer'
import { setImmediate } from 'node:timers/promises'

type Plain = Readonly<Record<string, unknown>>

interface Bounds {
  /** Texts of more bytes are left out: 0 stands in their place, which is the name of nothing. */
  readonly longestText: number
  /** Of what is left. */
  readonly mostBytes: number
}

/** As deep as the items of DynamoDB, three levels for each of their own, twice over. */
const maxDepth = 200
const maxValues = 250_000
/** After so many bytes it is the turn of others. */
const sliceBytes = 262_144

/**
 * A body in JSON that is an object, or why it is not read. A name that stands twice is refused: which of the two counts the host decides.
 * It is read in time of its length, and is refused where it is deeper, or of more values, than any API asks for.
 */
export function readPlainJson(body: Buffer): Plain | string {
  const bounds = { longestText: body.length, mostBytes: body.length }
  const scan = scanned(body, bounds)
  for (let next = scan.next(); ; next = scan.next()) if (next.done === true) return parsed(next.value, bounds)
}

/** The same of a body of many MB: others have their turn while it is read, and long texts are left out of what is told of it. */
export async function readLongJson(body: Buffer, bounds: Bounds): Promise<Plain | string> {
  const scan = scanned(body, bounds)
  for (let next = scan.next(); ; next = scan.next()) {
    if (next.done === true) return parsed(next.value, bounds)
    await setImmediate()
  }
}

function parsed(kept: readonly Buffer[] | string, { mostBytes }: Bounds): Plain | string {
  if (typeof kept === 'string') return kept
  if (kept.reduce((sum, piece) => sum + piece.length, 0) > mostBytes)
    return `its body has more than ${mostBytes} bytes of names and short texts`
  let document: unknown
  try {
    document = JSON.parse(Buffer.concat(kept).toString('utf8'))
  } catch {
    return 'its body is no JSON'
  }
  return typeof document === 'object' && document !== null && !Array.isArray(document)
    ? (document as Plain)
    : 'its body is no JSON object'
}

const [quote, backslash, comma, colon] = [0x22, 0x5c, 0x2c, 0x3a]
const [openObject, closeObject, openList, closeList] = [0x7b, 0x7d, 0x5b, 0x5d]
const inPlace = Buffer.from('0')

/**
 * The body without its long texts, or why it is refused; gives way now and then. Whether it is JSON at all is not looked at here: of what
 * is none nothing is read, whatever names were found in it.
 */
function* scanned(body: Buffer, { longestText }: Bounds): Generator<undefined, Buffer[] | string> {
  if (!isUtf8(body)) return 'its body is not in UTF-8'
  const kept: Buffer[] = []
  /** Of each object and list around: the names of an object that were there. */
  const around: (Set<string> | undefined)[] = []
  let isName = false
  let [from, values, rested] = [0, 0, 0]
  for (let at = 0; at < body.length; at++) {
    if (at - rested > sliceBytes) {
      rested = at
      yield undefined
    }
    const byte = body[at]
    if (byte === quote) {
      const end = endOfText(body, at)
      if (end === -1) return 'its body is no JSON'
      const names = isName ? around.at(-1) : undefined
      if (names !== undefined && !isNew(names, body.subarray(at, end + 1))) return twice
      if (names === undefined && end - at > longestText) {
        kept.push(body.subarray(from, at), inPlace)
        from = end + 1
      }
      at = end
    } else if (byte === comma || byte === openObject || byte === openList) {
      if (++values > maxValues) return `its body has more than ${maxValues} values`
      if (byte !== comma && around.push(byte === openObject ? new Set() : undefined) > maxDepth)
        return `its body is nested more than ${maxDepth} deep`
      isName = around.at(-1) !== undefined
    } else if (byte === closeObject || byte === closeList) around.pop()
    else if (byte === colon) isName = false
  }
  return [...kept, body.subarray(from)]
}

const twice = 'a name stands twice in its body'
const maxNameBytes = 65_536

/** Where the text ends that begins here: its closing quote; -1 if it has none. */
function endOfText(body: Buffer, start: number): number {
  let from = start + 1
  for (;;) {
    const end = body.indexOf(quote, from)
    let before = end - 1
    // Only back to the last quote, so each byte is looked at once.
    while (before >= from && body[before] === backslash) before--
    if (end === -1 || (end - 1 - before) % 2 === 0) return end
    from = end + 1
  }
}

function isNew(names: Set<string>, written: Buffer): boolean {
  if (written.length > maxNameBytes) return false
  const text = written.toString('utf8')
  const name = text.includes('\\') ? unescaped(text) : text.slice(1, -1)
  if (names.has(name)) return false
  names.add(name)
  return true
}

/** Of a text that is none, nothing: the whole is refused later. */
function unescaped(text: string): string {
  try {
    return JSON.parse(text) as string
  } catch {
    return text
  }
}
