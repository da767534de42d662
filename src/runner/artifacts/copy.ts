import { createHash } from 'node:crypto'
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
  type Stats,
} from 'node:fs'
import { setImmediate as breathe } from 'node:timers/promises'
import { openIn, pathOf } from '../workspace/index.ts'

/** Why a file is not handed on, in words. */
export class Unfit extends Error {}

/** The same, and the step has failed: what goes on without this file is not what was built. */
export class Lacking extends Unfit {}

/** One file of an open folder; `refused` says why it is not to be read, if so. */
export interface Source {
  readonly folder: number
  readonly name: string
  readonly refused: (stat: Stats) => string | undefined
}

export interface Copied {
  readonly sha256: string
  readonly bytes: number
}

/**
 * Copies a plain file of an open folder to a new one, and tells the digest of what was written: what happens to the file
 * afterwards, or meanwhile, changes nothing of that. `look` is shown what is written, piece by piece. Throws `Unfit` for anything but a plain file without special modes, and for
 * one that is longer than `maxBytes`.
 */
export async function copyOut(
  from: Source,
  to: string,
  maxBytes: number,
  look: (chunk: Uint8Array) => void,
): Promise<Copied & { readonly executable: boolean }> {
  const fd = openIn(from.folder, from.name, 0)
  try {
    const stat = refuseUnfit(fd, from, maxBytes)
    const copied = await copyHashed(pathOf(fd), to, maxBytes, 0o600, look)
    return { ...copied, executable: (stat.mode & 0o100) !== 0 }
  } finally {
    closeSync(fd)
  }
}

/** Throws `Unfit` for anything but a plain file without special modes, and for one that is longer than `maxBytes`. */
export function refuseUnfit(fd: number, { refused }: Source, maxBytes: number): Stats {
  const stat = fstatSync(fd)
  if (!stat.isFile()) throw new Unfit('is no plain file')
  if ((stat.mode & 0o7000) !== 0) throw new Unfit('has a set-user-id, set-group-id or sticky mode')
  const why = refused(stat)
  if (why !== undefined) throw new Unfit(why)
  if (stat.size > maxBytes) throw new Unfit('is too large')
  return stat
}

/**
 * Puts a copy of `from` into an open folder, in the place of whatever has that name; a folder there is an error. Throws `Unfit` if
 * `from` is not what it was.
 */
export async function copyIn(
  from: string,
  to: { readonly folder: number; readonly name: string },
  expected: Copied & { readonly executable: boolean },
): Promise<void> {
  const made = `${pathOf(to.folder)}/.mayfly-${process.pid}-${process.hrtime.bigint()}`
  try {
    const { sha256 } = await copyHashed(from, made, expected.bytes, expected.executable ? 0o755 : 0o644)
    if (sha256 !== expected.sha256) throw new Unfit('was changed where it was kept')
    renameSync(made, `${pathOf(to.folder)}/${to.name}`)
  } catch (error) {
    rmSync(made, { force: true })
    throw error
  }
}

export const chunkBytes = 1_048_576

async function copyHashed(
  from: string,
  to: string,
  maxBytes: number,
  mode = 0o600,
  look: (chunk: Uint8Array) => void = () => undefined,
): Promise<Copied> {
  const { O_RDONLY, O_NONBLOCK } = constants
  const source = openSync(from, O_RDONLY | O_NONBLOCK)
  try {
    const looked = function* () {
      for (const chunk of chunksOf(source)) {
        look(chunk)
        yield chunk
      }
    }
    return await writeHashed(looked(), to, maxBytes, mode)
  } finally {
    closeSync(source)
  }
}

/** Each chunk is good until the next one is asked for. */
export function* chunksOf(source: number): Iterable<Buffer> {
  const chunk = Buffer.allocUnsafe(Math.min(chunkBytes, fstatSync(source).size + 1))
  for (let count = readSync(source, chunk); count > 0; count = readSync(source, chunk))
    yield chunk.subarray(0, count)
}

/**
 * Writes a new file, and tells the digest of what was written. At once, since most are small; between the chunks of a large one
 * others have their turn.
 */
export async function writeHashed(
  chunks: Iterable<Uint8Array>,
  to: string,
  maxBytes: number,
  mode = 0o600,
): Promise<Copied> {
  const { O_WRONLY, O_CREAT, O_EXCL } = constants
  const target = openSync(to, O_WRONLY | O_CREAT | O_EXCL, mode)
  try {
    const hash = createHash('sha256')
    let bytes = 0
    for (const chunk of chunks) {
      bytes += chunk.length
      if (bytes > maxBytes) throw new Unfit('is too large')
      hash.update(chunk)
      writeFileSync(target, chunk)
      if (bytes >= chunkBytes) await breathe()
    }
    return { sha256: hash.digest('hex'), bytes }
  } finally {
    closeSync(target)
  }
}
