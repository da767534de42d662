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
  /** Where it is; undefined if that is no address that the gateway goes to. */
  readonly tarball: URL | undefined
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

interface Known {
  readonly versions: ReadonlyMap<string, Dist>
  readonly places: ReadonlyMap<string, Dist>
}

function createDists(): Dists {
  const packages = new Map<string, Known>()
  let count = 0
  // No package name has a space.
  const keyOf = ({ name: connection }: Connection, name: string) => `${connection} ${name}`

  function forget(key: string): void {
    count -= packages.get(key)?.versions.size ?? 0
    packages.delete(key)
  }

  return {
    remember(connection, name, dists) {
      const key = keyOf(connection, name)
      forget(key)
      const places = dists.flatMap((dist) => {
        const place = dist.tarball === undefined ? undefined : placeOf(dist.tarball.href)
        return place === undefined ? [] : [[place, dist] as const]
      })
      packages.set(key, {
        versions: new Map(dists.map((dist) => [dist.version, dist])),
        places: new Map(places),
      })
      count += packages.get(key)?.versions.size ?? 0
      for (const oldest of packages.keys()) {
        if (count <= maxVersions || oldest === key) break
        forget(oldest)
      }
    },
    of: (connection, name, version) => packages.get(keyOf(connection, name))?.versions.get(version),
    at(connection, place) {
      for (const [key, { places }] of packages)
        if (key.startsWith(`${connection.name} `) && places.has(place)) return places.get(place)
      return undefined
    },
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
