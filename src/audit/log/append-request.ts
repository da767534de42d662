import { limits } from '../../lib/index.ts'
import { leafHash } from '../verify/index.ts'
import type { NewEntry } from './group.ts'

export const maxRequestEntries = 1_000

export type ParsedRequest =
  | { ok: true; entries: NewEntry[] }
  | { ok: false; status: 400 | 413; message: string }

/** The entries of `POST /append`: `{"entries":[{"key","entry"}]}`, nothing else in it. */
export function parseAppendRequest(body: Buffer): ParsedRequest {
  const list = entriesOf(body)
  if (list === undefined) return bad('the body has to be JSON: {"entries":[{"key":"...","entry":"..."}]}')
  if (list.length === 0) return bad('there are no entries')
  if (list.length > maxRequestEntries) return tooLarge(`at most ${maxRequestEntries} entries in a request`)
  const entries: NewEntry[] = []
  for (const [i, one] of list.entries()) {
    if (!isEntry(one)) return bad(`entry ${i} has to be {"key":"...","entry":"..."}, both strings`)
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
    entries.push({ key: one.key, entry: bytes, leafHash: leafHash(bytes).toBase64() })
  }
  return { ok: true, entries }
}

function entriesOf(body: Buffer): unknown[] | undefined {
  let parsed: unknown
  try {
    parsed = JSON.parse(body.toString())
  } catch {
    return undefined
  }
  if (typeof parsed !== 'object' || parsed === null || Object.keys(parsed).length !== 1) return undefined
  return 'entries' in parsed && Array.isArray(parsed.entries) ? parsed.entries : undefined
}

function isEntry(value: unknown): value is { key: string; entry: string } {
  if (typeof value !== 'object' || value === null || !('key' in value) || !('entry' in value)) return false
  return typeof value.key === 'string' && typeof value.entry === 'string' && Object.keys(value).length === 2
}

function bad(message: string): ParsedRequest {
  return { ok: false, status: 400, message }
}

function tooLarge(message: string): ParsedRequest {
  return { ok: false, status: 413, message }
}
