import { createHash } from 'node:crypto'
import { limits } from '../../lib/index.ts'
import type { FileList } from '../api-facts.ts'

/** One file that a step hands on. */
export interface Artifact {
  /** From the workspace. */
  readonly path: string
  /** In hex. */
  readonly sha256: string
  readonly bytes: number
  readonly executable: boolean
  /** The pipeline names this very path. */
  readonly named: boolean
}

/** What one step hands on. */
export interface Artifacts {
  readonly step: string
  /** Id of the workspace that they come from. */
  readonly workspace: string
  /** Where they are kept, each under its digest; undefined if they stay where they are. */
  readonly folder: string | undefined
  readonly files: readonly Artifact[]
}

/** As the record has them; `mask` takes secrets of the job out of their names. The digest is that of the list of `filesOf`. */
export function fileListOf(files: readonly Artifact[], mask: (text: string) => string): FileList {
  const masked = filesOf(files, mask)
  const hash = createHash('sha256')
  for (const file of masked) hash.update(sumLine(file))
  return {
    files: firstOf(masked),
    count: files.length,
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    sha256: hash.digest('hex'),
  }
}

/** All of them, sorted by path as it is shown. Names that only a secret told apart are told apart by a number. */
export function filesOf(files: readonly Artifact[], mask: (text: string) => string): FileList['files'] {
  const taken = new Set<string>()
  const lastOf = new Map<string, number>()
  const named = sortedByPath(files).map(({ path, sha256, bytes }) => {
    const masked = mask(path)
    let number = lastOf.get(masked) ?? 1
    let shown = number === 1 ? masked : `${masked}~${number}`
    while (taken.has(shown)) shown = `${masked}~${++number}`
    lastOf.set(masked, number)
    taken.add(shown)
    return { path: shown, sha256, bytes }
  })
  return sortedByPath(named)
}

function sortedByPath<T extends { readonly path: string }>(files: readonly T[]): T[] {
  return files.toSorted((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)))
}

/** As sha256sum(1) writes it: a name with a line end or a backslash is spelt out, with a backslash in front of the digest. */
function sumLine({ sha256, path }: Pick<Artifact, 'sha256' | 'path'>): string {
  const spelt = path.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r')
  return `${spelt === path ? '' : '\\'}${sha256}  ${spelt}\n`
}

/** As many as an entry has room for, whatever a step calls its files. */
function firstOf(files: FileList['files']): FileList['files'] {
  let left = limits.recordedArtifactsBytes
  const end = files.findIndex((file) => (left -= Buffer.byteLength(JSON.stringify(file)) + 1) < 0)
  return files.slice(0, Math.min(end === -1 ? files.length : end, limits.recordedArtifacts))
}
