import type { Clock } from '../../lib/index.ts'
import { newId, newOrderedId, type LeaseId, type Secret, type StepId } from '../../lib/index.ts'
import type { AuditClient, RunNumbers } from '../../audit/client/index.ts'
import { isMinted, type Connection } from '../../connections/index.ts'
import type { Store } from '../../store/index.ts'
import type { Opened, Vault } from '../../vault/index.ts'
import { leaseKey, openClientIdentity } from '../client-identity.ts'
import { leaseIssued, type LeaseFacts } from '../events.ts'
import type { Lease, Minted, Step } from '../model.ts'
import type { Outbox } from '../outbox.ts'
import { createSecretUse } from '../secret-use.ts'
import { staticAuthorization } from '../static-credential.ts'
import { createLeaseDesk, type LeaseDesk } from './desk.ts'
import { createDue } from './due.ts'
import type { EnderName } from './held.ts'
import { createLedger, type Ledger } from './ledger.ts'
import { createMinting, type Minting, type Refused } from './minting.ts'
import { createPruning } from './prune.ts'
import type { GrantsOf } from './request.ts'
import { createRevoker, type IssuerDeps } from './revoker.ts'
import { ended } from './stands.ts'
import { registryTokenPlan, registryTokens, trustedPublishing } from './trusted-publishing.ts'
import { createUnsaved } from './unsaved.ts'

/**
 * Leases, from the first use of a connection to the proof that its credential is dead:
 * requested -> issued -> revoking -> revoked | expired | revoke_failed.
 */
export interface Leases {
  /** The step's lease for this connection, issued at its first use. */
  issue(step: Step, connection: Connection, grant: string): Promise<Lease>
  record(step: Step, connection: Connection, minted: Minted): Promise<void>
  /** Nothing of the step is in force any more; what was minted is being revoked. */
  endOf(step: Step, reason: string): Promise<void>
  forget(step: StepId): void
  /** Whoever asks for this connection's lease again gets another one. */
  drop(step: StepId, connection: string): void
  /** The same of this one alone, and only if it is the one in use. */
  dropOne(step: StepId, lease: string): boolean
  /** It is over, and revoked like `endThese`; false if it was already. What cannot be written is written by a later sweep. */
  endOne(lease: string, reason: string): Promise<boolean>
  /** Its host takes what a minted lease of the step has no more: it is revoked, and another made at the next use. Returns its connection. */
  refused(step: StepId, which: Refused): string | undefined
  /** The same, if its issuer finds that it is dead. Never throws. */
  doubted(step: StepId, authorization: Secret): Promise<string | undefined>
  isFresh: Minting['isFresh']
  /** These leases are over: kept ones at once, minted ones are being revoked. Returns those that stood. */
  endThese(ids: readonly string[], reason: string): Promise<readonly string[]>
  /** What is to be done about leases of this and other servers, alive or dead. Returns before any upstream has answered. */
  sweep(): Promise<void>
  /** A server starts: what waits for another try is due now. */
  hurry(): Promise<void>
  counts: Ledger['counts']
  readonly desk: LeaseDesk
  /** How often an upstream did not confirm an end, since this server started. */
  failures(): number
  /** Resolves once no upstream is being asked to revoke anything. */
  idle(): Promise<void>
  close(): Promise<void>
}

export interface LeaseDeps extends Partial<Pick<IssuerDeps, 'issuerOf' | 'after' | 'random'>> {
  readonly tools: IssuerDeps['tools']
  readonly sealing: IssuerDeps['sealing']
  readonly grantsOf: GrantsOf
}

