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
  /** Subresource Integrity text: `sha512-BASE64`, several by spaces. Of the strongest algorithm named one must hold. */
  readonly integrity: string
  /** Where the lockfile says that it is, if it does. */
  readonly resolved?: string
}

/** A lockfile of the workspace. Its path is below the workspace, with `/`. */
export interface Lockfile {
  readonly path: string
  readonly text: string
}

/** What lockfiles pin, as plain data that one thread hands to another. */
export interface PinList {
  readonly files: readonly { readonly path: string; readonly packages: number; readonly sha256: string }[]
  readonly pins: readonly Pin[]
}
