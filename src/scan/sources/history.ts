import type { Unseen } from '../unpack/index.ts'
import { maxHeldBlobBytes, readBlobs, type WantedBlob } from './blobs.ts'
import { pathsOfBlobs } from './commits.ts'
import { gitRecords, type GitPlace } from './git.ts'
import type { Batch } from './model.ts'
import { tellMissing, tellPassedOver } from './repository.ts'

/**
 * Every blob that the repository has, once, and in no order: of all branches, of stashes, of what was rewritten and is there still. They have
 * no name: where one was found in, `attributeBlobs` says by which path it came. But of paths that somebody asks for each blob has those that it
 * had. Beside them what commits and tags say. What a clone is without is said. Throws `bad_input` with what Git said.
 */
export async function* historySource(
  place: GitPlace,
  unseen: (unseen: Unseen) => void,
  isAskedFor?: (path: string) => boolean,
): AsyncGenerator<Batch> {
  const passedOver = tellPassedOver(unseen)
  await tellMissing(place, unseen, passedOver)
  const large: string[] = []
  const paths =
    isAskedFor === undefined
      ? new Map<string, readonly string[]>()
      : await pathsOfBlobs(place, isAskedFor, unseen)
  const named = (blob: string) => {
    const known = paths.get(blob)
    return known === undefined ? {} : { paths: known }
  }
  async function* wanted(): AsyncGenerator<WantedBlob> {
    for await (const one of objectsOf(place, large, unseen, passedOver)) yield { ...one, ...named(one.id) }
  }
  yield* readBlobs(place, wanted(), unseen)
  for (const blob of large) yield { parts: [{ kind: 'blob', name: '', blob, git: place, ...named(blob) }] }
}

const newline = 0x0a

/** In the order in which they are packed, which is that in which Git reads them quickest. */
async function* objectsOf(
  place: GitPlace,
  large: string[],
  unseen: (unseen: Unseen) => void,
  passedOver: (what: string) => void,
): AsyncGenerator<WantedBlob> {
  const format = '--batch-check=%(objecttype) %(objectname) %(objectsize)'
  const args = ['cat-file', '--batch-all-objects', '--unordered', '--buffer', format]
  for await (const line of gitRecords(place, args, newline, [], passedOver)) {
    const [type = '', id = '', size] = line.split(' ')
    if (id === 'missing')
      unseen({ name: type, code: 'broken', why: 'Git cannot read this object: run `git fsck`' })
    if (type === 'commit' || type === 'tag') yield { id, name: `${type} ${id} (message)` }
    if (type !== 'blob') continue
    if (Number(size) > maxHeldBlobBytes) large.push(id)
    else yield { id, name: '' }
  }
}
