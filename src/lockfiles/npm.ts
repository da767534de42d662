import { MayflyError } from '../lib/index.ts'
import type { Pin } from './pin.ts'

interface LockedPackage {
  name?: unknown
  version?: unknown
  integrity?: unknown
  resolved?: unknown
}

/** Reads lockfileVersion 2 or 3 (npm documentation, "package-lock.json"). Throws `bad_input`. */
export function readPackageLock(text: string): Pin[] {
  const known = new Map<string, string>()
  const pins: Pin[] = []
  for (const [place, one] of Object.entries(packagesOf(text))) {
    const at = place.lastIndexOf('node_modules/')
    if (at === -1 || typeof one !== 'object' || one === null) continue
    const {
      name = place.slice(at + 'node_modules/'.length),
      version,
      integrity,
      resolved,
    } = one as LockedPackage
    if (typeof name !== 'string' || typeof version !== 'string' || typeof integrity !== 'string') continue
    if (!isPackageName(name)) continue
    const key = `${name} ${version}`
    const other = known.get(key)
    // One version with two digests: whoever wrote that wants one of them to slip through.
    if (other !== undefined && other !== integrity)
      throw new MayflyError('bad_input', `the lockfile pins ${name}@${version} to two digests`)
    if (other !== undefined) continue
    known.set(key, integrity)
    const where = typeof resolved === 'string' ? { resolved } : {}
    pins.push({ ecosystem: 'npm', name, version, integrity, ...where })
  }
  return pins
}

function packagesOf(text: string): Record<string, unknown> {
  try {
    const lock = JSON.parse(text) as { lockfileVersion?: unknown; packages?: unknown } | null
    if (typeof lock?.packages === 'object' && lock.packages !== null)
      return lock.packages as Record<string, unknown>
  } catch (cause) {
    throw new MayflyError('bad_input', 'package-lock.json is not JSON', { cause })
  }
  throw new MayflyError('bad_input', 'package-lock.json has no "packages": make it with npm 7 or later')
}

// A name is a path at the registry: one that leads elsewhere names no package.
function isPackageName(name: string): boolean {
  return /^(?:@(?!\.{1,2}\/)[a-z0-9._~-]+\/)?(?!\.{1,2}$)[a-z0-9._~-]+$/i.test(name)
}
