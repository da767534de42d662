import { MayflyError, limits, sha256Hex } from '../../lib/index.ts'

/** What a package-lock.json pins: per package name, per version, its SRI digest. */
export interface Pins {
  readonly packages: number
  /** SHA-256 of the lockfile's text, in hex. */
  readonly digest: string
  has(name: string): boolean
  /** Subresource Integrity text (`sha512-...`) of this version, if it is pinned. */
  integrity(name: string, version: string): string | undefined
}

interface LockedPackage {
  name?: unknown
  version?: unknown
  integrity?: unknown
}

/** Reads lockfileVersion 2 or 3 (npm documentation, "package-lock.json"). Throws `bad_input` or `limit_exceeded`. */
export function readLockfile(text: string): Pins {
  if (Buffer.byteLength(text) > limits.lockfileBytes)
    throw new MayflyError('limit_exceeded', `the lockfile is over ${limits.lockfileBytes} bytes`)
  const packages = packagesOf(text)
  const pins = new Map<string, Map<string, string>>()
  let count = 0
  for (const [place, one] of Object.entries(packages)) {
    const at = place.lastIndexOf('node_modules/')
    if (at === -1 || typeof one !== 'object' || one === null) continue
    const { name = place.slice(at + 'node_modules/'.length), version, integrity } = one as LockedPackage
    if (typeof name !== 'string' || typeof version !== 'string' || typeof integrity !== 'string') continue
    if (!isPackageName(name)) continue
    const versions = pins.get(name) ?? new Map<string, string>()
    pins.set(name, versions)
    const known = versions.get(version)
    // One version with two digests: whoever wrote that wants one of them to slip through.
    if (known !== undefined && known !== integrity)
      throw new MayflyError('bad_input', `the lockfile pins ${name}@${version} to two digests`)
    versions.set(version, integrity)
    count++
  }
  return {
    packages: count,
    digest: sha256Hex(text),
    has: (name) => pins.has(name),
    integrity: (name, version) => pins.get(name)?.get(version),
  }
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
