import { execFileSync } from 'node:child_process'

export function median(values: readonly number[]): number {
  return percentile(values, 50)
}

/** Nearest-rank percentile. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? Number.NaN
}

/** Seconds that a shell command takes by its own clock, without the shell's start. */
export function shellSeconds(command: string, options: { cwd: string; env: NodeJS.ProcessEnv }): number {
  const out = execFileSync('bash', ['-c', `set -e; a=$(date +%s%N); ${command}; b=$(date +%s%N); echo $((b - a))`], { ...options, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  return Number(out.trim().split('\n').at(-1)) / 1e9
}
