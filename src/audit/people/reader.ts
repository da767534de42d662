import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { commitTo, isPersonId, namesPerFile, openNames } from './names.ts'

/** Shows names again, to whoever has the log's folder. */
export interface PeopleReader {
  /** The data of an entry with every name that can be read and is borne out; the others as `(erased)`. */
  reveal(
    index: number,
    entryId: string,
    data: Readonly<Record<string, unknown>>,
  ): Promise<Record<string, unknown>>
}

interface Line {
  id: string
  person: string
  box: string
}

/** Reads `people/` of a log's folder as it is needed: one file of names in memory. Folders without names are fine. */
export function openPeople(folder: string): PeopleReader {
  const keys = new Map<string, Promise<Uint8Array | undefined>>()
  let file: { number: number; lines: Promise<ReadonlyMap<string, Line[]>> } | undefined

  function keyOf(person: string): Promise<Uint8Array | undefined> {
    const known = keys.get(person) ?? readKey(folder, person)
    keys.set(person, known)
    return known
  }

  async function linesOf(index: number, id: string): Promise<readonly Line[]> {
    const number = Math.floor(index / namesPerFile)
    if (file?.number !== number) file = { number, lines: readLines(folder, number) }
    return (await file.lines).get(id) ?? []
  }

  return {
    async reveal(index, entryId, data) {
      const names = new Map<string, string>()
      for (const { person, box } of hasCommitment(data) ? await linesOf(index, entryId) : []) {
        const key = await keyOf(person)
        const opened = key === undefined ? {} : (openNames(key, person, entryId, box) ?? {})
        for (const [path, name] of Object.entries(opened))
          if (key !== undefined) names.set(`${person} ${path} ${commitTo(key, entryId, path, name)}`, name)
      }
      return show(data, '', names) as Record<string, unknown>
    },
  }
}

/** No event has a name deeper than this; an entry of 64 KB could be nested deeper than a call stack. */
const maxDepth = 32

function show(value: unknown, path: string, names: ReadonlyMap<string, string>, depth = 0): unknown {
  if (typeof value !== 'object' || value === null || depth > maxDepth) return value
  if (Array.isArray(value))
    return (value as unknown[]).map((one, i) => show(one, `${path}.${i}`, names, depth + 1))
  const { person, commitment } = value as Record<string, unknown>
  if (typeof person === 'string' && typeof commitment === 'string')
    // Only what the leaf committed to is a name: what stands beside the log may have been changed.
    return names.get(`${person} ${path} ${commitment}`) ?? `${person} (erased)`
  const entries = Object.entries(value).map(([name, one]) => [
    name,
    show(one, path === '' ? name : `${path}.${name}`, names, depth + 1),
  ])
  return Object.fromEntries(entries) as unknown
}

function hasCommitment(data: unknown): boolean {
  return JSON.stringify(data).includes('"commitment"')
}

async function readKey(folder: string, person: string): Promise<Uint8Array | undefined> {
  if (!isPersonId(person)) return undefined
  const text = await readText(join(folder, 'people', 'keys', person))
  const key = Buffer.from(text.trim(), 'base64')
  return key.length === 32 ? key : undefined
}

async function readLines(folder: string, number: number): Promise<ReadonlyMap<string, Line[]>> {
  const byId = new Map<string, Line[]>()
  for (const text of (await readText(join(folder, 'people', 'names', String(number)))).split('\n')) {
    const line = parseLine(text)
    if (line !== undefined) byId.set(line.id, [...(byId.get(line.id) ?? []), line])
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

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return ''
    throw error
  }
}
