import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { MayflyError, messageOf } from '../lib/index.ts'

/** A process of ours that is started again when it dies, and ends when we do. */
export interface Child<Ready> {
  /** The one JSON line that it said first, at its first start. */
  readonly ready: Ready
  readonly pid: number | undefined
  close(): Promise<void>
}

export interface ChildOptions<Ready> {
  /** What a person calls it: "the audit log". */
  what: string
  /** What its absence means: "nothing is issued until it is back". */
  whileGone: string
  /** Program and arguments; `ready` is what it said at its first start, `undefined` for that one. */
  command: (ready: Ready | undefined) => readonly string[]
  tell: (line: string) => void
}

const restartMs = 200
const readyTimeoutMs = 20_000

/**
 * Starts it and waits for its first line. Its standard input is our pipe: its command has to say that it ends when that
 * does (`--stop-with-stdin`), so that it ends with us however we end.
 * What it says on standard error is told. Throws what it said if it does not start.
 */
export async function startChild<Ready>(options: ChildOptions<Ready>): Promise<Child<Ready>> {
  const { what, tell } = options
  let child: ChildProcess
  let closing = false
  let retry: NodeJS.Timeout | undefined
  const ready = await start(undefined)

  // Without the memory or the files for it, `spawn` throws at once.
  async function start(before: Ready | undefined): Promise<Ready> {
    const [program = '', ...args] = options.command(before)
    child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] })
    return await waitForReady<Ready>(child, what, tell)
  }

  function watch(): void {
    child.once('exit', (code, signal) => {
      if (closing) return
      tell(`${what} ended (${signal ?? code}); ${options.whileGone}`)
      retry = setTimeout(again, restartMs)
    })
  }

  function again(): void {
    start(ready).then(
      () => {
        tell(`${what} is back`)
        watch()
      },
      (error: unknown) => {
        tell(`${what} does not start: ${messageOf(error)}`)
        if (!closing) retry = setTimeout(again, 10 * restartMs)
      },
    )
  }

  watch()
  return {
    ready,
    get pid() {
      return child.pid
    },
    async close() {
      closing = true
      clearTimeout(retry)
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.stdin?.end()
      await ended
    },
  }
}

function waitForReady<Ready>(
  child: ChildProcess,
  what: string,
  tell: (line: string) => void,
): Promise<Ready> {
  return new Promise((resolve, reject) => {
    let complaint = ''
    let isReady = false
    const timer = setTimeout(() => child.kill('SIGKILL'), readyTimeoutMs)
    child.once('error', (error) => {
      clearTimeout(timer)
      reject(error)
    })
    // It may end while we close its input.
    child.stdin?.on('error', () => undefined)
    // Typed as if they were always there: one that could not be started has neither.
    if (child.stderr != null)
      createInterface({ input: child.stderr }).on('line', (line) => {
        complaint = `${complaint}${line}\n`.slice(-2_000)
        if (isReady) tell(saidIn(line) ?? '')
      })
    if (child.stdout != null)
      createInterface({ input: child.stdout }).once('line', (line) => {
        clearTimeout(timer)
        try {
          resolve(JSON.parse(line) as Ready)
          isReady = true
        } catch (cause) {
          // What cannot be understood cannot be relied on; its end is told to whoever watches it.
          child.kill('SIGKILL')
          reject(
            new MayflyError('audit_unavailable', `${what} says something else than where it is`, { cause }),
          )
        }
      })
    child.once('close', () => {
      clearTimeout(timer)
      reject(new MayflyError('audit_unavailable', saidIn(complaint) ?? `${what} ended at once`))
    })
  })
}

/** What a process of ours said when it could not start, without the form it said it in: `--json`, or a line for people. */
function saidIn(complaint: string): string | undefined {
  const lines = complaint.trim().split('\n')
  try {
    const { message } = JSON.parse(lines.at(-1) ?? '') as { message?: unknown }
    if (typeof message === 'string') return message
  } catch {
    // A line for people, then.
  }
  return lines.map((line) => line.replace(/^mayfly: /, '')).join('; ') || undefined
}
