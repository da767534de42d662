import { createHash, randomUUID } from 'node:crypto'
import type { Readable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { MayflyError } from '../../lib/index.ts'
import { openUnnamed } from '../unnamed-file.ts'

/** What `npm publish` sends, taken apart while it came: its JSON is small, and its file was put aside. */
export interface PublishBody {
  /** The JSON, with `placeholder` in the place of the file. */
  readonly json: string
  /** What stands in `_attachments` in place of the file's base64 text. */
  readonly placeholder: string
  readonly files: number
  readonly sha512: Buffer
  readonly sha256: Buffer
  readonly sha1: Buffer
  /** Bytes of the file itself. */
  readonly fileBytes: number
  /** Bytes of its base64 text. */
  readonly textBytes: number
  /** The base64 text, from where it was put aside. */
  readText(): Readable
  /** Gives back what it takes on disk. */
  [Symbol.asyncDispose](): Promise<void>
}

/** All but the file: manifest, readme, provenance. npm's own registry takes less. */
const maxJsonBytes = 4 * 1_048_576
const maxFileBytes = 200 * 1_048_576
const maxDepth = 64

/**
 * Reads `{ ..., "_attachments": { "NAME.tgz": { "data": "BASE64" } } }` without ever holding the file in memory: what the string
 * `data` of an attachment `.tgz` says goes to a file that nobody else can open, and is hashed on the way. Throws `bad_input` and
 * `limit_exceeded`, and leaves nothing behind then.
 */
export async function readPublishBody(
  source: AsyncIterable<Buffer>,
  maxBytes = maxFileBytes,
): Promise<PublishBody> {
  // No step knows it beforehand, so none has it elsewhere in the document.
  const placeholder = `(file ${randomUUID()})`
  const aside = await putAside(maxBytes)
  try {
    const scanner = createScanner(aside, placeholder)
    for await (const chunk of source) await scanner.take(chunk)
    const json = scanner.end()
    await aside.end()
    return {
      ...{ json, placeholder, files: aside.files() },
      ...{ sha512: aside.sha512.digest(), sha256: aside.sha256.digest(), sha1: aside.sha1.digest() },
      ...{ fileBytes: aside.fileBytes(), textBytes: aside.textBytes() },
      readText: () => aside.read(),
      [Symbol.asyncDispose]: () => aside.close(),
    }
  } catch (error) {
    await aside.close()
    if (error instanceof MayflyError) throw error
    throw new MayflyError('bad_input', 'its body breaks off, or is not what its encoding says', {
      cause: error,
    })
  }
}

async function putAside(maxBytes: number) {
  const file = await openUnnamed()
  const [sha512, sha256, sha1] = [createHash('sha512'), createHash('sha256'), createHash('sha1')]
  const out = file.createWriteStream({ autoClose: false, start: 0 })
  out.on('error', () => undefined)
  let [files, textBytes, fileBytes] = [0, 0, 0]
  let rest = ''
  let isPadded = false

  /** Base64 of whole groups of four, the last ones with `=`. */
  function decode(text: string): void {
    const bytes = Buffer.from(text, 'base64')
    fileBytes += bytes.length
    sha512.update(bytes)
    sha256.update(bytes)
    sha1.update(bytes)
  }

  return {
    ...{ sha512, sha256, sha1 },
    files: () => files,
    textBytes: () => textBytes,
    fileBytes: () => fileBytes,
    begin: () => void files++,
    async take(text: string): Promise<void> {
      // Decoders pass over what is no base64; the registry's and ours are to see the same bytes.
      if (!/^[A-Za-z0-9+/]*={0,2}$/.test(rest + text) || (isPadded && text !== ''))
        throw new MayflyError('bad_input', 'the file in it is not base64')
      textBytes += text.length
      if (textBytes > Math.ceil(maxBytes / 3) * 4)
        throw new MayflyError('limit_exceeded', `the file in it is over ${maxBytes} bytes`)
      const whole = rest + text
      const end = whole.length - (whole.length % 4)
      rest = whole.slice(end)
      // Behind that some go on and some stop, wherever the text was cut into pieces.
      isPadded ||= whole.slice(0, end).includes('=')
      decode(whole.slice(0, end))
      // Rejects if the disk is full.
      await new Promise<void>((resolve, reject) =>
        out.write(text, (error) => (error === null || error === undefined ? resolve() : reject(error))),
      )
    },
    async end(): Promise<void> {
      if (rest !== '') throw new MayflyError('bad_input', 'the file in it is not whole base64')
      out.end()
      await finished(out)
    },
    read: () => file.createReadStream({ autoClose: false, start: 0 }),
    // Waits for what is being read or written: a number of a file that was closed means another one soon.
    async close() {
      out.destroy()
      await file.close().catch(() => undefined)
    },
  }
}

type Aside = Awaited<ReturnType<typeof putAside>>

/** Finds that one string while the text of the JSON comes in pieces; all else it keeps. */
function createScanner(aside: Aside, placeholder: string) {
  const kept: Buffer[] = []
  let keptBytes = 0
  /** Of each open container: the key that its value is being read for; undefined in an array. */
  const keys: (string | undefined)[] = []
  let [inString, escaped, isKey, expectsKey, inFile] = [false, false, false, false, false]
  let string: Buffer[] = []

  function keep(piece: Buffer): void {
    keptBytes += piece.length
    if (keptBytes > maxJsonBytes)
      throw new MayflyError('limit_exceeded', `all but the file in it is over ${maxJsonBytes} bytes`)
    kept.push(piece)
  }

  function open(isObject: boolean): void {
    if (keys.length === maxDepth) throw new MayflyError('bad_input', 'it is nested too deep')
    keys.push(isObject ? '' : undefined)
    expectsKey = isObject
  }

  function structure(byte: number): void {
    if (byte === 0x7b || byte === 0x5b) open(byte === 0x7b)
    else if (byte === 0x7d || byte === 0x5d) keys.pop()
    else if (byte === 0x2c) expectsKey = keys.at(-1) !== undefined
  }

  const isFile = () =>
    keys.length === 3 &&
    keys[0] === '_attachments' &&
    keys[1]?.endsWith('.tgz') === true &&
    keys[2] === 'data'

  function beginString(): void {
    ;[inString, isKey, inFile, string] = [true, expectsKey, !expectsKey && isFile(), []]
    if (!inFile) return
    aside.begin()
    keep(Buffer.from(placeholder))
  }

  function endString(): void {
    inString = false
    if (!isKey) return
    keys[keys.length - 1] = unescaped(Buffer.concat(string))
    expectsKey = false
  }

  /** Where the string ends in this piece, or -1. */
  function endIn(chunk: Buffer, from: number): number {
    for (let at = from; at < chunk.length; at++) {
      if (escaped) escaped = false
      else if (chunk[at] === 0x5c) escaped = true
      else if (chunk[at] === 0x22) return at
    }
    return -1
  }

  async function takeString(chunk: Buffer, from: number): Promise<number> {
    const end = inFile ? chunk.indexOf(0x22, from) : endIn(chunk, from)
    const piece = chunk.subarray(from, end === -1 ? chunk.length : end)
    if (inFile) await aside.take(piece.toString('latin1'))
    else {
      keep(piece)
      if (isKey) string.push(piece)
    }
    if (end === -1) return chunk.length
    keep(quote)
    endString()
    return end + 1
  }

  function takeOther(chunk: Buffer, from: number): number {
    for (let at = from; at < chunk.length; at++) {
      const byte = chunk[at] ?? 0
      if (byte !== 0x22) {
        structure(byte)
        continue
      }
      keep(chunk.subarray(from, at + 1))
      beginString()
      return at + 1
    }
    keep(chunk.subarray(from))
    return chunk.length
  }

  return {
    async take(chunk: Buffer): Promise<void> {
      for (let at = 0; at < chunk.length;) at = inString ? await takeString(chunk, at) : takeOther(chunk, at)
    },
    end: () => Buffer.concat(kept).toString('utf8'),
  }
}

const quote = Buffer.from('"')

function unescaped(key: Buffer): string {
  try {
    return String(JSON.parse(`"${key.toString('utf8')}"`))
  } catch {
    return ''
  }
}
