import { MayflyError } from '../lib/index.ts'
import { createNpmPins, outsideOf, splitSpec } from './npm-pins.ts'
import type { Pin, Tell } from './pin.ts'
import { listOf } from './toml.ts'
import { recordOf } from './yaml.ts'

/**
 * Reads bun.lock: JSON with commas before closing brackets, `packages` has `[SPEC, URL, {...}, INTEGRITY]`; the URL is empty
 * for the default registry. Throws `bad_input`.
 */
export function readBunLock(text: string, tell: Tell): Pin[] {
  const pins = createNpmPins(tell)
  for (const [key, one] of Object.entries(recordOf(recordOf(parse(text))['packages']))) {
    const [resolution, resolved, , integrity] = listOf(one)
    const spec = typeof resolution === 'string' ? splitSpec(resolution) : undefined
    const entry = JSON.stringify(key)
    if (spec === undefined) {
      tell.gap(entry, 'it does not say which version it is')
      continue
    }
    if (/^(?:workspace|link|file|root):/.test(spec.range)) continue
    // A version has neither; an address, or `github:owner/name#commit`, has one.
    if (/[:/]/.test(spec.range)) tell.outside(outsideOf(spec.name, spec.range))
    else pins.add({ entry, name: spec.name, version: spec.range, integrity, resolved: urlOf(resolved) })
  }
  return pins.all()
}

/** Some versions of bun write the registry, others the file. */
function urlOf(resolved: unknown): unknown {
  return typeof resolved === 'string' && resolved.endsWith('.tgz') ? resolved : undefined
}

/** A string as a whole (an open one up to the end, so that no text is looked at twice), a comma too many, a comment. */
const pieces = /"[^"\\]*(?:\\[\s\S][^"\\]*)*(?:"|\\?$)|,(?=\s*[}\]])|\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/g

function parse(text: string): unknown {
  try {
    return JSON.parse(text.replaceAll(pieces, (piece) => (piece.startsWith('"') ? piece : '')))
  } catch (cause) {
    throw new MayflyError('bad_input', 'bun.lock is not JSON: make it with bun 1.2 or later', { cause })
  }
}
