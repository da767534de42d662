import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { randomUUID } from 'node:crypto'
import { basename, dirname, join, sep } from 'node:path'
import { MayflyError, messageOf, systemCode } from '../lib/index.ts'

/** A file of a checkout that is to have another text. */
export interface FileChange {
  /** Relative to the checkout. */
  readonly path: string
  /** What it had when it was read; undefined: it was not there. */
  readonly before: string | undefined
  readonly after: string
}

/**
 * Writes all of them, or says which not and writes none: each is checked, and its new text is on disk beside it, before the first one takes
 * its place. A checkout may be anybody's: no link is followed, neither of the file nor out of the checkout. Throws `bad_input`.
 */
export function writeChanges(root: string, changes: readonly FileChange[]): void {
  const real = realpathSync(root)
  const staged: { readonly change: FileChange; readonly target: string; readonly temporary: string }[] = []
  try {
    for (const change of changes) {
      const target = targetOf(real, change)
      checkUnchanged(target, change)
      const temporary = join(dirname(target), `.${basename(target)}.${randomUUID()}`)
      staged.push({ change, target, temporary })
      writeWhole(temporary, change.after, modeOf(target, change))
    }
    for (const { change, target } of staged) checkUnchanged(target, change)
    for (const { change, target, temporary } of staged)
      // A link is made only where nothing is; who was quicker keeps the file.
      if (change.before === undefined) linkSync(temporary, target)
      else renameSync(temporary, target)
  } catch (cause) {
    throw cause instanceof MayflyError
      ? cause
      : new MayflyError('bad_input', `cannot be written: ${messageOf(cause)}`, { cause })
  } finally {
    for (const { temporary } of staged) rmSync(temporary, { force: true })
  }
}

function targetOf(root: string, { path, before }: FileChange): string {
  const target = join(root, path)
  if (before === undefined) mkdirSync(dirname(realParent(root, path)), { recursive: true })
  const folder = realpathSync(dirname(target))
  if (folder !== root && !folder.startsWith(root.endsWith(sep) ? root : root + sep))
    throw new MayflyError(
      'bad_input',
      `${path} is behind a link that leads out of the checkout: nothing is written`,
    )
  return join(folder, basename(target))
}

/** The parent is made only below what is there already and is no link out. */
function realParent(root: string, path: string): string {
  const parts = path.split('/')
  for (let depth = 1; depth < parts.length; depth++) {
    const folder = join(root, ...parts.slice(0, depth))
    const there = lstatSync(folder, { throwIfNoEntry: false })
    if (there?.isSymbolicLink() === true && !realpathSync(folder).startsWith(root + sep))
      throw new MayflyError(
        'bad_input',
        `${path} is behind a link that leads out of the checkout: nothing is written`,
      )
  }
  return join(root, path)
}

function checkUnchanged(target: string, { path, before }: FileChange): void {
  const there = lstatSync(target, { throwIfNoEntry: false })
  if (before === undefined) {
    if (there === undefined) return
    throw new MayflyError(
      'bad_input',
      `${path} is there already: nothing is written. Move it away, or name another file`,
    )
  }
  if (there?.isFile() !== true)
    throw new MayflyError(
      'bad_input',
      `${path} is no regular file: nothing is written. Rewrite what it leads to`,
    )
  if (!readRegular(target).equals(Buffer.from(before)))
    throw new MayflyError(
      'bad_input',
      `${path} has changed since it was read: nothing is written. Start again`,
    )
}

function readRegular(file: string): Buffer {
  const handle = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    return fstatSync(handle).isFile() ? readFileSync(handle) : Buffer.alloc(0)
  } finally {
    closeSync(handle)
  }
}

function modeOf(target: string, { before }: FileChange): number {
  return before === undefined ? 0o644 : lstatSync(target).mode & 0o777
}

function writeWhole(file: string, text: string, mode: number): void {
  const handle = openSync(
    file,
    constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
    mode,
  )
  try {
    const bytes = Buffer.from(text)
    for (let at = 0; at < bytes.length;) at += writeSync(handle, bytes, at)
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

/** Is something there, be it a link that leads nowhere? */
export function isTaken(file: string): boolean {
  try {
    return lstatSync(file, { throwIfNoEntry: false }) !== undefined
  } catch (error) {
    return systemCode(error) !== 'ENOTDIR'
  }
}
