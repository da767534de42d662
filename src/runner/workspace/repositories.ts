import { readdirSync, realpathSync, type Dirent } from 'node:fs'
import { dirname, isAbsolute, join, relative } from 'node:path'
import { readInside } from './inside.ts'

/** Folders that are looked into, and how far; the rest of a workspace is its code's own. */
const maxDepth = 12
const maxFolders = 2_000
const passedOver = new Set(['node_modules', '.git'])
/** Submodules of submodules, and how many of each. */
const maxModuleDepth = 6
const maxModules = 200
const maxPointerBytes = 8_192

export interface Found {
  /** Repositories: folders with a configuration of Git, submodules and worktrees included. Where they really are. */
  readonly repositories: readonly string[]
  /** `.git` files, which say where the repository of a worktree or submodule is. */
  readonly pointers: readonly string[]
  /** `.git` as a link. */
  readonly linked: readonly string[]
  /** Folders with something called `.git` in them. */
  readonly tops: readonly string[]
  /** All files that were passed on the way. */
  readonly files: readonly string[]
}

/** What is in the first folders of a workspace; every path relative to it. */
export function lookThrough(workspace: string): Found {
  const found = {
    ...{ repositories: new Set<string>(), pointers: [] as string[] },
    ...{ linked: [] as string[], tops: [] as string[], files: [] as string[] },
  }
  const folders = [{ name: '', depth: 0 }]
  for (const { name, depth } of folders) {
    const entries = entriesOf(join(workspace, name))
    for (const entry of entries) {
      const path = join(name, entry.name)
      if (entry.name === '.git') {
        found.tops.push(name)
        if (entry.isFile()) found.pointers.push(path)
        if (entry.isSymbolicLink()) found.linked.push(path)
        for (const one of repositoriesAt(workspace, path)) found.repositories.add(one)
      } else if (entry.isDirectory()) {
        if (depth < maxDepth && folders.length < maxFolders && !passedOver.has(entry.name))
          folders.push({ name: path, depth: depth + 1 })
      } else found.files.push(path)
    }
    // A bare one, or one that a `.git` file elsewhere names.
    if (['HEAD', 'config', 'objects'].every((part) => entries.some((entry) => entry.name === part)))
      for (const one of withModules(workspace, name)) found.repositories.add(one)
  }
  return { ...found, repositories: [...found.repositories] }
}

/** Of a folder, a link to one, or a file that says where it is. */
function repositoriesAt(workspace: string, path: string): string[] {
  const named = /^gitdir: (.{1,4096})$/m.exec(readInside(workspace, path, maxPointerBytes) ?? '')?.[1]
  const folder =
    named === undefined ? path : isAbsolute(named) ? relative(workspace, named) : join(dirname(path), named)
  const plain = plainPath(workspace, folder)
  return plain === undefined ? [] : withModules(workspace, plain)
}

function withModules(workspace: string, folder: string, depth = 0): string[] {
  if (depth === maxModuleDepth) return [folder]
  const below = ['modules', 'worktrees'].flatMap((kind) =>
    modulesIn(workspace, join(folder, kind), depth + 1),
  )
  return [folder, ...below]
}

/** A submodule's name may hold slashes, so a repository is a folder with a HEAD or a configuration. */
function modulesIn(workspace: string, folder: string, depth: number): string[] {
  if (depth > maxModuleDepth) return []
  return entriesOf(join(workspace, folder))
    .filter((entry) => entry.isDirectory())
    .slice(0, maxModules)
    .flatMap(({ name }) => {
      const path = join(folder, name)
      const isOne = entriesOf(join(workspace, path)).some((entry) => /^(?:HEAD|config)$/.test(entry.name))
      return isOne ? withModules(workspace, path, depth + 1) : modulesIn(workspace, path, depth + 1)
    })
}

/** Where it really is in the workspace; undefined if it is not there, or a link that leads out. */
export function plainPath(workspace: string, path: string): string | undefined {
  const real = realPath(join(workspace, path))
  const inside = real === undefined ? undefined : relative(workspace, real)
  return inside === undefined || inside === '' || inside.startsWith('..') ? undefined : inside
}

export function realPath(path: string): string | undefined {
  try {
    return realpathSync(path)
  } catch {
    return undefined
  }
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
  } catch {
    return []
  }
}
