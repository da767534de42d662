import type { Exchange } from '../exchange.ts'
import type { PoolFile, PoolIndex } from './pool-index.ts'
import type { ListedFile, Release } from './release.ts'

/** What a step has read of one archive: what apt keeps under /var/lib/apt/lists. */
export interface Lists {
  /** By the folder that they stand in: `dists/bookworm`, empty for the archive itself. */
  readonly releases: Map<string, Release>
  /** Signatures that stand beside them, for a Release that has none within. */
  readonly signatures: Map<string, Buffer>
  /** An index, or another file that a release lists, by its path below the archive or by its digest there. */
  listed(path: string): { readonly folder: string; readonly file: ListedFile } | undefined
  add(folder: string, file: ListedFile, index: PoolIndex): void
  has(folder: string, file: ListedFile): boolean
  /** What the indexes say of a file; `contradicted` where two say two things. */
  find(path: string): { readonly file: PoolFile; readonly origin: string } | 'contradicted' | undefined
}

/** The lists of a step, gone with it. */
export type ListsOf = (exchange: Exchange) => Lists

export function createListsOf(): ListsOf {
  const ofSteps = new WeakMap<object, Map<string, Lists>>()
  return ({ ofStep, connection: { name, url } }) => {
    const known = ofSteps.get(ofStep) ?? new Map<string, Lists>()
    ofSteps.set(ofStep, known)
    const key = `${name} ${url}`
    const lists = known.get(key) ?? createLists()
    known.set(key, lists)
    return lists
  }
}

function createLists(): Lists {
  const releases = new Map<string, Release>()
  const indexes = new Map<string, { readonly folder: string; readonly index: PoolIndex }>()
  const keyOf = (folder: string, { path, integrity }: ListedFile) => `${folder} ${path} ${integrity}`
  return {
    releases,
    signatures: new Map(),
    listed(path) {
      for (const [folder, { files, byHash }] of releases) {
        if (folder !== '' && !path.startsWith(`${folder}/`)) continue
        const below = folder === '' ? path : path.slice(folder.length + 1)
        const file = files.get(below) ?? byHash.get(below)
        if (file !== undefined) return { folder, file }
      }
      return undefined
    },
    add: (folder, file, index) => void indexes.set(keyOf(folder, file), { folder, index }),
    has: (folder, file) => indexes.has(keyOf(folder, file)),
    find(path) {
      const found = [...indexes.values()].flatMap(({ folder, index }) => {
        const file = index.get(path)
        return file === undefined ? [] : [{ file, origin: releases.get(folder)?.origin ?? '' }]
      })
      const [first, ...others] = found
      return others.some(({ file }) => file.integrity !== first?.file.integrity) ? 'contradicted' : first
    },
  }
}

/** Indexes that were read last, of whatever step: what their digest names never changes. */
export interface KnownIndexes {
  of(file: ListedFile): PoolIndex | undefined
  keep(file: ListedFile, index: PoolIndex): void
}

/** Indexes that stay though no step has them any more: those of Debian's main take 30 MB each. */
const maxRecent = 6

export function createKnownIndexes(): KnownIndexes {
  const known = new Map<string, WeakRef<PoolIndex>>()
  let recent: PoolIndex[] = []
  const touch = (index: PoolIndex) => {
    recent = [index, ...recent.filter((one) => one !== index)].slice(0, maxRecent)
  }
  return {
    of({ integrity, path }) {
      const index = known.get(`${integrity} ${path}`)?.deref()
      if (index !== undefined) touch(index)
      return index
    },
    keep({ integrity, path }, index) {
      for (const [key, one] of known) if (one.deref() === undefined) known.delete(key)
      known.set(`${integrity} ${path}`, new WeakRef(index))
      touch(index)
    },
  }
}
