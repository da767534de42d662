import { MayflyError } from '../../lib/index.ts'

/** PostgreSQL's frontend/backend protocol 3 (manual, chapter 55): a type, a length that counts itself, a body. */
export const headerBytes = 5

/** Codes in place of a version in the first message of a connection. */
export const codes = { cancel: 80_877_102, ssl: 80_877_103, gss: 80_877_104 } as const

/** PostgreSQL's own bounds (pqcomm.h, libpq.h): of a first message, of one that carries no data, and of one that does. */
export const bounds = { startup: 10_000, small: 10_000, large: 0x3fff_ffff } as const

export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

/** Ends with a zero byte; a text that has one inside would end sooner than its reader thinks. */
export function cString(text: string): Buffer {
  if (text.includes('\0')) throw new MayflyError('bad_input', 'a text with a zero byte cannot be sent')
  return Buffer.from(`${text}\0`)
}

export function message(type: string, ...body: readonly Buffer[]): Buffer {
  const length = body.reduce((sum, { length: bytes }) => sum + bytes, 4)
  return Buffer.concat([Buffer.from(type, 'latin1'), int32(length), ...body])
}

/** A first message, which has no type. */
export function startup(code: number, ...body: readonly Buffer[]): Buffer {
  const length = body.reduce((sum, { length: bytes }) => sum + bytes, 8)
  return Buffer.concat([int32(length), int32(code), ...body])
}

/** What went wrong, as a client shows it (manual, 55.8). */
export interface Fault {
  readonly severity: 'ERROR' | 'FATAL'
  /** SQLSTATE (manual, appendix A). */
  readonly code: string
  readonly message: string
  readonly hint?: string | undefined
}

export function errorResponse({ severity, code, message: text, hint }: Fault): Buffer {
  const field = (type: string, value: string) =>
    Buffer.concat([Buffer.from(type), cString(value.replaceAll('\0', ''))])
  return message(
    'E',
    ...[field('S', severity), field('V', severity), field('C', code), field('M', text)],
    ...(hint === undefined ? [] : [field('H', hint)]),
    Buffer.of(0),
  )
}

/** The fields of an ErrorResponse by their type; what is malformed is left out. */
export function errorFields(body: Buffer): ReadonlyMap<string, string> {
  const fields = new Map<string, string>()
  for (let at = 0; at < body.length && body[at] !== 0;) {
    const end = body.indexOf(0, at + 1)
    if (end === -1) break
    fields.set(String.fromCharCode(body[at] ?? 0), body.toString('utf8', at + 1, end))
    at = end + 1
  }
  return fields
}

/** An error or a notice without the texts in which the server quotes rows and values (DETAIL, HINT, CONTEXT, an inner query). */
export function withoutValues(type: 'E' | 'N', body: Buffer): Buffer {
  const kept = [...errorFields(body)].filter(([field]) => 'SVCMPstcdn'.includes(field))
  const fields = kept.map(([field, value]) => Buffer.concat([Buffer.from(field), cString(value)]))
  return message(type, ...fields, Buffer.of(0))
}

/** Types that a Parse declares, from `at` on; -1 for what stands too far behind. */
export function typesIn(body: Buffer, at: number): number[] {
  const count = at + 2 > body.length ? 0 : body.readUInt16BE(at)
  const typeAt = (from: number) => (from + 4 > body.length ? -1 : body.readUInt32BE(from))
  return Array.from({ length: count }, (_, index) => typeAt(at + 2 + index * 4))
}

/** The value of a parameter of a Bind, whose formats begin at `at`; null for NULL, undefined for one that is not there. */
export function valueIn(body: Buffer, at: number, number: number): Buffer | null | undefined {
  if (at + 2 > body.length) return undefined
  let from = at + 2 + body.readUInt16BE(at) * 2 + 2
  for (let left = number; from + 4 <= body.length; left--) {
    const length = body.readInt32BE(from)
    const end = from + 4 + Math.max(length, 0)
    if (left === 1) return length < 0 ? null : end > body.length ? undefined : body.subarray(from + 4, end)
    from = end
  }
  return undefined
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Undefined for what is not in UTF-8. */
export function utf8(text: Buffer): string | undefined {
  try {
    return decoder.decode(text)
  } catch {
    return undefined
  }
}

/** The same for names that stand for something: two that are different stay so. Undefined also if one is not in UTF-8. */
export function namesOf(body: Buffer, count: number, at = 0): { texts: string[]; end: number } | undefined {
  const found = cStrings(body, count, at)
  return found !== undefined && utf8(body.subarray(at, found.end)) === undefined ? undefined : found
}

/** Texts that end with a zero byte each, from `at` on; undefined if there are fewer. */
export function cStrings(body: Buffer, count: number, at = 0): { texts: string[]; end: number } | undefined {
  const texts: string[] = []
  let from = at
  while (texts.length < count) {
    const end = body.indexOf(0, from)
    if (end === -1) return undefined
    texts.push(body.toString('utf8', from, end))
    from = end + 1
  }
  return { texts, end: from }
}
