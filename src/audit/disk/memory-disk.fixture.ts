import { basename, dirname, join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { FileSystem } from './fs.ts'

/** A call to the disk, of the FileSystem or of a file it opened. */
export interface Call {
  name: keyof FileSystem | 'write' | 'sync' | 'datasync' | 'close'
  path: string
}

/** What becomes of a call. Whatever these throw the caller gets. */
export interface Weather {
  /** Before the call has done anything. Of a write, the number given back is how many bytes it takes. */
  before?(call: Call): number | undefined
  /** After the call has done its work. */
  after?(call: Call): void
}

/** Asked for every change that no fsync covers, when the power goes: is it on the disk? */
export type Survives = () => boolean

export interface MemoryDisk {
  fs: FileSystem
  weather: Weather
  /** What an fsync covers stays. Of the rest, what `survives`: a write by sectors, names one by one, in any combination. */
  cutPower(survives: Survives): void
  /** The bytes that a reader finds now. */
  read(path: string): Buffer | undefined
  /** The names in a folder; none when there is no such folder. */
  names(path: string): string[]
}

interface File {
  bytes: Buffer
  durable: Buffer
  /** Since the last fsync of the file. */
  pending: ({ at: number; bytes: Buffer } | { length: number })[]
}

interface Folder {
  names: Map<string, File | Folder>
  durable: Map<string, File | Folder>
}

/** What happens to names as a whole: one of them for a file that is made or removed, two for a rename. */
type NameChange = { folder: Folder; name: string; node: File | Folder | undefined }[]

const sectorBytes = 512

/**
 * A disk that keeps apart what was written and what is durable: bytes by the fsync of their file, names by that of
 * their folder, and nothing by anything else. Real file systems promise more; POSIX promises no more.
 * `root` is there, and durable.
 */
export function createMemoryDisk(root: string): MemoryDisk {
  const top: Folder = { names: new Map(), durable: new Map() }
  let pending: NameChange[] = []

  function find(path: string): File | Folder | undefined {
    let node: File | Folder | undefined = top
    for (const name of path.slice(root.length).split('/').filter(Boolean)) {
      node = node !== undefined && 'names' in node ? node.names.get(name) : undefined
    }
    return node
  }

  function folderAt(path: string, call: string): Folder {
    const node = find(path)
    if (node === undefined) throw systemError('ENOENT', call, path)
    if (!('names' in node)) throw systemError('ENOTDIR', call, path)
    return node
  }

  function fileAt(path: string, call: string): File {
    const node = find(path)
    if (node === undefined) throw systemError('ENOENT', call, path)
    if ('names' in node) throw systemError('EISDIR', call, path)
    return node
  }

  function change(...changes: [path: string, node: File | Folder | undefined, call: string][]): void {
    const made = changes.map(([path, node, call]) => {
      return { folder: folderAt(dirname(path), call), name: basename(path), node }
    })
    for (const one of made) setName(one.folder.names, one)
    pending.push(made)
  }

  function syncFolder(folder: Folder): void {
    const covered = pending.filter((names) => names.some((one) => one.folder === folder))
    for (const one of covered.flat()) setName(one.folder.durable, one)
    pending = pending.filter((names) => !covered.includes(names))
  }

  function makeFolder(path: string, recursive: boolean): string | undefined {
    const there = find(path)
    if (there !== undefined && (!recursive || !('names' in there))) throw systemError('EEXIST', 'mkdir', path)
    if (there !== undefined) return undefined
    const above = recursive ? makeFolder(dirname(path), true) : undefined
    change([path, { names: new Map(), durable: new Map() }, 'mkdir'])
    return recursive ? (above ?? path) : undefined
  }

  /** One name after the other, as the system has to do it too. */
  function removeAll(path: string): void {
    const node = find(path)
    if (node === undefined) return
    if ('names' in node) for (const name of node.names.keys()) removeAll(join(path, name))
    change([path, undefined, 'rm'])
  }

  function openFile(path: string, flags: string): File | Folder {
    if (flags === 'r') return find(path) ?? fileAt(path, 'open')
    if (flags === 'r+') return fileAt(path, 'open')
    if (flags !== 'w') throw new Error(`this disk does not open files for ${flags}`)
    if (find(path) === undefined) {
      change([path, { bytes: Buffer.alloc(0), durable: Buffer.alloc(0), pending: [] }, 'open'])
    }
    const file = fileAt(path, 'open')
    resizeFile(file, 0)
    return file
  }

  const calls = {
    open: (path: string, flags: string) => openHandle(disk, openFile(path, flags), path, syncFolder),
    mkdir: (path: string, options?: { recursive?: boolean }) => makeFolder(path, options?.recursive === true),
    rename: (from: string, to: string) =>
      change([from, undefined, 'rename'], [to, fileAt(from, 'rename'), 'rename']),
    readFile: (path: string) => Buffer.from(fileAt(path, 'open').bytes),
    readdir: (path: string) => [...folderAt(path, 'scandir').names.keys()],
    rm: (path: string) => removeAll(path),
    truncate: (path: string, length: number) => resizeFile(fileAt(path, 'truncate'), length),
  }
  const fs = Object.fromEntries(
    Object.entries(calls).map(([name, action]) => [
      name,
      (path: string, ...rest: never[]) =>
        under(disk, { name: name as Call['name'], path }, () =>
          (action as (...args: unknown[]) => unknown)(path, ...rest),
        ),
    ]),
  )
  const disk: MemoryDisk = {
    fs: fs as unknown as FileSystem,
    weather: {},
    cutPower(survives) {
      for (const names of pending) if (survives()) for (const one of names) setName(one.folder.durable, one)
      pending = []
      settle(top, survives)
    },
    read(path) {
      const node = find(path)
      return node !== undefined && 'bytes' in node ? node.bytes : undefined
    },
    names(path) {
      const node = find(path)
      return node !== undefined && 'names' in node ? [...node.names.keys()] : []
    },
  }
  return disk
}

async function under<T>(disk: MemoryDisk, call: Call, action: (bytes?: number) => T): Promise<T> {
  // As with a real disk, others have their turn meanwhile.
  await setImmediate()
  const result = action(disk.weather.before?.(call))
  disk.weather.after?.(call)
  return result
}

function openHandle(
  disk: MemoryDisk,
  node: File | Folder,
  path: string,
  syncFolder: (folder: Folder) => void,
) {
  let at = 0
  let open = true
  const sync = (name: 'sync' | 'datasync') => () =>
    under(disk, { name, path }, () => ('names' in node ? syncFolder(node) : syncFile(node)))
  return {
    write: (bytes: Uint8Array, offset = 0) =>
      under(disk, { name: 'write', path }, (most = bytes.length) => {
        if ('names' in node || !open) throw systemError('EBADF', 'write', path)
        const taken = Buffer.from(bytes.subarray(offset, offset + most))
        writeFile(node, at, taken)
        at += taken.length
        return { bytesWritten: taken.length, buffer: bytes }
      }),
    sync: sync('sync'),
    datasync: sync('datasync'),
    // The kernel gives the descriptor back whatever close answers.
    close: () => {
      open = false
      return under(disk, { name: 'close', path }, () => undefined)
    },
  }
}

function setName(names: Folder['names'], { name, node }: NameChange[number]): void {
  if (node === undefined) names.delete(name)
  else names.set(name, node)
}

function writeFile(file: File, at: number, bytes: Buffer): void {
  file.bytes = written(file.bytes, at, bytes)
  file.pending.push({ at, bytes })
}

function resizeFile(file: File, length: number): void {
  file.bytes = resized(file.bytes, length)
  file.pending.push({ length })
}

function syncFile(file: File): void {
  file.durable = file.bytes
  file.pending = []
}

/** Everything below is what is durable now, and what survived. */
function settle(folder: Folder, survives: Survives): void {
  folder.names = new Map(folder.durable)
  for (const node of folder.names.values()) {
    if ('names' in node) {
      settle(node, survives)
      continue
    }
    for (const one of node.pending) {
      if ('length' in one) {
        if (survives()) node.durable = resized(node.durable, one.length)
        continue
      }
      for (let from = 0; from < one.bytes.length; from += sectorBytes) {
        const sector = one.bytes.subarray(from, from + sectorBytes)
        if (survives()) node.durable = written(node.durable, one.at + from, sector)
      }
    }
    node.bytes = node.durable
    node.pending = []
  }
}

function resized(bytes: Buffer, length: number): Buffer {
  return Buffer.concat([bytes], length)
}

/** What was skipped before `at` reads as zeros. */
function written(bytes: Buffer, at: number, more: Buffer): Buffer {
  const result = Buffer.alloc(Math.max(bytes.length, at + more.length))
  result.set(bytes)
  result.set(more, at)
  return result
}

export function systemError(code: string, call: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${call} '${path}'`), { code, syscall: call, path })
}
