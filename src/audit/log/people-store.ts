import type { FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { type FileSystem, namesIn, readIfThere, replaceFile, syncFolder, writeAll } from '../disk/index.ts'
import { namesPerFile, type SealedNames } from '../people/index.ts'

/** What stands beside the log about people: their keys, and their names sealed with them. Never served. */
export interface PeopleStore {
  /** The keys of those of these people who have one, in base64. */
  keysOf(people: readonly string[]): Promise<ReadonlyMap<string, string>>
  /** Makes the names of these entries durable, before the entries are. Of somebody who was erased nothing is kept. */
  keep(entries: readonly { index: number; id: string; sealed: readonly SealedNames[] }[]): Promise<void>
  /** Deletes a person's key, for good. Resolves when that is on the disk; twice is once. */
  erase(person: string): Promise<void>
  close(): Promise<void>
}

interface State {
  /** By person; `undefined` for one that was not read yet. */
  keys: Map<string, string | undefined>
  erased: Set<string>
}

/** Nothing is read or made before the first name comes. */
export function createPeopleStore(fs: FileSystem, folder: string): PeopleStore {
  const [keys, erased, names] = ['keys', 'erased', 'names'].map((name) => join(folder, 'people', name)) as [
    string,
    string,
    string,
  ]
  let known: State | undefined
  let file: { number: number; handle: FileHandle } | undefined
  let busy: Promise<unknown> = Promise.resolve()

  async function open(): Promise<State> {
    if (known !== undefined) return known
    for (const path of [keys, erased, names]) await fs.mkdir(path, { recursive: true, mode: 0o700 })
    for (const path of [join(folder, 'people'), folder]) await syncFolder(fs, path)
    const held = (await namesIn(fs, keys)).map((person) => [person, undefined] as const)
    const state: State = { keys: new Map(held), erased: new Set(await namesIn(fs, erased)) }
    // A crash between the mark and the deed: it is done now.
    for (const person of state.erased) if (state.keys.has(person)) await drop(person, state.keys)
    known = state
    return known
  }

  async function keysOf(people: readonly string[]): Promise<Map<string, string>> {
    const found = new Map<string, string>()
    if (people.length === 0) return found
    const state = await open()
    for (const person of people) {
      if (!state.keys.has(person)) continue
      const key = state.keys.get(person) ?? (await readKey(person))
      state.keys.set(person, key)
      found.set(person, key ?? '')
    }
    return found
  }

  async function readKey(person: string): Promise<string | undefined> {
    return (await readIfThere(fs, join(keys, person)))?.toString().replace(/\n$/, '')
  }

  async function keep(entries: Parameters<PeopleStore['keep']>[0]): Promise<void> {
    const state = await open()
    const lines = new Map<number, string>()
    for (const { index, id, sealed } of entries) {
      for (const { person, key, box } of sealed) {
        if (state.erased.has(person)) continue
        if (!state.keys.has(person)) await replaceFile(fs, join(keys, person), Buffer.from(`${key}\n`), 0o600)
        state.keys.set(person, key)
        const number = Math.floor(index / namesPerFile)
        lines.set(number, `${lines.get(number) ?? ''}${JSON.stringify({ id, person, box })}\n`)
      }
    }
    for (const [number, text] of lines) await append(number, text)
  }

  async function append(number: number, text: string): Promise<void> {
    if (file?.number !== number) {
      await file?.handle.close()
      file = { number, handle: await fs.open(join(names, String(number)), 'a', 0o600) }
      await syncFolder(fs, names)
      // A crash may have torn the last line: it is ended, so that it spoils no other.
      await writeAll(file.handle, Buffer.from('\n'))
    }
    await writeAll(file.handle, Buffer.from(text))
    await file.handle.datasync()
  }

  async function erase(person: string): Promise<void> {
    const state = await open()
    // First the mark, then the deed: an append that is under way must not bring the key back.
    await replaceFile(fs, join(erased, person), Buffer.from('\n'), 0o600)
    state.erased.add(person)
    await drop(person, state.keys)
  }

  async function drop(person: string, held: State['keys']): Promise<void> {
    await fs.rm(join(keys, person), { force: true })
    await syncFolder(fs, keys)
    held.delete(person)
  }

  /** One after the other, whatever became of the one before. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = busy.then(work)
    busy = done.catch(() => undefined)
    return done
  }

  return {
    keysOf: (people) => inTurn(() => keysOf(people)),
    keep: (entries) => inTurn(() => keep(entries)),
    erase: (person) => inTurn(() => erase(person)),
    close: () => inTurn(async () => await file?.handle.close()),
  }
}
