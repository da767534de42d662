import { resolve } from 'node:path'
import { performance } from 'node:perf_hooks'
import { ignoreUserSignals, stopSignals } from './signals.ts'
import type { UpArguments } from '../cli/index.ts'
import { dataFolderOf } from '../config/environment.ts'
import { readPolicyFiles } from '../config/index.ts'
import { MayflyError } from '../lib/index.ts'
import { onFault } from './on-fault.ts'
import { rotatorPrograms } from './rotator-programs.ts'
import { selfCommand } from './self.ts'
import { startUp, type Up } from './up.ts'

/** `mayfly up`: until SIGTERM or ctrl-c, then drains. */
export async function runUp(options: UpArguments, entry: string): Promise<void> {
  const stopped = Promise.withResolvers<void>()
  ignoreUserSignals()
  const waiting = new AbortController()
  for (const signal of stopSignals)
    process.once(signal, () => {
      stopped.resolve()
      waiting.abort()
    })
  const dataFolder = dataFolderOf(options.data)
  const up = await startUp({
    ...options,
    dataFolder,
    ...(options.config === undefined ? {} : { policy: readPolicyFiles(options.config) }),
    rotators: rotatorPrograms(options.rotator ?? []),
    self: selfCommand(entry),
    signal: waiting.signal,
    sealed: (at) => announceSealed(at, options.json),
    tell: (line) => process.stderr.write(`mayfly: ${line}\n`),
  }).catch((error: unknown) => {
    if (waiting.signal.aborted && error instanceof MayflyError && error.code === 'server_stopping')
      return undefined
    throw error
  })
  // It was stopped while it waited for its vault.
  if (up === undefined) return
  const tell = (text: string) => process.stderr.write(`mayfly: ${text}\n`)
  // No drain: what is open is revoked at once.
  process.on(
    'uncaughtException',
    onFault(tell, () => up.close(0)),
  )
  // Since the start of the process, as a person who waits for it would count.
  announce(up, options, resolve(dataFolder), Math.round(performance.now()))
  await stopped.promise
  await up.close(options.drainSeconds)
}

function announceSealed(
  { url, reason, operatorToken }: { url: string; reason: string; operatorToken: string | undefined },
  asJson: boolean,
): void {
  if (asJson) {
    const token = operatorToken === undefined ? {} : { operator_token: operatorToken }
    process.stdout.write(`${JSON.stringify({ sealed: reason, url, ...token })}\n`)
    return
  }
  const lines = [
    `Mayfly waits at ${url} for its vault to be opened: ${reason}`,
    ...(operatorToken === undefined ? [] : [`operator token, shown this once: ${operatorToken}`]),
    `  export MAYFLY_SERVER=${url} MAYFLY_TOKEN=...; mayfly vault unseal`,
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}

function announce(up: Up, options: UpArguments, data: string, readyMs: number): void {
  const { url, gatewayUrl, auditUrl, operatorToken } = up
  if (options.json) {
    const token = operatorToken === undefined ? {} : { operator_token: operatorToken }
    process.stdout.write(
      `${JSON.stringify({ url, gateway: gatewayUrl, audit: auditUrl, data, ready_ms: readyMs, ...token })}\n`,
    )
    return
  }
  const lines = [
    `Mayfly is ready after ${readyMs} ms: API ${url}, gateway ${gatewayUrl}, audit log ${auditUrl}`,
    `its data is in ${data}`,
    ...(operatorToken === undefined
      ? []
      : [
          `operator token, shown this once: ${operatorToken}`,
          `  export MAYFLY_SERVER=${url} MAYFLY_TOKEN=...`,
        ]),
    ...(up.rules.loaded ? [] : ['no policy is in force yet: mayfly apply mayfly.yaml']),
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}
