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
/** Of bundles whose answer is remembered: a release has one for all that it brings. */
const maxKeptBytes = 67_108_864

/**
 * For one request, however many things it brings: whoever may push beside an image puts any number of any size there, and verifying one
 * takes milliseconds in which nobody else is served. So the same one is verified once, and others are served in between.
 */
export function createBundleCheck(
  trust: Trust,
  nowMs: number,
  limits: CheckLimits = checkLimits,
): BundleCheck {
  const known = new Map<string, { readonly checked: Checked; readonly bytes: number }>()
  let [bundles, bytes, keptBytes] = [0, 0, 0]

  function keep(id: string, checked: Checked, size: number): void {
    known.set(id, { checked, bytes: size })
    keptBytes += size
    for (const [oldest, one] of known) {
      if (keptBytes <= maxKeptBytes) return
      known.delete(oldest)
      keptBytes -= one.bytes
    }
  }

  return async (text) => {
    const id = sha256Hex(Buffer.from(text))
    const found = known.get(id)
    if (found !== undefined) return found.checked
    if (bundles >= limits.bundles || bytes + text.length > limits.bytes) return 'spent'
    bundles++
    bytes += text.length
    await new Promise((next) => setImmediate(next))
    const checked = verifyBundle(text, trust, { nowMs })
    keep(id, checked, text.length)
    return checked
  }
}
