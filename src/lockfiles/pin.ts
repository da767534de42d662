/** Package ecosystems, by their name in package URLs (purl-spec, "PURL types"). */
export type Ecosystem = 'npm' | 'pypi' | 'golang' | 'cargo' | 'maven' | 'gem' | 'nuget'

/** One version of a package, and what its bytes must be. */
export interface Pin {
  readonly ecosystem: Ecosystem
  /** As the registry spells it: of several spellings the ecosystem's canonical one. */
  readonly name: string
  readonly version: string
  /** Where a version is several files and the lockfile tells them apart: the file's name. */
  readonly file?: string
  /**
   * Subresource Integrity text: `sha512-BASE64`, several by spaces. Of the strongest algorithm named one must hold. Empty: the
   * lockfile has none, so the file is refused, if not `byRegistry`.
   */
  readonly integrity: string
  /** The lockfile's format has no digest of the file, and fixes the version alone (yarn 4): what the registry says of it counts. */
  readonly byRegistry?: true
  /** Where the lockfile says that it is, if it does. */
  readonly resolved?: string
}

/** A lockfile of the workspace. Its path is below the workspace, with `/`. */
export interface Lockfile {
  readonly path: string
  readonly text: string
}

/** A dependency that comes from no registry; nothing pins it here, and it is reached by a grant of its own or not at all. */
export interface Outside {
  readonly name: string
  readonly kind: 'git' | 'url'
  /** Empty if the lockfile does not say it. */
  readonly host: string
}

/** An entry of a lockfile that pins nothing because it cannot be read: it is said, so that nobody wonders why a package is refused. */
export interface Gap {
  /** Of the lockfile. */
  readonly path: string
  /** Counted from 1; missing if it cannot be told. */
  readonly line?: number
  /** As it stands there, shortened. */
  readonly entry: string
  readonly why: string
}

/** How a reader says what it came across beside pins. */
export interface Tell {
  outside(outside: Outside): void
  /** `entry` is how it begins in the text: where that stands first is its line, if the reader does not know it. */
  gap(entry: string, why: string, line?: number): void
}

/** What lockfiles pin, as plain data that one thread hands to another. */
export interface PinList {
  readonly files: readonly {
    readonly path: string
    readonly packages: number
    readonly sha256: string
    /** Why it pins nothing, if it could not be read. */
    readonly unread?: string
  }[]
  readonly pins: readonly Pin[]
  readonly outside: readonly Outside[]
  readonly gaps: readonly Gap[]
}
