import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { parseBase64 } from '../verify/index.ts'
import { readRegularFile } from '../verify/node.ts'
import { commitTo, isPersonId, namesPerFile, openNames } from './names.ts'

/** What stands beside the log for a commitment in it. */
export type Found =
  | { kind: 'named'; name: string }
  /** There is a key, and no box with a name at that path. */
  | { kind: 'name_missing' }
  /** A box does not open with the key, or holds another name than was committed to. */
  | { kind: 'mismatch' }
  /** The file of the key holds none. */
  | { kind: 'key_malformed' }
  /** There is no key: erased, or taken away. */
  | { kind: 'no_key' }

/** `people/` of a log's folder, read as it is needed: one file of names in memory. Throws an Error that names the file that cannot be read. */
export interface Beside {
  /** `public`: it is a copy of the public files alone. `missing`: it is the log's own folder, which has all that stands beside it. */
  where(): Promise<'there' | 'missing' | 'public'>
  /** The commitments of one person in one entry. */
  find(index: number, entryId: string, person: string): Promise<(path: string, commitment: string) => Found>
  /** People with a mark, as of now. */
  marked(): Promise<ReadonlySet<string>>
  /** People with a key, as of now. */
  keyed(): Promise<ReadonlySet<string>>
}

interface Line {
  id: string
  person: string
  box: string
}

/** A key is 45 bytes. Names of 65,536 entries are some ten megabytes: what is larger than this is not the log's. */
const maxKeyBytes = 1_024
const maxNamesBytes = 268_435_456

export function openBeside(folder: string): Beside {
  const people = join(folder, 'people')
  const keys = new Map<string, Promise<Uint8Array | 'missing' | 'malformed'>>()
  let file: { number: number; lines: Promise<ReadonlyMap<string, Line[]>> } | undefined

  function keyOf(person: string): Promise<Uint8Array | 'missing' | 'malformed'> {
    const known = keys.get(person) ?? readKey(join(people, 'keys', person))
    keys.set(person, known)
    return known
  }

  async function boxesOf(index: number, id: string, person: string): Promise<string[]> {
    const number = Math.floor(index / namesPerFile)
    if (file?.number !== number) file = { number, lines: readLines(join(people, 'names', String(number))) }
    return ((await file.lines).get(id) ?? []).filter((line) => line.person === person).map(({ box }) => box)
  }

  return {
    async where() {
      if ((await unlessMissing(stat(people))) !== undefined) return 'there'
      return (await unlessMissing(stat(join(folder, 'state')))) === undefined ? 'public' : 'missing'
    },
    async find(index, entryId, person) {
      const key = await keyOf(person)
      if (key === 'missing') return () => ({ kind: 'no_key' })
      if (key === 'malformed') return () => ({ kind: 'key_malformed' })
      const boxes = await boxesOf(index, entryId, person)
      const opened = boxes.map((box) => openNames(key, person, entryId, box))
      return (path, commitment) => {
        const names = opened.map((one) => (one === undefined ? undefined : one[path]))
        const [name] = names
        if (opened.includes(undefined)) return { kind: 'mismatch' }
        if (name === undefined || names.includes(undefined)) return { kind: 'name_missing' }
        // Two boxes may stand there after a crash; both have to be right.
        return names.every((one) => one !== undefined && commitTo(key, entryId, path, one) === commitment)
          ? { kind: 'named', name }
          : { kind: 'mismatch' }
      }
    },
    marked: () => personsIn(join(people, 'erased')),
    keyed: () => personsIn(join(people, 'keys')),
  }
}

async function personsIn(folder: string): Promise<ReadonlySet<string>> {
  return new Set(((await unlessMissing(readdir(folder))) ?? []).filter(isPersonId))
}

async function readKey(path: string): Promise<Uint8Array | 'missing' | 'malformed'> {
  const bytes = await unlessMissing(readRegularFile(path, maxKeyBytes))
  if (bytes === undefined) return 'missing'
  const text = bytes.toString('latin1')
  const key = text.endsWith('\n') ? parseBase64(text.slice(0, -1)) : undefined
  return key?.length === 32 ? key : 'malformed'
}

async function readLines(path: string): Promise<ReadonlyMap<string, Line[]>> {
  const byId = new Map<string, Line[]>()
  const bytes = await unlessMissing(readRegularFile(path, maxNamesBytes))
  for (const text of bytes?.toString().split('\n') ?? []) {
    const line = parseLine(text)
    const known = byId.get(line?.id ?? '')
    if (line === undefined) continue
    if (known === undefined) byId.set(line.id, [line])
    else known.push(line)
  }
  return byId
}

// A crash may have torn a line: its entry was not acknowledged, or has another.
function parseLine(text: string): Line | undefined {
  try {
    const { id, person, box } = JSON.parse(text) as Partial<Line>
    if (typeof id !== 'string' || typeof person !== 'string' || typeof box !== 'string') return undefined
    return { id, person, box }
  } catch {
    return undefined
  }
}

async function unlessMissing<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
