import { lstatSync, type Stats } from 'node:fs'
import { dirname, isAbsolute, join, relative } from 'node:path'
import { hookFoldersOf, includesOf } from './git-config.ts'
import { readInside } from './inside.ts'
import { wayOf, type Link } from './link-way.ts'
import { pipelineFiles } from './pipeline-files.ts'
import { plainPath, realPath, type Found } from './repositories.ts'

/** What no step may change in a workspace that others share. */
export interface Protection {
  /** From the workspace; no link on the way, and none itself. */
  readonly path: string
  /** There is nothing by that name yet: an empty one is put there, which Git takes for none. */
  readonly missing?: 'file' | 'folder'
}

export interface Protections {
  /** To be mounted read-only. */
  readonly fixed: readonly Protection[]
  /** Links on the way to them: nothing can be mounted over a link, so they are put back when the step has ended. */
  readonly links: readonly Link[]
}

const maxConfigBytes = 1_048_576
/** Configurations that others include. */
const maxIncluded = 200

/**
 * Everything that Git and CIs run or obey, by where it is: of each repository its configuration, with what that includes, its hooks, its
 * attributes and what says where it is, and the definitions of pipelines. Also what is not there yet, where Git would look, and the
 * files that this job has in use.
 */
export function protectionsOf(workspace: string, found: Found, inUse: readonly string[] = []): Protections {
  const fixed = new Map<string, Protection>()
  const links = new Map<string, Link>()
  const add = (path: string, absent?: 'file' | 'folder') => {
    const way = wayOf(workspace, path)
    for (const link of way.links) links.set(link.path, link)
    if (way.end === undefined) return
    const stat = lookAt(join(workspace, way.end))
    if (stat?.isFile() === true || stat?.isDirectory() === true) fixed.set(way.end, { path: way.end })
    else if (stat === undefined && absent !== undefined && isFolder(workspace, dirname(way.end)))
      fixed.set(way.end, { path: way.end, missing: absent })
  }
  for (const folder of found.repositories)
    for (const [name, absent] of ofRepository(workspace, folder)) add(join(folder, name), absent)
  for (const path of found.pointers) add(path)
  // Of a link to a repository what is in there is protected above.
  for (const path of found.linked) for (const link of wayOf(workspace, path).links) links.set(link.path, link)
  for (const [path, absent] of namedByConfigurations(workspace, found)) add(path, absent)
  const tops = new Set(['', ...found.tops])
  for (const top of tops) for (const name of pipelineFiles) add(join(top, name))
  for (const path of found.pipelines) if (tops.has(dirname(path).replace(/^\.$/, ''))) add(path)
  for (const path of inUse) for (const inside of namesInside(workspace, path)) add(inside)
  // What is in a folder that is protected itself is so already.
  const isInside = (path: string) => above(path).some((folder) => fixed.has(folder))
  return {
    fixed: [...fixed.values()].filter(({ path }) => !isInside(path) && isPlainWay(workspace, path)),
    links: [...links.values()].filter(({ path }) => !isInside(path)),
  }
}

/** As it was named, if that is in the workspace, and where it really is, if that is. */
function namesInside(workspace: string, path: string): string[] {
  return [path, realPath(path)].flatMap((one) => {
    const inside = one === undefined ? '' : relative(workspace, one)
    return inside === '' || inside.startsWith('..') || isAbsolute(inside) ? [] : [inside]
  })
}

type Name = readonly [name: string, absent?: 'file' | 'folder']

/** gitrepository-layout(5). A linked worktree has hooks, attributes and configuration where its `commondir` says. */
function ofRepository(workspace: string, folder: string): Name[] {
  const worktree = lookAt(join(workspace, folder, 'commondir')) !== undefined
  const own: Name[] = [['config'], ['config.worktree', 'file'], ['commondir'], ['gitdir']]
  return worktree
    ? [...own, ['hooks'], ['info/attributes']]
    : [...own, ['hooks', 'folder'], ['info/attributes', 'file']]
}

/** Files that a configuration includes, and they in turn, and folders of hooks; as far as they are in the workspace. */
function namedByConfigurations(workspace: string, { repositories }: Found): Name[] {
  const configs = repositories.flatMap((folder) =>
    ['config', 'config.worktree'].map((name) => ({ path: join(folder, name), repository: folder })),
  )
  const named: Name[] = []
  const seen = new Set<string>()
  for (const { path, repository } of configs) {
    const plain = plainPath(workspace, path)
    const text =
      plain === undefined || seen.has(path) ? undefined : readInside(workspace, plain, maxConfigBytes)
    seen.add(path)
    if (text === undefined) continue
    for (const one of includesOf(text)) {
      const inside = insideOf(workspace, dirname(path), one)
      if (inside === undefined) continue
      named.push([inside, 'file'])
      if (named.length < maxIncluded) configs.push({ path: inside, repository })
    }
    // From where the hook runs: the top of the checkout, or of a bare repository itself.
    for (const one of hookFoldersOf(text))
      for (const from of [dirname(repository), repository, '']) {
        const inside = insideOf(workspace, from, one)
        if (inside !== undefined) named.push(from === dirname(repository) ? [inside, 'folder'] : [inside])
      }
  }
  return named
}

function insideOf(workspace: string, from: string, named: string): string | undefined {
  const path = relative(workspace, isAbsolute(named) ? named : join(workspace, from, named))
  return path === '' || path.startsWith('..') || isAbsolute(path) ? undefined : path
}

/** What is no folder can be replaced around what is in it, and what is a link leads elsewhere. */
function isPlainWay(workspace: string, path: string): boolean {
  return above(path).every((folder) => isFolder(workspace, folder))
}

function above(path: string): string[] {
  const parts = path.split('/').slice(0, -1)
  return parts.map((_, i) => parts.slice(0, i + 1).join('/'))
}

function isFolder(workspace: string, path: string): boolean {
  return lookAt(join(workspace, path))?.isDirectory() === true
}

/** undefined also where a file stands in the place of a folder on the way. */
function lookAt(path: string): Stats | undefined {
  try {
    return lstatSync(path)
  } catch {
    return undefined
  }
}
