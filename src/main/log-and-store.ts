import {
  type AuditClient,
  readSince,
  recogniseLog,
  type Recognition,
  type RememberedEntry,
} from '../audit/client/index.ts'
import { httpSource, parseVerifierKey } from '../audit/verify/index.ts'
import type { Broker, LogMemory } from '../broker/index.ts'
import { FatalError, MayflyError, messageOf, type Clock } from '../lib/index.ts'

/** What a start has found out about log and store: whether one of them is an older copy. */
export interface Compared {
  /** The log is older, and that was accepted. */
  readonly rolledBack: { readonly remembered: RememberedEntry; readonly size: number } | undefined
  /** The store is older: what it has missed of the log. */
  readonly restored: Restored | undefined
}

interface Restored {
  readonly from: number
  readonly size: number
  readonly types: Readonly<Record<string, number>>
}

/**
 * Holds log and store against each other before anything is issued. Throws `audit_corrupt` for a log that lacks what it confirmed,
 * unless that is accepted.
 */
export async function compareLogAndStore(deps: {
  logUrl: string
  verifierKey: string
  memory: LogMemory
  isNewStore: boolean
  acceptRollback: boolean
}): Promise<Compared> {
  const source = httpSource(deps.logUrl)
  const verifier = parseVerifierKey(deps.verifierKey)
  if (verifier === undefined) throw new FatalError('audit_corrupt', 'the audit log has no key')
  const remembered = deps.memory.remembered()
  const found = await recogniseLog(source, verifier, remembered).catch((cause: unknown): Recognition => {
    throw new MayflyError('audit_corrupt', `the audit log cannot be looked at: ${messageOf(cause)}`, {
      cause,
    })
  })
  if (!found.ok) {
    if (!deps.acceptRollback || remembered === undefined)
      throw new MayflyError('audit_corrupt', found.message)
    deps.memory.startAnew()
    return { rolledBack: { remembered, size: found.size }, restored: undefined }
  }
  const from = remembered === undefined ? 0 : remembered.index + 1
  // A store from before this was remembered is no restored one; a new store beside a log with entries is.
  const isUnknown = remembered === undefined && !deps.isNewStore
  if (isUnknown || found.size <= from) return { rolledBack: undefined, restored: undefined }
  const { lastMs, types } = await readSince(source, found, from)
  const isRestored = lastMs - (remembered?.timeMs ?? 0) > lagMs
  return { rolledBack: undefined, restored: isRestored ? { from, size: found.size, types } : undefined }
}

/** A server that was killed has remembered all but its last second; a backup is older than this. */
const lagMs = 60_000

/** Says it to the log and to whoever started us, and takes back what the copy might let be done twice. */
export async function recordCompared(
  { rolledBack, restored }: Compared,
  deps: { audit: AuditClient; broker: Broker; memory: LogMemory; clock: Clock; tell: (line: string) => void },
): Promise<void> {
  if (rolledBack !== undefined) {
    const { remembered, size } = rolledBack
    const data = { index: remembered.index, leafHash: remembered.leafHash, size }
    await deps.audit.append({ type: 'rollback.accepted', data })
    deps.tell(
      `an older audit log was accepted, as asked for: it has ${size} entries, and entry ${remembered.index} had been confirmed. The log says so now`,
    )
  }
  if (restored === undefined) return
  const { from, size, types } = restored
  await deps.memory.refuseOlderTokens(deps.clock)
  const sessions = await deps.broker.revoke({ all: true }, 'store_restored')
  await deps.audit.append({ type: 'store.restored', data: { from, size, types, sessions } })
  const changes = Object.entries(types).filter(([type]) => byPeople.test(type))
  const again = changes.map(([type, count]) => `${count} ${type}`).join(', ')
  deps.tell(
    `the store is an older copy: the audit log has entries ${from} to ${size - 1}, which it does not know. ${sessions} sessions were ended, and identity tokens from before now are refused, since the copy does not know which were used`,
  )
  if (again !== '')
    deps.tell(`what people changed since then is undone: ${again}; do it again: mayfly audit show`)
}

const byPeople = /^(?:policy|secret|token|approval|person)\./
