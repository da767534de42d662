import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { sha256Hex } from '../../lib/index.ts'

export interface WitnessProcess {
  url: string
  verifierKey: string
  process: ChildProcess
  /** The last checkpoint of this log that it cosigned. */
  latest(logKey: string): Promise<string | undefined>
  /** Ends the process with this signal and waits until it is gone. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>
}

/** Starts a real witness process that knows one log. */
export async function spawnWitness(folder: string, name: string, logKey: string): Promise<WitnessProcess> {
  const script = new URL('child.fixture.ts', import.meta.url)
  const child = fork(script, [folder, name, logKey], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    execArgv: [],
  })
  const exited = once(child, 'exit')
  const [message] = (await Promise.race([once(child, 'message'), exited])) as [unknown]
  if (typeof message !== 'object' || message === null) throw new Error(`the witness ${name} did not start`)
  const { url, verifierKey } = message as { url: string; verifierKey: string }
  return {
    url,
    verifierKey,
    process: child,
    async latest(key) {
      const origin = key.slice(0, key.indexOf('+'))
      const response = await fetch(new URL(`${sha256Hex(origin)}/checkpoint`, `${url}/`))
      return response.ok ? await response.text() : undefined
    },
    async end(signal) {
      child.kill(signal)
      await exited
    },
  }
}
