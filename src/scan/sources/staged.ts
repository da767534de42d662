import type { Unseen } from '../unpack/index.ts'
import { readBlobs, type WantedBlob } from './blobs.ts'
import { gitRecords, notUnderstood, type GitPlace } from './git.ts'
import type { Batch } from './model.ts'

/**
 * What would be committed now: the files of the index that are not as in HEAD, as they are in the index, whatever the work tree has. Names
 * are paths in the repository. Throws `bad_input` with what Git said.
 */
export async function* stagedSource(
  place: GitPlace,
  unseen: (unseen: Unseen) => void,
): AsyncGenerator<Batch> {
  const args = ['diff', '--cached', '--raw', '-z', '--no-renames', '--no-abbrev', '--no-ext-diff']
  const wanted: WantedBlob[] = []
  let change: string | undefined
  for await (const record of gitRecords(place, args)) {
    if (change === undefined) change = record
    else {
      const blob = blobIn(place, change, record, unseen)
      if (blob !== undefined) wanted.push(blob)
      change = undefined
    }
  }
  if (change !== undefined) throw notUnderstood(place, change)
  if (wanted.length > 0) yield* readBlobs(place, wanted, unseen)
}

function blobIn(
  place: GitPlace,
  change: string,
  name: string,
  unseen: (unseen: Unseen) => void,
): WantedBlob | undefined {
  const [, mode, id, status] =
    /^:\d{6} (\d{6}) [0-9a-f]{40,64} ([0-9a-f]{40,64}) ([A-Z])\d*$/.exec(change) ?? []
  if (id === undefined) throw notUnderstood(place, change)
  if (status === 'U')
    unseen({ name, code: 'unreadable', why: 'it is not merged: resolve it, and `git add` it' })
  // Removed; and of a submodule only the name of a commit is in the repository.
  return /^0+$/.test(id) || mode === '160000' ? undefined : { id, name }
}
