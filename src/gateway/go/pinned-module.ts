import type { Pins } from '../../lockfiles/index.ts'
import type { ModuleRoute } from './route.ts'

/** What go.sum has of one version of a module: `h1:BASE64`. */
export interface PinnedModule {
  readonly mod: string | undefined
  readonly zip: string | undefined
  /** Two files say two things. */
  readonly contradicts: boolean
}

/** Undefined if it does not have what the request is for. */
export function pinnedBy(pins: Pins | undefined, route: ModuleRoute): PinnedModule | undefined {
  if (route.kind !== 'info' && route.kind !== 'mod' && route.kind !== 'zip') return undefined
  const found = pins?.of('golang', route.module, route.version) ?? []
  const digests = (name: string) =>
    found.filter(({ file }) => file === name).map(({ integrity }) => integrity.replace('-', ':'))
  const [mods, zips] = [digests('go.mod'), digests('zip')]
  const pinned = { mod: mods[0], zip: zips[0], contradicts: mods.length > 1 || zips.length > 1 }
  // When a version was made no digest is of.
  const isThere = route.kind === 'info' ? found.length > 0 : pinned[route.kind] !== undefined
  return isThere ? pinned : undefined
}
