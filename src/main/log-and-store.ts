import {
  type AuditClient,
  readSince,
  recogniseLog,
  type Recognition,
  type RememberedEntry,
} from '../audit/client/index.ts'
import { httpSource, parseVerifierKey } from '../audit/verify/index.ts'
import type { Broker, LogMemory } from '../broker/index.ts'
import { markMissed, type MissedCompromise } from '../rotation/index.ts'
import type { Store } from '../store/index.ts'
import { tellingTypes, whatIsBehind } from './store-behind.ts'
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
  /** Secrets that the log says are compromised, and the copy does not. */
  readonly compromised: readonly MissedCompromise[]
}

/**
 * Holds log and store against each other before anything is issued. Throws `audit_corrupt` for a log that lacks what it confirmed,
 * unless that is accepted.
 */
export async function compareLogAndStore(deps: {
  logUrl: string
  verifierKey: string
  memory: LogMemory
  store: Store
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
  const { lastMs, types, kept } = await readSince(source, found, from, {
    keeps: tellingTypes,
    // In a new store there is nothing that the log could say more of.
    most: deps.isNewStore ? mostRead : undefined,
  })
  const { isBehind, compromised } = whatIsBehind(deps.store, kept)
  const isRestored = isBehind || lastMs - (remembered?.timeMs ?? 0) > lagMs
  const restored = isRestored ? { from, size: found.size, types, compromised } : undefined
  return { rolledBack: undefined, restored }
}

/** Entries that are looked through at most beside a store that has nothing: the end says enough. */
const mostRead = 20_000

/** A server that was killed has remembered all but its last second; a backup is older than this. */
const lagMs = 60_000

/** Says it to the log and to whoever started us, and takes back what the copy might let be done twice. */
export async function recordCompared(
  { rolledBack, restored }: Compared,
  deps: {
    audit: AuditClient
    broker: Broker
    memory: LogMemory
    store: Store
    clock: Clock
    tell: (line: string) => void
  },
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
  const { from, size, types, compromised } = restored
  await markMissed(deps.store, compromised, deps.clock)
  await deps.memory.refuseOlderTokens(deps.clock)
  const secrets = [...new Set(compromised.map(({ secret }) => secret))].toSorted()
  const named = secrets.length === 0 ? {} : { compromised: secrets }
  const sessions = await deps.broker.revoke({ all: true }, 'store_restored')
  await deps.audit.append({ type: 'store.restored', data: { from, size, types, sessions, ...named } })
  const changes = Object.entries(types).filter(([type]) => byPeople.test(type))
  const again = changes.map(([type, count]) => `${count} ${type}`).join(', ')
  deps.tell(
    `the store is an older copy: the audit log has entries ${from} to ${size - 1}, which it does not know. ${sessions} sessions were ended, and identity tokens from before now are refused, since the copy does not know which were used`,
  )
  if (again !== '')
    deps.tell(`what people changed since then is undone: ${again}; do it again: mayfly audit show`)
  if (secrets.length > 0)
    deps.tell(
      `the log says that others know these secrets, and the copy has their old values: ${secrets.join(', ')}. They are used for nothing until they have new ones: mayfly secret status, or put the newest store back`,
    )
}

/** For `/readyz`, as long as this server runs. */
export function warningsOf({ restored }: Compared): string[] {
  if (restored === undefined) return []
  const { from, size, compromised } = restored
  const secrets = [...new Set(compromised.map(({ secret }) => secret))].toSorted()
  const which =
    secrets.length === 0 ? '' : `; compromised since: ${secrets.join(', ')} (mayfly secret status)`
  return [
    `store: it was an older copy when this server started, and does not know entries ${from} to ${size - 1} of the audit log${which}`,
  ]
}

const byPeople = /^(?:policy|secret|token|approval|person)\./
