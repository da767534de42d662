import { posix } from 'node:path'
import type { FileRole, PipelineFile } from '../model.ts'
import { bounds } from './bounds.ts'
import type { CheckoutFiles } from './checkout-files.ts'
import { referencesOf } from './file-parts.ts'

/** What a file takes from its own checkout. */
export interface Included {
  /** Any of these; the first one that is there. */
  readonly paths: readonly string[]
  readonly role: FileRole
  readonly as: string
  /** An earlier step may make it: that it is not there is no mistake yet. */
  readonly mayBeMade?: true
}

const upload = /\bbuildkite-agent\s+pipeline\s+upload\s+(?:--\S+\s+){0,5}["']?([\w./-]{1,300}\.ya?ml)/g

export function includedBy(file: PipelineFile, files: CheckoutFiles): Included[] {
  const local = referencesOf(file).filter(({ pin }) => pin === 'local')
  const named = local.flatMap(({ kind, name }): Included[] => {
    if (kind === 'action' || kind === 'plugin') return file.ci === 'buildkite' ? [] : [actionAt(name)]
    if (kind === 'include') return includeAt(name, files)
    if (kind === 'template')
      return one(posix.join(name.startsWith('/') ? '.' : posix.dirname(file.path), name), name)
    return kind === 'workflow' ? one(posix.normalize(name), name) : []
  })
  return [...named, ...uploadedBy(file)]
}

function one(path: string, as: string): Included[] {
  return [{ paths: [path], role: 'included', as }]
}

/** The path of an action is that of its folder, from the root. */
function actionAt(name: string): Included {
  const whole = posix.normalize(name)
  // Of a repository that is checked out into a folder of the workspace.
  const inside = whole.indexOf('/.github/')
  const folders = inside === -1 ? [whole] : [whole, whole.slice(inside + 1)]
  const paths = folders.flatMap((folder) => [
    posix.join(folder, 'action.yml'),
    posix.join(folder, 'action.yaml'),
  ])
  return { paths, role: 'action', as: name, mayBeMade: true }
}

/** GitLab's `local` begins at the root; `*` is any name, `**` any folders. */
function includeAt(name: string, files: CheckoutFiles): Included[] {
  const path = posix.normalize(name.replace(/^\/+/, ''))
  if (!path.includes('*')) return one(path, name)
  const [before = ''] = path.split('*')
  const folder = posix.dirname(`${before}x`)
  return files
    .list(folder, path.includes('**') ? bounds.includeDepth : 0)
    .filter((found) => isLike(found.split('/'), path.split('/')))
    .flatMap((found) => one(found, name))
}

/** Is a file of this path taken in by an `include` of that name? */
export function isIncludedAs(name: string, path: string): boolean {
  const plain = posix.normalize(name.replace(/^\/+/, ''))
  return plain.includes('*') ? isLike(path.split('/'), plain.split('/')) : plain === path
}

function isLike(path: readonly string[], pattern: readonly string[]): boolean {
  const [want, ...more] = pattern
  const [have, ...rest] = path
  if (want === undefined) return have === undefined
  if (want === '**') return isLike(path, more) || (have !== undefined && isLike(rest, pattern))
  return have !== undefined && isNameLike(have, want) && isLike(rest, more)
}

/** `*` in a name, without a regular expression made of a stranger's text. */
function isNameLike(name: string, pattern: string): boolean {
  const parts = pattern.split('*')
  const [first = ''] = parts
  const last = parts.at(-1) ?? ''
  if (parts.length === 1) return name === pattern
  if (!name.startsWith(first) || !name.endsWith(last) || name.length < first.length + last.length)
    return false
  let at = first.length
  for (const part of parts.slice(1, -1)) {
    const found = name.indexOf(part, at)
    if (found === -1) return false
    at = found + part.length
  }
  return at <= name.length - last.length
}

function uploadedBy({ ci, jobs }: PipelineFile): Included[] {
  if (ci !== 'buildkite') return []
  return jobs
    .flatMap(({ steps }) => steps.flatMap(({ commands }) => commands))
    .flatMap(({ value }) =>
      [...value.matchAll(upload)].flatMap(([, path = '']) =>
        one(posix.normalize(path), path).map((file): Included => ({ ...file, mayBeMade: true })),
      ),
    )
}
