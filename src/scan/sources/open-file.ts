import { closeSync, constants, fstatSync, openSync, readlinkSync, readSync, realpathSync } from 'node:fs'
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
  const isBelow = createBelow()

  function whole(fd: number, bytes: number): Buffer | undefined {
    if (memory.length <= bytes) memory = Buffer.allocUnsafeSlow(Math.max(65_536, bytes + 4_096))
    let filled = 0
    for (let count = -1; count !== 0 && filled < memory.length; filled += count)
      count = readSync(fd, memory, filled, memory.length - filled, null)
    // Full: it has grown, so nobody knows how long it is.
    return filled === memory.length ? undefined : memory.subarray(0, filled)
  }

  return async (part, use) => {
    let fd: number | undefined
    let input: Input
    try {
      fd = openPlain(part)
      const about = fstatSync(fd)
      if (!about.isFile()) throw new Error('it is no file: what comes from a pipe is taken as standard input')
      if (part.below !== undefined && !isBelow(fd, part.below))
        throw new Error('it leads out of the folder that is scanned')
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
function openPlain({ path, below }: FilePart): number {
  const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW } = constants
  return openSync(path, O_RDONLY | O_NONBLOCK | (below === undefined ? 0 : O_NOFOLLOW))
}

/** Whether what is open is in a folder: one on the way to it may have become a link after it was listed. Known on Linux alone. */
function createBelow(): (fd: number, folder: string) => boolean {
  const real = new Map<string, string>()
  return (fd, folder) => {
    if (process.platform !== 'linux') return true
    let root = real.get(folder)
    if (root === undefined) {
      root = realpathSync(folder)
      real.set(folder, root)
    }
    const path = readlinkSync(`/proc/self/fd/${fd}`)
    return root === '/' || path.startsWith(`${root}/`)
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
