import { limits } from '../../lib/index.ts'
import { exactTextOf, leafHash, parseBase64, parseEntry } from '../verify/index.ts'
import { isPersonId, type SealedNames, whyNotFit } from '../people/index.ts'
import type { NewEntry } from './group.ts'

export const maxRequestEntries = 1_000

export type ParsedRequest =
  | { ok: true; entries: NewEntry[] }
  | { ok: false; status: 400 | 413; message: string }

/** The entries of `POST /append`: `{"entries":[{"key","entry","sealed"}]}`, nothing else in it; `sealed` may be left out. */
export function parseAppendRequest(body: Buffer): ParsedRequest {
  const list = entriesOf(body)
  if (list === undefined) return bad('the body has to be JSON: {"entries":[{"key":"...","entry":"..."}]}')
  if (list.length === 0) return bad('there are no entries')
  if (list.length > maxRequestEntries) return tooLarge(`at most ${maxRequestEntries} entries in a request`)
  const entries: NewEntry[] = []
  for (const [i, one] of list.entries()) {
    if (!isEntry(one))
      return bad(`entry ${i} has to be {"key":"...","entry":"..."}, both strings, and no more than "sealed"`)
    if (one.sealed !== undefined && !isSealed(one.sealed))
      return bad(`the sealed names of entry ${i} are malformed`)
    // ASCII, so that a key takes as many bytes as it has characters.
    if (!/^[\x21-\x7e]{1,128}$/.test(one.key))
      return bad(`the key of entry ${i} takes 1 to 128 visible ASCII characters`)
    if (one.entry === '' || !one.entry.isWellFormed()) return bad(`entry ${i} is empty or not Unicode`)
    const bytes = Buffer.from(one.entry)
    if (bytes.length > limits.auditEntryBytes) {
      return tooLarge(
        `entry ${i} has ${bytes.length} bytes, at most ${limits.auditEntryBytes} fit: log a digest instead`,
      )
    }
    const unfit = whyNotFit(one.key, bytes, one.sealed ?? [])
    if (unfit !== undefined) return bad(`entry ${i}: ${unfit}`)
    entries.push({
      key: one.key,
      entry: bytes,
      leafHash: leafHash(bytes).toBase64(),
      ...(one.sealed === undefined ? {} : { sealed: one.sealed }),
    })
  }
  return { ok: true, entries }
}

function entriesOf(body: Buffer): unknown[] | undefined {
  const parsed = parseObject(body)
  if (parsed === undefined || Object.keys(parsed).length !== 1) return undefined
  return 'entries' in parsed && Array.isArray(parsed.entries) ? parsed.entries : undefined
}

function parseObject(body: Buffer): object | undefined {
  try {
    // Bytes that are no UTF-8 would become others, and the leaf not be what its writer sent.
    const parsed: unknown = JSON.parse(exactTextOf(body) ?? '')
    return typeof parsed === 'object' && parsed !== null ? parsed : undefined
  } catch {
    return undefined
  }
}

function isEntry(value: unknown): value is { key: string; entry: string; sealed?: unknown } {
  if (typeof value !== 'object' || value === null || !('key' in value) || !('entry' in value)) return false
  const count = 'sealed' in value ? 3 : 2
  return (
    typeof value.key === 'string' && typeof value.entry === 'string' && Object.keys(value).length === count
  )
}

const maxPeople = 16
const maxBoxChars = 8_192

function isSealed(value: unknown): value is SealedNames[] {
  if (!Array.isArray(value) || value.length > maxPeople) return false
  return (value as unknown[]).every((one) => {
    if (typeof one !== 'object' || one === null || Object.keys(one).length !== 3) return false
    const { person, key, box } = one as Record<string, unknown>
    if (typeof person !== 'string' || typeof key !== 'string' || typeof box !== 'string') return false
    if (!isPersonId(person) || parseBase64(key)?.length !== 32 || box.length > maxBoxChars) return false
    return parseBase64(box) !== undefined
  })
}

export type ParsedErase =
  | { ok: true; person: string; entry: NewEntry }
  | { ok: false; status: 400 | 413; message: string }

/** The body of `POST /erase`: `{"person","entry":{"key","entry"}}`; the entry says that and by whom they were erased. */
export function parseEraseRequest(body: Buffer): ParsedErase {
  const parsed = parseObject(body)
  const { person, entry } = (parsed ?? {}) as Record<string, unknown>
  if (
    parsed === undefined ||
    Object.keys(parsed).length !== 2 ||
    typeof person !== 'string' ||
    !isPersonId(person)
  )
    return { ok: false, status: 400, message: 'the body has to be JSON: {"person":"per_...","entry":{...}}' }
  const read = parseAppendRequest(Buffer.from(JSON.stringify({ entries: [entry] })))
  if (!read.ok) return read
  const [one] = read.entries
  if (one === undefined || one.sealed !== undefined)
    return { ok: false, status: 400, message: 'the entry of an erasure has no names' }
  const event = parseEntry(one.entry)
  // Who checks people/ offline believes an erasure for its entry: without one the names would just be gone.
  if (event?.type !== 'person.erased' || event.subject !== person)
    return { ok: false, status: 400, message: 'the entry of an erasure is person.erased, of that person' }
  return { ok: true, person, entry: one }
}

function bad(message: string): ParsedRequest {
  return { ok: false, status: 400, message }
}

function tooLarge(message: string): ParsedRequest {
  return { ok: false, status: 413, message }
}
