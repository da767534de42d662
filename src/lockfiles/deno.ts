import { MayflyError } from '../lib/index.ts'
import { createNpmPins, outsideOf, splitSpec } from './npm-pins.ts'
import type { Pin, Tell } from './pin.ts'
import { recordOf } from './yaml.ts'

/**
 * Reads what deno.lock pins of npm: `npm` (from version 4 on) has `name@1.0.0_peer@2.0.0`. What `jsr` and `remote` have no npm registry
 * brings. Throws `bad_input`.
 */
export function readDenoLock(text: string, tell: Tell): Pin[] {
  const lock = recordOf(parse(text))
  const pins = createNpmPins(tell)
  const older = recordOf(lock['packages'])
  const packages = { ...recordOf(older['npm']), ...recordOf(lock['npm']) }
  const modules = { ...recordOf(older['jsr']), ...recordOf(lock['jsr']) }
  for (const key of Object.keys(modules))
    tell.outside(outsideOf(splitSpec(key)?.name ?? '?', 'https://jsr.io'))
  // One host has many files.
  const hosts = Object.keys(recordOf(lock['remote'])).map((address) => URL.parse(address)?.origin ?? '')
  for (const host of new Set(hosts)) tell.outside(outsideOf('?', host))
  for (const [key, entry] of Object.entries(packages)) {
    const spec = splitSpec(key)
    const { integrity, tarball } = recordOf(entry)
    const [name, version] = [spec?.name, spec?.range.split('_')[0]]
    pins.add({ entry: JSON.stringify(key), name, version, integrity, resolved: tarball })
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
