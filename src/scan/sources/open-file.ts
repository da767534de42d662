import { closeSync, constants, fstatSync, openSync, readlinkSync, readSync, realpathSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { messageOf, systemCode } from '../../lib/index.ts'
import type { Input, Unseen } from '../unpack/index.ts'
import type { FilePart } from './model.ts'

/** Shorter files are read at once, into memory that is used again. */
const maxWholeBytes = 8_388_608
const chunkBytes = 262_144

export type WithFile = (part: FilePart, use: (input: Input) => Promise<void>) => Promise<void>

/** Opens files one after the other; what `use` is given is true until it resolves. What cannot be opened is said to `unseen`. */
export function createFileOpener(unseen: (unseen: Unseen) => void): WithFile {
  let memory = Buffer.alloc(0)
  const folders = createFolders()

  function whole(fd: number, bytes: number): Buffer | undefined {
    if (memory.length <= bytes) memory = Buffer.allocUnsafeSlow(Math.max(65_536, bytes + 4_096))
    let filled = 0
    // As long as it said: there is nothing behind it. Files of the kernel say 0.
    for (
      let count = -1;
      count !== 0 && filled < memory.length && (filled !== bytes || bytes === 0);
      filled += count
    )
      count = readSync(fd, memory, filled, memory.length - filled, null)
    // Full: it has grown, so nobody knows how long it is.
    return filled === memory.length ? undefined : memory.subarray(0, filled)
  }

  return async (part, use) => {
    let fd: number | undefined
    let input: Input
    try {
      fd = openPlain(part.below === undefined ? part.path : folders.within(part, part.below), part)
      const about = fstatSync(fd)
      if (!about.isFile()) throw new Error('it is no file: what comes from a pipe is taken as standard input')
      input = (about.size <= maxWholeBytes ? whole(fd, about.size) : undefined) ?? placed(fd, about.size)
    } catch (error) {
      if (fd !== undefined) closeSync(fd)
      const isGone = ['ENOENT', 'ENOTDIR', 'ELOOP'].includes(systemCode(error) ?? '')
      return unseen({ name: part.name, code: isGone ? 'vanished' : 'unreadable', why: messageOf(error) })
    }
    try {
      await use(input)
    } finally {
      closeSync(fd)
    }
  }
}

/** Never waits: a pipe may have come to where a file was. */
function openPlain(path: string, { below, isRaw }: FilePart): number {
  const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW } = constants
  return openSync(pathOf(path, isRaw), O_RDONLY | O_NONBLOCK | (below === undefined ? 0 : O_NOFOLLOW))
}

function pathOf(path: string, isRaw = false): string | Buffer {
  return isRaw ? Buffer.from(path, 'latin1') : path
}

/**
 * The folder that files are in, open: one on the way to it may have become a link after they were listed, so where it is is asked of the kernel,
 * once for all files that follow one another. Known on Linux alone. One folder stays open until another is asked for.
 */
function createFolders() {
  const { O_RDONLY, O_DIRECTORY } = constants
  const real = new Map<string, string>()
  let [open, path, root] = [-1, '', '']

  function rootOf(folder: string): string {
    let known = real.get(folder)
    if (known === undefined) real.set(folder, (known = realpathSync(folder)))
    return known
  }
  function enter(folder: string, below: string, isRaw: boolean | undefined): void {
    if (open !== -1) closeSync(open)
    open = -1
    const fd = openSync(pathOf(folder, isRaw), O_RDONLY | O_DIRECTORY)
    try {
      const [place, top] = [readlinkSync(`/proc/self/fd/${fd}`), rootOf(below)]
      if (top !== '/' && place !== top && !place.startsWith(`${top}/`))
        throw new Error('it leads out of the folder that is scanned')
    } catch (error) {
      closeSync(fd)
      throw error
    }
    ;[open, path, root] = [fd, isRaw === true ? '' : folder, below]
  }
  return {
    /** By which path the file is opened in just that folder. Throws if that is not below the other one. */
    within({ path: file, isRaw }: FilePart, below: string): string {
      if (process.platform !== 'linux') return file
      const folder = dirname(file)
      // A raw folder of the same letters is another one.
      if (open === -1 || folder !== path || below !== root || isRaw === true) enter(folder, below, isRaw)
      return `/proc/self/fd/${open}/${basename(file)}`
    },
  }
}

function placed(fd: number, bytes: number): Input {
  return {
    bytes,
    readAt: (offset, into) => readSync(fd, into, 0, into.length, offset),
  }
}

const waitMs = 10

/** What comes on a stream of this process, which may be one that does not wait. */
export async function* bytesOf(descriptor: number): AsyncGenerator<Buffer> {
  const chunk = Buffer.allocUnsafeSlow(chunkBytes)
  for (;;) {
    let count: number
    try {
      count = readSync(descriptor, chunk)
    } catch (error) {
      if (systemCode(error) !== 'EAGAIN') throw error
      await setTimeout(waitMs)
      continue
    }
    if (count === 0) return
    yield chunk.subarray(0, count)
  }
}
