import { existsSync, realpathSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { FatalError } from '../../lib/index.ts'

/** The server's database, by which its folder is known. */
const serverFile = 'mayfly.db'

/**
 * Throws a FatalError when the log's folder is within the server's, is it, or has it within: who may write to one must
 * not thereby write to the other. Links are followed. `notInside` names the server's folders where they are known; any
 * other is known by its database.
 */
export function refuseShared(folder: string, notInside: readonly string[]): void {
  const own = realPathOf(folder)
  for (const other of notInside.map(realPathOf))
    if (isWithin(own, other) || isWithin(other, own)) throw shared(folder, other)
  for (let up = own; ; up = dirname(up)) {
    if (existsSync(join(up, serverFile))) throw shared(folder, up)
    if (up === dirname(up)) return
  }
}

function isWithin(inner: string, outer: string): boolean {
  const path = relative(outer, inner)
  return path === '' || !/^(?:\.\.)?(?:\/|$)/.test(path)
}

/** The path without links, also of a folder that is yet to be made. */
function realPathOf(path: string): string {
  const full = resolve(path)
  if (existsSync(full)) return realpathSync(full)
  const parent = dirname(full)
  return parent === full ? full : join(realPathOf(parent), relative(parent, full))
}

function shared(folder: string, other: string): FatalError {
  return new FatalError(
    'data_folder',
    `the audit log's folder ${folder} and the server's, ${other}, must not be one in the other: whoever has the one would have both; choose another --folder`,
  )
}
