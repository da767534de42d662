import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { MayflyError, messageOf } from '../lib/index.ts'

/** Larger than any text that is read here. */
const maxBytes = 67_108_864

export interface Reading {
  /** It was not named but found: what is no file (a pipe that nobody writes to, a device without an end) is not waited for. */
  readonly isFound?: boolean
}

/** Throws `bad_input` if it cannot be read, or is in UTF-16. */
export function readText(file: string, reading: Reading = {}): string {
  const bytes = readBytes(file, { ...reading, maxBytes })
  // What `>` of Windows' PowerShell writes.
  if (
    bytes
      .subarray(0, 2)
      .toString('latin1')
      .match(/^(?:\xff\xfe|\xfe\xff)/) !== null
  )
    throw new MayflyError(
      'bad_input',
      `${file} is in UTF-16: save it in UTF-8 (PowerShell: Out-File -Encoding utf8NoBOM)`,
    )
  return bytes.toString('utf8')
}

/** The same for JSON, which begins with no byte order mark: not everybody would read it then. */
export function readJsonText(file: string, reading: Reading = {}): string {
  const text = readText(file, reading)
  if (text.startsWith('\uFEFF'))
    throw new MayflyError(
      'bad_input',
      `${file} begins with a byte order mark, which JSON has not: save it in UTF-8 without one (PowerShell: Out-File -Encoding utf8NoBOM)`,
    )
  return text
}

/** One text of JSON, or one on each line. Throws as `readJsonText`. */
export function readJsonLines(file: string, reading: Reading = {}): readonly string[] {
  const text = readJsonText(file, reading)
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  const isLines = lines.length > 1 && lines.every((line) => /^\{.*\}\s*$/.test(line))
  return isLines ? lines : [text]
}

/** Throws the system's error, or what else is wrong with it, in words that name no file. */
export function bytesOf(
  file: string,
  { maxBytes, isFound }: Reading & { readonly maxBytes: number },
): Buffer {
  // To open a pipe would wait for who writes to it, for ever.
  const handle = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const stats = fstatSync(handle)
    if (isFound === true && !stats.isFile()) throw new Error('it is no regular file')
    return allIn(handle, maxBytes, stats.isFIFO())
  } finally {
    closeSync(handle)
  }
}

/** Throws `bad_input`. */
export function readBytes(file: string, reading: Parameters<typeof bytesOf>[1]): Buffer {
  try {
    return bytesOf(file, reading)
  } catch (cause) {
    throw new MayflyError('bad_input', `${file} cannot be read: ${messageOf(cause)}`, { cause })
  }
}

/** Whoever writes to it (as in `--bundle <(cosign ...)`) may take a while for the next bytes, and no longer. */
const pipeMs = 30_000
const lookMs = 20

function allIn(handle: number, maxBytes: number, isPipe: boolean): Buffer {
  const part = Buffer.alloc(Math.min(maxBytes + 1, 1_048_576))
  const parts: Buffer[] = []
  for (let bytes = 0; bytes <= maxBytes;) {
    const read = readPart(handle, part, isPipe && bytes === 0)
    if (read === 0) return Buffer.concat(parts)
    parts.push(Buffer.from(part.subarray(0, read)))
    bytes += read
  }
  throw new Error(`it is longer than ${maxBytes} bytes`)
}

/** `isUnbegun`: a pipe that nobody has written to yet reads as if it had ended. */
function readPart(handle: number, part: Buffer, isUnbegun: boolean): number {
  for (const untilMs = Date.now() + pipeMs; Date.now() < untilMs;) {
    const read = readNow(handle, part)
    if (read !== undefined && (read > 0 || !isUnbegun)) return read
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, lookMs)
  }
  throw new Error(`nobody wrote to it in ${pipeMs / 1000} s`)
}

function readNow(handle: number, part: Buffer): number | undefined {
  try {
    return readSync(handle, part)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') return undefined
    throw error
  }
}
