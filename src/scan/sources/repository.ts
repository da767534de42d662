import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { MayflyError, messageOf } from '../../lib/index.ts'
import type { Unseen } from '../unpack/index.ts'
import { gitRecords, type GitPlace } from './git.ts'

const newline = 0x0a
const maxShallowBytes = 67_108_864

/** What a repository that is not whole is called where something is told of it. */
const whole = 'the history'

async function linesOf(place: GitPlace, ...args: readonly string[]): Promise<string[]> {
  const lines: string[] = []
  for await (const line of gitRecords(place, args, newline)) lines.push(line)
  return lines
}

/** The commits of a shallow clone whose parents it does not have; empty if it is whole. Throws `bad_input` if it cannot tell. */
export async function shallowEdge(place: GitPlace): Promise<ReadonlySet<string>> {
  const [isShallow, file = ''] = await linesOf(
    place,
    ...['rev-parse', '--is-shallow-repository', '--git-path', 'shallow'],
  )
  if (isShallow === 'false') return new Set()
  const text = isShallow === 'true' ? shortText(resolve(place.folder, file)) : undefined
  const ids = (text ?? '').split('\n').filter((line) => /^[0-9a-f]{40,64}$/.test(line))
  if (ids.length === 0)
    throw new MayflyError(
      'bad_input',
      'git says that the clone is shallow, and not where: run `git fetch --unshallow`',
    )
  return new Set(ids)
}

function shortText(file: string): string | undefined {
  let handle: number | undefined
  try {
    handle = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK)
    const about = fstatSync(handle)
    return about.isFile() && about.size <= maxShallowBytes ? readFileSync(handle, 'latin1') : undefined
  } catch {
    return undefined
  } finally {
    if (handle !== undefined) closeSync(handle)
  }
}

/** Of what is missing behind so many commits. */
export function unseenBehind(edge: number): Unseen {
  const commits = edge === 1 ? 'a commit' : `${edge} commits`
  const why = `the clone is shallow, and without what came before ${commits}: run \`git fetch --unshallow\`, or let CI fetch all (fetch-depth: 0)`
  return { name: whole, code: 'absent', why }
}

/** A clone that was made without some of its objects (`--filter`) may be without any of them. */
export async function isPartial(place: GitPlace): Promise<boolean> {
  for await (const key of gitRecords(place, ['config', '--null', '--name-only', '--list']))
    if (/^(?:extensions\.partialclone|remote\..*\.promisor)$/is.test(key)) return true
  return false
}

const mostNamed = 3

/**
 * What a history does not have and should: what is behind the edge of a shallow clone, what a clone was made without, and what is lost, since
 * the folder that it borrows objects from is not there, or a pack has no index, or an object is gone. Git lists what it finds, and says
 * nothing of the rest, so all that branches, tags, reflogs and the index lead to is gone through.
 */
export async function tellMissing(
  place: GitPlace,
  unseen: (unseen: Unseen) => void,
  passedOver: (what: string) => void,
): Promise<void> {
  const edge = await shallowEdge(place)
  if (edge.size > 0) unseen(unseenBehind(edge.size))
  const isFiltered = await isPartial(place)
  const missing = { count: 0, first: [] as string[] }
  const ask = async (...args: readonly string[]) => {
    try {
      for await (const line of gitRecords(place, args, newline, [], passedOver))
        if (line.startsWith('?') && missing.count++ < mostNamed) missing.first.push(line.slice(1))
    } catch (error) {
      passedOver(messageOf(error))
    }
  }
  // It fails where no object can be read at all, and that is an error as it is.
  for await (const _ of gitRecords(place, ['rev-parse', '--git-dir'], newline));
  await ask('count-objects', '-v')
  const from = ['--all', '--reflog', '--indexed-objects']
  await ask('rev-list', '--objects', '--quiet', '--missing=print', ...from)
  if (missing.count === 0) return
  const objects = missing.count === 1 ? 'an object' : `${missing.count} objects`
  if (isFiltered)
    return unseen({
      ...{ name: whole, code: 'absent' },
      why: `the clone is without ${objects}, and what is in them: clone without --filter`,
    })
  passedOver(`it is without ${objects} that others lead to (${missing.first.join(', ')})`)
}

/** Of objects that should be there. It is called another name than what a clone is without by design: whoever lets that be unseen means not this. */
export function tellPassedOver(unseen: (unseen: Unseen) => void): (what: string) => void {
  const told = new Set<string>()
  return (what) => {
    if (told.has(what)) return
    told.add(what)
    unseen({ name: 'objects of Git', code: 'broken', why: `${what}: ${mend}` })
  }
}

const mend =
  'run `git fsck`; a clone that borrows objects needs the folders that .git/objects/info/alternates names'
