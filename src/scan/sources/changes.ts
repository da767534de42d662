import { gitRecords, notUnderstood, type GitPlace } from './git.ts'

/** A commit, as it says of itself: whoever made it wrote what they liked. */
export interface BlobOrigin {
  readonly commit: string
  readonly author: string
  readonly email: string
  /** ISO 8601. */
  readonly date: string
  readonly path: string
}

/** All paths of a blob, each by who brought it there first; the oldest is the first. */
export interface BlobOrigins {
  readonly all: readonly [BlobOrigin, ...BlobOrigin[]]
  /** False: there are more paths than are kept. */
  readonly isWhole: boolean
}

export interface Change extends BlobOrigin {
  readonly blob: string
}

const begin = '\u0001'
/** What a commit says, one field in each record. */
const format = `--format=%x01%H%x00%an%x00%ae%x00%aI`

/**
 * What commits put where, none before those that follow it: each blob that is in a file which differs from all parents. `revisions` is as `git log` takes
 * it, and no option; more of them may come as lines of `input` (`--stdin`).
 */
export async function* changesOf(
  place: GitPlace,
  revisions: readonly string[],
  input?: readonly string[],
): AsyncGenerator<Change> {
  // Combined, a merge says only what is in none of its parents: what a person wrote into it.
  const how = ['-c', '--root', '--raw', '-z', '--no-abbrev', '--no-renames', '--no-ext-diff', '--no-textconv']
  const records = gitRecords(
    place,
    ['log', '--date-order', '--encoding=UTF-8', ...how, format, ...revisions],
    0,
    input,
  )
  let origin: Omit<BlobOrigin, 'path'> = { commit: '', author: '', email: '', date: '' }
  const next = async () => ((await records.next()).value as string | undefined) ?? ''
  for await (const record of records) {
    if (record.startsWith(begin))
      origin = { commit: record.slice(1), author: await next(), email: await next(), date: await next() }
    // Behind a merge there is an empty one.
    else if (record !== '') {
      const blob = blobIn(place, record)
      const path = await next()
      if (blob !== undefined) yield { ...origin, path, blob }
    }
  }
}

/** Of `:MODE MODE ID ID S`, or of more than one parent `::MODE MODE MODE ID ID ID SS`, the last ID; of a file alone. */
function blobIn(place: GitPlace, record: string): string | undefined {
  const [, colons, rest] = /^\n?(:+)([0-9a-f ]+) [A-Z]+\d*$/.exec(record) ?? []
  if (colons === undefined || rest === undefined) throw notUnderstood(place, record)
  const fields = rest.split(' ')
  const [mode, id] = [fields[colons.length], fields.at(-1)]
  const isFile = mode !== '000000' && mode !== '160000'
  return id !== undefined && isFile && /[^0]/.test(id) ? id : undefined
}
