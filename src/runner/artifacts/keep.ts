import { renameSync, rmSync, type Stats } from 'node:fs'
import { join } from 'node:path'
import type { Masker } from '../../mask/index.ts'
import type { Artifact } from './artifact.ts'
import { copyOut, Lacking, type Source } from './copy.ts'
import { isExecutableConfiguration } from './executable.ts'
import { hashInPlace } from './hash.ts'
import { maskCopy, searchSecrets } from './secrets.ts'

/** Takes the file at the end of `parts`, which lies in the open folder `at`. Throws `Unfit`. */
export type Keep = (at: number, parts: readonly string[]) => Promise<Omit<Artifact, 'path' | 'named'>>

export interface Looking {
  readonly isCovered: (stat: Stats) => boolean
  readonly masker: Pick<Masker, 'pieces' | 'stream'>
  readonly onSeen: (name: string) => void
  /** Of all files together. */
  readonly maxBytes: number
  /** Lines for the files in which something was masked. */
  readonly masked: string[]
}

/** Copies each file into `folder`, under its digest, with secrets masked where that can be done. */
export function createCopier(deps: Looking & { readonly folder: string }): Keep {
  const { folder, masker, masked } = deps
  let left = deps.maxBytes
  return async (at, parts) => {
    const search = searchSecrets(masker, deps.onSeen)
    search.name(parts.join('/'))
    const made = join(folder, 'new')
    try {
      const copied = await copyOut(sourceOf(deps, at, parts), made, left, search.look)
      // Also of what is kept back: a step may leave any number of those.
      left -= copied.bytes
      const seen = search.end()
      const isRun = copied.executable || isExecutableConfiguration(parts)
      const kept = seen === undefined ? copied : await maskCopy(masker, made, left, { seen, isRun })
      if (seen !== undefined) masked.push(`${JSON.stringify(parts.join('/'))} held ${seen}`)
      renameSync(made, join(folder, kept.sha256))
      return { ...kept, executable: copied.executable }
    } finally {
      rmSync(made, { force: true })
    }
  }
}

/** Takes the digest of each file as it is: one with a secret in it is not to be shown to anybody, so it is not taken. */
export function createHasher(deps: Looking): Keep {
  let left = deps.maxBytes
  return async (at, parts) => {
    const search = searchSecrets(deps.masker, deps.onSeen)
    search.name(parts.join('/'))
    const hashed = await hashInPlace(sourceOf(deps, at, parts), left, search.look)
    left -= hashed.bytes
    const seen = search.end()
    if (seen !== undefined)
      throw new Lacking(`holds ${seen}, and stays as it is: write it without the secret`)
    return hashed
  }
}

function sourceOf({ isCovered }: Looking, folder: number, parts: readonly string[]): Source {
  const refused = (stat: Stats) =>
    isCovered(stat) ? 'holds credentials, and the step saw it without them' : undefined
  return { folder, name: parts.at(-1) ?? '', refused }
}
