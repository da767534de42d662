import { MayflyError, messageOf } from '../lib/index.ts'

const sqliteFull = 13
const sqliteIoError = 10

/** The disk failed, not the statement: whatever shares the commit is lost with it. */
export function isStorageFailure(error: unknown): boolean {
  const code = primaryCode(error)
  return code === sqliteFull || code === sqliteIoError
}

/** Was this insert refused because the key is there already? */
export function isDuplicate(error: unknown): boolean {
  const sqliteConstraint = 19
  return primaryCode(error) === sqliteConstraint && /UNIQUE|PRIMARY KEY/.test(messageOf(error))
}

export function storeError(cause: unknown): MayflyError {
  if (primaryCode(cause) === sqliteFull) {
    return new MayflyError(
      'disk_full',
      'the disk of the data folder is full: nothing was written; free space',
      { cause },
    )
  }
  return new MayflyError('store_failed', `the store cannot be written: ${messageOf(cause)}`, { cause })
}

/** An error of `node:sqlite` as it crosses from one thread to another, which would drop its code. */
export interface SentError {
  readonly message: string
  /** SQLite's extended result code. */
  readonly errcode: number | undefined
}

export function toSent(error: unknown): SentError {
  return { message: messageOf(error), errcode: extendedCode(error) }
}

export function fromSent({ message, errcode }: SentError): Error {
  return Object.assign(new Error(message), errcode === undefined ? {} : { errcode })
}

// The low byte of an extended result code is the primary one.
function primaryCode(error: unknown): number | undefined {
  const code = extendedCode(error)
  return code === undefined ? undefined : code & 0xff
}

function extendedCode(error: unknown): number | undefined {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number'
    ? error.errcode
    : undefined
}
