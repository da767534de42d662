/** One file of a cache, as it is judged: relative to the cache's folder, `/` between parts. */
export interface CacheKind {
  /** Where its tool looks for it, in the step's home. */
  readonly inHome: string
  /** Is this file kept between runs? What a tool would run or trust without looking at it again is not. */
  readonly keeps: (path: string) => boolean
  /** Links in it and empty folders are kept, too, and what is not is told. */
  readonly isWhole?: boolean
  /**
   * How the digests of a lockfile confirm a file; files without one are the tool's own index, which it checks by them.
   * Undefined: nothing confirms what is in this cache.
   */
  readonly confirmed?: {
    readonly lockfile: string
    /** Digests in hex, of all that the lockfile pins. */
    readonly pins: (text: string) => ReadonlySet<string>
    readonly algorithm: 'sha512' | 'sha256'
    /** Whether the file is one that must be pinned. */
    readonly isContent: (path: string) => boolean
    /**
     * Of a file of the tool's index, what leads to content that was kept; the tool fails at an entry whose content is not there.
     * As it is if left out.
     */
    readonly indexOf?: (text: string, kept: ReadonlySet<string>) => string
  }
}

const hexOf = (base64: string) => Buffer.from(base64, 'base64').toString('hex')

/** A line of cacache's index is a digest of the rest, a tab, and JSON with the `integrity` of the content. */
function digestIn(line: string): string {
  const integrity = /"integrity":"[^"]*?sha512-([A-Za-z0-9+/]{86}==)/.exec(line)?.[1]
  return integrity === undefined ? '' : hexOf(integrity)
}

/** Anchored, so that no folder of another name is meant. */
const under =
  (...folders: readonly string[]) =>
  (path: string) =>
    folders.some((folder) => path.startsWith(`${folder}/`))

export const cacheKinds = {
  // cacache: content by its digest; npm holds it against the lockfile's integrity each time it reads it.
  npm: {
    inHome: '.npm',
    keeps: under('_cacache/content-v2', '_cacache/index-v5'),
    confirmed: {
      lockfile: 'package-lock.json',
      algorithm: 'sha512',
      pins: (text) =>
        new Set([...text.matchAll(/sha512-([A-Za-z0-9+/]{86}==)/g)].map(([, digest]) => hexOf(digest ?? ''))),
      isContent: under('_cacache/content-v2'),
      indexOf: (text, kept) =>
        text
          .split('\n')
          .filter((line) => kept.has(digestIn(line)))
          .join('\n'),
    },
  },
  // Not `wheels`: pip built them, and nobody checks them again.
  pip: { inHome: '.cache/pip', keeps: under('http', 'http-v2') },
  // Not what was unpacked, which go trusts; nor `.ziphash`, so that go computes it and holds it against go.sum.
  go: {
    inHome: 'go/pkg/mod/cache/download',
    keeps: (path) => /\.(?:zip|mod|info)$|\/list$/.test(path),
    confirmed: {
      lockfile: 'go.sum',
      algorithm: 'sha256',
      pins: () => new Set<string>(),
      isContent: () => false,
    },
  },
  // Not `src`, which was unpacked, and which cargo trusts.
  cargo: {
    inHome: '.cargo/registry',
    // Of the index what cargo fetched over HTTP; one in Git would bring hooks and a configuration.
    keeps: (path) => under('cache')(path) || /^index\/[^/]+\/(?:config\.json|\.cache\/.+)$/.test(path),
    confirmed: {
      lockfile: 'Cargo.lock',
      algorithm: 'sha256',
      pins: (text) =>
        new Set([...text.matchAll(/^checksum = "([0-9a-f]{64})"/gm)].map(([, digest]) => digest ?? '')),
      isContent: under('cache'),
    },
  },
} as const satisfies Readonly<Record<string, CacheKind>>

type CacheName = keyof typeof cacheKinds

/** A folder of the workspace: of any content, so nothing of it is left out, and nothing confirms it. */
export const folderKind: Pick<CacheKind, 'keeps' | 'isWhole' | 'confirmed'> = {
  keeps: () => true,
  isWhole: true,
}

export function kindOf(
  name: string,
): Pick<CacheKind, 'keeps' | 'isWhole' | 'confirmed'> & { readonly inHome?: string } {
  return Object.hasOwn(cacheKinds, name) ? cacheKinds[name as CacheName] : folderKind
}
