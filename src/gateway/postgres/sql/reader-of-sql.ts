import { loadLibrary, readSql } from './read.ts'
import type { Reading, Unread } from './reading.ts'
import { createSqlThread } from './thread.ts'

export interface SqlReader {
  /** What a text is about. Whatever cannot be read is an error, as PostgreSQL says it, and never a fault. */
  read(sql: string): Reading | Unread | Promise<Reading | Unread>
}

/**
 * A text of this length cannot be nested deeper than the parser has stack for. What is longer is read in a thread of its own, which
 * ends if it fails: a parser whose stack ran over in the middle of its work is not asked again.
 */
const readHereChars = 2_000
/** Texts that were read last: programs say the same again and again. */
const maxKept = 500

export function createSqlReader(): SqlReader {
  const kept = new Map<string, Reading | Unread>()
  const thread = createSqlThread()
  /** The parser that is in this thread has failed once, and may be in any state. */
  let failed = false

  async function readHere(sql: string): Promise<Reading | Unread> {
    try {
      return readSql(await loadLibrary(), sql)
    } catch {
      failed = true
      return thread.read(sql)
    }
  }

  async function readAnew(sql: string): Promise<Reading | Unread> {
    if (sql.length > readHereChars || failed) return thread.read(sql)
    const reading = await readHere(sql)
    if (kept.size >= maxKept) kept.delete(kept.keys().next().value ?? '')
    kept.set(sql, reading)
    return reading
  }

  return { read: (sql) => kept.get(sql) ?? readAnew(sql) }
}
