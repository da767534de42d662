import { limits, MayflyError } from '../../lib/index.ts'
import type { SealedNames } from '../people/index.ts'
import { formatEntry, leafHash } from '../verify/index.ts'

/** What happened. `type` is short, `object.predicate`: `session.issued`. Nothing in it may be a secret. */
export interface AuditEvent {
  /** Idempotency key of an event that may be handed over twice; a fresh one if left out. */
  id?: string
  type: string
  /** The writer itself, if left out. */
  subject?: string
  run?: string
  /** Its number among the entries of its run; the client takes the next, if left out. */
  seq?: number
  /** When it happened (RFC 3339), for one that may be handed over twice: the same bytes are one entry. */
  time?: string
  data: Record<string, unknown>
}

/** An event as it will stand in the log. */
export interface PreparedEntry {
  /** The CloudEvents id, and the idempotency key. */
  key: string
  entry: string
  /** Base64. */
  leafHash: string
  /** `{"key","entry"}` as JSON, ready for the request. */
  json: string
  jsonBytes: number
}

/**
 * The event as the entry that will be a leaf (see `formatEntry`).
 * Throws a MayflyError: `bad_input` for a type that is none or data that is not JSON, `limit_exceeded` past 65,535 bytes.
 */
export function prepareEntry(
  event: AuditEvent & { id: string },
  source: string,
  nowMs: number,
  sealed: readonly SealedNames[] = [],
): PreparedEntry {
  const key = event.id
  let entry: string
  try {
    const { time = new Date(nowMs).toISOString() } = event
    entry = formatEntry({ ...event, id: key, source, time, subject: event.subject ?? event.run ?? source })
  } catch (error) {
    throw new MayflyError('bad_input', `the event ${event.type.slice(0, 80)} cannot be logged`, {
      cause: error,
    })
  }
  // JSON.stringify escapes lone surrogates, so these are the bytes that the log will hash.
  const bytes = Buffer.from(entry)
  if (bytes.length > limits.auditEntryBytes) {
    const message = `the event ${event.type} takes ${bytes.length} bytes, an entry at most ${limits.auditEntryBytes}`
    throw new MayflyError('limit_exceeded', message)
  }
  const names = sealed.length === 0 ? '' : `,"sealed":${JSON.stringify(sealed)}`
  const json = `{"key":${JSON.stringify(key)},"entry":${JSON.stringify(entry)}${names}}`
  return {
    key,
    entry,
    leafHash: leafHash(bytes).toBase64(),
    json,
    jsonBytes: Buffer.byteLength(json),
  }
}
