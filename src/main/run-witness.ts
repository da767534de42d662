import { existsSync } from 'node:fs'
import { startWitness } from '../audit/witness/index.ts'
import { readText, type WitnessArguments } from '../cli/index.ts'
import { systemClock } from '../lib/index.ts'

/** `mayfly witness`: until SIGTERM or ctrl-c. */
export async function runWitness({ log, json, ...options }: WitnessArguments): Promise<void> {
  const stopped = Promise.withResolvers<void>()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stopped.resolve())
  const witness = await startWitness({
    ...options,
    logs: log.map((one) => (existsSync(one) ? readText(one).trim() : one)),
    clock: systemClock,
    onFork: (line) => process.stderr.write(`mayfly: witness: ${line}\n`),
  })
  const { url, verifierKey } = witness
  process.stdout.write(
    json
      ? `${JSON.stringify({ url, verifierKey })}\n`
      : `witness at ${url}, key ${verifierKey}\nits line in a policy: witness NAME ${verifierKey} ${url}\n`,
  )
  await stopped.promise
  await witness.close()
}
