/** Bytes to look at, in one piece. All of it is true until the visitor returns, or what it returns resolves: the buffer is used again. */
export interface Content {
  /** The file, and within it the member: `a.tar!b/c`. Chosen by whoever made the archive: escape it where it is shown. */
  readonly name: string
  readonly bytes: Buffer
  /**
   * A hit belongs to this content if it starts from here and before `to`. What is around is context, and stands in the piece before or
   * after, too: so each hit of a long file is taken once, and with all that is around it.
   */
  readonly from: number
  readonly to: number
  /** No text: only what is unmistakable counts in it. */
  readonly isBinary: boolean
  /** How it stood in the file, from the outside: `base64`, `hex`, `utf-16`, `escapes`, `cell 3`. Empty: as it is here. */
  readonly decoded: readonly string[]
  /** Where a byte of it stands in the file that `name` says. */
  readonly position: (offset: number) => Position
}

export interface Position {
  /** From 1. */
  readonly line: number
  /** From 1, in UTF-16 code units, as SARIF and editors count; in a binary file, in bytes. */
  readonly column: number
  /** From 0, in bytes. */
  readonly offset: number
}

/** What was not looked at. */
export interface Unseen {
  readonly name: string
  readonly code: UnseenCode
  /** For people, one line: why, and what can be done. */
  readonly why: string
}

export type UnseenCode =
  /** It went away, or changed, while it was looked for. */
  | 'vanished'
  /** The system does not let it be read. */
  | 'unreadable'
  /** It is not here: a clone is without it, or a pointer stands for it. */
  | 'absent'
  /** It needs a password. */
  | 'encrypted'
  /** Packed in a form that is not read. */
  | 'unknown_form'
  /** It breaks off, or is not what it says. */
  | 'broken'
  /** One of `UnpackLimits`. */
  | 'limit'

export interface UnpackLimits {
  /** Archives in archives. */
  readonly depth: number
  /** Base64 in base64. */
  readonly decodedDepth: number
  /** One file may unpack to so many times its own bytes, or to `floorBytes`, whichever is more; never to more than `totalBytes`. */
  readonly ratio: number
  readonly floorBytes: number
  readonly totalBytes: number
  /** Of one file, with those of the archives in it. */
  readonly members: number
  readonly nameBytes: number
}

export const usualUnpackLimits: UnpackLimits = {
  depth: 8,
  decodedDepth: 3,
  ratio: 200,
  floorBytes: 67_108_864,
  totalBytes: 17_179_869_184,
  members: 1_000_000,
  nameBytes: 1_024,
}

export interface UnpackOptions {
  /** Bytes before and after a hit that a rule may look at (the engine says it): pieces of long files have so many in common. */
  readonly overlap: number
  readonly visit: (content: Content) => void | Promise<void>
  readonly unseen: (unseen: Unseen) => void
  readonly limits?: Partial<UnpackLimits>
  /** It is a text, whatever it begins with: it is not unpacked, though what stands encoded in it is decoded. */
  readonly isText?: boolean
  /** Told of each member of the file, if it is a tar, packed or not; not of those of archives in it. */
  readonly member?: (member: Member) => MemberReader | undefined
}

/** As the tar says it, whatever that is. */
export interface Member {
  readonly name: string
  readonly type: 'file' | 'hard link' | 'symbolic link' | 'other'
  /** Where a link leads. */
  readonly link: string
}

/** Is handed the bytes of a member as they stand in the archive, true until `add` returns. `end`: those were all; not called if it breaks off. */
export interface MemberReader {
  readonly add: (bytes: Buffer) => void
  readonly end: () => void
}
