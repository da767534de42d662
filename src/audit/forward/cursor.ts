import { join } from 'node:path'
import { FatalError } from '../../lib/index.ts'
import { type FileSystem, readIfThere, replaceFile } from '../disk/index.ts'

/** How far a sink is. */
export interface Cursor {
  /** The index of the next entry that it has to get. */
  next(): number
  /** Moves on; on the disk when it resolves. */
  moveTo(next: number): Promise<void>
}

/** Reads back `<name>.json`, or begins at 0. A cursor of another log, or one that cannot be read, is refused. */
export async function openCursor(
  fs: FileSystem,
  folder: string,
  name: string,
  origin: string,
): Promise<Cursor> {
  const path = join(folder, `${name}.json`)
  const stored = (await readIfThere(fs, path))?.toString()
  let next = stored === undefined ? 0 : parseCursor(stored, path, origin)
  return {
    next: () => next,
    async moveTo(index) {
      await replaceFile(fs, path, Buffer.from(`${JSON.stringify({ origin, next: index })}\n`), 0o600)
      next = index
    },
  }
}

function parseCursor(text: string, path: string, origin: string): number {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    parsed = undefined
  }
  const { next, origin: of } = (parsed ?? {}) as { next?: unknown; origin?: unknown }
  if (!Number.isSafeInteger(next) || (next as number) < 0)
    throw new FatalError('data_folder', `${path} is damaged: remove it to send that sink every entry again`)
  if (of !== origin)
    throw new FatalError('data_folder', `${path} is the cursor of the log ${String(of)}, not of ${origin}`)
  return next as number
}
