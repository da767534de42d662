import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { MayflyError, messageOf, sha256Hex, type Secret } from '../lib/index.ts'

export interface AuditProcess {
  readonly url: string
  /** The public key (vkey) that the log told us. */
  readonly verifierKey: string
  readonly pid: number | undefined
  close(): Promise<void>
}

interface Ready {
  url: string
  verifierKey: string
}

const restartMs = 200
const readyTimeoutMs = 20_000

/**
 * Runs `mayfly audit-log` as a process of its own and starts it again when it dies, on the same port. It ends
 * when we do, however we end: its standard input is our pipe. Throws what it said if it does not start.
 */
export async function startAuditProcess(options: {
  /** Program and arguments in front of `audit-log`. */
  command: readonly string[]
  folder: string
  host: string
  port: number
  appendToken: Secret
  tell: (line: string) => void
}): Promise<AuditProcess> {
  let child: ChildProcess
  let closing = false
  let retry: NodeJS.Timeout | undefined
  const first = await start(options.port)
  const port = Number(new URL(first.url).port)

  function start(onPort: number): Promise<Ready> {
    const [program = '', ...before] = options.command
    const args = [
      ...before,
      'audit-log',
      '--folder',
      options.folder,
      '--host',
      options.host,
      '--port',
      String(onPort),
      '--append-token-hash',
      sha256Hex(options.appendToken.reveal()),
      '--json',
    ]
    child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] })
    return waitForReady(child)
  }

  function watch(): void {
    child.once('exit', (code, signal) => {
      if (closing) return
      options.tell(`the audit log ended (${signal ?? code}); nothing is issued until it is back`)
      retry = setTimeout(again, restartMs)
    })
  }

  function again(): void {
    start(port).then(
      () => {
        options.tell('the audit log is back')
        watch()
      },
      (error: unknown) => {
        options.tell(`the audit log does not start: ${messageOf(error)}`)
        if (!closing) retry = setTimeout(again, 10 * restartMs)
      },
    )
  }

  watch()
  return {
    ...first,
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

function waitForReady(child: ChildProcess): Promise<Ready> {
  return new Promise((resolve, reject) => {
    let complaint = ''
    const timer = setTimeout(() => child.kill('SIGKILL'), readyTimeoutMs)
    child.stderr
      ?.setEncoding('utf8')
      .on('data', (chunk: string) => (complaint = (complaint + chunk).slice(-2000)))
    if (child.stdout !== null)
      createInterface({ input: child.stdout }).once('line', (line) => {
        clearTimeout(timer)
        resolve(JSON.parse(line) as Ready)
      })
    child.once('error', reject)
    child.once('close', () => {
      clearTimeout(timer)
      reject(
        new MayflyError(
          'audit_unavailable',
          complaint.trim().replace(/^mayfly: /, '') || 'the audit log process ended at once',
        ),
      )
    })
  })
}
