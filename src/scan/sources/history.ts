import type { Unseen } from '../unpack/index.ts'
import { maxHeldBlobBytes, readBlobs, type WantedBlob } from './blobs.ts'
import { gitRecords, type GitPlace } from './git.ts'
import type { Batch } from './model.ts'

/**
 * Every blob that the repository has, once, and in no order: of all branches, of stashes, of what was rewritten and is there still. They have
 * no name: where one was found in, `attributeBlobs` says by which path it came. Throws `bad_input` with what Git said.
 */
export async function* historySource(
  place: GitPlace,
  unseen: (unseen: Unseen) => void,
): AsyncGenerator<Batch> {
  const large: string[] = []
  yield* readBlobs(place, blobsOf(place, large, unseen), unseen)
  for (const blob of large) yield { parts: [{ kind: 'blob', name: '', blob, git: place }] }
}

const newline = 0x0a

/** In the order in which they are packed, which is that in which Git reads them quickest. */
async function* blobsOf(
  place: GitPlace,
  large: string[],
  unseen: (unseen: Unseen) => void,
): AsyncGenerator<WantedBlob> {
  const format = '--batch-check=%(objecttype) %(objectname) %(objectsize)'
  const args = ['cat-file', '--batch-all-objects', '--unordered', '--buffer', format]
  for await (const line of gitRecords(place, args, newline)) {
    const [type = '', id = '', size] = line.split(' ')
    if (id === 'missing')
      unseen({ name: type, code: 'broken', why: 'Git cannot read this object: run `git fsck`' })
    if (type !== 'blob') continue
    if (Number(size) > maxHeldBlobBytes) large.push(id)
    else yield { id, name: '' }
  }
}
