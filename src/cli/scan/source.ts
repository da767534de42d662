import { dirname, join } from 'node:path'
import { MayflyError } from '../../lib/index.ts'
import {
  commitsSource,
  folderSource,
  historySource,
  imageSource,
  stagedSource,
  streamSource,
  type Batch,
  type GitPlace,
} from '../../scan/sources/index.ts'
import type { Unlooked } from '../../scan/reports/index.ts'
import { readEnvironment } from '../../config/environment.ts'
import { existsSync, statSync } from 'node:fs'
import type { History } from './attribute.ts'
import type { ScanOptions } from './options.ts'
import { registrySource } from './registry-image.ts'

export interface ChosenSource {
  /** For people. */
  readonly scanned: string
  readonly batches: AsyncIterable<Batch>
  /** Who brought a finding is told. */
  readonly history?: History
  /** Takes away what was brought to be scanned, once it was. */
  readonly release?: () => void
}

type Unseen = (unseen: Unlooked) => void

/** Throws `bad_input` if the options name more than one, or paths where there are none. */
export function chooseSource(paths: readonly string[], options: ScanOptions, unseen: Unseen): ChosenSource {
  const named = (['staged', 'stdin', 'history', 'since', 'image'] as const).filter(
    (name) => options[name] !== undefined && options[name] !== false,
  )
  if (named.length > 1)
    throw new MayflyError('bad_input', `${named.map((name) => `--${name}`).join(' and ')}: choose one`)
  const [what] = named
  if (what === undefined) return files(paths.length === 0 ? ['.'] : paths, unseen)
  const [folder = '.', ...others] = paths
  const takesNone = what === 'stdin' || what === 'image'
  if (others.length > 0 || (takesNone && paths.length > 0))
    throw new MayflyError('bad_input', `beside --${what} there is ${takesNone ? 'no path' : 'one folder'}`)
  if (what === 'stdin') return { scanned: 'standard input', batches: streamSource(0, 'standard input') }
  if (what === 'image') return ofImage(options, unseen)
  const env = readEnvironment().variables
  // Git sets it for its hooks: it says which index is committed, as of `git commit FILE`.
  const place = { folder, env, isInHook: env['GIT_INDEX_FILE'] !== undefined }
  return ofRepository(what, place, options, unseen)
}

function ofImage({ image = '' }: ScanOptions, unseen: Unseen): ChosenSource {
  const from = existsSync(image) ? { batches: imageSource(image, unseen) } : registrySource(image, unseen)
  return { scanned: `the image ${image}`, ...from }
}

function ofRepository(
  what: 'staged' | 'history' | 'since',
  place: GitPlace,
  { since = '' }: ScanOptions,
  unseen: Unseen,
): ChosenSource {
  switch (what) {
    case 'staged':
      return { scanned: 'what is staged', batches: stagedSource(place, unseen) }
    case 'history':
      return { scanned: 'the history', batches: historySource(place, unseen), history: { place } }
    case 'since':
      return {
        scanned: `what ${since} brought`,
        batches: commitsSource(place, since, unseen),
        history: { place, range: since },
      }
  }
}

function files(paths: readonly string[], unseen: Unseen): ChosenSource {
  async function* batches(): AsyncGenerator<Batch> {
    for (const path of paths) {
      const below = placeOf(path)
      const source = folderSource(path, { unseen: (one) => unseen({ ...one, name: join(below, one.name) }) })
      for await (const batch of source) {
        const parts = batch.parts.map((part) => ({ ...part, name: join(below, part.name) }))
        yield { ...batch, parts }
      }
    }
  }
  return { scanned: paths.join(', '), batches: batches() }
}

/** What stands in front of the names that a source gives, so that they are as people named them. */
function placeOf(path: string): string {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true ? path : dirname(path)
}
