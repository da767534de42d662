import type { AuditClient } from '../audit/client/index.ts'
import type { Store } from '../store/index.ts'

export interface Health {
  /** `ready` only if something could be issued right now; else every reason why not. */
  check(): Promise<{ ready: boolean; reasons: string[]; audit_size?: number }>
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
      return { ready: reasons.length === 0, reasons, ...(log.ok ? { audit_size: log.size } : {}) }
    },
  }
}
