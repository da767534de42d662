import { unpack, type Content, type UnpackOptions } from '../unpack/index.ts'
import { startGit } from './git.ts'
import type { Batch, Part } from './model.ts'
import { bytesOf, createFileOpener, type WithFile } from './open-file.ts'

export interface ReadOptions extends Omit<UnpackOptions, 'visit'> {
  readonly visit: (content: Content, part: Part) => void | Promise<void>
}

/**
 * Opens the parts of batches, in a worker or not, one batch after the other, and visits all that is in them. What cannot be read is said
 * to `unseen`; throws what `visit` throws.
 */
export function createBatchReader(options: ReadOptions): (batch: Batch) => Promise<void> {
  const withFile = createFileOpener(options.unseen)
  return async (batch) => {
    for (const part of batch.parts) await readPart(batch, part, withFile, options)
  }
}

async function readPart(batch: Batch, part: Part, withFile: WithFile, options: ReadOptions): Promise<void> {
  const own: UnpackOptions = { ...options, visit: (content) => options.visit(content, part) }
  switch (part.kind) {
    case 'bytes':
      return unpack(
        part.name,
        Buffer.from(batch.buffer ?? new ArrayBuffer(0), part.at, part.bytes),
        part.hasContent === true
          ? { ...own, unseen: (one) => one.code === 'absent' || own.unseen(one) }
          : own,
      )
    case 'file':
      return withFile(part, (input) => unpack(part.name, input, own))
    case 'descriptor':
      return unpack(part.name, bytesOf(part.descriptor), own)
    case 'blob': {
      const git = startGit(part.git, ['cat-file', 'blob', part.blob])
      git.end()
      return unpack(part.name, git.output, own)
    }
  }
}
