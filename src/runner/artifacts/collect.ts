import { closeSync, constants, lstatSync, mkdtempSync, readdirSync, type Dirent, type Stats } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as breathe } from 'node:timers/promises'
import { limits, systemCode } from '../../lib/index.ts'
import type { Masker } from '../../mask/index.ts'
import { inFolder, isAbsent, openIn, pathOf, type Cover } from '../workspace/index.ts'
import type { Artifact, Artifacts } from './artifact.ts'
import { Lacking, Unfit } from './copy.ts'
import { isExecutableConfiguration, isOfGit } from './executable.ts'
import { createCopier, createHasher, type Keep } from './keep.ts'
import { artifactPattern, type ArtifactPattern } from './pattern.ts'

export interface Collected {
  readonly artifacts: Artifacts
  /** Patterns that gave nothing, with the reason: then the step has failed. */
  readonly missing: readonly string[]
  /** Files that a pattern would have taken and may not, with the reason. */
  readonly passedOver: readonly string[]
  /** Files in which secrets were masked, and how often which. */
  readonly masked: readonly string[]
}

/**
 * Copies the files that a step declares to `store`, a folder that no step sees, when all its processes are gone; without a `store`
 * they stay where they are, and only their digests are taken. Nothing is
 * followed, opened or believed that a step could have put there instead of a plain file. Secrets of the job are masked in text that
 * is copied; any other file that holds one is not handed on, and a pattern that would take it counts as missing. Throws `TooMuch` for
 * more than is taken.
 */
export async function collectArtifacts(request: {
  readonly step: string
  readonly workspace: { readonly path: string; readonly id: string }
  readonly patterns: readonly string[]
  /** Did the step see something else in place of this file? */
  readonly isCovered: (stat: Stats) => boolean
  readonly store: string | undefined
  readonly masker: Pick<Masker, 'pieces' | 'stream'>
  /** Told of each secret that is found, by name. */
  readonly onSeen: (name: string) => void
  readonly maxFiles?: number
  readonly maxBytes?: number
}): Promise<Collected> {
  const { step, workspace, store, maxBytes = limits.artifactBytes } = request
  const folder = store === undefined ? undefined : mkdtempSync(join(store, 'step-'))
  const taken = new Map<string, Artifact>()
  const missing: string[] = []
  const passedOver: string[] = []
  const masked: string[] = []
  const looking = { ...request, masked, maxBytes }
  const keep = folder === undefined ? createHasher(looking) : createCopier({ ...looking, folder })
  const take = createTaker({ ...request, keep, taken, isRunLater: folder !== undefined })
  for (const pattern of request.patterns.map(artifactPattern)) {
    const found =
      pattern.literal === undefined ? undefined : await takeNamed(workspace.path, pattern.literal, take)
    const { count, unfit, isWhole } = found ?? (await takeBelow(workspace.path, pattern, take))
    passedOver.push(...unfit.slice(0, maxLines))
    const why =
      unfit[0] === undefined ? 'is not there' : count === 0 ? 'gives no file' : 'gives not all files'
    if (count === 0 || !isWhole) missing.push(`${JSON.stringify(pattern.source)} ${why}`)
  }
  const files = [...taken.values()].toSorted((a, b) => (a.path < b.path ? -1 : 1))
  return { artifacts: { step, workspace: workspace.id, folder, files }, missing, passedOver, masked }
}

/** A step may leave any number of files that are none. */
const maxLines = 20

/** Files that a step saw something else in place of; by inode, since it may have renamed the folders above. */
export function coveredFiles(workspace: string, covers: readonly Cover[]): (stat: Stats) => boolean {
  const keyOf = ({ dev, ino }: Stats) => `${dev}:${ino}`
  const covered = new Set(
    covers.flatMap(({ path }) => {
      const stat = lstatSync(join(workspace, path), { throwIfNoEntry: false })
      return stat === undefined ? [] : [keyOf(stat)]
    }),
  )
  return (stat) => covered.has(keyOf(stat))
}

interface Found {
  count: number
  /** Why others were not taken, a line each. */
  readonly unfit: string[]
  /** None was `Lacking`. */
  isWhole: boolean
}

/** Takes one file of an open folder. Throws `Unfit`. */
type Take = (at: number, parts: readonly string[], named: boolean) => Promise<void>

