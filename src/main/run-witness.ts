import { existsSync } from 'node:fs'
import { ignoreUserSignals, stopSignals } from './signals.ts'
import { startWitness } from '../audit/witness/index.ts'
import { readText, type WitnessArguments } from '../cli/index.ts'
import { systemClock } from '../lib/index.ts'
import { certificateOf } from './serving.ts'
import { onFault } from './on-fault.ts'

/** `mayfly witness`: until SIGTERM or ctrl-c. */
export async function runWitness({
  log,
  json,
  tlsCert,
  tlsKey,
  ...options
}: WitnessArguments): Promise<void> {
  const stopped = Promise.withResolvers<void>()
  ignoreUserSignals()
  for (const signal of stopSignals) process.once(signal, () => stopped.resolve())
  const tell = (line: string) => process.stderr.write(`mayfly: witness: ${line}\n`)
  const certificate = certificateOf({ tlsCert, tlsKey }, tell)
  const witness = await startWitness({
    ...options,
    ...(certificate === undefined ? {} : { certificate }),
    logs: log.map((one) => (existsSync(one) ? readText(one).trim() : one)),
    clock: systemClock,
    onFork: tell,
  })
  process.on(
    'uncaughtException',
    onFault(
      (text) => process.stderr.write(`mayfly: witness: ${text}\n`),
      () => Promise.resolve(),
    ),
  )
  const { url, verifierKey } = witness
  process.stdout.write(
    json
      ? `${JSON.stringify({ url, verifierKey })}\n`
      : `witness at ${url}, key ${verifierKey}\nits line in a policy: witness NAME ${verifierKey} ${url}\n`,
  )
  await stopped.promise
  await witness.close()
  certificate?.close()
}
