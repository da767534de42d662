import { MayflyError } from '../lib/index.ts'
import { createNpmPins, isGitPlace, outsideOf } from './npm-pins.ts'
import type { Pin, TellOutside } from './pin.ts'

interface LockedPackage {
  name?: unknown
  version?: unknown
  integrity?: unknown
  resolved?: unknown
  link?: unknown
  inBundle?: unknown
}

/** Reads lockfileVersion 2 or 3 (npm documentation, "package-lock.json"). Throws `bad_input`. */
export function readPackageLock(text: string, tell: TellOutside): Pin[] {
  const pins = createNpmPins()
  for (const [place, one] of Object.entries(packagesOf(text))) {
    const at = place.lastIndexOf('node_modules/')
    if (at === -1 || typeof one !== 'object' || one === null) continue
    const locked = one as LockedPackage
    // A link is a folder of the workspace, and what is bundled comes in the file of who bundles it.
    if (locked.link === true || locked.inBundle === true) continue
    const { name = place.slice(at + 'node_modules/'.length), resolved } = locked
    if (typeof resolved === 'string' && isGitPlace(resolved)) tell(outsideOf(String(name), resolved))
    else if (typeof resolved !== 'string' || !resolved.startsWith('file:')) pins.add({ ...locked, name })
  }
  return pins.all()
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
