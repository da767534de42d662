import type { AuditClient } from '../audit/client/index.ts'
import type { Approvals } from '../approval/index.ts'
import type { Broker, Lease, Step } from '../broker/index.ts'
import type { Inspection } from '../gateway/index.ts'
import {
  createInspection,
  createKnownLook,
  createOutputInspection,
  createResponse,
  createScanThreads,
  createVaultSecrets,
  type KnownLook,
  type OutputInspection,
} from '../inspection/index.ts'
import type { Clock, Secret } from '../lib/index.ts'
import type { SecretRotation } from '../rotation/index.ts'
import type { RulesHolder } from '../rules/index.ts'
import type { Store } from '../store/index.ts'
import type { Vault, VaultKey } from '../vault/index.ts'

export interface InspectionWork {
  readonly inspection: Inspection
  readonly output: OutputInspection
  /** For operators who scan. */
  readonly known: KnownLook
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
  readonly broker: Pick<Broker, 'outbox' | 'revokeLease'>
  readonly audit: Pick<AuditClient, 'append'>
  readonly clock: Clock
  readonly rules: RulesHolder
  readonly approvals: Approvals
  readonly rotation: () => SecretRotation
}): InspectionWork {
  const { store, vault, vaultKey, audit, clock, rules, approvals } = deps
  const { outbox } = deps.broker
  const secrets = createVaultSecrets({ store, vault, vaultKey, nowMs: () => clock.nowMs() })
  const scanner = createScanThreads({ clock })
  const response = createResponse({
    revokeLease: (which) => deps.broker.revokeLease(which, 'found_in_what_is_sent'),
    async compromise(secret, { version, by, reason }) {
      const known = store.find('secret_names', { name: secret })
      if (known !== undefined && version <= known.dead_version && version < known.current_version)
        return 'dead'
      const { isNew } = await deps.rotation().compromise(secret, { by, reason, again: false, version })
      return isNew ? 'begun' : 'known'
    },
  })
  const inspecting = {
    policy: () => rules.current().policy,
    ...{ secrets, scanner, outbox, audit, response, clock },
    approvers: approvals.operations,
  }
  return {
    inspection: createInspection(inspecting),
    output: createOutputInspection(inspecting),
    known: createKnownLook({ secrets }),
    given: (step, { id: lease, connection, expiresMs: untilMs }, value) =>
      secrets.given({ connection, step: step.id, lease, untilMs, value }),
    sweep: () => secrets.sweep(),
    forget: () => secrets.forget(),
    close: () => scanner.close(),
  }
}
