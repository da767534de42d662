import { MayflyError } from '../lib/index.ts'
import { createNpmPins, splitSpec } from './npm-pins.ts'
import type { Pin } from './pin.ts'
import { recordOf } from './yaml.ts'

/** Reads what deno.lock pins of npm: `npm` (from version 4 on) has `name@1.0.0_peer@2.0.0`. Throws `bad_input`. */
export function readDenoLock(text: string): Pin[] {
  const lock = recordOf(parse(text))
  const pins = createNpmPins()
  const packages = { ...recordOf(recordOf(lock['packages'])['npm']), ...recordOf(lock['npm']) }
  for (const [key, entry] of Object.entries(packages)) {
    const spec = splitSpec(key)
    const { integrity, tarball } = recordOf(entry)
    if (spec !== undefined)
      pins.add({ name: spec.name, version: spec.range.split('_')[0], integrity, resolved: tarball })
  }
  return pins.all()
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new MayflyError('bad_input', 'deno.lock is not JSON', { cause })
  }
}
