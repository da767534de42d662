import { MayflyError } from '../lib/index.ts'
import { createNpmPins, isGitPlace, outsideOf } from './npm-pins.ts'
import type { Pin, Tell } from './pin.ts'
import { recordOf } from './yaml.ts'

interface LockedPackage {
  name?: unknown
  version?: unknown
  integrity?: unknown
  resolved?: unknown
  link?: unknown
  inBundle?: unknown
}

/** Reads lockfileVersion 2 or 3 (npm documentation, "package-lock.json"). Throws `bad_input`. */
export function readPackageLock(text: string, tell: Tell): Pin[] {
  const pins = createNpmPins(tell)
  const packages = packagesOf(text)
  const addresses = addressesAskedFor(packages)
  for (const [place, one] of Object.entries(packages)) {
    const at = place.lastIndexOf('node_modules/')
    if (at === -1 || typeof one !== 'object' || one === null) continue
    const locked = one as LockedPackage
    // A link is a folder of the workspace, and what is bundled comes in the file of who bundles it.
    if (locked.link === true || locked.inBundle === true) continue
    const { name = place.slice(at + 'node_modules/'.length), resolved } = locked
    if (typeof resolved === 'string' && isGitPlace(resolved)) tell.outside(outsideOf(String(name), resolved))
    else if (typeof resolved !== 'string' || !resolved.startsWith('file:')) {
      // It is pinned all the same: where it is from a connection's host, it is fetched as one that a registry has.
      if (typeof resolved === 'string' && addresses.has(resolved))
        tell.outside(outsideOf(String(name), resolved))
      pins.add({ ...locked, entry: JSON.stringify(place), name })
    }
  }
  return pins.all()
}

/** What the packages say that they need by its address instead of a version. */
function addressesAskedFor(packages: Record<string, unknown>): ReadonlySet<string> {
  const kinds = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies']
  const ranges = Object.values(packages).flatMap((one) =>
    kinds.flatMap((kind) => Object.values(recordOf(recordOf(one)[kind]))),
  )
  return new Set(
    ranges.filter((range) => typeof range === 'string').filter((range) => /^https?:/.test(range)),
  )
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
