import { linkSync, lstatSync, readdirSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { MayflyError, messageOf, systemCode } from '../../lib/index.ts'
import { inFolder, isAbsent, pathOf } from '../workspace/index.ts'
import { isAttestationName, type AttestationFile } from './names.ts'

/** A folder for attestations: no link on the way down from `root` is followed. */
export interface AttestationsPlace {
  readonly root: string
  readonly names: readonly string[]
  /** As it was asked for. */
  readonly shown: string
}

/** Throws `bad_input` if what an earlier run wrote is still there: it would be taken for that of this one. */
export async function refuseEarlier(place: AttestationsPlace): Promise<void> {
  const there = await inPlace(place, 'find', (folder) => readdirSync(pathOf(folder)))
  const name = there.ok ? there.value.find(isAttestationName) : undefined
  if (name !== undefined)
    throw new MayflyError(
      'bad_input',
      `${place.shown} has attestations already (${JSON.stringify(name)}): remove them, or name another folder`,
    )
}

/** The first of these names that something has there; undefined if none is taken. */
export async function takenName(
  place: AttestationsPlace,
  names: readonly string[],
): Promise<string | undefined> {
  const looked = await inPlace(place, 'find', (folder) =>
    names.find((name) => lstatSync(`${pathOf(folder)}/${name}`, { throwIfNoEntry: false }) !== undefined),
  )
  return looked.ok ? looked.value : undefined
}

/**
 * Writes all of these files, or none. What is there under one of their names is the step's, or another's: it is neither replaced
 * nor followed. Returns why nothing was written, or undefined.
 */
export async function writeAttestations(
  place: AttestationsPlace,
  files: readonly AttestationFile[],
): Promise<string | undefined> {
  const written = await inPlace(place, 'make', (folder) => putAll(pathOf(folder), files))
  return written.ok ? written.value : written.why
}

function putAll(folder: string, files: readonly AttestationFile[]): string | undefined {
  const drafts: string[] = []
  const put: string[] = []
  try {
    for (const { text } of files) {
      const draft = `${folder}/.mayfly-${process.pid}-${process.hrtime.bigint()}`
      drafts.push(draft)
      writeFileSync(draft, text, { flag: 'wx', mode: 0o644 })
    }
    for (const [i, { name }] of files.entries()) {
      // Unlike rename(2), link(2) replaces nothing.
      linkSync(drafts[i] ?? '', `${folder}/${name}`)
      put.push(name)
    }
    return undefined
  } catch (error) {
    for (const name of put) unlinkSync(`${folder}/${name}`)
    const name = files[put.length]?.name ?? ''
    return systemCode(error) === 'EEXIST'
      ? `${JSON.stringify(name)} is there already, and not replaced`
      : messageOf(error)
  } finally {
    for (const draft of drafts) rmSync(draft, { force: true })
  }
}

type InPlace<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly why: string }

async function inPlace<T>(
  { root, names, shown }: AttestationsPlace,
  how: 'make' | 'find',
  use: (folder: number) => T,
): Promise<InPlace<T>> {
  try {
    return { ok: true, value: await inFolder(root, names, how, use) }
  } catch (error) {
    if (isAbsent(error))
      return {
        ok: false,
        why: `${shown} is no folder that can be written to: a link or a file is in the way`,
      }
    return { ok: false, why: messageOf(error) }
  }
}
