import { gitRecords, type GitPlace } from './git.ts'

/** What of a commit or a tag is looked at, and what it is called. */
export interface MessagePart {
  readonly name: string
  readonly from: number
  readonly to: number
}

const gap = Buffer.from('\n\n')
const mostKnown = 10_000
const plainLine =
  /^(?:tree [0-9a-f]{40,64}|parent [0-9a-f]{40,64}|(author|committer) ([^\n]*) \d{1,12} [+-]\d{4})$/

/**
 * The message of a commit or a tag (`commit ID (message)`), as its own text, and its header (`commit ID (header)`): who wrote it, whatever stands
 * there beside. A header that says nothing but people who are known from another one is left out.
 */
export function createMessageParts(): (type: string, id: string, object: Buffer) => MessagePart[] {
  const known = new Set<string>()
  const isKnown = (header: string) => {
    let isNew = false
    for (const line of header.split('\n')) {
      const [all, role, person] = plainLine.exec(line) ?? []
      if (all === undefined) return false
      if (role === undefined || person === undefined || known.has(person)) continue
      if (known.size >= mostKnown) known.clear()
      known.add(person)
      isNew = true
    }
    return !isNew
  }
  return (type, id, object) => {
    const found = object.indexOf(gap)
    const end = found === -1 ? object.length : found
    const [header, from] = [object.toString('latin1', 0, end), Math.min(object.length, end + gap.length)]
    return [
      ...(isKnown(header) ? [] : [{ name: `${type} ${id} (header)`, from: 0, to: end }]),
      ...(from === object.length ? [] : [{ name: `${type} ${id} (message)`, from, to: object.length }]),
    ]
  }
}

const newline = 0x0a

/** The tags of these commits, and tags of tags. A name of what is not there is said to `passedOver`. */
export async function tagsOf(
  place: GitPlace,
  commits: ReadonlySet<string>,
  passedOver: (what: string) => void,
): Promise<string[]> {
  const format = '--format=%(objecttype) %(objectname) %(*objecttype) %(*objectname)'
  const tags: string[] = []
  for await (const line of gitRecords(place, ['for-each-ref', format], newline, [], passedOver)) {
    const [type, id, ofType, of] = line.split(' ')
    if (type === 'tag' && id !== undefined && (ofType === 'tag' || commits.has(of ?? ''))) tags.push(id)
  }
  return tags
}

/** What `git notes` keeps of these commits: the blobs, and of which commit each is. */
export async function notesOf(
  place: GitPlace,
  commits: ReadonlySet<string>,
): Promise<{ readonly id: string; readonly commit: string }[]> {
  const notes: { id: string; commit: string }[] = []
  const format = '--format=%(objectname)'
  for await (const ref of gitRecords(place, ['for-each-ref', format, 'refs/notes'], newline))
    for await (const entry of gitRecords(place, ['ls-tree', '-r', '-z', '--full-tree', ref])) {
      const [, id, path = ''] = /^\d+ blob ([0-9a-f]+)\t(.*)$/s.exec(entry) ?? []
      const commit = path.replaceAll('/', '')
      if (id !== undefined && commits.has(commit)) notes.push({ id, commit })
    }
  return notes
}
