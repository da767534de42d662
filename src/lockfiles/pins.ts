import { sha256Hex } from '../lib/index.ts'
import type { Ecosystem, Gap, Outside, Pin, PinList } from './pin.ts'

/** What the lockfiles of a step pin, as it is asked. */
export interface Pins {
  readonly packages: number
  /** SHA-256 in hex: of the lockfile, or of the list of their digests where there are several. */
  readonly digest: string
  readonly files: PinList['files']
  /** Whether some version of the package is pinned. */
  has(ecosystem: Ecosystem, name: string): boolean
  /** Every file of every version of the package that is pinned. */
  all(ecosystem: Ecosystem, name: string): readonly Pin[]
  /** The files of this version that are pinned: none, if it is not. */
  of(ecosystem: Ecosystem, name: string, version: string): readonly Pin[]
  /** What the lockfiles say to be at this address (see `placeOf`), with or without digest. */
  at(place: string): readonly Pin[]
  /** Dependencies that no registry has; the first hundred. */
  readonly outside: readonly Outside[]
  /** Entries that pin nothing because they cannot be read; the first hundred. */
  readonly gaps: readonly Gap[]
  /** What a lockfile has about the package that could not be read, in words; empty, if there is nothing. */
  unreadAbout(name: string): string
}

export function pinsOf({ files, pins, outside, gaps }: PinList): Pins {
  const names = new Map<string, Pin[]>()
  const versions = new Map<string, Pin[]>()
  const places = new Map<string, Pin[]>()
  for (const pin of pins) {
    const place = pin.resolved === undefined ? undefined : placeOf(pin.resolved)
    if (place !== undefined) push(places, place, pin)
    push(names, `${pin.ecosystem} ${pin.name}`, pin)
    const key = keyOf(pin.ecosystem, pin.name, pin.version)
    const known = versions.get(key)
    if (known === undefined) versions.set(key, [pin])
    else if (!known.some((one) => one.file === pin.file && one.integrity === pin.integrity)) known.push(pin)
  }
  const [first, ...others] = files.map(({ sha256 }) => sha256)
  return {
    packages: versions.size,
    digest: others.length === 0 ? (first ?? sha256Hex('')) : sha256Hex([first, ...others].join('\n')),
    files,
    has: (ecosystem, name) => names.has(`${ecosystem} ${name}`),
    all: (ecosystem, name) => names.get(`${ecosystem} ${name}`) ?? [],
    of: (ecosystem, name, version) => versions.get(keyOf(ecosystem, name, version)) ?? [],
    at: (place) => places.get(place) ?? [],
    outside,
    gaps,
    unreadAbout(name) {
      const gap = gaps.find(({ entry }) => mentions(entry, name))
      return gap === undefined ? '' : ` (its entry in ${writtenOf(gap)})`
    },
  }
}

/** `pnpm-lock.yaml, line 3, foo@x: why`. */
function writtenOf({ path, line, entry, why }: Gap): string {
  return `${path}, ${line === undefined ? '' : `line ${line}, `}${entry}: ${why}`
}

function mentions(entry: string, name: string): boolean {
  const at = entry.indexOf(name)
  const beside = `${entry[at - 1] ?? ''}${entry[at + name.length] ?? ''}`
  return at !== -1 && !/[A-Za-z0-9]/.test(beside)
}

/**
 * An address in the one spelling by which it is looked up: `host:port/path?query`, escapes resolved. Whether it is http or https
 * the connection says. Undefined for what is no such address, or holds credentials of its own.
 */
export function placeOf(address: string): string | undefined {
  const url = URL.parse(address)
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '')
    return undefined
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port
  try {
    return `${url.hostname}:${port}${decodeURIComponent(url.pathname)}${url.search}`
  } catch {
    return undefined
  }
}

function push(map: Map<string, Pin[]>, key: string, pin: Pin): void {
  const known = map.get(key)
  if (known === undefined) map.set(key, [pin])
  else known.push(pin)
}

// No package name has a space.
function keyOf(ecosystem: Ecosystem, name: string, version: string): string {
  return `${ecosystem} ${name} ${version}`
}
