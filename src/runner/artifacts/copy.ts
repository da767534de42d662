import { createHash } from 'node:crypto'
import { closeSync, constants, fstatSync, type Stats } from 'node:fs'
import { open, rename, unlink } from 'node:fs/promises'
import { openIn, pathOf } from '../workspace/index.ts'

/** Why a file is not handed on, in words. */
export class Unfit extends Error {}

export interface Copied {
  readonly sha256: string
  readonly bytes: number
}

/**
 * Copies a plain file of an open folder to a new one, and tells the digest of what was written: what happens to the file
 * afterwards, or meanwhile, changes nothing of that. Throws `Unfit` for anything but a plain file without special modes, and for
 * one that is longer than `maxBytes`.
 */
export async function copyOut(
  from: {
    readonly folder: number
    readonly name: string
    readonly refused: (stat: Stats) => string | undefined
  },
  to: string,
  maxBytes: number,
): Promise<Copied & { readonly executable: boolean }> {
  const fd = openIn(from.folder, from.name, 0)
  try {
    const stat = fstatSync(fd)
    if (!stat.isFile()) throw new Unfit('is no plain file')
    if ((stat.mode & 0o7000) !== 0) throw new Unfit('has a set-user-id, set-group-id or sticky mode')
    const refused = from.refused(stat)
    if (refused !== undefined) throw new Unfit(refused)
    if (stat.size > maxBytes) throw new Unfit('is too large')
    const copied = await copyHashed(pathOf(fd), to, maxBytes)
    return { ...copied, executable: (stat.mode & 0o100) !== 0 }
  } finally {
    closeSync(fd)
  }
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
    await rename(made, `${pathOf(to.folder)}/${to.name}`)
  } catch (error) {
    await unlink(made).catch(() => undefined)
    throw error
  }
}

const chunkBytes = 1_048_576

async function copyHashed(from: string, to: string, maxBytes: number, mode = 0o600): Promise<Copied> {
  await using source = await open(from, constants.O_RDONLY | constants.O_NONBLOCK)
  await using target = await open(to, 'wx', mode)
  const hash = createHash('sha256')
  const chunk = Buffer.allocUnsafe(chunkBytes)
  for (let bytes = 0; ;) {
    const { bytesRead } = await source.read(chunk)
    if (bytesRead === 0) return { sha256: hash.digest('hex'), bytes }
    bytes += bytesRead
    if (bytes > maxBytes) throw new Unfit('is too large')
    hash.update(chunk.subarray(0, bytesRead))
    await target.writeFile(chunk.subarray(0, bytesRead))
  }
}
