import { spawn } from 'node:child_process'
import { messageOf, systemCode } from '../lib/index.ts'
import { endOf, openStreams, type Running } from './sandbox/index.ts'

/** It writes to the CI's own files. */
const nothing: ReadonlyMap<string, string> = new Map()

export interface BareRequest {
  readonly workspace: string
  readonly env: Readonly<Record<string, string>>
  readonly command: readonly string[]
  readonly withStdin: boolean
  readonly merged: boolean
  readonly tell: (line: string) => void
}

/** Tier E: no sandbox, and so no way to the gateway: the step runs as it would without us, and is recorded. */
export function startBare(request: BareRequest): Running {
  const [program = '', ...args] = request.command
  const streams = openStreams(request.withStdin, request.merged)
  const child = spawn(program, args, {
    cwd: request.workspace,
    env: { ...request.env },
    stdio: [...streams.theirs],
    detached: true,
  })
  streams.handedOn()
  const exit = endOf(child, streams).catch((error: unknown) => {
    if (systemCode(error) !== 'ENOENT' && systemCode(error) !== 'EACCES') throw error
    request.tell(`mayfly: cannot run ${program}: ${messageOf(error)}`)
    return systemCode(error) === 'ENOENT' ? 127 : 126
  })
  // A process group of its own, so that its children hear of it, and die with it.
  const signalGroup = (name: NodeJS.Signals): boolean => {
    try {
      return child.pid !== undefined && process.kill(-child.pid, name)
    } catch (error) {
      if (systemCode(error) === 'ESRCH') return false
      throw error
    }
  }
  const kill = () => {
    signalGroup('SIGKILL')
    // A daemon that left the group may hold the pipes; it does not hold the step.
    streams.close()
  }
  const signal = (name: NodeJS.Signals) => {
    // What the command leaves running has no grace of its own.
    if (child.exitCode !== null || child.signalCode !== null) return false
    child.once('exit', kill)
    return signalGroup(name)
  }
  const hasStarted = () => child.pid !== undefined
  return {
    ...streams,
    exit,
    hasStarted,
    signal,
    kill,
    directAttempts: () => undefined,
    written: () => nothing,
    writes: [request.workspace],
    heldBy: 'watch',
    passedLimit: () => undefined,
    firstProcess: () => child.pid,
  }
}
