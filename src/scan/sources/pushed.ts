import { MayflyError } from '../../lib/index.ts'
import type { Revisions } from './commits.ts'
import { gitRecords, type GitPlace } from './git.ts'

const newline = 0x0a
const mostTags = 1_000

/**
 * What a push brings that its remote does not have, by the lines that Git hands to the hook `pre-push` (githooks(5)): of each ref what is
 * there, and what the remote has by that name. What the remote is known to have (`refs/remotes/REMOTE`) is not looked at again. Undefined: it
 * brings nothing. Throws `bad_input` for lines that are none, and for a ref that is neither commit nor tag: what it brings is not known.
 */
export async function pushedRevisions(
  place: GitPlace,
  lines: string,
  remote: string,
): Promise<Revisions | undefined> {
  const refs = lines
    .split('\n')
    .filter((line) => line !== '')
    .map(refIn)
  const tips = new Set(refs.flatMap(({ here }) => here ?? []))
  if (tips.size === 0) return undefined
  const there = new Set(refs.flatMap(({ there: id }) => id ?? []))
  const types = await typesOf(place, new Set([...tips, ...there]))
  const other = [...tips].find((id) => types.get(id) !== 'commit' && types.get(id) !== 'tag')
  if (other !== undefined)
    throw new MayflyError(
      'bad_input',
      `what is pushed as ${other} is no commit and no tag, and cannot be scanned: git push --no-verify goes without`,
    )
  // What is behind a ref of the remote is not known where it was never fetched.
  const known = [...there].filter((id) => types.has(id))
  const isName = /^\w[\w.-]*(?:\/\w[\w.-]*)*$/.test(remote)
  return {
    args: ['--stdin', '--not', ...(isName ? [`--remotes=${remote}`] : []), '--'],
    input: [...[...tips].map((id) => `${id}\n`), ...known.map((id) => `^${id}\n`)],
    tags: await tagsIn(
      place,
      [...tips].filter((id) => types.get(id) === 'tag'),
    ),
  }
}

interface PushedRef {
  readonly here?: string
  readonly there?: string
}

/** `LOCAL-REF ID REMOTE-REF ID`; what is local is as the user wrote it, with spaces, if they did. Zeros stand for none. */
function refIn(line: string): PushedRef {
  const [, here, there] = /^.+ ([0-9a-f]{40,64}) \S+ ([0-9a-f]{40,64})$/.exec(line) ?? []
  if (here === undefined || there === undefined)
    throw new MayflyError('bad_input', 'standard input has not the lines that Git hands to its hook pre-push')
  const isOne = (id: string) => /[^0]/.test(id)
  return { ...(isOne(here) ? { here } : {}), ...(isOne(there) ? { there } : {}) }
}

/** Of those that are there. */
async function typesOf(place: GitPlace, ids: ReadonlySet<string>): Promise<ReadonlyMap<string, string>> {
  const types = new Map<string, string>()
  const args = ['cat-file', '--batch-check=%(objectname) %(objecttype)']
  const input = Array.from(ids, (id) => `${id}\n`)
  for await (const line of gitRecords(place, args, newline, input)) {
    const [id = '', type = ''] = line.split(' ')
    if (type !== 'missing') types.set(id, type)
  }
  return types
}

/** Tags, and the tags that they are tags of. */
async function tagsIn(place: GitPlace, tags: readonly string[]): Promise<readonly string[]> {
  const all = new Set(tags)
  for (const tag of all) {
    if (all.size > mostTags)
      throw new MayflyError('bad_input', `more than ${mostTags} tags are pushed: push fewer`)
    const head: string[] = []
    for await (const line of gitRecords(place, ['cat-file', 'tag', tag], newline))
      if (head.length < 2) head.push(line)
    const [object = '', type] = head
    if (type === 'type tag') all.add(object.replace('object ', ''))
  }
  return [...all]
}
