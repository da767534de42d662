import { setTimeout as sleep } from 'node:timers/promises'
import { MayflyError, messageOf } from '../../lib/index.ts'
import { recogniseLog, type RememberedEntry } from '../client/index.ts'
import { leafHash, parseEntry, parseVerifierKey, readEntries, type LogSource } from '../verify/index.ts'
import { approverIn, findingsIn, textIn } from './read-entry.ts'
import type { FindingInBuild, FindingsQuery, SeenAlive } from './model.ts'

/** What was found in builds. */
export interface Findings {
  /**
   * The newest first, `limit` at most, behind the one that has the id `after`. Throws MayflyError: `audit_unavailable` (the log cannot be
   * read, or is so long that it is still being read), `audit_corrupt` (it is not signed by its key, or not what that signed).
   */
  page(
    query: FindingsQuery,
    paging: { readonly after?: string | undefined; readonly limit: number },
  ): Promise<FindingsPage>
}

export interface FindingsPage {
  readonly findings: readonly (FindingInBuild & {
    readonly approvedBy: readonly string[]
    readonly verified: SeenAlive | undefined
  })[]
  /** There are more behind the last one. */
  readonly more: boolean
  /** Findings that are so old that only the log itself has them. */
  readonly forgotten: number
}

/** Kept in memory, of each sort; the log has the rest. */
const mostKept = 20_000
const longestWaitMs = 15_000

interface Known {
  findings: FindingInBuild[]
  forgotten: number
  readonly verified: Map<string, SeenAlive>
  readonly approvers: Map<string, readonly string[]>
  /** So many entries of the log are read; the last of them, by which it is recognised. */
  size: number
  last: Uint8Array | undefined
}

/** Throws `config_invalid` for a key that is none. */
export function createFindings(deps: {
  readonly source: LogSource
  /** The log's public key, a vkey. */
  readonly verifierKey: string
  readonly kept?: number
  readonly waitMs?: number
}): Findings {
  const { source, kept = mostKept, waitMs = longestWaitMs } = deps
  const key = parseVerifierKey(deps.verifierKey)
  if (key === undefined) throw new MayflyError('config_invalid', "the audit log's verifier key is malformed")
  const verifier = key
  let known = nothingYet()
  let reading: Promise<void> | undefined
  let end = 0

  async function readOn(): Promise<void> {
    let found = await recogniseLog(source, verifier, rememberedOf(known))
    // Another log stands in its place, or an older copy: what is known is of one that is gone.
    if (!found.ok) {
      known = nothingYet()
      found = await recogniseLog(source, verifier, undefined)
    }
    if (!found.ok) throw new MayflyError('audit_corrupt', found.message)
    end = found.size
    for await (const { index, bytes } of readEntries(source, { from: known.size, under: found })) {
      known.size = index + 1
      known.last = bytes
      take(known, kept, index, bytes)
    }
  }

  /** One reads for all who ask; it goes on when they have waited long enough. */
  async function catchUp(): Promise<void> {
    reading ??= readOn().finally(() => (reading = undefined))
    reading.catch(() => undefined)
    const waited = new AbortController()
    try {
      const late = sleep(waitMs, 'late', { signal: waited.signal, ref: false }).catch(() => 'late')
      if ((await Promise.race([reading, late])) === 'late')
        throw new MayflyError(
          'audit_unavailable',
          `the audit log is being read, ${known.size} of ${end} entries until now: ask again in a while`,
        )
    } catch (cause) {
      if (cause instanceof MayflyError) throw cause
      throw new MayflyError('audit_unavailable', `the audit log cannot be read: ${messageOf(cause)}`, {
        cause,
      })
    } finally {
      waited.abort()
    }
  }

  return {
    async page(query, { after, limit }) {
      await catchUp()
      const { findings, forgotten, verified, approvers } = known
      const wanted: FindingInBuild[] = []
      for (let at = firstBehind(findings, after) - 1; at >= 0 && wanted.length <= limit; at--) {
        const one = findings[at]
        if (one !== undefined && matches(one, query)) wanted.push(one)
      }
      return {
        findings: wanted.slice(0, limit).map((one) => ({
          ...one,
          approvedBy: one.approval === undefined ? [] : (approvers.get(one.approval) ?? []),
          verified: verified.get(one.fingerprint),
        })),
        more: wanted.length > limit,
        forgotten,
      }
    },
  }
}

function nothingYet(): Known {
  return { findings: [], forgotten: 0, verified: new Map(), approvers: new Map(), size: 0, last: undefined }
}

function rememberedOf({ size, last }: Known): RememberedEntry | undefined {
  if (last === undefined) return undefined
  const timeMs = Date.parse(parseEntry(last)?.time ?? '') || 0
  return { index: size - 1, leafHash: leafHash(last).toBase64(), timeMs }
}

function take(known: Known, kept: number, index: number, bytes: Uint8Array): void {
  const entry = parseEntry(bytes)
  if (entry === undefined) return
  const { type, data, subject } = entry
  if (type === 'scan.found') {
    known.findings.push(...findingsIn(index, entry))
    // Not for each one: the rest would be moved every time.
    if (known.findings.length > 2 * kept) forgetOldest(known, kept)
  } else if (type === 'scan.verified' || type === 'scan.revoked') {
    const [fingerprint, state] = [textIn(data, 'fingerprint'), textIn(data, 'state')]
    if (fingerprint === undefined || state === undefined || !isNews(known.verified.get(fingerprint), state))
      return
    setNewest(known.verified, kept, fingerprint, { state, timeMs: Date.parse(entry.time) })
  } else if (type === 'approval.granted') {
    const by = approverIn(entry)
    if (by !== undefined)
      setNewest(known.approvers, kept, subject, [...new Set([...(known.approvers.get(subject) ?? []), by])])
  }
}

/** Who could not be asked, or would not end it, has said nothing that undoes what was known. */
function isNews(before: SeenAlive | undefined, state: string): boolean {
  if (state === 'alive' || state === 'dead' || state === 'revoked') return true
  return before === undefined && state === 'unknown'
}

function forgetOldest(known: Known, kept: number): void {
  const gone = known.findings.length - kept
  known.forgotten += gone
  known.findings = known.findings.slice(gone)
}

function setNewest<T>(map: Map<string, T>, kept: number, key: string, value: T): void {
  map.delete(key)
  map.set(key, value)
  const [oldest] = map.keys()
  if (map.size > kept && oldest !== undefined) map.delete(oldest)
}

/** The position behind which everything is as new as `after`, or newer. */
function firstBehind(findings: readonly FindingInBuild[], after: string | undefined): number {
  if (after === undefined) return findings.length
  const [entry = 0, number = 0] = after.split('.').map(Number)
  const at = findings.findIndex(
    (one) => one.entry > entry || (one.entry === entry && numberOf(one) >= number),
  )
  return at === -1 ? findings.length : at
}

function numberOf({ id }: FindingInBuild): number {
  return Number(id.split('.')[1])
}

function matches({ found, timeMs, ...one }: FindingInBuild, query: FindingsQuery): boolean {
  const { run, role, rule, secret, fingerprint, onlyKeyed = false, sinceMs } = query
  return (
    (run === undefined || one.run === run) &&
    (role === undefined || one.role === role) &&
    (rule === undefined || ('rule' in found && found.rule === rule)) &&
    (secret === undefined || ('secret' in found && found.secret === secret)) &&
    (fingerprint === undefined || (one.fingerprint === fingerprint && !(onlyKeyed && 'rule' in found))) &&
    (sinceMs === undefined || timeMs >= sinceMs)
  )
}
