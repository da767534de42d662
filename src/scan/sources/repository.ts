import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { MayflyError } from '../../lib/index.ts'
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

/** What a history cannot have, since the clone is without it. */
export async function tellMissing(place: GitPlace, unseen: (unseen: Unseen) => void): Promise<void> {
  const edge = await shallowEdge(place)
  if (edge.size > 0) unseen(unseenBehind(edge.size))
  if (!(await isPartial(place))) return
  let missing = 0
  const args = ['rev-list', '--objects', '--missing=print', '--all', '--reflog']
  for await (const line of gitRecords(place, args, newline)) if (line.startsWith('?')) missing++
  if (missing > 0)
    unseen({
      ...{ name: whole, code: 'absent' },
      why: `the clone is without ${missing} objects, and what is in them: clone without --filter`,
    })
}
