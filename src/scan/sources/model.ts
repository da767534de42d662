import type { GitPlace } from './git.ts'

/** Work for one worker: its parts and buffer can be posted as they are; it is opened there by `readBatch`. */
export interface Batch {
  readonly parts: readonly Part[]
  /** Shared: to post it copies nothing, and it is there still if who looked at it ended. */
  readonly buffer?: SharedArrayBuffer
  /** Says, once, that nobody looks at it any more: its memory is used again. Not to be posted. */
  readonly done?: () => void
}

/** One thing to look at. */
export type Part = BytesPart | FilePart | DescriptorPart | BlobPart

interface Named {
  /** The path as people know it: below the folder that is scanned, or in the repository. Of a blob of the history alone: empty. */
  readonly name: string
  /** Of a blob of the history: paths that it had, of those that a rule asks for. */
  readonly paths?: readonly string[]
  /** The object of Git that it is: in which commits it is, `attributeBlobs` tells. */
  readonly blob?: string
}

/** Bytes of `Batch.buffer`. */
export interface BytesPart extends Named {
  readonly kind: 'bytes'
  readonly at: number
  readonly bytes: number
  /** It is a pointer, and what it stands for is another part. */
  readonly hasContent?: boolean
}

export interface FilePart extends Named {
  readonly kind: 'file'
  readonly path: string
  /** The path is bytes, one to each character (latin1): as UTF-8 it could not be written. */
  readonly isRaw?: boolean
  /** It is read only if it is below this folder when it is open. */
  readonly below?: string
  /** It is an archive of an image: what that lacks is told. */
  readonly isImage?: boolean
}

/** A stream that this process has open, as its standard input. */
export interface DescriptorPart extends Named {
  readonly kind: 'descriptor'
  readonly descriptor: number
}

/** A blob that is too long to be handed on in memory. */
export interface BlobPart extends Named {
  readonly kind: 'blob'
  readonly git: GitPlace
  readonly blob: string
}
