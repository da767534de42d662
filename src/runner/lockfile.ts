import { basename, dirname, join, relative } from 'node:path'
import { kindNamed, kindNames } from '../kinds/index.ts'
import { compilePattern, limits, MayflyError, messageOf } from '../lib/index.ts'
import { packLockfiles } from '../lockfiles/bundle.ts'
import type { Lockfile } from '../lockfiles/index.ts'
import type { ServerApi } from './api.ts'
import type { PinnedLockfiles, StepGrant } from './api-facts.ts'
import type { StepRequest } from './step-request.ts'
import { findFiles, readInside } from './workspace/index.ts'

/** How far lockfiles are looked for below the workspace, and what is looked at for that. */
const bounds = { depth: 4, files: 64, entries: 20_000 }

/** The lockfile's text, or undefined if there is none in the workspace that is a plain file and not too large. */
export function readWorkspaceLockfile(workspace: string, path: string): string | undefined {
  return readInside(workspace, relative(workspace, join(workspace, path)), limits.lockfileBytes)
}

/** What is meant where none is named; it need not be there. */
const usualLockfile = 'package-lock.json'

/**
 * Hands the lockfiles over before the first request to a registry, once there are some. Throws while the one that was named is
 * not there: a typo must not leave the others to say what is installed.
 */
export function lockfilesOnce(
  api: ServerApi,
  step: StepGrant,
  request: StepRequest,
  tell: (line: string) => void,
): () => Promise<void> {
  let handing: Promise<void> | undefined
  let isToldMissing = false
  return async () => {
    const missing = handing === undefined ? missingLockfile(request) : undefined
    if (missing !== undefined) {
      if (!isToldMissing) tell(missing)
      isToldMissing = true
      throw new MayflyError('not_found', missing)
    }
    handing ??= (async () => {
      const { files, notes } = lockfilesOf(step, request)
      if (files.length === 0) {
        handing = undefined
        return
      }
      for (const note of notes) tell(`mayfly: ${note}`)
      try {
        for (const line of aboutPinned(await api.pinLockfiles(step, packLockfiles(files)), step))
          tell(`mayfly: ${line}`)
      } catch (error) {
        tell(`mayfly: ${listed(files.map(({ path }) => path))}: not usable: ${messageOf(error)}`)
      }
    })()
    return await handing
  }
}

function missingLockfile({ workspace, lockfile }: StepRequest): string | undefined {
  if (lockfile === usualLockfile || readWorkspaceLockfile(workspace, lockfile) !== undefined) return undefined
  return `mayfly: refused: ${lockfile}, the lockfile that was named, is no file of the workspace (or over ${limits.lockfileBytes} bytes): mend --lockfile, or lockfile: of the step`
}

/** The one that was named, and what the kinds of the role's connections call theirs, wherever it lies in the workspace. */
export function lockfilesOf(
  step: Pick<StepGrant, 'connections'>,
  { workspace, lockfile }: Pick<StepRequest, 'workspace' | 'lockfile'>,
): { readonly files: readonly Lockfile[]; readonly notes: readonly string[] } {
  const names = kindNames
    .filter((name) => step.connections.some(({ kind }) => kind === name))
    .flatMap((name) => kindNamed(name).lockfiles ?? [])
  const found = findFiles(workspace, namesLockfile(names), bounds)
  const notes = [
    ...(found.others.length > 0 ? [`${listed(found.others)}: no plain file, so it pins nothing`] : []),
    ...(found.cut ? [`not the whole workspace was searched for lockfiles: name yours with --lockfile`] : []),
  ]
  const files: Lockfile[] = []
  let left = limits.lockfileBytes - headBytes
  for (const path of new Set([relative(workspace, join(workspace, lockfile)), ...counting(found.files)])) {
    const text = readWorkspaceLockfile(workspace, path)
    if (text === undefined) {
      if (found.files.includes(path))
        notes.push(`${path}: over ${limits.lockfileBytes} bytes, so it pins nothing`)
      continue
    }
    left -= Buffer.byteLength(text) + path.length
    if (left < 0) {
      notes.push(`${path}: left out, since all lockfiles together are over ${limits.lockfileBytes} bytes`)
      break
    }
    files.push({ path, text })
  }
  return { files, notes }
}

/** Tells the files that a kind's `lockfiles` mean. */
function namesLockfile(names: readonly string[]): (name: string, folder: string) => boolean {
  const patterns = names.map((name) => {
    const [folder, file] = name.includes('/') ? name.split('/') : [undefined, name]
    return { folder, pattern: compilePattern(file ?? '') }
  })
  return (name, inFolder) =>
    patterns.some(
      ({ folder, pattern }) => (folder === undefined || folder === inFolder) && pattern.matches(name),
    )
}

/** For the line that says what comes behind it. */
const headBytes = 65_536

/** Where there is an npm-shrinkwrap.json, npm does not look at package-lock.json. */
function counting(paths: readonly string[]): string[] {
  const shrinkwrapped = new Set(
    paths.filter((path) => basename(path) === 'npm-shrinkwrap.json').map((path) => dirname(path)),
  )
  return paths.filter((path) => basename(path) !== 'package-lock.json' || !shrinkwrapped.has(dirname(path)))
}

/** What a developer should know of lockfiles that were taken: which could not be read, and what no registry will bring. */
function aboutPinned({ files = [], outside = [], gaps = [] }: PinnedLockfiles, step: StepGrant): string[] {
  const unread = files.flatMap(({ path, unread }) => (unread === undefined ? [] : [`${path}: ${unread}`]))
  const reached = new Set([...step.connections.map(({ authority }) => authority), ...(step.egress ?? [])])
  const unreached = outside.filter(({ host }) => !reached.has(`${host}:443`))
  const notes = [...unread, ...aboutGaps(gaps)]
  if (unreached.length === 0) return notes
  const places = [
    ...new Set(
      unreached.map(({ name, kind, host }) =>
        kind === 'git' ? `${name} (Git, ${host}: needs git:read)` : `${name} (${host}: needs egress)`,
      ),
    ),
  ]
  return [...notes, `not from a registry, and not reached by this role: ${listed(places)}`]
}

/** One line for each lockfile. */
function aboutGaps(gaps: NonNullable<PinnedLockfiles['gaps']>): string[] {
  return [...Map.groupBy(gaps, ({ path }) => path)].map(([path, of]) => {
    const entries = of.map(({ line, entry, why }) => {
      const place = line === undefined ? '' : `line ${line}, `
      return `${place}${entry} (${why})`
    })
    return `${path}: what cannot be read pins nothing: ${listed(entries)}`
  })
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 5).join(', ')
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown
}
