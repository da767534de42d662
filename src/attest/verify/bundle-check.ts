import { sha256Hex } from './key.ts'
import type { Trust } from './model.ts'
import { verifyBundle } from './verify.ts'

type Checked = ReturnType<typeof verifyBundle>

/** Verifies a bundle; `spent` once the request has had all that one is given. */
export type BundleCheck = (text: string) => Promise<Checked | 'spent'>

interface CheckLimits {
  readonly bundles: number
  readonly bytes: number
}

/** A release of five hundred things, each with all that is signed of it. */
export const checkLimits: CheckLimits = { bundles: 5_000, bytes: 268_435_456 }
/** Of bundles whose answers are remembered. */
const maxKeptBytes = 67_108_864

/** Answers as `verifyBundle`, and verifies the same bundle once: a release has one for all that it brings. */
export interface BundleVerifier {
  verify(text: string): Checked
  knows(text: string): boolean
}

export function createBundleVerifier(trust: Trust, nowMs: () => number): BundleVerifier {
  const known = new Map<string, { readonly checked: Checked; readonly bytes: number }>()
  let keptBytes = 0

  function keep(id: string, checked: Checked, bytes: number): void {
    known.set(id, { checked, bytes })
    keptBytes += bytes
    for (const [oldest, one] of known) {
      if (keptBytes <= maxKeptBytes) return
      known.delete(oldest)
      keptBytes -= one.bytes
    }
  }

  return {
    knows: (text) => known.has(idOf(text)),
    verify(text) {
      const id = idOf(text)
      const found = known.get(id)
      if (found !== undefined) return found.checked
      const checked = verifyBundle(text, trust, { nowMs: nowMs() })
      keep(id, checked, text.length)
      return checked
    },
  }
}

const idOf = (text: string) => sha256Hex(Buffer.from(text))

/**
 * For one request, however many things it brings: whoever may push beside an image puts any number of any size there, and verifying one
 * takes milliseconds in which nobody else is served. So the same one is verified once, and others are served in between.
 */
export function createBundleCheck(
  trust: Trust,
  nowMs: number,
  limits: CheckLimits = checkLimits,
): BundleCheck {
  const verifier = createBundleVerifier(trust, () => nowMs)
  let [bundles, bytes] = [0, 0]
  return async (text) => {
    if (verifier.knows(text)) return verifier.verify(text)
    if (bundles >= limits.bundles || bytes + text.length > limits.bytes) return 'spent'
    bundles++
    bytes += text.length
    await new Promise((next) => setImmediate(next))
    return verifier.verify(text)
  }
}
