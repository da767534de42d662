import { gunzipSync, gzipSync } from 'node:zlib'
import { MayflyError, sha256Hex, type StepId } from '../lib/index.ts'
import { insertOnce, type Store } from '../store/index.ts'
import type { Step } from './model.ts'

/** A file that a step hands on. */
export interface ListedFile {
  readonly path: string
  /** In hex. */
  readonly sha256: string
  readonly bytes: number
}

/** All files that open steps hand on, as their supervisors list them before the end. */
export interface StoredArtifactLists {
  /** The digest of the list. Throws `conflict` for another list than the first, `bad_input` for a path that stands twice. */
  keep(step: Step, files: readonly ListedFile[]): Promise<string>
  /** What an open step has listed, with the digest of it. */
  of(step: StepId): { readonly sha256: string; readonly files: readonly ListedFile[] } | undefined
}

export function createStoredArtifactLists({ store }: { store: Store }): StoredArtifactLists {
  return {
    async keep({ id }, files) {
      const problem = artifactListProblem(files)
      if (problem !== undefined) throw new MayflyError('bad_input', problem)
      const { sorted, sha256 } = listed(files)
      const row = { step_id: id, sha256, packed: gzipSync(JSON.stringify(sorted)) }
      await store.writeAll(() => [insertOnce('step_artifacts', row)])
      if (store.find('step_artifacts', { step_id: id })?.sha256 !== sha256)
        throw new MayflyError('conflict', 'the artifacts of the step were listed before, and were others')
      return sha256
    },
    of: (step) => artifactListOf(store, step),
  }
}

/** Why these are no list of files that can be spoken of one by one; the same at every door that they come in by. */
export function artifactListProblem(files: readonly ListedFile[]): string | undefined {
  const paths = new Set(files.map(({ path }) => path))
  if (paths.size !== files.length) return 'a path stands twice in the list of artifacts'
  if (paths.has('')) return 'a path in the list of artifacts is empty'
  // Neither can be the name of a file; what is not Unicode would be written down as another path than was said.
  const bad = [...paths].find((path) => path.includes('\0') || !path.isWellFormed())
  if (bad !== undefined) return 'a path in the list of artifacts has a NUL in it, or is no Unicode'
  return [...paths].every(isInside)
    ? undefined
    : 'a path in the list of artifacts is not one below the workspace in its shortest form (it begins or ends with a slash, or has an empty part, . or .. in it)'
}

/** Whoever runs `sha256sum -c` on the sums, or looks a subject up, would read a file outside of the folder; and one file has one name. */
function isInside(path: string): boolean {
  return path.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
}

/** In the order of their paths' bytes, and the digest of what `sha256sum` prints of them then. */
function listed(files: readonly ListedFile[]): { sorted: readonly ListedFile[]; sha256: string } {
  const sorted = files.toSorted((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)))
  return { sorted, sha256: sha256Hex(sha256Sums(sorted)) }
}

export function artifactListDigest(files: readonly ListedFile[]): string {
  return listed(files).sha256
}

export function artifactListOf(
  store: Pick<Store, 'find'>,
  step: StepId,
): ReturnType<StoredArtifactLists['of']> {
  const row = store.find('step_artifacts', { step_id: step })
  if (row === undefined) return undefined
  return { sha256: row.sha256, files: JSON.parse(gunzipSync(row.packed).toString()) as ListedFile[] }
}

/** As sha256sum(1) writes them: a name with a line end or a backslash is spelt out, with a backslash in front of the digest. */
export function sha256Sums(sorted: readonly Pick<ListedFile, 'path' | 'sha256'>[]): string {
  return sorted.map(sumLine).join('')
}

function sumLine({ sha256, path }: Pick<ListedFile, 'path' | 'sha256'>): string {
  const spelt = path.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r')
  return `${spelt === path ? '' : '\\'}${sha256}  ${spelt}\n`
}
