import { spawn } from 'node:child_process'
import { MayflyError } from '../lib/index.ts'

/**
 * Runs a program that whoever started the server has named. It is told and answers by standard input and output; nothing of
 * what it says is shown to anybody, since it may be the secret. Throws `config_invalid` for a name that nobody gave, and
 * `credential_failed` with its exit status or what was wrong with it in a fixed sentence.
 */
export type RunCommand = (name: string, said: object, timeoutMs: number) => Promise<unknown>

const maxBytes = 131_072
const killMs = 2_000

/** `programs`: their paths by name. */
export function createCommands(programs: ReadonlyMap<string, string>): RunCommand {
  return async (name, said, timeoutMs) => {
    const path = programs.get(name)
    if (path === undefined)
      throw new MayflyError('config_invalid', `there is no rotator ${name}: mayfly up --rotator ${name}=PATH`)
    const { status, output, problem } = await run(path, `${JSON.stringify(said)}\n`, timeoutMs)
    if (problem !== undefined) throw failed(name, problem)
    if (status !== 0) throw failed(name, `ended with status ${status}`)
    if (output.trim() === '') return {}
    try {
      return JSON.parse(output)
    } catch {
      throw failed(name, 'did not answer in JSON')
    }
  }
}

interface Ran {
  readonly status: number | null
  readonly output: string
  readonly problem: string | undefined
}

/** In a group of its own, so that what it started ends with it. */
function run(path: string, input: string, timeoutMs: number): Promise<Ran> {
  return new Promise((resolve) => {
    const pieces: Buffer[] = []
    let bytes = 0
    let problem: string | undefined
    const child = spawn(path, [], {
      cwd: '/',
      // Nothing of ours: it may have our tokens.
      env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' },
      stdio: ['pipe', 'pipe', 'ignore'],
      detached: true,
    })
    const end = (why: string) => {
      problem ??= why
      killGroup(child.pid)
      // Whoever holds its output open after that is not waited for.
      setTimeout(() => child.stdout.destroy(), killMs).unref()
    }
    const timer = setTimeout(() => end('did not answer in time'), timeoutMs)
    child.stdout.on('data', (piece: Buffer) => {
      bytes += piece.length
      if (bytes > maxBytes) return end(`answered more than ${maxBytes} bytes`)
      pieces.push(piece)
    })
    child.stdout.on('error', () => undefined)
    // It may have ended without reading what it was told.
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
    child.on('error', () => {
      clearTimeout(timer)
      resolve({ status: null, output: '', problem: 'cannot be started' })
    })
    child.on('exit', () => killGroup(child.pid))
    child.on('close', (status, signal) => {
      clearTimeout(timer)
      if (signal !== null) problem ??= 'was ended by a signal'
      resolve({ status, output: Buffer.concat(pieces).toString('utf8'), problem })
    })
  })
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It has ended.
  }
}

function failed(name: string, what: string): MayflyError {
  return new MayflyError('credential_failed', `rotator ${name} ${what}`)
}
