import type { Approvals, Notifications } from '../approval/index.ts'
import type { AuditClient } from '../audit/client/index.ts'
import type { Broker, Lease, Step } from '../broker/index.ts'
import type { EgressGuard, Inspection } from '../gateway/index.ts'
import {
  createGivenNames,
  createInspection,
  createKnownLook,
  createOutputInspection,
  createResponse,
  createScanThreads,
  createStepVerifying,
  createVaultSecrets,
  createVerifier,
  loadSeed,
  type KnownLook,
  type OutputInspection,
  type Verifier,
} from '../inspection/index.ts'
import type { Clock, Secret } from '../lib/index.ts'
import { graceMs } from '../logs/index.ts'
import type { SecretRotation } from '../rotation/index.ts'
import type { RulesHolder } from '../rules/index.ts'
import { createVendors } from '../scan/liveness/index.ts'
import type { Store } from '../store/index.ts'
import type { Vault, VaultKey } from '../vault/index.ts'
import { connectionOf, createVendorAsk } from './vendor-ask.ts'

export interface InspectionWork {
  readonly inspection: Inspection
  readonly output: OutputInspection
  /** For operators who scan. */
  readonly known: KnownLook
  readonly verifier: Verifier
  given(step: Step, lease: Lease, value: Secret): void
  /** Called every second. */
  sweep(): Promise<void>
  /** The vault is sealed. */
  forget(): void
  close(): Promise<void>
}

/** What leaves steps is looked at by threads that start with the first of it. */
export function createInspectionWork(deps: {
  readonly store: Store
  readonly vault: Vault
  readonly vaultKey: VaultKey
  readonly broker: Pick<Broker, 'outbox' | 'revokeLease' | 'endStep' | 'onStepEnd'>
  readonly clock: Clock
  readonly rules: RulesHolder
  readonly approvals: Approvals
  readonly rotation: () => SecretRotation
  readonly audit: Pick<AuditClient, 'append'>
  readonly guard: EgressGuard
  readonly notifications: Pick<Notifications, 'add'>
}): InspectionWork {
  const { store, vault, vaultKey, audit, clock, rules, approvals } = deps
  const { outbox } = deps.broker
  const secrets = createVaultSecrets({ store, vault, vaultKey, nowMs: () => clock.nowMs() })
  const seed = () =>
    loadSeed(store, vaultKey, { row: 'asked_seed', context: 'seed of names of what vendors were asked' })
  const names = createGivenNames({ store, clock, seed })
  const scanner = createScanThreads({ clock })
  const response = createResponse({
    revokeLease: (which) => deps.broker.revokeLease(which, 'found_in_what_is_sent'),
    async compromise(secret, { version, by, reason }) {
      const known = store.find('secret_names', { name: secret })
      if (known !== undefined && version <= known.dead_version && version < known.current_version)
        return { state: 'dead', ended: [] }
      const { isNew, ended } = await deps.rotation().compromise(secret, { by, reason, again: false, version })
      return { state: isNew ? 'begun' : 'known', ended }
    },
  })
  const verifier = createVerifier({
    ...{ store, clock, outbox, audit },
    vendors: createVendors({ ask: createVendorAsk(deps), nowMs: () => clock.nowMs() }),
    ...{ seed, secrets, given: names },
    config: () => (rules.loaded ? rules.current().document.scan?.verify : undefined),
    placeOf: (connection) => {
      const found = connectionOf(rules, connection)
      return found === undefined ? undefined : { connection, url: found.url }
    },
    alert: (tx, event, data) => deps.notifications.add(tx, event, data),
  })
  const inspecting = {
    verifying: createStepVerifying(verifier),
    policy: () => rules.current().policy,
    ...{ secrets, scanner, outbox, audit, response, clock },
    approvers: approvals.operations,
  }
  const output = createOutputInspection({
    ...inspecting,
    endStep: (step, reason) => deps.broker.endStep(step, { reason }),
  })
  deps.broker.onStepEnd((step) => {
    void output.stepEnded(step)
    // What its runner sends after that is looked at, too.
    setTimeout(() => void output.stepEnded(step), 2 * graceMs).unref()
  })
  return {
    inspection: createInspection(inspecting),
    output,
    known: createKnownLook({ secrets }),
    verifier,
    given(step, { id: lease, connection, expiresMs: untilMs, from }, value) {
      const credential = { connection, step: step.id, lease, untilMs, value }
      secrets.given(credential)
      // A value of our own vault is known as that, at each server.
      if (from.some(({ held, version }) => held && version > 0)) return
      names.add({ ...credential, isKept: from.some(({ held, version }) => held && version === 0) })
    },
    async sweep() {
      await Promise.all([secrets.sweep(), names.sweep(), verifier.sweep()])
    },
    forget() {
      secrets.forget()
      names.forget()
      scanner.forget()
    },
    close: () => scanner.close(),
  }
}
