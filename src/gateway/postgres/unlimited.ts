import type { SqlReader } from './sql/reader-of-sql.ts'
import type { Reading, Unread } from './sql/reading.ts'
import type { Judge } from './statement.ts'

/** As much of a text as is looked at for the record. */
const recordedBytes = 20_000

/** A session that only the server limits: its statements are read for the record, as far as they can be. */
export function createUnlimitedJudge(sql: SqlReader): Judge {
  /** How texts are read may be changed in such a session; then a literal could be taken for a name, and recorded. */
  const unusual = new Set<string>()
  return {
    maxBytes: recordedBytes,
    read(text, bytes) {
      const plain = { shape: `a statement of ${bytes} bytes`, bytes: 100 }
      if (text === undefined || unusual.size > 0) return plain
      const shapeOf = (reading: Reading | Unread) =>
        'error' in reading ? plain : { shape: reading.shape, bytes: reading.shape.length }
      const reading = sql.read(text.toString())
      return reading instanceof Promise ? reading.then(shapeOf) : shapeOf(reading)
    },
    allow: () => undefined,
    reported(name, value) {
      const usual = { client_encoding: 'UTF8', standard_conforming_strings: 'on' }[name]
      if (usual !== undefined && usual !== value) unusual.add(name)
      else unusual.delete(name)
      return undefined
    },
  }
}
