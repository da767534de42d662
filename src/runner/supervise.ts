import type { Readable, Writable } from 'node:stream'
import type { LogStream } from '../lib/index.ts'
import type { StepGrant } from './api-facts.ts'
import type { Cancellation } from './cancellation.ts'
import { feedInput } from './input.ts'
import type { Notices } from './notices.ts'
import { copyOutput } from './output.ts'
import type { Redactor } from './redactor.ts'
import type { StepLog } from './record/index.ts'
import type { Running } from './sandbox/index.ts'

export interface Outcome {
  readonly exitCode: number
  readonly reason: 'finished' | 'cancelled' | 'timed_out' | 'failed_to_start'
  readonly output: {
    stdout_bytes: number
    stderr_bytes: number
    stdout_sha256: string
    stderr_sha256: string
    /** Both were written to one pipe, and are counted as stdout. */
    merged: boolean
  }
}

export interface Supervision {
  /** What the caller says to the step; without it, the step reads /dev/null. */
  readonly stdin?: Readable
  /** Our own two outputs lead to one place, and so the step's two are one. */
  readonly merged: boolean
  readonly stdout: Writable
  readonly stderr: Writable
  readonly cancellation: Cancellation
  readonly notices: Notices
  readonly redactor: Redactor
}

/** From servers that do not say how long a step may take to end. */
export const defaultGraceSeconds = 10
/** Who stopped reading waits for nothing. */
const unreadGraceSeconds = 1

/** Copies what the step says until it has ended, of itself or because somebody asked. `kill` ends it at once. */
export async function supervise(
  deps: Supervision & { readonly log: Pick<StepLog, 'add'> },
  step: StepGrant,
  running: Running,
  kill: () => void,
): Promise<Outcome> {
  const { notices, cancellation } = deps
  const masker = () => deps.redactor.masker()
  const { merged } = deps
  const onTerminal = merged ? 'o' : 'e'
  const shownOn = (stream: LogStream) => (chunk: Buffer) => {
    if (stream === onTerminal) notices.shown(chunk)
    return deps.log.add(stream, chunk)
  }
  const stdout = copyOutput(running.stdout, deps.stdout, masker, shownOn('o'))
  const stderr = copyOutput(running.stderr, deps.stderr, masker, shownOn('e'))
  const ending = endOnRequest(cancellation, step, running, notices, kill)
  const endInput =
    deps.stdin !== undefined && running.stdin !== undefined
      ? feedInput(deps.stdin, running.stdin)
      : () => undefined
  try {
    const exitCode = await running.exit
    await Promise.all([stdout.done, stderr.done])
    notices.end()
    const cancelled = cancellation.asked.aborted
    const [out, err] = [stdout.summary(), stderr.summary()]
    return {
      exitCode: cancelled ? cancellation.exitCode() : exitCode,
      reason: cancelled ? 'cancelled' : 'finished',
      output: {
        stdout_bytes: out.bytes,
        stderr_bytes: err.bytes,
        stdout_sha256: out.sha256,
        stderr_sha256: err.sha256,
        merged,
      },
    }
  } catch (error) {
    // Nothing runs on unsupervised.
    kill()
    throw error
  } finally {
    ending.stop()
    endInput()
  }
}

/**
 * The step is told by the same signal that we were, and has its grace to clean up: its gate stays open meanwhile, since
 * what it took (a lock, a half-made release) is often given back through it. Then, or at a second wish, it is killed.
 */
function endOnRequest(
  cancellation: Cancellation,
  step: StepGrant,
  running: Running,
  notices: Notices,
  kill: () => void,
): { stop(): void } {
  let timer: NodeJS.Timeout | undefined
  const ask = () => {
    const name = cancellation.signal()
    if (name === undefined || !running.signal(name)) return kill()
    const most = step.grace_seconds ?? defaultGraceSeconds
    const graceSeconds = name === 'SIGPIPE' ? Math.min(most, unreadGraceSeconds) : most
    timer = setTimeout(() => {
      notices.tell(`mayfly: killed: it had not ended ${graceSeconds} s after ${name}`)
      kill()
    }, graceSeconds * 1000)
  }
  cancellation.asked.addEventListener('abort', ask, { once: true })
  cancellation.now.addEventListener('abort', kill, { once: true })
  if (cancellation.asked.aborted) ask()
  return {
    stop() {
      clearTimeout(timer)
      cancellation.asked.removeEventListener('abort', ask)
      cancellation.now.removeEventListener('abort', kill)
    },
  }
}
