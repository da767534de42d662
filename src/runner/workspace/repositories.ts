import { lstatSync, opendirSync, readdirSync, realpathSync, type Dir, type Dirent } from 'node:fs'
import { dirname, isAbsolute, join, relative } from 'node:path'
import { systemCode } from '../../lib/index.ts'
import { readInside } from './inside.ts'
import { pipelineNames } from './pipeline-files.ts'

/** How far a search goes: the rest of a workspace is its code's own. */
export interface Reach {
  readonly depth: number
  readonly folders: number
  /** Names of files and folders in all. */
  readonly names: number
  readonly passedOver: readonly string[]
}

const usual: Reach = { depth: 12, folders: 2_000, names: 200_000, passedOver: ['node_modules'] }
/** Where what is not found would run with more rights. */
export const everywhere: Reach = { depth: 64, folders: 50_000, names: 1_000_000, passedOver: [] }
/** However slow the disk. */
const maxSearchMs = 10_000

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
  /** What was not looked into, though nothing says to pass it over; undefined: nothing. */
  readonly unseen: string | undefined
  /** The first folder in which there were more names than are read. */
  readonly cutAt: string | undefined
  /** What is called as a CI calls its definitions of pipelines. */
  readonly pipelines: readonly string[]
}

/** What is in the first folders of a workspace; every path relative to it. */
export function lookThrough(workspace: string, reach: Reach = usual): Found {
  const found = {
    ...{ repositories: new Set<string>(), pointers: [] as string[] },
    ...{ pipelines: [] as string[], linked: [] as string[], tops: [] as string[], files: [] as string[] },
  }
  const folders = [{ name: '', depth: 0 }]
  const until = performance.now() + maxSearchMs
  let names = reach.names
  let unseen: string | undefined
  let cutAt: string | undefined
  for (const { name, depth } of folders) {
    if (performance.now() > until) names = 0
    const { entries, isWhole } = someEntries(join(workspace, name), names)
    names -= entries.length
    if (!isWhole) cutAt ??= name === '' ? '.' : name
    for (const entry of entries) {
      const path = name === '' ? entry.name : `${name}/${entry.name}`
      if (pipelineNames.test(entry.name)) found.pipelines.push(path)
      if (entry.name === '.git') {
        found.tops.push(name)
        if (entry.isFile()) found.pointers.push(path)
        if (entry.isSymbolicLink()) found.linked.push(path)
        for (const one of repositoriesAt(workspace, path)) found.repositories.add(one)
      } else if (!entry.isDirectory()) found.files.push(path)
      else if (reach.passedOver.includes(entry.name)) continue
      else if (depth < reach.depth && folders.length < reach.folders)
        folders.push({ name: path, depth: depth + 1 })
      else unseen ??= path
    }
    // A bare one, or one that a `.git` file elsewhere names.
    if (['HEAD', 'config', 'objects'].every((part) => entries.some((entry) => entry.name === part)))
      for (const one of withModules(workspace, name)) found.repositories.add(one)
  }
  return { ...found, repositories: [...found.repositories], unseen: unseen ?? cutAt, cutAt }
}

/** What makes a folder a repository, and the commonest files with tokens: found also where it has more names than are read. */
const telling = ['.git', 'HEAD', 'config', 'objects', '.npmrc', '.netrc', '.pypirc', '.yarnrc.yml']

/** No more than `most` of a folder's names, and those that tell; a step may have left any number. */
function someEntries(folder: string, most: number): { entries: Entry[]; isWhole: boolean } {
  const entries: Entry[] = []
  let read: Dir
  try {
    read = opendirSync(folder, { bufferSize: 1_024 })
  } catch (error) {
    return { entries, isWhole: systemCode(error) !== 'EACCES' }
  }
  try {
    for (let entry = read.readSync(); entry !== null; entry = read.readSync()) {
      if (entries.length >= most && !telling.includes(entry.name)) {
        const missing = telling.filter((name) => !entries.some((one) => one.name === name))
        return { entries: [...entries, ...direntsOf(folder, missing)], isWhole: false }
      }
      entries.push(entry)
    }
    return { entries, isWhole: true }
  } catch {
    return { entries, isWhole: false }
  } finally {
    read.closeSync()
  }
}

type Entry = Pick<Dirent, 'name' | 'isFile' | 'isDirectory' | 'isSymbolicLink'>

function direntsOf(folder: string, names: readonly string[]): Entry[] {
  return names.flatMap((name) => {
    const stat = lstatSync(join(folder, name), { throwIfNoEntry: false })
    if (stat === undefined) return []
    const is = {
      isFile: stat.isFile(),
      isDirectory: stat.isDirectory(),
      isSymbolicLink: stat.isSymbolicLink(),
    }
    return [
      {
        name,
        isFile: () => is.isFile,
        isDirectory: () => is.isDirectory,
        isSymbolicLink: () => is.isSymbolicLink,
      },
    ]
  })
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
