import { execFile } from 'node:child_process'

export function median(values: readonly number[]): number {
  return percentile(values, 50)
}

/** Nearest-rank percentile. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? Number.NaN
}

/** Seconds that a shell command takes by its own clock, without the shell's start. The peers it talks to may live here. */
export function shellSeconds(
  command: string,
  options: { cwd: string; env: NodeJS.ProcessEnv },
): Promise<number> {
  return new Promise((resolve, reject) => {
    const script = `set -e; a=$(date +%s%N); ${command}; b=$(date +%s%N); echo $((b - a))`
    execFile('bash', ['-c', script], { ...options, encoding: 'utf8', timeout: 120_000 }, (error, stdout) => {
      if (error !== null) return reject(error)
      return resolve(Number(stdout.trim().split('\n').at(-1)) / 1e9)
    })
  })
}
