import { unpack, type Content, type Input, type UnpackOptions } from '../unpack/index.ts'
import { createImageArchive } from './image-archive.ts'
import { startGit } from './git.ts'
import type { Batch, BytesPart, Part } from './model.ts'
import { bytesOf, createFileOpener } from './open-file.ts'

export interface ReadOptions extends Omit<UnpackOptions, 'visit'> {
  readonly visit: (content: Content, part: Part) => void | Promise<void>
}

/**
 * Opens the parts of batches, or those that are named, in a worker or not, one after the other, and visits all that is in them. What cannot be
 * read is said to `unseen`; throws what `visit` throws.
 */
export function createBatchReader(
  options: ReadOptions,
): (batch: Batch, parts?: readonly Part[]) => Promise<void> {
  const withFile = createFileOpener(options.unseen)
  let memory = Buffer.alloc(0)
  let current: Part | undefined
  const own: UnpackOptions = {
    ...options,
    visit: (content) => (current === undefined ? undefined : options.visit(content, current)),
  }

  /** In memory of our own, which is used again: not all that unpacks reads shared memory. */
  function copied({ buffer }: Batch, { at, bytes }: BytesPart): Buffer {
    if (memory.length < bytes) memory = Buffer.allocUnsafeSlow(Math.max(65_536, 2 * bytes))
    const part = memory.subarray(0, bytes)
    if (buffer !== undefined) part.set(new Uint8Array(buffer, at, bytes))
    return part
  }

  function readPart(batch: Batch, part: Part): Promise<void> {
    switch (part.kind) {
      case 'bytes':
        return unpack(
          part.name,
          copied(batch, part),
          part.hasContent === true
            ? { ...own, unseen: (one) => one.code === 'absent' || own.unseen(one) }
            : own,
        )
      case 'file':
        return withFile(part, (input) =>
          part.isImage === true ? readImage(part.name, input) : unpack(part.name, input, own),
        )
      case 'descriptor':
        return unpack(part.name, bytesOf(part.descriptor), own)
      case 'blob': {
        const git = startGit(part.git, ['cat-file', 'blob', part.blob])
        git.end()
        return unpack(part.name, git.output, own)
      }
    }
  }

  async function readImage(name: string, input: Input): Promise<void> {
    const image = createImageArchive()
    await unpack(name, input, { ...own, member: image.member })
    await image.tell(name, own.unseen)
  }

  return async (batch, parts = batch.parts) => {
    for (const part of parts) {
      current = part
      await readPart(batch, part)
    }
  }
}
