import { placeOf } from '../../lockfiles/index.ts'
import type { Exchange } from '../exchange.ts'
import type { Signature } from './signature.ts'

type Connection = Exchange['connection']

/** What a registry says of one version's file. */
export interface Dist {
  readonly name: string
  readonly version: string
  /** Subresource Integrity text; empty if it has none. */
  readonly integrity: string
  /** The URL where it is; undefined if that is no address that the gateway goes to. */
  readonly tarball?: string
  /** The step asks for it where the registries' convention has it: whose file it is can be read from that path. */
  readonly usual?: true
  readonly signatures: readonly Signature[]
  /** In milliseconds since the epoch, if the registry said it. */
  readonly published: number | undefined
}

/** What packuments said that passed to one step, so that the files that follow are held against just that. */
export interface Dists {
  remember(connection: Connection, name: string, dists: readonly Dist[]): void
  of(connection: Connection, name: string, version: string): Dist | undefined
  /** Whose file it is that is at this place (see `placeOf`). */
  at(connection: Connection, place: string): Dist | undefined
  /** Some package that the step was let read about. */
  anyName(connection: Connection): string | undefined
}

/** Versions that are remembered for one step; beyond it, those asked for longest ago are asked for again. */
const maxVersions = 100_000

function createDists(): Dists {
  const packages = new Map<string, ReadonlyMap<string, Dist>>()
  /** Files that are not asked for where the convention has them, by connection and place. */
  const places = new Map<string, Dist>()
  let count = 0
  // No package name has a space, nor a connection's.
  const keyOf = ({ name: connection }: Connection, about: string) => `${connection} ${about}`

  const placeIn = (connection: string, { tarball, usual }: Dist) => {
    const place = tarball === undefined || usual === true ? undefined : placeOf(tarball)
    return place === undefined ? undefined : `${connection} ${place}`
  }

  function forget(key: string): void {
    const versions = packages.get(key)
    if (versions === undefined) return
    for (const dist of versions.values()) {
      const place = placeIn(key.slice(0, key.indexOf(' ')), dist)
      if (place !== undefined && places.get(place) === dist) places.delete(place)
    }
    count -= versions.size
    packages.delete(key)
  }

  return {
    remember(connection, name, dists) {
      const key = keyOf(connection, name)
      forget(key)
      const versions = new Map(dists.map((dist) => [dist.version, dist]))
      packages.set(key, versions)
      count += versions.size
      for (const dist of dists) {
        const place = placeIn(connection.name, dist)
        if (place !== undefined && !places.has(place)) places.set(place, dist)
      }
      for (const oldest of packages.keys()) {
        if (count <= maxVersions || oldest === key) break
        forget(oldest)
      }
    },
    of: (connection, name, version) => packages.get(keyOf(connection, name))?.get(version),
    at: (connection, place) => places.get(keyOf(connection, place)),
    anyName(connection) {
      const key = [...packages.keys()].find((one) => one.startsWith(`${connection.name} `))
      return key?.slice(connection.name.length + 1)
    },
  }
}

/** One for each step, gone with it. */
export function createDistsOfSteps(): (step: object) => Dists {
  const steps = new WeakMap<object, Dists>()
  return (step) => {
    const known = steps.get(step) ?? createDists()
    steps.set(step, known)
    return known
  }
}
