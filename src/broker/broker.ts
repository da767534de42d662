import type { Clock, StepId } from '../lib/index.ts'
import type { AuditClient, RunNumbers } from '../audit/client/index.ts'
import { issuerNamed } from '../credentials/index.ts'
import type { Identity } from '../identity/index.ts'
import type { Store } from '../store/index.ts'
import type { Vault } from '../vault/index.ts'
import type { Broker } from './contract.ts'
import { decideEnd, endOf, endSession, endStep } from './ending.ts'
import { stepRefused } from './events.ts'
import { createLeases, type LeaseDeps } from './leases/leases.ts'
import { stands } from './leases/stands.ts'
import { systemAfter } from './leases/within.ts'
import type { AtStepEnd, KeptLog } from './model.ts'
import { loadSession, openSession, openStep, restore } from './opening.ts'
import { createOutbox } from './outbox.ts'
import { createLive, type BrokerParts } from './parts.ts'
import { createRecords } from './records.ts'
import { createSecretUse } from './secret-use.ts'
import { leaseMinted, leaseOf, revokeLease, revokeSecret, tellLost } from './step-leases.ts'
import { revoke, sweep } from './sweep.ts'

const systemIssuers = { issuerOf: issuerNamed, after: systemAfter, random: Math.random } as const

export async function createBroker(deps: {
  store: Store
  vault: Vault
  audit: AuditClient
  /** The same as the audit client's. */
  numbers: RunNumbers
  clock: Clock
  heartbeatSeconds: number
  /** What minted leases need. */
  issuers: LeaseDeps
  /** What the server has of a step's log, for the entry of its end. */
  logOf?: (step: StepId) => Promise<KeptLog | undefined>
  atEnd?: AtStepEnd
  /** Who signs for a job, in plain data; kept with its sessions. */
  signerOf?: (identity: Identity) => unknown
}): Promise<Broker> {
  const { store, audit, numbers, clock } = deps
  const outbox = createOutbox({ store, audit, numbers, clock })
  const records = createRecords({ ...deps, outbox })
  const leases = createLeases({ ...deps, outbox, issuers: { ...systemIssuers, ...deps.issuers } })
  const [secretUse, live] = [createSecretUse({ store }), createLive()]
  const { heartbeatSeconds, logOf, atEnd } = deps
  const parts = { audit, clock, outbox, records, leases, secretUse, heartbeatSeconds, logOf, atEnd, live }
  await restore(parts)
  // A store that cannot be written keeps no server from ending what it can.
  await leases.hurry().catch(() => undefined)
  outbox.deliver()
  return brokerOf(parts)
}

function brokerOf(parts: BrokerParts): Broker {
  const { audit, clock, outbox, records, leases, secretUse, live } = parts
  return {
    openSession: (request) => openSession(parts, request),
    openStep: (session, request) => openStep(parts, session, request),
    rolesIn: (run, workspace) => records.rolesIn(run, workspace),
    async refuseStep(session, refusal) {
      await audit.append(stepRefused(session, refusal)).catch(() => undefined)
    },
    lease: (step, connection, grant) => leaseOf(parts, step, connection, grant),
    leaseMinted: (step, connection, minted) => leaseMinted(parts, step, connection, minted),
    decideEnd: (step, outcome) => decideEnd(parts, step, outcome),
    isOpen: (step) => stands(step, clock) && records.isOpen(step),
    endingStep(id) {
      const step = live.steps.get(id)
      return step?.endReason === undefined ? undefined : step
    },
    endStep: (step, outcome) => endStep(parts, step, outcome),
    endSession: (session, reason) => endSession(parts, session, reason),
    revoke: (match, reason) => revoke(parts, match, reason),
    sweep: () => sweep(parts),
    outbox,
    async session(id) {
      const session = await loadSession(parts, id)
      return session !== undefined && stands(session, clock) ? session : undefined
    },
    step(id) {
      const step = live.steps.get(id)
      return step !== undefined && stands(step, clock) ? step : undefined
    },
    endOf: (id) => endOf(parts, id),
    drain() {
      live.draining = true
    },
    async heartbeat(step) {
      step.heartbeatMs = clock.nowMs()
      await records.heartbeat(step)
    },
    async seen(session) {
      if (session.waitSeconds > 0) await records.seen(session)
    },
    onStepEnd: (listener) => void live.stepListeners.push(listener),
    onLeaseEnd: (listener) => void live.leaseListeners.push(listener),
    revokeSecret: (secret, version, reason) => revokeSecret(parts, secret, version, reason),
    revokeLease: (which, reason) => revokeLease(parts, which, reason),
    refusedByHost: (step, authorization) => tellLost(parts, step, leases.refused(step.id, { authorization })),
    doubtedByHost(step, authorization) {
      void leases.doubted(step.id, authorization).then((connection) => tellLost(parts, step, connection))
    },
    isFresh: (step, authorization) => leases.isFresh(step.id, authorization),
    refusedByTool: (step, connection) => void leases.refused(step.id, { connection }),
    leasesNeeding: (secret) => secretUse.neededBy(secret),
    async counts() {
      const undelivered = await outbox.pending()
      const { states: _, ...counts } = await leases.counts()
      return { ...counts, openSteps: live.steps.size, undelivered }
    },
    idle: () => leases.idle(),
    leases: leases.desk,
    leaseStates: async () => ({
      states: (await leases.counts()).states,
      stuck: await leases.desk.stuck(),
      failures: leases.failures(),
    }),
    waiting: (limit) => records.waitingSessions(limit),
    async close() {
      await leases.close()
      await outbox.close()
    },
  }
}
