import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { escapeUnseen, MayflyError } from '../../lib/index.ts'
import { compileExpression } from '../../scan/engine/index.ts'
import {
  commitsSource,
  folderSource,
  historySource,
  ignoredPaths,
  imageSource,
  pushedRevisions,
  stagedSource,
  streamSource,
  submodulePaths,
  type Batch,
  type GitPlace,
  type Revisions,
} from '../../scan/sources/index.ts'
import type { Unlooked } from '../../scan/reports/index.ts'
import { readEnvironment } from '../../config/environment.ts'
import { existsSync, statSync } from 'node:fs'
import type { History } from './attribute.ts'
import type { FileRules, ScanOptions } from './options.ts'
import { rulesOf } from './rules.ts'

export interface ChosenSource {
  /** What else people should know of it; asked once it was scanned. */
  readonly warnings?: () => Promise<readonly string[]> | readonly string[]
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
export async function chooseSource(
  paths: readonly string[],
  options: ScanOptions,
  unseen: Unseen,
  rules: FileRules,
): Promise<ChosenSource> {
  const named = (['staged', 'stdin', 'history', 'since', 'pushed', 'image'] as const).filter(
    (name) => options[name] !== undefined && options[name] !== false,
  )
  if (named.length > 1)
    throw new MayflyError('bad_input', `${named.map((name) => `--${name}`).join(' and ')}: choose one`)
  const [what] = named
  if (what === undefined) return files(paths.length === 0 ? ['.'] : paths, options, unseen)
  const [folder = '.', ...others] = paths
  const takesNone = what === 'stdin' || what === 'image'
  if (others.length > 0 || (takesNone && paths.length > 0))
    throw new MayflyError('bad_input', `beside --${what} there is ${takesNone ? 'no path' : 'one folder'}`)
  if (what === 'stdin') return { scanned: 'standard input', batches: streamSource(0, 'standard input') }
  if (what === 'image') return ofImage(options, unseen)
  const env = readEnvironment().variables
  // Git sets it for its hooks: it says which index is committed, as of `git commit FILE`.
  const place = { folder, env, isInHook: what === 'pushed' || env['GIT_INDEX_FILE'] !== undefined }
  if (what === 'pushed') return ofPush(place, options, unseen, rules)
  return { ...ofRepository(what, place, options, unseen, rules), warnings: () => notInside(place) }
}

/** What is a file's name, and what has neither a registry nor a tag, is taken to no registry: it is a folder's name that is not spelt so. */
async function ofImage({ image = '' }: ScanOptions, unseen: Unseen): Promise<ChosenSource> {
  if (
    !existsSync(image) &&
    (/^(?:[./~\\]|[A-Za-z]:\\)|\.(?:tar|tgz|zip|gz|zst)$/.test(image) || !/[/:@]/.test(image))
  )
    throw new MayflyError(
      'bad_input',
      `there is no file or folder ${escapeUnseen(image)}; an image of a registry is written REGISTRY/REPOSITORY:TAG`,
    )
  const from = existsSync(image)
    ? { batches: imageSource(image, unseen) }
    : (await import('./registry-image.ts')).registrySource(image, unseen)
  return { scanned: `the image ${image}`, ...from }
}

function ofRepository(
  what: 'staged' | 'history' | 'since',
  place: GitPlace,
  { since = '' }: ScanOptions,
  unseen: Unseen,
  rules: FileRules,
): ChosenSource {
  switch (what) {
    case 'staged':
      return { scanned: 'what is staged', batches: stagedSource(place, unseen) }
    case 'history':
      return { scanned: 'the history', batches: ofHistory(place, unseen, rules), history: { place } }
    case 'since':
      return {
        scanned: `what ${since} brought`,
        batches: ofRange(place, since, unseen, rules),
        history: { place, range: since },
      }
  }
}

async function ofPush(
  place: GitPlace,
  { pushed = '' }: ScanOptions,
  unseen: Unseen,
  rules: FileRules,
): Promise<ChosenSource> {
  const scanned = 'what is pushed'
  const range = await pushedRevisions(place, await text(process.stdin), pushed)
  const warnings = () => notInside(place)
  return range === undefined
    ? { scanned, batches: Readable.from([]), warnings }
    : { scanned, batches: ofRange(place, range, unseen, rules), history: { place, range }, warnings }
}

/** A blob has no path: those that rules go by are looked up. */
async function* ofHistory(place: GitPlace, unseen: Unseen, rules: FileRules): AsyncGenerator<Batch> {
  yield* historySource(place, unseen, await askedPaths(rules))
}

async function* ofRange(
  place: GitPlace,
  range: string | Revisions,
  unseen: Unseen,
  rules: FileRules,
): AsyncGenerator<Batch> {
  yield* commitsSource(place, range, unseen, await askedPaths(rules))
}

/** Which paths a rule asks for; undefined if none does. */
async function askedPaths(rules: FileRules): Promise<((path: string) => boolean) | undefined> {
  const paths = (await rulesOf(rules)).flatMap(({ path }) =>
    path === undefined ? [] : [compileExpression(path)],
  )
  return paths.length === 0 ? undefined : (path) => paths.some((one) => one.test(path))
}

const mostNamed = 5

async function notInside(place: GitPlace): Promise<readonly string[]> {
  const paths = await submodulePaths(place)
  if (paths.length === 0) return []
  const named = [...paths.slice(0, mostNamed), ...(paths.length > mostNamed ? ['...'] : [])].join(', ')
  return [`submodules are repositories of their own, and not looked at: scan each in its folder (${named})`]
}

function files(paths: readonly string[], { gitIgnored }: ScanOptions, unseen: Unseen): ChosenSource {
  let skipped = 0
  const isSkipped = async (folder: string) => {
    const ignored = await ignoredPaths({ folder, env: readEnvironment().variables })
    return (path: string, isFolder: boolean) => {
      const isIgnored = ignored.has(isFolder ? `${path}/` : path)
      if (isIgnored) skipped++
      return isIgnored
    }
  }

  async function* batches(): AsyncGenerator<Batch> {
    for (const path of paths) {
      const below = placeOf(path)
      const isExcluded = gitIgnored === 'skip' && below === path ? await isSkipped(path) : undefined
      const source = folderSource(path, {
        unseen: (one) => unseen({ ...one, name: join(below, one.name) }),
        ...(isExcluded === undefined ? {} : { isExcluded }),
      })
      for await (const batch of source) {
        const parts = batch.parts.map((part) => ({ ...part, name: join(below, part.name) }))
        yield { ...batch, parts }
      }
    }
  }
  return {
    scanned: paths.join(', '),
    batches: batches(),
    warnings: () =>
      skipped === 0
        ? []
        : [`${skipped} files and folders that Git ignores were not looked at (--git-ignored skip)`],
  }
}

/** What stands in front of the names that a source gives, so that they are as people named them. */
function placeOf(path: string): string {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true ? path : dirname(path)
}
