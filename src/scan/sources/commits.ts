import { MayflyError, messageOf } from '../../lib/index.ts'
import type { Unseen } from '../unpack/index.ts'
import { readBlobs, type WantedBlob } from './blobs.ts'
import { changesOf, type BlobOrigin, type BlobOrigins } from './changes.ts'
import { gitRecords, type GitPlace } from './git.ts'
import { notesOf, tagsOf } from './messages.ts'
import type { Batch } from './model.ts'
import { isPartial, shallowEdge, tellPassedOver, unseenBehind } from './repository.ts'

/** Which commits, as Git takes it: the end of a command, and lines of its input. */
export interface Revisions {
  readonly args: readonly string[]
  readonly input?: readonly string[]
  /** Tags that come with them. */
  readonly tags?: readonly string[]
}

/** `A..B`, or `A`: what came since, up to HEAD. Throws `bad_input` for what Git could take for an option or for something to compute. */
function revisionsOf(range: string | Revisions): Revisions {
  if (typeof range !== 'string') return range
  if (range === '' || range.startsWith('-') || /[\u0000-\u0020\u007f]/.test(range))
    throw new MayflyError(
      'bad_input',
      `${JSON.stringify(range.slice(0, 100))} is no range of commits: write A..B, or A`,
    )
  return { args: ['--end-of-options', range.includes('..') ? range : `${range}..HEAD`, '--'] }
}

/**
 * The blobs that commits brought, each once, by the path under which it came first, and what they say, their tags and notes. `range` is `A..B`, or `A` for what came since. Of
 * paths that somebody asks for each blob has those under which it came. Throws `bad_input` with what Git said.
 */
export async function* commitsSource(
  place: GitPlace,
  range: string | Revisions,
  unseen: (unseen: Unseen) => void,
  isAskedFor: (path: string) => boolean = () => false,
): AsyncGenerator<Batch> {
  const found = createAskedPaths(isAskedFor)
  const names = new Map<string, string>()
  const { args, input } = revisionsOf(range)
  for await (const { blob, path } of changesOf(place, args, input)) {
    // The oldest comes last.
    names.set(blob, path)
    found.add(blob, path)
  }
  found.tell(unseen)
  const blobs = Array.from(names, ([id, name]) => {
    const paths = found.all.get(id)
    return paths === undefined ? { id, name } : { id, name, paths }
  })
  const wanted = await presentOf(place, [...(await saidOf(place, range, unseen)), ...blobs], unseen)
  if (wanted.length > 0) yield* readBlobs(place, wanted, unseen)
}

/** What the commits of a range say, their tags, and notes of them. Where the clone is cut off within the range, that is said. */
async function saidOf(
  place: GitPlace,
  range: string | Revisions,
  unseen: (unseen: Unseen) => void,
): Promise<readonly WantedBlob[]> {
  const commits = new Set<string>()
  const { args, input, tags = [] } = revisionsOf(range)
  for await (const id of gitRecords(place, ['rev-list', ...args], newline, input)) commits.add(id)
  const cut = commits.intersection(await shallowEdge(place))
  if (cut.size > 0) unseen(unseenBehind(cut.size))
  return [
    ...Array.from(commits, (id) => ({ id, name: `commit ${id} (message)` })),
    ...Array.from(new Set([...tags, ...(await tagsOf(place, commits, tellPassedOver(unseen)))]), (id) => ({
      id,
      name: `tag ${id} (message)`,
    })),
    ...(await notesOf(place, commits)).map(({ id, commit }) => ({ id, name: `commit ${commit} (note)` })),
  ]
}

/** Of one blob, and of all: rules of some paths ask for few of them. */
const mostPathsAsked = 1_000
const mostOfAllAsked = 500_000

/** Paths of blobs that rules ask for; where there are more than are kept, that can be told. */
function createAskedPaths(isAskedFor: (path: string) => boolean) {
  const all = new Map<string, Set<string>>()
  let [count, isCut] = [0, false]
  return {
    all: {
      get: (blob: string) => {
        const paths = all.get(blob)
        return paths === undefined ? undefined : [...paths]
      },
    },
    add(blob: string, path: string): void {
      if (!isAskedFor(path)) return
      const known = all.get(blob) ?? new Set()
      if (known.has(path)) return
      if (known.size >= mostPathsAsked || count >= mostOfAllAsked) return void (isCut = true)
      all.set(blob, known.add(path))
      count++
    },
    tell(unseen: (unseen: Unseen) => void): void {
      if (isCut)
        unseen(
          notAsked(`they ask for more than ${mostPathsAsked} paths of one file, or ${mostOfAllAsked} in all`),
        )
    },
  }
}

const notAsked = (why: string): Unseen => ({
  ...{ name: '', code: 'limit' },
  why: `rules of some paths were not asked of all files: ${why}`,
})

/**
 * By which paths blobs came, in all commits that there are, of the paths that are asked for: what rules of some paths go by. What could not
 * be told is said to `unseen`.
 */
