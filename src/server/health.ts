import type { AuditClient } from '../audit/client/index.ts'
import type { Store } from '../store/index.ts'

export interface Health {
  /** `ready` only if something could be issued right now; else every reason why not. Warnings stop nothing. */
  check(): Promise<{ ready: boolean; reasons: string[]; warnings: string[]; audit_size?: number }>
  /** From here on not ready: the process is draining. */
  drain(): void
}

export function createHealth({ store, audit }: { store: Store; audit: AuditClient }): Health {
  let draining = false
  return {
    drain: () => {
      draining = true
    },
    async check() {
      const log = await audit.health()
      const disk = store.health()
      const reasons = [
        ...(log.ok ? [] : [`audit log: ${log.reason}: nothing is issued until it is back`]),
        ...(disk.ok ? [] : [`store: ${disk.reason}`]),
        ...(draining ? ['shutting down'] : []),
      ]
      const warnings = log.ok && log.degraded !== undefined ? [`audit log: ${log.degraded}`] : []
      return { ready: reasons.length === 0, reasons, warnings, ...(log.ok ? { audit_size: log.size } : {}) }
    },
  }
}
