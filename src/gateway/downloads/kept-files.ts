import { createHash, randomUUID } from 'node:crypto'
import { createWriteStream, type WriteStream } from 'node:fs'
import { mkdir, open as openFile, readdir, rename, rm, stat, statfs, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { Transform, type Readable } from 'node:stream'
import { limits } from '../../lib/index.ts'

/**
 * Files that steps were given before, once their digest had held. Named by registry, name and digest together: by a digest alone
 * a step could have a file that its role may not. Whoever reads one holds it against the digest again: a disk may lie.
 */
export interface KeptFiles {
  /** Undefined: there is none. `publishedMs`: as it was kept with it. */
  open(key: FileKey): Promise<KeptFile | undefined>
  /** Takes a copy of what passes; undefined if it is not to be kept. */
  keep(key: FileKey, bytes: number): Promise<Keeping | undefined>
  /** What was read was not what it should be. */
  drop(key: FileKey): Promise<void>
}

export interface FileKey {
  readonly registry: string
  readonly name: string
  /** Subresource Integrity text. */
  readonly integrity: string
}

export interface KeptFile {
  readonly bytes: number
  readonly publishedMs: number | undefined
  /** To be called once; or `close`. */
  read(): Readable
  close(): Promise<void>
}

export interface Keeping {
  /** Passes everything on. Where the copy cannot be written, there is none, and all passes nevertheless. */
  readonly tee: Transform
  /** Once the digest of what passed has held. */
  done(publishedMs: number | undefined): Promise<void>
  discard(): Promise<void>
}

/** `maxBytes` may change while it runs; 0: nothing is kept, and what was is removed. */
export function createKeptFiles(folder: string, maxBytes: () => number): KeptFiles {
  /** By name, the one that nobody has had for longest first. */
  let files: Promise<Map<string, number>> | undefined
  const pathOf = (name: string) => join(folder, name.slice(0, 2), name)

  async function evict(known: Map<string, number>): Promise<void> {
    let total = [...known.values()].reduce((sum, bytes) => sum + bytes, 0)
    for (const [name, bytes] of known) {
      if (total <= maxBytes()) break
      known.delete(name)
      total -= bytes
      await rm(pathOf(name), { force: true })
    }
  }

  function filesOf(): Promise<Map<string, number>> {
    files ??= readFolder(folder)
    return files
  }

  return {
    async open(key) {
      const known = await filesOf()
      if (maxBytes() === 0) {
        await evict(known)
        return undefined
      }
      const name = nameOf(key)
      const bytes = known.get(name)
      if (bytes === undefined) return undefined
      const handle = await openFile(pathOf(name), 'r').catch(() => undefined)
      const file = await handle?.stat()
      if (handle === undefined || file?.isFile() !== true || file.size !== bytes) {
        await handle?.close()
        known.delete(name)
        return undefined
      }
      known.delete(name)
      known.set(name, bytes)
      // For the order after a restart.
      utimes(pathOf(name), new Date(), file.mtime).catch(() => undefined)
      return {
        bytes,
        publishedMs: file.mtimeMs === 0 ? undefined : file.mtimeMs,
        // Closes it, read to its end or not.
        read: () => handle.createReadStream(),
        close: () => handle.close(),
      }
    },
    async keep(key, bytes) {
      const known = await filesOf()
      const name = nameOf(key)
      if (known.has(name) || bytes > maxBytes() / 4 || !(await hasRoom(folder, bytes))) return undefined
      const partial = join(folder, `${randomUUID()}.partial`)
      await mkdir(join(folder, name.slice(0, 2)), { recursive: true, mode: 0o700 })
      const copy = teeTo(createWriteStream(partial, { flags: 'wx', mode: 0o600 }))
      const discard = async () => {
        copy.stop()
        await rm(partial, { force: true })
      }
      return {
        tee: copy.tee,
        discard,
        async done(publishedMs = 0) {
          const size = await copy.written()
          if (size === undefined) return discard()
          await utimes(partial, new Date(), publishedMs / 1_000)
          await rename(partial, pathOf(name))
          known.set(name, size)
          await evict(known)
        },
      }
    },
    async drop(key) {
      const name = nameOf(key)
      ;(await filesOf()).delete(name)
      await rm(pathOf(name), { force: true })
    },
  }
}

function nameOf({ registry, name, integrity }: FileKey): string {
  return createHash('sha256')
    .update(JSON.stringify([registry, name, integrity]))
    .digest('hex')
}

/** What an earlier process left, in the order in which it was used; what that had not finished goes. */
async function readFolder(folder: string): Promise<Map<string, number>> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const found: { name: string; bytes: number; usedMs: number }[] = []
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    if (!/^[0-9a-f]{64}$/.test(entry.name)) {
      await rm(path, { force: true })
      continue
    }
    const { size: bytes, atimeMs: usedMs } = await stat(path)
    found.push({ name: entry.name, bytes, usedMs })
  }
  return new Map(
    found.toSorted((one, other) => one.usedMs - other.usedMs).map(({ name, bytes }) => [name, bytes]),
  )
}

/** The store is in the same data folder, maybe on the same disk: a cache must not fill it. */
async function hasRoom(folder: string, bytes: number): Promise<boolean> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize - bytes > limits.keptFreeBytes
}

function teeTo(file: WriteStream): {
  tee: Transform
  /** How many bytes the file has, once they are written; undefined if they could not be. */
  written(): Promise<number | undefined>
  stop(): void
} {
  let bytes = 0
  let failed = false
  file.on('error', () => (failed = true))
  const tee = new Transform({
    transform(chunk: Buffer, _encoding, next) {
      if (failed || file.destroyed) return next(null, chunk)
      bytes += chunk.length
      if (file.write(chunk)) return next(null, chunk)
      const go = () => {
        file.off('drain', go).off('error', go).off('close', go)
        next(null, chunk)
      }
      file.once('drain', go).once('error', go).once('close', go)
    },
  })
  return {
    tee,
    written: () =>
      new Promise((resolve) => {
        if (failed || file.destroyed) return resolve(undefined)
        file.once('close', () => resolve(failed ? undefined : bytes))
        file.end()
      }),
    stop: () => file.destroy(),
  }
}
