import { exactTextOf, leafHash, parseEntry, parseVerifierKey } from '../../audit/verify/index.ts'
import type { LogProofs, ProvenEntry } from './facts.ts'

/** Of what stands in a receipt word for word; of further entries it has hash and proof. */
const maxEntryBytes = 4_194_304
const maxEntries = 2_000
/** Without these, nothing that a receipt says is borne out. */
const always: ReadonlySet<string> = new Set(['session.issued', 'step.started', 'step.finished'])

/** The entries, by their place in the log, under the one checkpoint that proves them all. */
export function logPartOf({ key, checkpoint, entries, omitted = 0 }: LogProofs): Record<string, unknown> {
  const sorted = entries.toSorted((one, other) => one.index - other.index)
  const first = sorted.filter(isNeeded)
  const kept = new Set([...first, ...sorted.filter((one) => !first.includes(one))].slice(0, maxEntries))
  const written = wordForWord([...kept])
  const left = omitted + sorted.length - kept.size
  return {
    origin: parseVerifierKey(key)?.name ?? '',
    key,
    checkpoint,
    entries: sorted
      .filter((one) => kept.has(one))
      .map((one) => {
        const text = written.has(one) ? exactTextOf(one.bytes) : undefined
        return {
          index: one.index,
          leafHash: leafHash(one.bytes).toBase64(),
          proof: one.hashes.map((hash) => hash.toBase64()),
          ...(text === undefined ? {} : { entry: text }),
        }
      }),
    ...(left > 0 ? { omitted: left } : {}),
  }
}

function isNeeded({ bytes }: ProvenEntry): boolean {
  return always.has(parseEntry(bytes)?.type ?? '')
}

function wordForWord(entries: readonly ProvenEntry[]): ReadonlySet<ProvenEntry> {
  let bytes = 0
  return new Set(entries.filter((one) => (bytes += one.bytes.length) <= maxEntryBytes))
}
