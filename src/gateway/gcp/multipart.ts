import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { MayflyError, readPlainJson } from '../../lib/index.ts'
import type { Exchange } from '../exchange.ts'
import type { ReadBody } from './body.ts'
import { createPartReader, type PartReader } from './part-reader.ts'

/** The description of an object in front of its bytes. */
const maxDescriptionBytes = 65_536

/**
 * An upload in two parts (`multipart/related`, RFC 2387): what the object is called, and its bytes. It goes on with a boundary of the
 * gateway's own, as the two parts that were read: which boundary counts, and what lies in front of the first part, hosts read in ways of
 * their own.
 */
export async function readMultipart({ request }: Exchange): Promise<ReadBody | string> {
  const boundary = boundaryOf(request.headers['content-type'] ?? '')
  if (boundary === undefined)
    return 'an upload in parts has one boundary, and nothing that could be read for another'
  if (request.headers['content-encoding'] !== undefined)
    return 'its body is compressed, and cannot be read here'
  const reader = createPartReader(request[Symbol.asyncIterator]() as AsyncIterator<Buffer>)
  const begin = await firstLine(reader, boundary)
  if (begin === undefined) return 'its body does not begin with its boundary'
  const delimiter = Buffer.from(`${begin.end}--${boundary}`, 'latin1')
  const head = await reader.head()
  if (head === undefined || !isJson(head)) return 'its first part is no JSON'
  const written = await reader.until(delimiter, maxDescriptionBytes)
  if (written === undefined) return `its first part is over ${maxDescriptionBytes} bytes, or breaks off`
  const says = readPlainJson(written)
  if (typeof says === 'string') return says
  const isNext = (await reader.line())?.trim() === ''
  const ofBytes = isNext ? await reader.head() : undefined
  if (ofBytes === undefined || !isPlain(ofBytes)) return 'its second part, with the bytes, cannot be read'
  const own = `mayfly-${randomBytes(24).toString('hex')}`
  const type = ofBytes.get('content-type')
  return {
    says,
    body: Readable.from(anew({ own, written, type, reader, delimiter }), { objectMode: false }),
    headers: { 'content-type': `multipart/related; boundary=${own}` },
  }
}

interface Parts {
  readonly own: string
  readonly written: Buffer
  readonly type: string | undefined
  readonly reader: PartReader
  readonly delimiter: Buffer
}

/** What breaks off is not ended, so that the host does not take half of it for all. */
async function* anew({ own, written, type, reader, delimiter }: Parts): AsyncGenerator<Buffer> {
  yield Buffer.from(`--${own}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n`)
  yield written
  yield Buffer.from(`\r\n--${own}\r\n${type === undefined ? '' : `Content-Type: ${type}\r\n`}\r\n`, 'latin1')
  yield* reader.through(delimiter)
  // What only begins as the boundary does is of the bytes.
  while (/^[^\s-]/.test(await reader.next())) {
    yield delimiter
    yield* reader.through(delimiter)
  }
  const rest = await reader.all(maxAfterBytes)
  if (rest === undefined || !/^--\s*$/.test(rest))
    throw new MayflyError('denied', 'its body has more than two parts, or goes on behind the last one')
  yield Buffer.from(`\r\n--${own}--\r\n`)
}

const maxAfterBytes = 1_024

const parameter = /;[ \t]*([a-z]+)=(?:"([^"\\]{1,200})"|'([^'"\\\s;]{1,200})'|([^\s;,"'\\]{1,200}))[ \t]*/iy

/** Undefined unless each parameter is read in one way, and one alone is the boundary. Google's older tools write it in single quotes. */
function boundaryOf(type: string): string | undefined {
  const [media] = /^multipart\/related[ \t]*/i.exec(type) ?? []
  if (media === undefined) return undefined
  const found: string[] = []
  parameter.lastIndex = media.length
  for (let at = media.length; at < type.length; at = parameter.lastIndex) {
    const [, name = '', ...values] = parameter.exec(type) ?? []
    const value = values.find((one) => one !== undefined)
    if (value === undefined) return undefined
    if (name.toLowerCase() === 'boundary') found.push(value)
  }
  return found.length === 1 ? found[0] : undefined
}

/** The boundary, with which the first part begins, and how lines end. */
async function firstLine(
  reader: PartReader,
  boundary: string,
): Promise<{ readonly end: '\r\n' | '\n' } | undefined> {
  let line = await reader.line()
  if (line === '' || line === '\r') line = await reader.line()
  if (line?.trimEnd() !== `--${boundary}`) return undefined
  return { end: line.endsWith('\r') ? '\r\n' : '\n' }
}

function isJson(head: ReadonlyMap<string, string>): boolean {
  return (
    isPlain(head) &&
    /^application\/json\s*(?:;\s*charset="?utf-?8"?\s*)?$/i.test(head.get('content-type') ?? '')
  )
}

function isPlain(head: ReadonlyMap<string, string>): boolean {
  return /^(?:7bit|8bit|binary)$/i.test(head.get('content-transfer-encoding') ?? 'binary')
}
