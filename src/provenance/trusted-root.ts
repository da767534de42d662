import { readFile } from 'node:fs/promises'
import { MayflyError, limits, messageOf, type Clock } from '../lib/index.ts'
import type { Trust } from './verify.ts'

/** Files of trusted roots, read when they are first asked for, and again once an hour: what they name is renewed. */
export interface TrustedRoots {
  /** Throws `bad_input` if the file cannot be read. */
  of(path: string): Promise<readonly Trust[]>
}

const againMs = 3_600_000

export function createTrustedRoots({ clock }: { clock: Clock }): TrustedRoots {
  const files = new Map<string, { trust: Promise<readonly Trust[]>; readMs: number }>()
  return {
    of(path) {
      const known = files.get(path)
      const nowMs = clock.nowMs()
      if (known !== undefined && nowMs - known.readMs < againMs) return known.trust
      const reading = readRoots(path)
      // While it is being read anew, or cannot be, what was read before counts.
      const trust = known === undefined ? reading : reading.catch(() => known.trust)
      files.set(path, { trust, readMs: nowMs })
      if (known === undefined) reading.catch(() => files.delete(path))
      return trust
    },
  }
}

/** One root in JSON, or one on each line, as `gh attestation trusted-root` prints them. */
async function readRoots(path: string): Promise<readonly Trust[]> {
  try {
    const text = await readFile(path, 'utf8')
    if (text.length > limits.trustedRootBytes)
      throw new Error(`it is longer than ${limits.trustedRootBytes} bytes`)
    const { parseTrustedRoot } = await import('./verify.ts')
    const roots = rootsIn(text).map(parseTrustedRoot)
    if (roots.length === 0) throw new Error('it has none')
    return roots
  } catch (cause) {
    throw new MayflyError(
      'bad_input',
      `the trusted root ${path} cannot be read: ${messageOf(cause)} (gh attestation trusted-root writes one)`,
      { cause },
    )
  }
}

function rootsIn(text: string): unknown[] {
  try {
    return [JSON.parse(text)]
  } catch {
    return text
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line) => JSON.parse(line) as unknown)
  }
}
