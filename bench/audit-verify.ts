import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { writeLargeLog } from './large-log.ts'
import type { BenchResult } from './result.ts'

const maxMegabytes = 256

/** How fast a log of `size` entries is verified, every hash of it, and the most memory that takes. */
export async function benchVerify(size: number): Promise<BenchResult[]> {
  const folder = await mkdtemp(join(tmpdir(), 'mayfly-bench-verify-'))
  try {
    const key = writeLargeLog(folder, size)
    const { verdict, seconds, peakBytes } = await verifyInChild(folder, key)
    if (!verdict.ok || verdict.size !== size)
      throw new Error(`the log of the benchmark is broken: ${JSON.stringify(verdict)}`)
    const megabytes = peakBytes / 2 ** 20
    const name = `audit: verification of ${size.toLocaleString('en')} entries`
    return [
      { name, value: Math.round(size / seconds), unit: 'entries/s' },
      {
        name: `${name}, peak memory`,
        value: megabytes,
        unit: 'MiB',
        target: `at most ${maxMegabytes}`,
        ok: megabytes <= maxMegabytes,
      },
    ]
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

interface Verified {
  verdict: { ok: boolean; size?: number }
  seconds: number
  peakBytes: number
}

async function verifyInChild(folder: string, key: string): Promise<Verified> {
  const script = join(import.meta.dirname, 'verify-child.ts')
  const { stdout } = await promisify(execFile)(process.execPath, [script, folder, key])
  return JSON.parse(stdout) as Verified
}
