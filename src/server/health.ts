import type { AttestCounts, Attestor } from '../attest/attestor/index.ts'
import type { TrustKeeper } from '../attest/trust/index.ts'
import type { AuditClient } from '../audit/client/index.ts'
import type { Broker } from '../broker/index.ts'
import type { SecretRotation } from '../rotation/index.ts'
import type { Store } from '../store/index.ts'
import type { VaultControl } from '../vault/index.ts'

export interface Health {
  /** `ready` only if something could be issued right now; else every reason why not. Warnings stop nothing. */
  check(): Promise<{ ready: boolean; reasons: string[]; warnings: string[]; audit_size?: number }>
  /** From here on not ready: the process is draining. */
  drain(): void
}

export function createHealth({
  store,
  audit,
  broker,
  rotation,
  attestor,
  vaultControl,
  trust,
  atStart = [],
}: {
  store: Store
  audit: AuditClient
  broker: Pick<Broker, 'leases'>
  rotation: Pick<SecretRotation, 'counts'>
  attestor: Pick<Attestor, 'counts'>
  vaultControl: Pick<VaultControl, 'closed'>
  trust: Pick<TrustKeeper, 'warnings'>
  /** Warnings of what the start has found, as long as the process runs. */
  atStart?: readonly string[]
}): Health {
  let draining = false
  return {
    drain: () => {
      draining = true
    },
    async check() {
      const log = await audit.health()
      const disk = store.health()
      const sealed = vaultControl.closed()
      const reasons = [
        ...(log.ok ? [] : [`audit log: ${log.reason}: nothing is issued until it is back`]),
        ...(disk.ok ? [] : [`store: ${disk.reason}`]),
        ...(sealed === undefined ? [] : [`vault: ${sealed}: nothing is issued`]),
        ...(draining ? ['shutting down'] : []),
      ]
      const stuck = await broker.leases.stuck()
      const warnings = [
        ...atStart,
        ...(log.ok && log.degraded !== undefined ? [`audit log: ${log.degraded}`] : []),
        ...(stuck.count > 0 ? [stuckText(stuck)] : []),
        ...(await rotationWarnings(rotation)),
        ...(await attestWarnings(attestor)),
        ...trust.warnings(),
      ]
      return { ready: reasons.length === 0, reasons, warnings, ...(log.ok ? { audit_size: log.size } : {}) }
    },
  }
}

function stuckText({ count, sinceMs }: { count: number; sinceMs: number | undefined }): string {
  const since = sinceMs === undefined ? '' : `, the oldest since ${new Date(sinceMs).toISOString()}`
  return `${count} ${count === 1 ? 'lease' : 'leases'} cannot be revoked${since}: mayfly leases --stuck`
}

async function attestWarnings(attestor: Pick<Attestor, 'counts'>): Promise<string[]> {
  const { late, sinceMs, why, failed } = await attestor.counts().catch(() => none)
  const since = sinceMs === undefined ? '' : ` since ${new Date(sinceMs).toISOString()}`
  return [
    ...(late === 0 ? [] : [`attestations: ${late} wait to be signed${since}: ${why ?? 'not known why'}`]),
    ...(failed === 0 ? [] : [`attestations: ${failed} could not be made: mayfly attest list --state failed`]),
  ]
}

const none: AttestCounts = { due: 0, late: 0, failed: 0, signed: 0 }

async function rotationWarnings(rotation: Pick<SecretRotation, 'counts'>): Promise<string[]> {
  const { late, stuck } = await rotation.counts().catch(() => ({ late: 0, stuck: 0 }))
  return [
    ...(late === 0 ? [] : [`rotation: ${late} late (mayfly secret status)`]),
    ...(stuck === 0 ? [] : [`rotation: ${stuck} do not get on (mayfly secret status)`]),
  ]
}
