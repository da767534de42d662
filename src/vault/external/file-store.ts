import { constants } from 'node:fs'
import { open, realpath, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { MayflyError, systemCode } from '../../lib/index.ts'
import { fieldOf, gone, maxValueBytes, refused, type SecretStore } from './store.ts'

/**
 * Files of one folder of the server's machine, as Kubernetes mounts secrets: links within the folder are followed, and none out
 * of it. Its version is when it was last changed.
 */
export function fileStore(folder: string): SecretStore {
  return {
    async read({ path, field }) {
      try {
        const { text, version } = await readWithin(folder, path)
        return { value: fieldOf(text.replace(/\r?\n$/, ''), field), version }
      } catch (error) {
        const code = error instanceof MayflyError ? undefined : systemCode(error)
        if (code === undefined) throw error
        if (code === 'ENOENT' || code === 'ENOTDIR') throw gone('there is no such file')
        throw refused(`the file cannot be read (${code})`)
      }
    },
  }
}

async function readWithin(folder: string, path: string): Promise<{ text: string; version: string }> {
  const [home, real] = await Promise.all([realpath(folder), realpath(join(folder, path))])
  if (!real.startsWith(`${home}${sep}`)) throw refused('the file is a link that leads out of its folder')
  // Neither waits for the other end of a pipe, nor follows what has become a link since.
  const file = await open(real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const [opened, there] = [await file.stat(), await stat(await realpath(real))]
    if (!opened.isFile()) throw refused('it is no regular file')
    if (opened.dev !== there.dev || opened.ino !== there.ino || (await realpath(real)) !== real)
      throw refused('the file was changed while it was read: try again')
    if (opened.size > maxValueBytes) throw refused(`the file is larger than ${maxValueBytes} bytes`)
    const bytes = Buffer.alloc(maxValueBytes + 1)
    let length = 0
    for (;;) {
      const { bytesRead } = await file.read(bytes, length, bytes.length - length)
      length += bytesRead
      if (bytesRead === 0 || length === bytes.length) break
    }
    if (length > maxValueBytes) throw refused(`the file is larger than ${maxValueBytes} bytes`)
    const text = bytes.toString('utf8', 0, length)
    if (!Buffer.from(text).equals(bytes.subarray(0, length))) throw refused('the file is not UTF-8 text')
    return { text, version: opened.mtime.toISOString() }
  } finally {
    await file.close()
  }
}
