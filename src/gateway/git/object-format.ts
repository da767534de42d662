/** How a repository names its objects: by SHA-1, or by SHA-256 since git 2.29. */
export interface ObjectFormat {
  readonly algorithm: 'sha1' | 'sha256'
  readonly idBytes: 20 | 32
}

export const sha1: ObjectFormat = { algorithm: 'sha1', idBytes: 20 }
export const sha256: ObjectFormat = { algorithm: 'sha256', idBytes: 32 }

/** Told of each commit: its id, computed from its content, and the parents that it names. */
export type OnCommit = (id: string, parents: readonly string[]) => void

/** Told of each annotated tag: its id, computed from its content, and the object that it names. */
export type OnTag = (id: string, target: string) => void
