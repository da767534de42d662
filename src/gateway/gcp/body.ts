import { Readable } from 'node:stream'
import { collect } from '../collect.ts'
import { hasBody, type Exchange } from '../exchange.ts'
import { readPlainJson } from '../plain-json.ts'
import type { Body } from './json-storage.ts'

/** What was read of a body, and all of it, to be sent on. */
export interface ReadBody {
  readonly says: Body
  readonly body: Buffer | Readable | undefined
}

const maxJsonBytes = 1_048_576
/** The description of an object in front of its bytes. */
const maxPartBytes = 65_536

export async function readJsonBody({ request }: Exchange): Promise<ReadBody | string> {
  if (!hasBody(request)) return { says: {}, body: undefined }
  if (request.headers['content-encoding'] !== undefined)
    return 'its body is compressed, and cannot be read here'
  const body = await collect(request, maxJsonBytes)
  if (body === undefined) return `its body is over ${maxJsonBytes} bytes, or breaks off`
  if (body.length === 0) return { says: {}, body: undefined }
  const says = readPlainJson(body)
  return typeof says === 'string' ? says : { says, body }
}

/** The first part of `multipart/related` (RFC 2387), which says what the object is called; the rest passes as it comes. */
export async function readFirstPart({ request }: Exchange): Promise<ReadBody | string> {
  const type = request.headers['content-type'] ?? ''
  const [, quoted, bare] =
    /^multipart\/related\s*;(?:.*;)?\s*boundary=(?:"([^"\r\n]{1,200})"|'?([^\s;"']{1,200})'?)/i.exec(type) ??
    []
  const boundary = quoted ?? bare
  if (boundary === undefined) return 'an upload in parts has a boundary'
  if (request.headers['content-encoding'] !== undefined)
    return 'its body is compressed, and cannot be read here'
  const source = request[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  let read = Buffer.alloc(0)
  let first: Buffer | undefined
  while (first === undefined) {
    const next = await source.next()
    if (next.done === true) return 'its first part breaks off'
    read = Buffer.concat([read, next.value])
    first = firstPart(read, boundary)
    if (first === undefined && read.length > maxPartBytes)
      return `its first part is over ${maxPartBytes} bytes`
  }
  const says = readPlainJson(first)
  if (typeof says === 'string') return says
  return { says, body: Readable.from(rest(read, source), { objectMode: false }) }
}

async function* rest(read: Buffer, source: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  yield read
  for (let next = await source.next(); next.done !== true; next = await source.next()) yield next.value
}

/** Undefined while it is not whole; what is no such part is empty, which no JSON is. */
function firstPart(read: Buffer, boundary: string): Buffer | undefined {
  const text = read.toString('latin1')
  const open = /^\r?\n?--/.exec(text)?.[0].length ?? -1
  const from = open + boundary.length
  if (text.length < from + 4) return undefined
  const headers =
    text.indexOf(boundary, open) === open
      ? /^[ \t]*\r?\n((?:[^\r\n]+\r?\n)*)\r?\n/.exec(text.slice(from))
      : null
  if (headers === null) return text.length > 8_192 || open < 0 ? Buffer.alloc(0) : undefined
  if (
    !/^content-type:\s*application\/json/im.test(headers[1] ?? '') ||
    /^content-transfer-encoding:\s*(?!7bit|8bit|binary)/im.test(headers[1] ?? '')
  )
    return Buffer.alloc(0)
  const begin = from + headers[0].length
  const end = text.indexOf(`\n--${boundary}`, begin)
  return end === -1 ? undefined : read.subarray(begin, end)
}
