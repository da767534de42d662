import { gunzip } from 'node:zlib'
import { promisify } from 'node:util'
import type { Readable } from 'node:stream'
import { MayflyError, escapeUnseen, limits } from '../../lib/index.ts'
import { readPacket } from './pkt-line.ts'

/** What a git-upload-pack request asks for, for the record. */
export interface FetchRequest {
  /** `ls-refs` or `fetch` (protocol v2); `fetch` in older versions. */
  readonly command: string
  /** Commits asked for, the first hundred. */
  readonly wants: readonly string[]
  readonly wantCount: number
  /** Why it does not pass. */
  readonly refused: string | undefined
  /** The request in plain form, to be sent on. */
  readonly body: Buffer
}

const gunzipBounded = promisify(gunzip)
const wantsRecorded = 100
/** A mirror with 100,000 refs asks for as many; an empty line takes five bytes, and eight megabytes have room for too many. */
const maxLines = 300_000
const linesAtOnce = 10_000
const letterW = 0x77
const letterC = 0x63
const letterP = 0x70

/** Commands of protocol version 2 that only read. By others, and those to come, a server may send git elsewhere (`bundle-uri`). */
const commands: ReadonlySet<string> = new Set(['ls-refs', 'fetch', 'object-info'])

/** Reads the whole request (it is small: wants and haves). Throws `limit_exceeded` or `bad_input`. */
export async function readFetchRequest(
  stream: Readable,
  encoding: string | undefined,
): Promise<FetchRequest> {
  const raw = await collect(stream, limits.fetchRequestBytes)
  const body = encoding === 'gzip' || encoding === 'x-gzip' ? await inflate(raw) : raw
  if (encoding !== undefined && body === raw)
    throw new MayflyError('bad_input', `a fetch in content-encoding ${encoding}`)
  const wants = new Set<string>()
  let command = 'fetch'
  let offset = 0
  let refused: string | undefined
  for (let lines = 0; ; lines++) {
    const read = readPacket(body, offset)
    if (read === undefined) break
    if (lines === maxLines) throw new MayflyError('limit_exceeded', `a fetch request over ${maxLines} lines`)
    // Others are served in between.
    if (lines % linesAtOnce === linesAtOnce - 1) await new Promise(setImmediate)
    offset = read.next
    if (read.packet.kind !== 'data') continue
    const { payload } = read.packet
    if (payload[0] === letterW) {
      const want = /^want ([0-9a-f]{40,64})/.exec(payload.toString('latin1', 0, 80))?.[1]
      if (want !== undefined) wants.add(want)
    } else if (payload[0] === letterC || payload[0] === letterP) {
      const line = payload.toString('latin1', 0, 80).replace(/\n$/, '')
      if (line.startsWith('command=')) command = line.slice('command='.length)
      refused ??= whyRefused(line)
    }
  }
  return { command, wants: [...wants].slice(0, wantsRecorded), wantCount: wants.size, refused, body }
}

function whyRefused(line: string): string | undefined {
  if (line.startsWith('packfile-uris'))
    return 'packfile-uris would send git to other addresses for its objects'
  if (!line.startsWith('command=') || commands.has(line.slice('command='.length))) return undefined
  return `the command "${escapeUnseen(line.slice('command='.length))}" of Git's protocol does not pass here: ${[...commands].join(', ')} do`
}

// A few kilobytes of gzip can stand for gigabytes; the bound is on what comes out.
async function inflate(raw: Buffer): Promise<Buffer> {
  try {
    return await gunzipBounded(raw, { maxOutputLength: limits.fetchRequestBytes })
  } catch (cause) {
    throw new MayflyError('bad_input', 'the fetch request does not inflate within its limit', { cause })
  }
}

async function collect(stream: Readable, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > maxBytes) throw new MayflyError('limit_exceeded', `a fetch request over ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
