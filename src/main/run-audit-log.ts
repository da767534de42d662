import { ignoreUserSignals, stopSignals } from './signals.ts'
import { startAuditLog } from '../audit/log/index.ts'
import { type AuditLogArguments, readTlogPolicy } from '../cli/index.ts'
import { isLoopback, MayflyError, systemClock } from '../lib/index.ts'
import { certificateOf } from './serving.ts'
import { onFault } from './on-fault.ts'

/** `mayfly audit-log`: until SIGTERM; with `--stop-with-stdin` also until whoever started it is gone. */
export async function runAuditLog(options: AuditLogArguments): Promise<void> {
  const stopped = Promise.withResolvers<void>()
  // It may be rejected while the log is still starting, before anybody waits for it: then the start itself fails.
  stopped.promise.catch(() => undefined)
  ignoreUserSignals()
  for (const signal of stopSignals) process.on(signal, stopped.resolve)
  const { witnessPolicy, stopWithStdin, tlsCert, tlsKey, attestationOrigin, ...rest } = options
  const tell = (line: string) => process.stderr.write(`mayfly: audit log: ${line}\n`)
  const certificate = certificateOf({ tlsCert, tlsKey }, tell)
  if (certificate === undefined) warnOfOpenNetwork(options.host, tell)
  const log = await startAuditLog({
    ...rest,
    attestations: { origin: attestationOrigin },
    ...(witnessPolicy === undefined ? {} : { witnessPolicy: readTlogPolicy(witnessPolicy) }),
    ...(certificate === undefined ? {} : { certificate }),
    tell,
    clock: systemClock,
    onFatal: (error) => stopped.reject(new MayflyError(error.code, `audit log: ${error.message}`)),
  })
  // What was confirmed is on disk, and a start reads it back: nothing more is written by a process that is wrong somewhere.
  process.on(
    'uncaughtException',
    onFault(tell, () => Promise.resolve()),
  )
  // `mayfly up` holds the other end of our input: when it ends, however it ends, so do we.
  if (stopWithStdin) process.stdin.resume().on('end', stopped.resolve).on('error', stopped.resolve)
  const { url, localUrl, verifierKey, attestations } = log
  const attestationKey = attestations?.verifierKey
  process.stdout.write(
    options.json
      ? `${JSON.stringify({ url, localUrl, verifierKey, attestationKey })}\n`
      : `audit log at ${url}, key ${verifierKey}\nattestation log at ${url}/attestations/, key ${attestationKey}\n`,
  )
  try {
    await stopped.promise
  } finally {
    if (stopWithStdin) process.stdin.pause()
    await log.close()
    certificate?.close()
  }
}

/** Its entries are for everybody, the token that appends is not. */
function warnOfOpenNetwork(host: string, tell: (line: string) => void): void {
  if (isLoopback(host)) return
  tell(
    `--host ${host} is reachable by others, and the token that may append would cross the network in the clear: give --tls-cert and --tls-key, or put TLS in front`,
  )
}
