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

/** The same as plain data, to be handed from one thread to another. */
export interface PinList {
  readonly packages: number
  readonly digest: string
  /** Name, version, integrity; name, version, integrity; ... */
  readonly pins: readonly string[]
}

interface LockedPackage {
  name?: unknown
  version?: unknown
  integrity?: unknown
}

/** Reads lockfileVersion 2 or 3 (npm documentation, "package-lock.json"). Throws `bad_input` or `limit_exceeded`. */
export function readLockfile(text: string): PinList {
  if (Buffer.byteLength(text) > limits.lockfileBytes)
    throw new MayflyError('limit_exceeded', `the lockfile is over ${limits.lockfileBytes} bytes`)
  const known = new Map<string, string>()
  const pins: string[] = []
  let packages = 0
  for (const [place, one] of Object.entries(packagesOf(text))) {
    const at = place.lastIndexOf('node_modules/')
    if (at === -1 || typeof one !== 'object' || one === null) continue
    const { name = place.slice(at + 'node_modules/'.length), version, integrity } = one as LockedPackage
    if (typeof name !== 'string' || typeof version !== 'string' || typeof integrity !== 'string') continue
    if (!isPackageName(name)) continue
    packages++
    const key = keyOf(name, version)
    const other = known.get(key)
    // One version with two digests: whoever wrote that wants one of them to slip through.
    if (other !== undefined && other !== integrity)
      throw new MayflyError('bad_input', `the lockfile pins ${name}@${version} to two digests`)
    if (other !== undefined) continue
    known.set(key, integrity)
    pins.push(name, version, integrity)
    if (known.size > limits.lockfilePackages)
      throw new MayflyError(
        'limit_exceeded',
        `the lockfile pins more than ${limits.lockfilePackages} packages`,
      )
  }
  return { packages, digest: sha256Hex(text), pins }
}

/** The list as it is asked. */
export function pinsOf({ packages, digest, pins }: PinList): Pins {
  const names = new Set<string>()
  const digests = new Map<string, string>()
  for (let i = 0; i < pins.length; i += 3) {
    const [name = '', version = '', integrity = ''] = pins.slice(i, i + 3)
    names.add(name)
    digests.set(keyOf(name, version), integrity)
  }
  return {
    packages,
    digest,
    has: (name) => names.has(name),
    integrity: (name, version) => digests.get(keyOf(name, version)),
  }
}

// No package name has a space.
function keyOf(name: string, version: string): string {
  return `${name} ${version}`
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
