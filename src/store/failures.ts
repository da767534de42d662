import { MayflyError, messageOf } from '../lib/index.ts'

const sqliteFull = 13
const sqliteIoError = 10
const sqliteConstraint = 19

/** The disk failed, not the statement: whatever shares the commit is lost with it. */
export function isStorageFailure(error: unknown): boolean {
  const code = primaryCode(error)
  return code === sqliteFull || code === sqliteIoError
}

/** Was this insert refused because the key is there already? */
export function isDuplicate(error: unknown): boolean {
  return primaryCode(error) === sqliteConstraint && /UNIQUE|PRIMARY KEY/.test(messageOf(error))
}

export function storeError(cause: unknown, what = 'the store cannot be written'): MayflyError {
  if (primaryCode(cause) === sqliteFull) {
    return new MayflyError(
      'disk_full',
      'the disk of the data folder is full: nothing was written; free space',
      { cause },
    )
  }
  return new MayflyError('store_failed', `${what}: ${messageOf(cause)}`, { cause })
}

// `errcode` of node:sqlite is SQLite's extended result code; its low byte is the primary one.
function primaryCode(error: unknown): number | undefined {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number'
    ? error.errcode & 0xff
    : undefined
}
