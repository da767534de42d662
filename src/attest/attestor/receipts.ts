import { FatalError, limits, type Clock } from '../../lib/index.ts'
import {
  createTileHashes,
  parseEntry,
  parseVerifierKey,
  proveInclusion,
  readEntries,
  textOf,
  verifyCheckpoint,
  type LogSource,
} from '../../audit/verify/index.ts'
import type { Store } from '../../store/index.ts'
import type { LogProofs, StepFacts } from '../statements/index.ts'
import type { Row } from './rows.ts'

export interface Receipts {
  /**
   * The step's entries, with their proofs under the newest checkpoint, and those of before by which it may run: `session.issued`, and
   * each yes that it needed. `notYet`: its end, or that of its credentials, is not published. Throws if it began before the places of
   * these were kept, or the log cannot be read.
   */
  proofsOf(
    row: Pick<Row, 'step_id' | 'created_ms'>,
    approvals: StepFacts['approvals'],
  ): Promise<LogProofs | NotYet>
}

export interface NotYet {
  readonly notYet: string
  readonly afterMs: number
}

/** How long a receipt waits for credentials of the step to be dead; the receipt of a host that is away says that they were not. */
const leasesMs = 60_000
const againMs = 500

export function createReceipts(deps: {
  store: Store
  clock: Clock
  /** Where the audit log is read, and its key. */
  source: LogSource
  verifierKey: string
}): Receipts {
  const { store, clock, source } = deps
  const verifier = parseVerifierKey(deps.verifierKey)
  if (verifier === undefined) throw new FatalError('audit_corrupt', 'the audit log has no key')
  return {
    async proofsOf(row, approvals) {
      const step = store.find('steps', { id: row.step_id })
      const session = store.find('sessions', { id: step?.session_id ?? '' })
      const [from, issued] = [step?.first_entry ?? undefined, session?.issued_entry ?? undefined]
      if (from === undefined || issued === undefined || session === undefined)
        throw new Error('the step began under an older Mayfly, which did not keep where its entries are')
      if (await waitsForLeases(store, row, clock.nowMs()))
        return { notYet: 'credentials of the step are still being revoked', afterMs: againMs }
      const checkpoint = textOf((await source.read('checkpoint')) ?? new Uint8Array())
      const verdict = await verifyCheckpoint(checkpoint, verifier)
      if (!verdict.ok) throw new Error(`the audit log has no checkpoint by its key: ${verdict.reason}`)
      const { checkpoint: signed } = verdict
      const found = await entriesOf(source, row.step_id, from, signed)
      if (!found.hasEnd) return { notYet: 'the end of the step is not published yet', afterMs: againMs }
      const early: Wanted[] = [
        { index: issued, type: 'session.issued', subject: session.id },
        ...yesOf(approvals).slice(0, mostEarly),
      ]
      const earlier = await earlierOf(source, early, session.run_id, signed)
      const hashes = createTileHashes(source, signed.size)
      const entries = []
      for (const { index, bytes } of [...earlier, ...found.entries])
        entries.push({ index, bytes, hashes: await proveInclusion(hashes, index, signed.size) })
      return {
        key: deps.verifierKey,
        checkpoint,
        entries,
        ...(found.omitted === 0 ? {} : { omitted: found.omitted }),
      }
    },
  }
}

/** An entry of before the step's first one, or of no step, by the place that the store has of it. */
interface Wanted {
  readonly index: number
  readonly type: string
  readonly subject: string
}

const mostEarly = 500

function yesOf(approvals: StepFacts['approvals']): Wanted[] {
  return approvals.flatMap(({ id, entries = [] }) =>
    entries.map((index) => ({ index, type: 'approval.granted', subject: id })),
  )
}

/** Throws if something else stands there: then the store is not of this log. */
async function earlierOf(
  source: LogSource,
  wanted: readonly Wanted[],
  run: string,
  under: { size: number; root: Uint8Array },
): Promise<ReceiptEntry[]> {
  const found = new Map<number, ReceiptEntry>()
  for (const { index, type, subject } of wanted) {
    for await (const { bytes } of readEntries(source, { from: index, to: index + 1, under })) {
      const entry = parseEntry(bytes)
      if (entry?.type === type && entry.subject === subject && entry.run === run)
        found.set(index, { index, bytes: bytes.slice() })
    }
    if (!found.has(index)) throw new Error(`the audit log has no ${type} of ${subject} at ${index}`)
  }
  return [...found.values()]
}

interface ReceiptEntry {
  readonly index: number
  readonly bytes: Uint8Array
}

async function waitsForLeases(
  store: Store,
  row: Pick<Row, 'step_id' | 'created_ms'>,
  now: number,
): Promise<boolean> {
  if (now - row.created_ms > leasesMs) return false
  const open = await store.read
    .selectFrom('leases')
    .select('id')
    .where('step_id', '=', row.step_id)
    .where('revoked_ms', 'is', null)
    .limit(1)
    .execute()
  return open.length > 0
}

/** Held against the checkpoint's root, bundle by bundle. Other steps' entries stand between: only those that name ours are parsed. */
async function entriesOf(
  source: LogSource,
  step: string,
  from: number,
  under: { size: number; root: Uint8Array },
): Promise<{ entries: ReceiptEntry[]; omitted: number; hasEnd: boolean }> {
  const entries: ReceiptEntry[] = []
  let [omitted, room, hasEnd] = [0, limits.receiptBytes as number, false]
  const to = Math.min(under.size, from + limits.receiptScan)
  for await (const { index, bytes } of readEntries(source, { from, to, under })) {
    if (!Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(step)) continue
    const entry = parseEntry(bytes)
    // That something of it was attested is an entry of no run: whoever checks a receipt takes only those of the step's own.
    if (entry?.run === undefined || (entry.subject !== step && entry.data['step'] !== step)) continue
    const isEnd = entry.type === 'step.finished' && entry.subject === step
    hasEnd ||= isEnd
    const fits = entries.length < limits.receiptEntries && room >= bytes.length
    // Its end says how it went: there is always room for that.
    if (!fits && !isEnd) omitted++
    else entries.push({ index, bytes: bytes.slice() })
    room -= bytes.length
  }
  if (!hasEnd && to < under.size)
    throw new Error(`its end is not among the ${limits.receiptScan} entries after its beginning`)
  return { entries, omitted, hasEnd }
}
