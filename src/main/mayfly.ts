import { runProgram } from '../cli/index.ts'

/** The entry point. Wiring is loaded when a process is started; most commands need none of it. */
await runProgram(
  {
    up: async (options) => (await import('./run-up.ts')).runUp(options, import.meta.url),
    auditLog: async (options) => (await import('./run-audit-log.ts')).runAuditLog(options),
    auditForward: async (options) => (await import('./run-audit-forward.ts')).runAuditForward(options),
    recoverToken: async (options) =>
      (await import('./run-recover-token.ts')).runRecoverToken(options, import.meta.url),
    witness: async (options) => (await import('./run-witness.ts')).runWitness(options),
  },
  process.argv,
)
