import { exactTextOf, parseBase64 } from '../../verify/index.ts'
import { parseRekordEntry } from './entry.ts'

/** One entry that a request hands in. */
export interface NewRekord {
  readonly entry: Buffer
  readonly signature: Buffer
}

export type ParsedRekords =
  | { readonly ok: true; readonly entries: readonly NewRekord[] }
  | { readonly ok: false; readonly status: 400 | 413; readonly message: string }

export const maxRequestRekords = 256

const shape = 'the body has to be JSON: {"entries":[{"entry":"base64","signature":"base64"}]}'

/** The entries of `POST /attestations/entries`. Never throws. */
export function parseRekords(body: Buffer): ParsedRekords {
  const list = entriesOf(body)
  if (list === undefined) return refused(shape)
  if (list.length === 0) return refused('there are no entries')
  if (list.length > maxRequestRekords)
    return refused(`at most ${maxRequestRekords} entries in a request`, 413)
  const entries: NewRekord[] = []
  for (const [i, one] of list.entries()) {
    const bytes = bytesOf(one, 'entry')
    const signature = bytesOf(one, 'signature')
    if (bytes === undefined || signature === undefined || Object.keys(one as object).length !== 2)
      return refused(`entry ${i}: ${shape}`)
    const parsed = parseRekordEntry(bytes)
    if (!parsed.ok) return refused(`entry ${i}: ${parsed.message}`)
    // The timestamp is over the signature that is sent; it has to be the entry's own.
    if (!signature.equals(parsed.entry.signature))
      return refused(`entry ${i}: the signature is not the one that the entry holds`)
    entries.push({ entry: bytes, signature })
  }
  return { ok: true, entries }
}

function entriesOf(body: Buffer): unknown[] | undefined {
  try {
    const parsed: unknown = JSON.parse(exactTextOf(body) ?? '')
    if (typeof parsed !== 'object' || parsed === null || Object.keys(parsed).length !== 1) return undefined
    return 'entries' in parsed && Array.isArray(parsed.entries) ? parsed.entries : undefined
  } catch {
    return undefined
  }
}

function bytesOf(one: unknown, member: string): Buffer | undefined {
  if (typeof one !== 'object' || one === null) return undefined
  const text = (one as Record<string, unknown>)[member]
  const bytes = typeof text === 'string' ? parseBase64(text) : undefined
  return bytes === undefined ? undefined : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}

function refused(message: string, status: 400 | 413 = 400): ParsedRekords {
  return { ok: false, status, message }
}
