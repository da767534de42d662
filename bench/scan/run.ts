import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** How a program ended and what it took. */
export interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  readonly seconds: number
  /** Of all of its processes, where it ended by itself. */
  readonly cpuSeconds: number
  /** Of its largest process. */
  readonly peakBytes: number
  readonly isStopped: boolean
}

export interface RunOptions {
  readonly cwd: string
  /** It is stopped then; what it took until then is a lower bound. */
  readonly limitSeconds: number
  /** On one core alone, as far as the system knows `taskset`. */
  readonly oneCore?: boolean
}

/** Runs a program and looks at its memory while it runs. Its clock and processor time are the shell's own `time`. */
export async function run(command: readonly string[], options: RunOptions): Promise<Ran> {
  const pinned = options.oneCore === true ? ['taskset', '-c', '0', ...command] : command
  const script = `TIMEFORMAT='mayfly-bench %R %U %S'; time "$@"`
  const start = performance.now()
  const child = spawn('bash', ['-c', script, 'bash', ...pinned], {
    cwd: options.cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  let peakBytes = 0
  let isStopped = false
  const { pid = 0 } = child
  const looking = setInterval(() => (peakBytes = Math.max(peakBytes, largestOf(pid))), 20)
  const limit = setTimeout(() => {
    isStopped = true
    process.kill(-pid, 'SIGKILL')
  }, options.limitSeconds * 1_000)
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject).on('close', resolve)
  }).finally(() => {
    clearInterval(looking)
    clearTimeout(limit)
  })
  const [, real, user, system] = /^mayfly-bench (\S+) (\S+) (\S+)$/m.exec(stderr) ?? []
  const seconds = real === undefined ? (performance.now() - start) / 1_000 : Number(real)
  const cpuSeconds = real === undefined ? seconds : Number(user) + Number(system)
  return { code, stdout, stderr, seconds, cpuSeconds, peakBytes, isStopped }
}

/** The peak of a process and of those it started, in bytes: the largest of them. */
function largestOf(pid: number): number {
  const read = (file: string): string => {
    try {
      return readFileSync(`/proc/${pid}/${file}`, 'utf8')
    } catch {
      return ''
    }
  }
  const own = Number(/^VmHWM:\s+(\d+) kB/m.exec(read('status'))?.[1] ?? 0) * 1_024
  const children = read(`task/${pid}/children`).split(' ').filter(Boolean)
  return Math.max(own, ...children.map((child) => largestOf(Number(child))))
}
