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

/** How a reader says what it came across beside pins. */
export type TellOutside = (outside: Outside) => void

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
}
