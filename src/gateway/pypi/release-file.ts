import { purlText } from '../../lib/index.ts'
import {
  canonicalVersion,
  isPythonFile,
  joinIntegrity,
  normalizedProject,
  type Pins,
} from '../../lockfiles/index.ts'

/** What a file's name says that it is of. */
export interface Release {
  /** Normalised. */
  readonly project: string
  /** As the name has it. */
  readonly version: string
}

/**
 * What releases a file can be of: a wheel's name says it (binary distribution format, "File name convention"); in that of a
 * source archive each `-` may be the one before the version, and the longest project comes first.
 */
export function releasesOf(file: string): Release[] {
  if (!isPythonFile(file) || file.endsWith('.egg')) return []
  if (file.endsWith('.whl')) {
    const parts = file.slice(0, -'.whl'.length).split('-')
    const [name = '', version = ''] = parts
    const isWhole = (parts.length === 5 || parts.length === 6) && !parts.includes('')
    return isWhole ? [{ project: normalizedProject(name), version }] : []
  }
  const base = file.replace(/\.(?:tar\.(?:gz|bz2|xz)|tgz|zip)$/, '')
  const found: Release[] = []
  for (let at = base.lastIndexOf('-'); at > 0; at = base.lastIndexOf('-', at - 1)) {
    const version = base.slice(at + 1)
    if (/^v?\d/i.test(version)) found.push({ project: normalizedProject(base.slice(0, at)), version })
  }
  return found
}

/** The version that a file of this project is of; undefined if its name says that it is of another one. */
export function versionOf(file: string, project: string): string | undefined {
  return releasesOf(file).find((one) => one.project === project)?.version
}

export interface PinnedFile extends Release {
  /** Subresource Integrity text; undefined: the lockfiles contradict each other. Empty: they have no digest that counts. */
  readonly integrity: string | undefined
  /** Whether a lockfile has the file's own name, so that there is one digest that it can have. */
  readonly isNamed: boolean
}

/** What lockfiles say of a file: by its name where one has it, else by its version, whose digests are then alternatives. */
export function pinnedFile(pins: Pins, file: string): PinnedFile | undefined {
  for (const { project, version } of releasesOf(file)) {
    const all = pins.all('pypi', project)
    const named = all.filter((pin) => pin.file === file)
    const [first] = named
    if (first !== undefined) {
      const integrity = named.reduce<string | undefined>(
        (joined, pin) => (joined === undefined ? undefined : joinIntegrity(joined, pin.integrity)),
        '',
      )
      return { project, version: first.version, integrity, isNamed: true }
    }
    const same = all.filter(
      (pin) => pin.file === undefined && canonicalVersion(pin.version) === canonicalVersion(version),
    )
    if (same.length === 0) continue
    const integrity = same
      .map((pin) => pin.integrity)
      .filter((one) => one !== '')
      .join(' ')
    return { project, version: same[0]?.version ?? version, integrity, isNamed: false }
  }
  return undefined
}

/** purl-spec, type `pypi`. */
export function purlOf({ project, version }: Release, file: string): string {
  return `pkg:pypi/${project}@${purlText(version)}?file_name=${purlText(file)}`
}
