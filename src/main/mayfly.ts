import { createProgram } from '../cli/index.ts'

/** The entry point. Wiring is loaded when a process is started; most commands need none of it. */
await createProgram({
  up: async (options) => (await import('./run-up.ts')).runUp(options, import.meta.url),
  auditLog: async (options) => (await import('./run-audit-log.ts')).runAuditLog(options),
}).parseAsync(process.argv)