export async function pathsOfBlobs(
  place: GitPlace,
  isAskedFor: (path: string) => boolean,
  unseen: (unseen: Unseen) => void,
): Promise<{ get(blob: string): readonly string[] | undefined }> {
  const asked = createAskedPaths(isAskedFor)
  try {
    const commits = await allCommits(place)
    // Of no commit at all Git would take HEAD.
    if (commits.length > 0)
      for await (const { blob, path } of changesOf(place, ['--stdin'], commits)) asked.add(blob, path)
  } catch (error) {
    unseen(notAsked(messageOf(error)))
  }
  asked.tell(unseen)
  return asked.all
}

async function allCommits(place: GitPlace): Promise<string[]> {
  const commits: string[] = []
  for await (const line of gitRecords(place, allObjects, newline))
    if (line.endsWith(' commit')) commits.push(`${line.slice(0, line.indexOf(' '))}\n`)
  return commits
}

/** Who made these commits. Throws `bad_input` with what Git said. */
export async function commitsNamed(
  place: GitPlace,
  ids: ReadonlySet<string>,
): Promise<ReadonlyMap<string, Omit<BlobOrigin, 'path'>>> {
  const found = new Map<string, Omit<BlobOrigin, 'path'>>()
  // Of none Git would take HEAD.
  if (ids.size === 0) return found
  const format = '--format=%H%x00%an%x00%ae%x00%aI'
  const args = ['log', '-z', '--no-walk=unsorted', '--no-patch', '--encoding=UTF-8', format, '--stdin']
  const lines = Array.from(ids, (id) => `${id}\n`)
  const records = gitRecords(place, args, 0, lines)
  const next = async () => ((await records.next()).value as string | undefined) ?? ''
  for await (const commit of records)
    found.set(commit, { commit, author: await next(), email: await next(), date: await next() })
  return found
}

/** Of a clone that was made without its blobs (`--filter`) Git would end at the first one that is missing. */
async function presentOf(
  place: GitPlace,
  wanted: readonly WantedBlob[],
  unseen: (unseen: Unseen) => void,
): Promise<readonly WantedBlob[]> {
  if (!(await isPartial(place))) return wanted
  const missing = new Map(wanted.map((one) => [one.id, one]))
  for await (const line of gitRecords(place, allObjects, newline))
    missing.delete(line.slice(0, line.indexOf(' ')))
  for (const { name } of missing.values())
    unseen({ name, code: 'absent', why: 'the clone is without it: clone without --filter' })
  return wanted.filter(({ id }) => !missing.has(id))
}

const allObjects = [
  'cat-file',
  '--batch-all-objects',
  '--unordered',
  '--batch-check=%(objectname) %(objecttype)',
]
const newline = 0x0a

/** Of one blob, and of all. Whoever has more has made them to be lost in. */
const mostPaths = 1_000
const mostPathsOfAll = 200_000

/**
 * By which paths these blobs came, and who brought each; of one that is in no commit (staged once) nothing. Without a `range` all commits are
 * gone through, those that nothing leads to any more behind those of branches and stashes. Throws `bad_input` with what Git said.
 */
export async function attributeBlobs(
  place: GitPlace,
  blobs: Iterable<string>,
  range?: string | Revisions,
): Promise<ReadonlyMap<string, BlobOrigins>> {
  const wanted = new Set(blobs)
  const origins = createOrigins()
  if (wanted.size === 0) return origins.all()
  const take = async (revisions: readonly string[], input?: readonly string[]) => {
    for await (const { blob, ...origin } of changesOf(place, revisions, input))
      if (wanted.has(blob)) origins.add(blob, origin)
    origins.endPass()
  }
  if (range !== undefined) {
    const { args, input } = revisionsOf(range)
    await take(args, input)
    return origins.all()
  }
  await take(['--all', '--reflog', '--'])
  const commits = await allCommits(place)
  // Of no commit at all Git would take HEAD.
  if (commits.length > 0) await take(['--stdin', '--not', '--all', '--reflog', '--'], commits)
  return origins.all()
}

type Paths = Map<string, BlobOrigin>

/** Told of changes, those that came last first; several times over, where what was told before stays in front. */
function createOrigins() {
  const found = new Map<string, { before: Paths; paths: Paths; isWhole: boolean }>()
  let count = 0
  return {
    add(blob: string, origin: BlobOrigin): void {
      const known = found.get(blob) ?? { before: new Map(), paths: new Map(), isWhole: true }
      found.set(blob, known)
      if (known.before.has(origin.path)) return
      if (known.paths.delete(origin.path)) count--
      known.paths.set(origin.path, origin)
      count++
      if (known.paths.size + known.before.size <= mostPaths && count <= mostPathsOfAll) return
      known.isWhole = false
      // Who brought it stays.
      const [newest] = known.paths.keys()
      if (known.paths.size > 1 && newest !== undefined && known.paths.delete(newest)) count--
    },
    endPass(): void {
      for (const known of found.values()) {
        for (const [path, origin] of [...known.paths].toReversed()) known.before.set(path, origin)
        known.paths.clear()
      }
    },
    all(): ReadonlyMap<string, BlobOrigins> {
      const all = new Map<string, BlobOrigins>()
      for (const [blob, { before, isWhole }] of found) {
        const [first, ...others] = before.values()
        if (first !== undefined) all.set(blob, { all: [first, ...others], isWhole })
      }
      return all
    },
  }
}
