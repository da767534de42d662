import { lstatSync, readFileSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { FatalError, messageOf } from '../../lib/index.ts'
import { kindOf } from '../verify/node.ts'

export interface FolderLock {
  release(): void
}

/**
 * Makes this process the folder's only writer, or throws a FatalError `data_folder` that says who is.
 *
 * Node has no flock, but its SQLite takes the kernel's lock on a file: it holds across containers that share the folder
 * and do not see each other's process ids, and it is gone the moment its process is, however it ended.
 * `what` is what a person calls the owner: "the audit log".
 */
export function lockFolder(folder: string, what: string): FolderLock {
  const holder = join(folder, 'lock-holder')
  for (const path of [join(folder, 'lock'), holder]) refuseOther(path)
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(join(folder, 'lock'), { timeout: 0 })
    database.exec('BEGIN EXCLUSIVE')
    writeFileSync(holder, `process ${process.pid} on ${hostname()}\n`, { mode: 0o600 })
  } catch (cause) {
    database?.close()
    if (isBusy(cause)) {
      // SQLite's "database is locked" says nothing to a person.
      // eslint-disable-next-line preserve-caught-error
      throw new FatalError('data_folder', `${what} in ${folder} is in use by ${readHolder(holder)}`)
    }
    throw new FatalError('data_folder', `the folder ${folder} cannot be locked: ${messageOf(cause)}`, {
      cause,
    })
  }
  return { release: () => database.isOpen && database.close() }
}

/** Whoever opens a pipe waits for its other end, and writes through a link into what it leads to. */
function refuseOther(path: string): void {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  if (stat === undefined || stat.isFile()) return
  const kind = stat.isSymbolicLink() ? 'a link' : kindOf(stat)
  throw new FatalError('data_folder', `${path} is ${kind}, not a file: remove it`)
}

function isBusy(error: unknown): boolean {
  const sqliteBusy = 5
  return error instanceof Error && 'errcode' in error && error.errcode === sqliteBusy
}

function readHolder(path: string): string {
  try {
    const text = readFileSync(path, 'utf8').trim()
    return /^process \d+ on \S+$/.test(text) ? text : 'another process'
  } catch {
    return 'another process'
  }
}