function createTaker(deps: {
  readonly keep: Keep
  readonly taken: Map<string, Artifact>
  /** Other steps take what is kept, and may run it. */
  readonly isRunLater: boolean
  readonly maxFiles?: number
}): Take {
  const { keep, taken, isRunLater, maxFiles = limits.artifactFiles } = deps
  let looked = 0
  return async (at, parts, named) => {
    const path = parts.join('/')
    const known = taken.get(path)
    if (known !== undefined) return void taken.set(path, { ...known, named: known.named || named })
    if (isOfGit(parts)) throw new Unfit('is part of a repository')
    if (isRunLater && !named && isExecutableConfiguration(parts))
      throw new Unfit('would run where it is taken: name it in full if that is meant')
    if (taken.size >= maxFiles) throw new TooMuch(`more than ${maxFiles} files`)
    if (looked++ % 64 === 0) await breathe()
    taken.set(path, { path, ...(await keep(at, parts)), named })
  }
}

/** The step has failed: what it hands on would not be all of it. */
export class TooMuch extends Error {}

/** undefined if it is a folder. */
async function takeNamed(root: string, path: string, take: Take): Promise<Found | undefined> {
  const parts = path.split('/')
  try {
    return await inFolder(root, parts.slice(0, -1), 'find', async (at) => {
      const stat = lstatSync(`${pathOf(at)}/${parts.at(-1)}`)
      if (stat.isDirectory()) return undefined
      return await takeOne(at, parts, true, take)
    })
  } catch (error) {
    if (isAbsent(error)) return { count: 0, unfit: [], isWhole: true }
    throw error
  }
}

async function takeOne(at: number, parts: readonly string[], named: boolean, take: Take): Promise<Found> {
  try {
    await take(at, parts, named)
    return { count: 1, unfit: [], isWhole: true }
  } catch (error) {
    const why = isAbsent(error) ? 'cannot be read' : error instanceof Unfit ? error.message : undefined
    if (why === undefined) throw error
    const line = `${JSON.stringify(parts.join('/'))} ${why}`
    return { count: 0, unfit: [line], isWhole: !(error instanceof Lacking) }
  }
}

/** Goes through the folders in which the pattern may find something. */
async function takeBelow(root: string, pattern: ArtifactPattern, take: Take): Promise<Found> {
  const found: Found = { count: 0, unfit: [], isWhole: true }
  let entries = 0
  const visit = async (at: number, parts: readonly string[]): Promise<void> => {
    for (const entry of entriesOf(at)) {
      if (++entries > limits.artifactEntries)
        throw new TooMuch(
          `more than ${limits.artifactEntries} files to look at for ${JSON.stringify(pattern.source)}`,
        )
      const path = [...parts, entry.name]
      if (entry.isDirectory()) await enter(at, path)
      else if (pattern.matches(path)) add(await takeOne(at, path, false, take))
      else if (pattern.passesOver(path))
        add({
          count: 0,
          unfit: [
            `${JSON.stringify(path.join('/'))} has a name with a dot in front: name it in full if it is meant`,
          ],
          isWhole: true,
        })
    }
  }
  const enter = async (at: number, path: readonly string[]): Promise<void> => {
    if (!pattern.mayHold(path) || isOfGit(path)) return
    if (path.length > limits.artifactDepth)
      throw new TooMuch(`folders more than ${limits.artifactDepth} deep`)
    const fd = openIn(at, path.at(-1) ?? '', constants.O_DIRECTORY)
    try {
      await visit(fd, path)
    } finally {
      closeSync(fd)
    }
  }
  const add = ({ count, unfit, isWhole }: Found) => {
    found.count += count
    found.isWhole &&= isWhole
    // The reason for a failure is told, however many others there are.
    if (!isWhole) found.unfit.unshift(...unfit)
    else found.unfit.push(...unfit)
    found.unfit.length = Math.min(found.unfit.length, maxLines)
  }
  await inFolder(root, [], 'find', (at) => visit(at, []))
  return found
}

function entriesOf(at: number): Dirent[] {
  try {
    return readdirSync(pathOf(at), { withFileTypes: true })
  } catch (error) {
    // A folder that its step has closed to everybody.
    if (systemCode(error) === 'EACCES') return []
    throw error
  }
}
