import { createHash } from 'node:crypto'
import { closeSync, constants, fstatSync, lstatSync, openSync, type BigIntStats } from 'node:fs'
import { setImmediate as breathe } from 'node:timers/promises'
import { openIn, pathOf } from '../workspace/index.ts'
import { chunkBytes, chunksOf, Lacking, refuseUnfit, type Copied, type Source } from './copy.ts'

/**
 * The digest of a plain file of an open folder, which stays where it is. `look` is shown what is read, piece by piece. Throws
 * `Unfit` as `copyOut` does, and `Lacking` if the file was changed meanwhile: the step is over, so somebody outside of it
 * did that, and the digest would be of something that never was.
 */
export async function hashInPlace(
  from: Source,
  maxBytes: number,
  look: (chunk: Uint8Array) => void,
): Promise<Copied & { readonly executable: boolean }> {
  const fd = openIn(from.folder, from.name, 0)
  try {
    const { mode } = refuseUnfit(fd, from, maxBytes)
    const before = fstatSync(fd, { bigint: true })
    const hashed = await hashFile(pathOf(fd), before.size, look)
    const there = lstatSync(`${pathOf(from.folder)}/${from.name}`, { bigint: true, throwIfNoEntry: false })
    const isSame = [fstatSync(fd, { bigint: true }), there].every(
      (after) => after !== undefined && isUnchanged(before, after),
    )
    if (!isSame || BigInt(hashed.bytes) !== before.size) throw changed()
    return { ...hashed, executable: (mode & 0o100) !== 0 }
  } finally {
    closeSync(fd)
  }
}

const changed = () =>
  new Lacking('was changed while it was hashed: let nothing else write there while the step ends')

/** The kernel sets ctime at each write: mtime can be set back by who may write the file. */
function isUnchanged(before: BigIntStats, after: BigIntStats): boolean {
  const kept = ['dev', 'ino', 'size', 'mtimeNs', 'ctimeNs'] as const
  return kept.every((name) => before[name] === after[name])
}

/** Throws `Lacking` as soon as there is more than there was: who writes to it may never stop. */
async function hashFile(path: string, size: bigint, look: (chunk: Uint8Array) => void): Promise<Copied> {
  const source = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const hash = createHash('sha256')
    let bytes = 0
    for (const chunk of chunksOf(source)) {
      bytes += chunk.length
      if (bytes > size) throw changed()
      look(chunk)
      hash.update(chunk)
      if (bytes >= chunkBytes) await breathe()
    }
    return { sha256: hash.digest('hex'), bytes }
  } finally {
    closeSync(source)
  }
}
