import { spawn } from 'node:child_process'
import type { Writable } from 'node:stream'
import { messageOf, systemCode } from '../lib/index.ts'
import { endOf, openStreams, type Running } from './sandbox/index.ts'

export interface BareRequest {
  readonly workspace: string
  readonly env: Readonly<Record<string, string>>
  readonly command: readonly string[]
  readonly withStdin: boolean
  readonly stderr: Writable
}

/** Tier E: no sandbox, and so no way to the gateway: the step runs as it would without us, and is recorded. */
export function startBare(request: BareRequest): Running {
  const [program = '', ...args] = request.command
  const streams = openStreams(request.withStdin)
  const child = spawn(program, args, {
    cwd: request.workspace,
    env: { ...request.env },
    stdio: [...streams.theirs],
    detached: true,
  })
  streams.handedOn()
  const exit = endOf(child, streams).catch((error: unknown) => {
    if (systemCode(error) !== 'ENOENT' && systemCode(error) !== 'EACCES') throw error
    request.stderr.write(`mayfly: cannot run ${program}: ${messageOf(error)}\n`)
    return systemCode(error) === 'ENOENT' ? 127 : 126
  })
  // A process group of its own, so that its children die with it.
  const kill = () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    } catch (error) {
      if (systemCode(error) !== 'ESRCH') throw error
    }
    // A daemon that left the group may hold the pipes; it does not hold the step.
    streams.close()
  }
  return { ...streams, exit, kill }
}
