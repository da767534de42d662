import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { sha256Hex } from '../../lib/index.ts'

export const childToken = 'append-token-of-a-test'

export interface LogProcess {
  url: string
  verifierKey: string
  attestationKey: string
  process: ChildProcess
  /** Ends the process with this signal and waits until it is gone. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>
}

/** Starts a real audit log process; gives back its refusal as a string when it does not start. `witnessPolicy` is a tlog-policy; with `attest` it keeps the attestation log, too. */
export async function spawnLog(
  folder: string,
  publishIntervalMs = 1_000,
  witnessPolicy = '',
  attest: '' | 'attest' = '',
): Promise<LogProcess | string> {
  const script = new URL('child.fixture.ts', import.meta.url)
  const child = fork(
    script,
    [folder, sha256Hex(childToken), String(publishIntervalMs), witnessPolicy, attest],
    {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      execArgv: [],
    },
  )
  const exited = once(child, 'exit')
  const first = await Promise.race([once(child, 'message'), exited])
  const [message] = first as [
    { url: string; verifierKey: string; attestationKey: string } | { error: string } | number | null,
  ]
  if (message === null || typeof message === 'number') return `it ended before it was ready (${message})`
  if ('error' in message) {
    await exited
    return message.error
  }
  const end = async (signal: 'SIGTERM' | 'SIGKILL') => {
    child.kill(signal)
    await exited
  }
  return { ...message, process: child, end }
}
