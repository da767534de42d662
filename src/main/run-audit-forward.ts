import { ignoreUserSignals, stopSignals } from './signals.ts'
import { createSink, startForwarder } from '../audit/forward/index.ts'
import { httpSource, parseVerifierKey } from '../audit/verify/index.ts'
import { type AuditForwardArguments, readText } from '../cli/index.ts'
import { configError, forwardSchema, parseConfig } from '../config/index.ts'
import { MayflyError, systemClock } from '../lib/index.ts'
import { existsSync } from 'node:fs'

/** `mayfly audit forward`: until SIGTERM; with `--stop-with-stdin` also until whoever started it is gone. */
export async function runAuditForward(options: AuditForwardArguments): Promise<void> {
  const stopped = Promise.withResolvers<void>()
  ignoreUserSignals()
  for (const signal of stopSignals) process.once(signal, () => stopped.resolve())
  const parsed = parseConfig(readText(options.config), options.config, forwardSchema)
  if (!parsed.ok) throw configError(parsed.problems)
  const key = existsSync(options.key) ? readText(options.key) : options.key
  const verifier = parseVerifierKey(key)
  if (verifier?.type !== 'note')
    throw new MayflyError('bad_input', `${options.key} is not the public key of a log (a vkey)`)
  const sinks = Object.entries(parsed.value.sinks).map(
    ([name, config]) => [name, { sink: createSink(config, systemClock), format: config.format }] as const,
  )
  const forwarder = await startForwarder({
    source: httpSource(options.url),
    verifier,
    folder: options.state,
    sinks: Object.fromEntries(sinks),
    tell: (line) => process.stderr.write(`mayfly: forward: ${line}\n`),
  })
  if (options.stopWithStdin) process.stdin.resume().on('end', stopped.resolve).on('error', stopped.resolve)
  const names = sinks.map(([name]) => name)
  process.stdout.write(
    options.json ? `${JSON.stringify({ sinks: names })}\n` : `forwarding to ${names.join(', ')}\n`,
  )
  try {
    await Promise.race([stopped.promise, forwarder.failed])
  } finally {
    if (options.stopWithStdin) process.stdin.pause()
    await forwarder.close()
  }
}
