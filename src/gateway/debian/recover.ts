import { createHash } from 'node:crypto'
import { discard, type Exchange, type Permit } from '../exchange.ts'
import { follow } from '../follow.ts'
import { strongest } from '../verified-body.ts'
import { archiveOf, fetchRelease, type ReleaseDeps } from './fetch-release.ts'
import type { Lists } from './lists.ts'
import { createIndexReader, indexFormOf, type IndexForm } from './pool-index.ts'
import type { ListedFile } from './release.ts'

/**
 * Reads for a step what it has read elsewhere: at another gateway, before a restart, or in the image that it runs in, whose lists
 * apt found to be the newest. Suites that any step was ever given are looked through; all of them are the archive's, by its signature.
 */
export interface Recovery {
  /** The releases of the archive, once for a step. */
  releases(exchange: Exchange, permit: Permit, lists: Lists): Promise<void>
  /** The indexes of these releases that may list the file, one after the other until one does. */
  indexes(exchange: Exchange, permit: Permit, lists: Lists, path: string): Promise<void>
}

const maxSuites = 12
/** For one step: each of them stays in memory as long as the step. */
const maxIndexes = 12
/** As it comes; Debian's main has 9 MB. */
const maxIndexBytes = 67_108_864
const maxUnpackedBytes = 536_870_912
const pieceBytes = 65_536

export function createRecovery(deps: ReleaseDeps): Recovery {
  const releasesOf = new WeakMap<Lists, Promise<void>>()
  /** One at a time for a step: apt asks for many packages at once, which one index lists. */
  const turns = new WeakMap<Lists, Promise<void>>()
  const asked = new WeakMap<Lists, Set<string>>()

  async function readReleases(exchange: Exchange, permit: Permit, lists: Lists): Promise<void> {
    const suites = (await deps.archiveDates?.suites(archiveOf(exchange))) ?? []
    for (const folder of suites.slice(0, maxSuites)) {
      if (lists.releases.has(folder)) continue
      for (const within of [true, false]) {
        const fetched = await fetchRelease(exchange, deps, lists, permit, { folder, within })
        if ('failed' in fetched) discard(fetched.failed)
        if ('release' in fetched) break
      }
    }
  }

  async function readIndex(
    exchange: Exchange,
    permit: Permit,
    lists: Lists,
    { folder, file, form }: Candidate,
  ): Promise<void> {
    const upstream = await follow(exchange, permit, `/${folder === '' ? '' : `${folder}/`}${file.path}`)
    if (upstream.statusCode !== 200) return discard(upstream)
    const bytes = await exchange.read(upstream, file.bytes)
    const { algorithm, expected } = strongest(file.integrity)
    if (bytes === undefined || !expected.includes(createHash(algorithm).update(bytes).digest('base64')))
      return
    const reader = createIndexReader(form, maxUnpackedBytes)
    for (let at = 0; at < bytes.length; at += pieceBytes)
      await reader.add(bytes.subarray(at, at + pieceBytes))
    const index = await reader.end()
    deps.known.keep(file, index)
    lists.add(folder, file, index)
  }

  async function readIndexes(exchange: Exchange, permit: Permit, lists: Lists, path: string): Promise<void> {
    const before = asked.get(lists) ?? new Set<string>()
    asked.set(lists, before)
    for (const one of candidatesFor(lists, path)) {
      if (lists.find(path) !== undefined || before.size >= maxIndexes) return
      const key = `${one.folder} ${one.file.path} ${one.file.integrity}`
      if (before.has(key)) continue
      before.add(key)
      await readIndex(exchange, permit, lists, one)
    }
  }

  return {
    releases(exchange, permit, lists) {
      const reading = releasesOf.get(lists) ?? readReleases(exchange, permit, lists)
      releasesOf.set(lists, reading)
      reading.catch(() => releasesOf.delete(lists))
      return reading
    },
    indexes(exchange, permit, lists, path) {
      const before = turns.get(lists) ?? Promise.resolve()
      const turn = before.then(() => readIndexes(exchange, permit, lists, path))
      turns.set(
        lists,
        turn.catch(() => undefined),
      )
      return turn
    },
  }
}

interface Candidate {
  readonly folder: string
  readonly file: ListedFile
  readonly form: IndexForm
}

const preferred: readonly IndexForm['compression'][] = ['xz', 'zst', 'gz', '']

/**
 * Of each component the one index that would list the file, in the best compression: what is for all architectures stands in each
 * one's. Those first that the file's own place speaks for.
 */
function candidatesFor(lists: Lists, path: string): Candidate[] {
  const architecture = /_([a-z0-9-]+)\.u?deb$/.exec(path)?.[1]
  const wanted = architecture === undefined ? 'Sources' : 'Packages'
  const best = new Map<string, Candidate>()
  for (const [folder, { files }] of lists.releases)
    for (const file of files.values()) {
      const form = indexFormOf(file.path)
      if (typeof form !== 'object' || form.lists !== wanted || file.bytes > maxIndexBytes) continue
      const [, component = '', binary] = /^(.*?)(?:binary-([a-z0-9-]+)\/)?[^/]*$/.exec(file.path) ?? []
      if (binary !== undefined && architecture !== 'all' && binary !== architecture) continue
      const place = `${folder}/${component}${binary === 'all' ? ' all' : ''}`
      const one = { folder, file, form }
      const known = best.get(place)
      if (known === undefined || rankOf(one) < rankOf(known)) best.set(place, one)
    }
  const component = /^pool\/([^/]+)\//.exec(path)?.[1]
  const isNear = ({ file }: Candidate) => file.path.startsWith(`${component}/`)
  return [...best.values()]
    .filter(({ folder, file }) => !lists.has(folder, file))
    .toSorted((a, b) => Number(isNear(b)) - Number(isNear(a)))
}

/** Every archive that has several architectures has this one. */
function rankOf({ file, form }: Candidate): number {
  const isUsual = file.path.includes('/binary-amd64/') || !file.path.includes('/binary-')
  return preferred.indexOf(form.compression) + (isUsual ? 0 : preferred.length)
}
