import { startAuditLog } from '../audit/log/index.ts'
import { type AuditLogArguments, readTlogPolicy } from '../cli/index.ts'
import { MayflyError, systemClock } from '../lib/index.ts'

/** `mayfly audit-log`: until SIGTERM, or until the process that started it is gone. */
export async function runAuditLog(options: AuditLogArguments): Promise<void> {
  const stopped = Promise.withResolvers<void>()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stopped.resolve)
  const { witnessPolicy, ...rest } = options
  const tell = (line: string) => process.stderr.write(`mayfly: audit log: ${line}\n`)
  const log = await startAuditLog({
    ...rest,
    ...(witnessPolicy === undefined ? {} : { witnessPolicy: readTlogPolicy(witnessPolicy) }),
    tell,
    clock: systemClock,
    onFatal: (error) => stopped.reject(new MayflyError(error.code, `audit log: ${error.message}`)),
  })
  // Started by `mayfly up`, our input is its pipe: when it ends, however it ends, so do we.
  process.stdin.resume().on('end', stopped.resolve).on('error', stopped.resolve)
  process.stdout.write(
    options.json
      ? `${JSON.stringify({ url: log.url, verifierKey: log.verifierKey })}\n`
      : `audit log at ${log.url}, key ${log.verifierKey}\n`,
  )
  try {
    await stopped.promise
  } finally {
    process.stdin.pause()
    await log.close()
  }
}
