import { MayflyError } from '../../lib/index.ts'
import type { Unseen } from '../unpack/index.ts'
import { readBlobs, type WantedBlob } from './blobs.ts'
import { changesOf, type BlobOrigin } from './changes.ts'
import { gitRecords, type GitPlace } from './git.ts'
import type { Batch } from './model.ts'

/** `A..B`, or `A`: what came since, up to HEAD. Throws `bad_input` for what Git could take for an option or for something to compute. */
function revisionsOf(range: string): readonly string[] {
  if (range === '' || range.startsWith('-') || /[\u0000-\u0020\u007f]/.test(range))
    throw new MayflyError(
      'bad_input',
      `${JSON.stringify(range.slice(0, 100))} is no range of commits: write A..B, or A`,
    )
  return ['--end-of-options', range.includes('..') ? range : `${range}..HEAD`, '--']
}

/**
 * The blobs that commits brought, each once, by the path under which it came first. `range` is `A..B`, or `A` for what came since. Throws
 * `bad_input` with what Git said.
 */
export async function* commitsSource(
  place: GitPlace,
  range: string,
  unseen: (unseen: Unseen) => void,
): AsyncGenerator<Batch> {
  const paths = new Map<string, string>()
  for await (const { blob, path } of changesOf(place, revisionsOf(range))) paths.set(blob, path)
  const wanted = await presentOf(
    place,
    Array.from(paths, ([id, name]) => ({ id, name })),
    unseen,
  )
  if (wanted.length > 0) yield* readBlobs(place, wanted, unseen)
}

/** Of a clone that was made without its blobs (`--filter`) Git would end at the first one that is missing. */
async function presentOf(
  place: GitPlace,
  wanted: readonly WantedBlob[],
  unseen: (unseen: Unseen) => void,
): Promise<readonly WantedBlob[]> {
  let isPartial = false
  for await (const key of gitRecords(place, ['config', '--null', '--name-only', '--list']))
    isPartial ||= /^(?:extensions\.partialclone|remote\..*\.promisor)$/is.test(key)
  if (!isPartial) return wanted
  const missing = new Map(wanted.map((one) => [one.id, one]))
  for await (const line of gitRecords(place, allObjects, newline))
    missing.delete(line.slice(0, line.indexOf(' ')))
  for (const { name } of missing.values())
    unseen({ name, code: 'unreadable', why: 'the clone is without it: clone without --filter' })
  return wanted.filter(({ id }) => !missing.has(id))
}

const allObjects = [
  'cat-file',
  '--batch-all-objects',
  '--unordered',
  '--batch-check=%(objectname) %(objecttype)',
]
const newline = 0x0a

/**
 * Which commit brought each of these blobs first, and by which path; of one that is in no commit (staged once) nothing. Without a `range` all
 * commits are gone through: of branches and stashes, and if it is in none of them, also those that nothing leads to any more.
 */
export async function attributeBlobs(
  place: GitPlace,
  blobs: Iterable<string>,
  range?: string,
): Promise<ReadonlyMap<string, BlobOrigin>> {
  const wanted = new Set(blobs)
  const found = new Map<string, BlobOrigin>()
  const take = async (revisions: readonly string[], input?: readonly string[]) => {
    const seen = new Map<string, BlobOrigin>()
    // The oldest comes last, and is who brought it.
    for await (const { blob, ...origin } of changesOf(place, revisions, input))
      if (wanted.has(blob)) seen.set(blob, origin)
    for (const [blob, origin] of seen) {
      found.set(blob, origin)
      wanted.delete(blob)
    }
  }
  if (wanted.size > 0) await take(range === undefined ? ['--all', '--reflog', '--'] : revisionsOf(range))
  if (wanted.size > 0 && range === undefined) {
    const commits: string[] = []
    for await (const line of gitRecords(place, allObjects, newline))
      if (line.endsWith(' commit')) commits.push(`${line.slice(0, line.indexOf(' '))}\n`)
    await take(['--stdin'], commits)
  }
  return found
}
