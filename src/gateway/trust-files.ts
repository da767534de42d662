import { readFile, stat } from 'node:fs/promises'
import { joinTrust, parseTrustedRoot, type Trust } from '../attest/verify/index.ts'
import { limits, MayflyError, messageOf, type Clock } from '../lib/index.ts'

/** Files of trusted roots that grants name, read when they are first asked for, and again once an hour: what they name is renewed. */
export interface TrustFiles {
  /** Throws `bad_input` if the file cannot be read. */
  of(path: string): Promise<Trust>
}

const againMs = 3_600_000

export function createTrustFiles({ clock }: { readonly clock: Clock }): TrustFiles {
  const files = new Map<string, { readonly trust: Promise<Trust>; readonly readMs: number }>()
  return {
    of(path) {
      const known = files.get(path)
      const nowMs = clock.nowMs()
      if (known !== undefined && nowMs - known.readMs < againMs) return known.trust
      const reading = readRoots(path)
      // A file that is missing for a moment does not stop every deployment: what was read before counts.
      const trust = known === undefined ? reading : reading.catch(() => known.trust)
      files.set(path, { trust, readMs: nowMs })
      if (known === undefined) reading.catch(() => files.delete(path))
      return trust
    },
  }
}

async function readRoots(path: string): Promise<Trust> {
  try {
    const about = await stat(path)
    if (!about.isFile()) throw new Error('it is no regular file')
    if (about.size > limits.trustedRootBytes)
      throw new Error(`it is longer than ${limits.trustedRootBytes} bytes`)
    return trustIn(await readFile(path, 'utf8'))
  } catch (cause) {
    throw new MayflyError('bad_input', `the trusted root ${path} cannot be read: ${messageOf(cause)}`, {
      cause,
    })
  }
}

/** One root in JSON, or one on each line, as `gh attestation trusted-root` prints them. */
function trustIn(text: string): Trust {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  const isWhole = !lines.every((line) => line.trimStart().startsWith('{')) || lines.length === 1
  const roots = isWhole ? [text] : lines
  return joinTrust(...roots.map((one) => parseTrustedRoot(one)))
}
