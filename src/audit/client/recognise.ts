import {
  createTileHashes,
  type LogSource,
  parseEntry,
  proveInclusion,
  readEntries,
  textOf,
  type Verifier,
  verifyCheckpoint,
  verifyInclusion,
} from '../verify/index.ts'

/** The last entry that the log has confirmed to us: what any log that we write to must have, at its index. */
export interface RememberedEntry {
  readonly index: number
  /** Base64. */
  readonly leafHash: string
  /** When the log took it, milliseconds since the Unix epoch. */
  readonly timeMs: number
}

export type Recognition =
  | { readonly ok: true; readonly size: number; readonly root: Uint8Array }
  /** `size`: entries that it has; `message` says what is missing and what to do. */
  | { readonly ok: false; readonly size: number; readonly message: string }

/**
 * Is it the log that confirmed this entry? Its newest signed checkpoint must hold the entry at its index (RFC 9162, section
 * 2.1.3). A log that was put back to an older copy has no such index, or another entry there. Throws an Error with one line
 * if the log cannot be read or its checkpoint is not signed by the key.
 */
export async function recogniseLog(
  source: LogSource,
  verifier: Verifier,
  remembered: RememberedEntry | undefined,
): Promise<Recognition> {
  const note = textOf((await source.read('checkpoint')) ?? new Uint8Array(0))
  const verdict = await verifyCheckpoint(note, verifier)
  if (!verdict.ok)
    throw new Error(`the checkpoint of the audit log is not signed by its key (${verdict.reason})`)
  const { size, root } = verdict.checkpoint
  if (remembered === undefined) return { ok: true, size, root }
  const { index, leafHash, timeMs } = remembered
  const confirmed = `entry ${index}, which it confirmed on ${new Date(timeMs).toISOString()}`
  if (index >= size) {
    const missing = size === index ? `entry ${index} is` : `entries ${size} to ${index} are`
    const message = `the audit log is an older copy: it ends before ${confirmed}; ${missing} missing at least`
    return { ok: false, size, message: `${message}. ${remedy}` }
  }
  const hashes = createTileHashes(source, size)
  const leaf = Uint8Array.fromBase64(leafHash)
  const proof = await proveInclusion(hashes, index, size)
  if (verifyInclusion({ index, size, leaf, root }, proof)) return { ok: true, size, root }
  const message = `the audit log is another one, or was put back and written to since: it has something else in place of ${confirmed}; from there on, or before, its entries are not those that were confirmed`
  return { ok: false, size, message: `${message}. ${remedy}` }
}

const remedy =
  'Put the newest copy of its folder back; if it is lost for good: mayfly up --accept-log-rollback, which is recorded'

/** What stands in the log after the entry that is remembered: how many entries of each type, and when the last was made. */
export async function readSince(
  source: LogSource,
  under: { size: number; root: Uint8Array },
  from: number,
  { keeps, most = Number.POSITIVE_INFINITY }: { keeps: ReadonlySet<string>; most?: number | undefined },
): Promise<Since> {
  const types: Record<string, number> = {}
  const kept: Since['kept'][number][] = []
  let lastMs = 0
  for await (const { bytes } of readEntries(source, { from: Math.max(from, under.size - most), under })) {
    const entry = parseEntry(bytes)
    if (entry === undefined) continue
    const { type, data } = entry
    types[type] = (types[type] ?? 0) + 1
    if (keeps.has(type)) kept.push({ type, data })
    lastMs = Math.max(lastMs, Date.parse(entry.time))
  }
  return { lastMs, types, kept }
}

export interface Since {
  readonly lastMs: number
  readonly types: Readonly<Record<string, number>>
  /** Those of the types that were asked for, in order. */
  readonly kept: readonly { readonly type: string; readonly data: Readonly<Record<string, unknown>> }[]
}
