import { constants, type Stats } from 'node:fs'
import { open } from 'node:fs/promises'

// Opening a pipe waits for somebody at its other end, for good, unless it is told not to; a terminal would become ours.
const careful = (constants.O_NONBLOCK ?? 0) | (constants.O_NOCTTY ?? 0)

/**
 * The bytes of a file, at most `maxBytes`. Throws an Error with one line that names the file when it is a pipe, a device, a
 * socket or a folder, is larger, or cannot be read; the system's own error, as it is, when there is none by that name.
 */
export async function readRegularFile(path: string, maxBytes: number): Promise<Buffer> {
  const handle = await open(path, constants.O_RDONLY | careful).catch((error: unknown) => {
    throw codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR'
      ? error
      : unreadable(path, reasonOf(error), error)
  })
  try {
    const stat = await handle.stat()
    if (!stat.isFile()) throw unreadable(path, `it is ${kindOf(stat)}, not a file`)
    if (stat.size > maxBytes)
      throw unreadable(path, `it has ${stat.size} bytes, and such a file at most ${maxBytes}`)
    const bytes = Buffer.alloc(stat.size)
    let at = 0
    while (at < bytes.length) {
      const { bytesRead } = await handle.read(bytes, at, bytes.length - at).catch((error: unknown) => {
        throw unreadable(path, reasonOf(error), error)
      })
      // Somebody cut it meanwhile.
      if (bytesRead === 0) break
      at += bytesRead
    }
    return bytes.subarray(0, at)
  } finally {
    await handle.close()
  }
}

/** In the words of a person. */
export function kindOf(stat: Pick<Stats, 'isFIFO' | 'isSocket' | 'isDirectory'>): string {
  if (stat.isFIFO()) return 'a pipe'
  if (stat.isSocket()) return 'a socket'
  return stat.isDirectory() ? 'a folder' : 'a device'
}

/** What a file that is there cannot be used for; `cause` is the system's error, if there is one. */
export function unreadable(path: string, why: string, cause?: unknown): Error {
  return new Error(`${path} cannot be read: ${why}`, cause === undefined ? {} : { cause })
}

export function reasonOf(error: unknown): string {
  const code = codeOf(error)
  if (code === 'ELOOP') return 'its links go round in a circle'
  if (code === 'ENXIO') return 'it is a socket, not a file'
  if (code === 'EACCES' || code === 'EPERM') return 'this user may not read it'
  if (code === 'ENOTDIR') return 'it is no folder'
  return code ?? String(error)
}

function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : undefined
}
