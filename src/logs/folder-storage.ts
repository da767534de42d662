import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { appendFile, mkdir, open, readdir, rename, rm, rmdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline as joined, Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { constants, createZstdCompress, createZstdDecompress } from 'node:zlib'
import { MayflyError, messageOf, systemCode, type StepId } from '../lib/index.ts'
import type { LogStorage, SealedLog } from './log-storage.ts'

/**
 * Logs as files: `open/STEP`, plain, and `sealed/TIME/STEP.SHA256.zst`, which `zstd -d` reads. TIME is the part of the step's id
 * that stands for some hours, so that no folder has a file for every step that ever was.
 */
export function createFolderStorage(folder: string): LogStorage {
  const openFolder = join(folder, 'open')
  const openFile = (step: StepId) => join(openFolder, checked(step))
  const sealedFile = (step: StepId, sha256: string) =>
    join(folder, 'sealed', checked(step).slice(4, 8), `${step}.${sha256}.zst`)

  async function put(step: StepId, bytes: Buffer): Promise<void> {
    const append = () => appendFile(openFile(step), bytes, { mode: 0o600 })
    await append()
      .catch(async (error: unknown) => {
        if (systemCode(error) !== 'ENOENT') throw error
        await mkdir(openFolder, { recursive: true, mode: 0o700 })
        await append()
      })
      .catch(refuse)
  }

  async function seal(step: StepId): Promise<SealedLog | undefined> {
    const from = openFile(step)
    if ((await sizeOf(from)) === undefined) return undefined
    const sealing = join(folder, 'sealed')
    // Two that seal the same at once (a claim that lapsed) write the same, each to a file of its own.
    const partial = join(sealing, `${step}.${process.pid}.part`)
    try {
      await mkdir(sealing, { recursive: true, mode: 0o700 })
      const { sha256, bytes } = await compress(from, partial)
      const file = sealedFile(step, sha256)
      await mkdir(dirname(file), { recursive: true, mode: 0o700 })
      await rename(partial, file)
      await syncFolder(dirname(file))
      // Those of a server that was killed.
      for (const name of await readdir(sealing))
        if (name.startsWith(`${step}.`)) await rm(join(sealing, name), { force: true })
      return { sha256, bytes, storedBytes: (await sizeOf(file)) ?? 0 }
    } catch (error) {
      await rm(partial, { force: true })
      return refuse(error)
    }
  }

  return {
    put,
    seal,
    async open() {
      const names = await readdir(openFolder).catch(() => [])
      return names.filter((name) => stepForm.test(name)) as StepId[]
    },
    size: async (step) => (await sizeOf(openFile(step))) ?? 0,
    drop: (step) => rm(openFile(step), { force: true }),
    async readOpen(step, from) {
      const file = openFile(step)
      return (await sizeOf(file)) === undefined ? undefined : createReadStream(file, { start: from })
    },
    async readSealed(step, sha256, from) {
      const file = sealedFile(step, sha256)
      if ((await sizeOf(file)) === undefined) return undefined
      // Destroys all of them with the last: whoever reads may leave in the middle.
      const plain = joined(createReadStream(file), createZstdDecompress(), behind(from), () => undefined)
      return Readable.from(orDamaged(plain))
    },
    async remove(step, sha256) {
      const file = sealedFile(step, sha256)
      await rm(file, { force: true })
      // Not if others are in it.
      await rmdir(dirname(file)).catch(() => undefined)
    },
  }
}

/** Throws `store_failed` for what is no whole zstd file. */
async function* orDamaged(plain: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* plain
  } catch (cause) {
    throw new MayflyError('store_failed', `the file of this log is damaged: ${messageOf(cause)}`, { cause })
  }
}

const stepForm = /^stp_[0-9a-z]{24}$/

/** It becomes the name of a file. */
function checked(step: StepId): StepId {
  if (!stepForm.test(step)) throw new MayflyError('bad_input', 'this is no id of a step')
  return step
}

async function sizeOf(file: string): Promise<number | undefined> {
  try {
    return (await stat(file)).size
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

async function compress(from: string, to: string): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash('sha256')
  let bytes = 0
  const count = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk)
      bytes += chunk.length
      done(null, chunk)
    },
  })
  const packing = createZstdCompress({ params: { [constants.ZSTD_c_checksumFlag]: 1 } })
  const source = createReadStream(from, { highWaterMark: chunkBytes })
  await pipeline(source, count, packing, createWriteStream(to, { mode: 0o600, flush: true }))
  return { sha256: hash.digest('hex'), bytes }
}

const chunkBytes = 262_144

/** Passes on what comes after the first `skip` bytes. */
function behind(skip: number): Transform {
  let left = skip
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const passed = Math.min(left, chunk.length)
      left -= passed
      done(null, chunk.subarray(passed))
    },
  })
}

/** A name is on disk once its folder is. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function refuse(cause: unknown): never {
  if (cause instanceof MayflyError) throw cause
  const full = ['ENOSPC', 'EDQUOT', 'EFBIG'].includes(systemCode(cause) ?? '')
  throw new MayflyError(
    full ? 'disk_full' : 'store_failed',
    full
      ? 'the server’s disk has no room for logs'
      : `the server cannot keep the log: ${systemCode(cause) ?? messageOf(cause)}`,
    { cause },
  )
}
