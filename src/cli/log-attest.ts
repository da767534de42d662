import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Entry } from '../audit/verify/index.ts'
import { openAuditSearch } from './audit-search.ts'
import { openAuditSource, type AuditOptions } from './audit-source.ts'

/** What the entry of a step's end says of its log. */
export interface LoggedEnd {
  /** Of the entry. */
  readonly index: number
  /** Of the step. */
  readonly name: string
  /** What the server had then. */
  readonly kept: LogDigest | undefined
  /** What the runner made. */
  readonly made: LogDigest | undefined
}

export interface LogDigest {
  readonly bytes: number
  readonly sha256: string
}

/** The log publishes once a second. */
const waitMs = 5_000
const pollMs = 300

/** Is there an audit log that could be asked? Throws if one was named that is not there. */
export function hasAuditLog(options: AuditOptions): boolean {
  const isNamed = [options.folder, options.url, options.data].some((one) => one !== undefined)
  try {
    openAuditSource(options)
    return true
  } catch (error) {
    if (isNamed) throw error
    return false
  }
}

/** The ends of the steps of this run, of an audit log whose checkpoint is believed: by step. */
export async function loggedEnds(options: AuditOptions, run: string): Promise<Map<string, LoggedEnd>> {
  const { search } = await openAuditSearch({ ...options, index: true })
  try {
    const ends = new Map<string, LoggedEnd>()
    for await (const { index, entry } of search.find({
      terms: { run: [run], type: ['step.finished'] },
      fromMs: undefined,
      toMs: undefined,
    })) {
      const end = endOf(index, entry)
      if (entry.subject !== undefined) ends.set(entry.subject, end)
    }
    return ends
  } finally {
    search.close()
  }
}

/** Those of these ends that are of steps of this name or id; waits a little until they are published. */
export async function endsCalled(
  options: AuditOptions,
  run: string,
  called: string,
): Promise<Map<string, LoggedEnd>> {
  for (const untilMs = Date.now() + waitMs; ; await sleep(pollMs)) {
    const all = await loggedEnds(options, run)
    const found = [...all].filter(([step, { name }]) => step === called || name === called)
    if (found.length > 0 || Date.now() > untilMs) return new Map(found)
  }
}

/** The entry of this step's end, of a log whose checkpoint is believed; waits a little until it is published. */
export async function findEnd(options: AuditOptions, step: string): Promise<LoggedEnd | undefined> {
  for (const untilMs = Date.now() + waitMs; ; await sleep(pollMs)) {
    const { search } = await openAuditSearch({ ...options, index: true })
    try {
      for await (const { index, entry } of search.find({
        terms: { step: [step], type: ['step.finished'] },
        fromMs: undefined,
        toMs: undefined,
      }))
        if (entry.subject === step) return endOf(index, entry)
    } finally {
      search.close()
    }
    if (Date.now() > untilMs) return undefined
  }
}

function endOf(index: number, { data }: Entry): LoggedEnd {
  const reported = data['reported'] as Record<string, unknown> | undefined
  const name = typeof data['name'] === 'string' ? data['name'] : ''
  return { index, name, kept: digestIn(data['log']), made: digestIn(reported?.['log']) }
}

function digestIn(value: unknown): LogDigest | undefined {
  const { bytes, sha256 } = (value ?? {}) as Record<string, unknown>
  if (!Number.isSafeInteger(bytes) || typeof sha256 !== 'string') return undefined
  return { bytes: bytes as number, sha256 }
}

export type LogVerdict = { readonly ok: boolean | undefined; readonly text: string }

/**
 * Holds a log against that entry: what was shown of it, else what `read` gives from its beginning. `ok` is undefined where the entry
 * has nothing that could be held against it.
 */
export async function holdLog(
  log: { readonly shown: LogDigest | undefined; read(): AsyncIterable<Buffer> },
  { index, kept, made }: LoggedEnd,
): Promise<LogVerdict> {
  const entry = `entry ${index} of the audit log`
  if (kept === undefined)
    return {
      ok: undefined,
      text: `not verified: ${entry} has no digest of it (the server had nothing of it then)`,
    }
  const { shown } = log
  const { whole, begin } =
    shown?.bytes === kept.bytes ? { whole: shown, begin: shown } : await digestsOf(log.read(), kept.bytes)
  if (shown !== undefined && shown.sha256 !== whole.sha256)
    return { ok: false, text: 'the server gave another log when it was asked again' }
  if (begin.bytes < kept.bytes)
    return { ok: false, text: `NOT ALL OF IT: ${kept.bytes - begin.bytes} bytes less than ${entry} says` }
  if (begin.sha256 !== kept.sha256)
    return { ok: false, text: `IT WAS CHANGED: its SHA-256 is not that of ${entry}, ${kept.sha256}` }
  if (made?.bytes === kept.bytes && made.sha256 !== kept.sha256)
    return {
      ok: false,
      text: `IT WAS CHANGED on its way: by ${entry} the runner made another than the server kept`,
    }
  const behind = whole.bytes - begin.bytes
  if (behind > 0 && made?.bytes === kept.bytes)
    return {
      ok: false,
      text: `IT WAS CHANGED: by ${entry} its runner made ${made.bytes} bytes, and here are ${behind} more`,
    }
  const missing = (made?.bytes ?? kept.bytes) - kept.bytes
  const notes = [
    ...(missing > 0 ? [`${missing} bytes that the runner made did not come to the server`] : []),
    ...(behind > 0 ? [`its last ${behind} bytes came after that end, and no entry has them`] : []),
  ]
  return {
    ok: true,
    text: [`verified by ${entry}: SHA-256 ${kept.sha256.slice(0, 16)}…`, ...notes].join('; '),
  }
}

/** Of all of it, and of its first `bytes`. */
async function digestsOf(
  log: AsyncIterable<Buffer>,
  bytes: number,
): Promise<{ whole: LogDigest; begin: LogDigest }> {
  const [whole, begin] = [createHash('sha256'), createHash('sha256')]
  let count = 0
  for await (const chunk of log) {
    whole.update(chunk)
    begin.update(chunk.subarray(0, Math.max(0, bytes - count)))
    count += chunk.length
  }
  return {
    whole: { bytes: count, sha256: whole.digest('hex') },
    begin: { bytes: Math.min(count, bytes), sha256: begin.digest('hex') },
  }
}