export function createLeases(deps: {
  store: Store
  vault: Vault
  audit: AuditClient
  outbox: Outbox
  numbers: RunNumbers
  clock: Clock
  issuers: Required<LeaseDeps>
}): Leases {
  const { vault, audit, clock, issuers } = deps
  const server = newId<string>('srv')
  const ledger = createLedger(deps)
  const due = createDue({ ...deps, server })
  const unsaved = createUnsaved()
  const prune = createPruning(deps)
  const enderOf = (name: EnderName) => (name === trustedPublishing ? registryTokens : issuers.issuerOf(name))
  const revoker = createRevoker({ ...issuers, enderOf, clock, due })
  const clientIdentity = (connection: Connection) => openClientIdentity(vault, connection, clock)
  const secretUse = createSecretUse(deps)
  const minting = createMinting({
    ...issuers,
    ...{ clock, ledger, unsaved, revoker, audit, server, clientIdentity, secretUse },
  })
  const kept = new Map<StepId, Map<string, Kept>>()

  async function issueKept(step: Step, connection: Connection, grant: string): Promise<Lease> {
    const { name, credential } = connection
    const from = secretUse.before(connection)
    const secret =
      credential === undefined || isMinted(credential)
        ? undefined
        : await staticAuthorization(vault, credential, step.session.runId)
    const lease: Lease = {
      id: newOrderedId<LeaseId>('lse', clock.nowMs()),
      connection: name,
      expiresMs: step.expiresMs,
      authorization: secret?.authorization,
      clientIdentity: await clientIdentity(connection),
      from,
    }
    await add(lease, step, connection, { grant, kind: 'static', ...versionOf(secret?.opened) })
    return lease
  }

  /** The lease is in the log and in the store before anybody has it. */
  async function add(lease: Lease, step: Step, connection: Connection, how: LeaseFacts) {
    const endsByItself = how.kind === trustedPublishing
    const means = endsByItself ? { means: 'by_expiry' } : {}
    await audit.append(leaseIssued(lease, step, connection, { ...how, ...means }))
    const { grant, kind } = how
    await ledger.add(lease, step, endsByItself ? { grant, kind, plan: registryTokenPlan(connection) } : how)
    // A kill may race the issue: then the lease is revoked at once and never handed out.
    if (step.endReason === undefined) return
    await ledger.endOf(step, step.endReason)
    throw ended(step.endReason)
  }

  async function endThese(ids: readonly string[], reason: string): Promise<readonly string[]> {
    const ended = await ledger.endThese(ids, reason)
    revoker.soon()
    return ended
  }

  function endRefused(lease: Lease | undefined): string | undefined {
    if (lease === undefined) return undefined
    // What cannot be written is over with its step.
    void endThese([lease.id], 'refused_by_host').catch(() => undefined)
    return lease.connection
  }

  return {
    issue(step, connection, grant) {
      const { credential } = connection
      if (credential !== undefined && isMinted(credential))
        return minting.lease({ step, connection, credential, grant })
      const ofStep = kept.get(step.id) ?? new Map<string, Kept>()
      kept.set(step.id, ofStep)
      const key = leaseKey(connection)
      const known = ofStep.get(key)
      if (known !== undefined) return known.issuing
      const one: Kept = {
        lease: undefined,
        issuing: issueKept(step, connection, grant).then((lease) => (one.lease = lease)),
      }
      ofStep.set(key, one)
      one.issuing.catch(() => ofStep.delete(key))
      return one.issuing
    },
    record: (step, connection, minted) =>
      add(
        {
          id: newOrderedId<LeaseId>('lse', clock.nowMs()),
          connection: connection.name,
          expiresMs: minted.expiresMs,
          // It is the gateway's, which has it already.
          authorization: undefined,
          clientIdentity: undefined,
          from: [],
        },
        step,
        connection,
        { grant: minted.grant, kind: minted.kind },
      ),
    async endOf(step, reason) {
      try {
        await ledger.endOf(step, reason)
      } catch (error) {
        revoker.unwritten(await ledger.openOf(step.id))
        throw error
      }
      revoker.soon()
    },
    forget(step) {
      kept.delete(step)
      minting.forget(step)
    },
    drop(step, connection) {
      for (const key of kept.get(step)?.keys() ?? []) if (isOf(key, connection)) kept.get(step)?.delete(key)
      minting.drop(step, (key) => isOf(key, connection))
    },
    dropOne(step, lease) {
      const ofStep = kept.get(step)
      // What is being issued nobody has yet.
      for (const [key, one] of ofStep ?? []) if (one.lease?.id === lease) return ofStep?.delete(key) === true
      return minting.dropOne(step, lease)
    },
    endOne: async (lease, reason) => (await unsaved.write(lease, () => endThese([lease], reason))).length > 0,
    refused: (step, which) => endRefused(minting.refused(step, which)),
    doubted: async (step, authorization) => endRefused(await minting.doubted(step, authorization)),
    endThese,
    isFresh: (step, authorization) => minting.isFresh(step, authorization),
    async sweep() {
      try {
        await unsaved.again()
      } finally {
        // What cannot be written of one keeps no other one alive.
        await ledger.endLeft()
        await revoker.run()
        await prune()
      }
    },
    hurry: async () => void (await due.hurry()),
    counts: () => ledger.counts(),
    desk: createLeaseDesk({ ...deps, due, soon: () => revoker.soon() }),
    failures: () => revoker.failures(),
    idle: () => revoker.idle(),
    close: () => revoker.close(),
  }
}

/** A kept credential; its lease is there once it is issued. */
interface Kept {
  lease: Lease | undefined
  readonly issuing: Promise<Lease>
}

/** For the record: what was injected, as its store calls it. */
function versionOf(opened: Opened | undefined): Pick<LeaseFacts, 'secretVersion' | 'secretStore'> {
  if (opened === undefined) return {}
  const { version, store } = opened
  return { secretVersion: version, ...(store === undefined ? {} : { secretStore: store }) }
}

/** Is it a `leaseKey` of this connection? */
function isOf(key: string, connection: string): boolean {
  return key.startsWith(`[${JSON.stringify(connection)},`)
}
