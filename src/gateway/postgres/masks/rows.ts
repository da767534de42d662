import { ProtocolFault } from '../../read-exactly.ts'
import { int32, message } from '../wire.ts'
import type { Masks } from './masks.ts'

/** What stands in place of each column of a row; undefined for those that pass. */
export type Masking = readonly (Buffer | null | undefined)[]

/** Types that are sent as their text, in both formats: text, varchar, char(n), name (pg_type.dat). */
const texts: ReadonlySet<number> = new Set([25, 1043, 1042, 19])
const substitute = Buffer.from('masked')

/** Rows with masked columns are held as a whole, and may not be longer. */
export const maskedRowBytes = 16 * 1024 * 1024
/** Of 1,664 columns, the most that there are, with names of 63 bytes. */
export const descriptionBytes = 200_000

/** What a RowDescription says of masked columns (manual, 55.7): the server knows which column of which table each is. */
export function maskingOf(description: Buffer, masks: Masks): Masking {
  const found: (Buffer | null | undefined)[] = []
  if (description.length < 2) throw new ProtocolFault('its description of a row does not end')
  let at = 2
  for (let left = description.readInt16BE(0); left > 0; left--) {
    const end = description.indexOf(0, at)
    if (end === -1 || end + 18 >= description.length)
      throw new ProtocolFault('its description of a row does not end')
    const [table, column, type] = [
      description.readUInt32BE(end + 1),
      description.readInt16BE(end + 5),
      description.readUInt32BE(end + 7),
    ]
    found.push(masks.isMasked(table, column) ? (texts.has(type) ? substitute : null) : undefined)
    at = end + 19
  }
  return found
}

/** A DataRow with its masked values replaced, and how many there were; what is NULL stays so. */
export function maskRow(body: Buffer, masking: Masking): { readonly row: Buffer; readonly masked: number } {
  const pieces: Buffer[] = []
  let masked = 0
  let at = 2
  let from = 0
  for (const replaced of masking) {
    if (at + 4 > body.length) throw new ProtocolFault('a row has fewer columns than were described')
    const length = body.readInt32BE(at)
    const end = at + 4 + Math.max(length, 0)
    if (end > body.length) throw new ProtocolFault('a column is longer than its row')
    if (replaced !== undefined && length >= 0) {
      pieces.push(body.subarray(from, at), int32(replaced === null ? -1 : replaced.length))
      if (replaced !== null) pieces.push(replaced)
      masked++
      from = end
    }
    at = end
  }
  if (at !== body.length) throw new ProtocolFault('a row has more columns than were described')
  return { row: message('D', ...pieces, body.subarray(from)), masked }
}
