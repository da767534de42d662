import { assignmentAt } from './assignment.ts'
import { isOfDigests } from './digests.ts'
import { namedBy, type Named } from './names.ts'
import { mayBeGiven, nameAround, type Place } from './places.ts'
import { mayBeInTable, valueInTable } from './table.ts'
import { isSealed } from './sealed.ts'
import { isSecretValue } from './values.ts'

/** What is of a hash though its name could be a key's. */
const ofHash =
  /(?:sha[0-9]{0,3}|md5|hash|digest|checksum|integrity|etag|commit|revision|fingerprint|uuid|guid|public(?!\s{1,4}(?:static|const|readonly|final|string|override|virtual|required|var|let|char)\b))[\w.-]{0,16}["']?\s{0,3}[:=]?[^;]{0,24}$/i

/** A secret of this sort that is given to a name in which the word at `from` to `to` stands. */
export function findNamed(bytes: Buffer, from: number, to: number, wanted: Named): Place | undefined {
  const place = nameAround(bytes, from, to)
  if (place === undefined) return undefined
  const mayBe = mayBeGiven(bytes, place)
  if (!mayBe && !mayBeInTable(bytes, place)) return undefined
  const name = bytes.toString('latin1', place.start, place.end)
  if (namedBy(name) !== wanted) return undefined
  const read = mayBe ? assignmentAt(bytes, name, place) : undefined
  // `arn:aws:secretsmanager:…:123456789012:secret:name` names one.
  if (read === undefined || (name === 'secret' && /:[0-9]{12}:$/.test(read.before)))
    return valueInTable(bytes, place, (value) => isSecretValue(value, wanted, true))
  if (ofHash.test(read.before) || !isSecretValue(read.value, wanted, read.isQuoted)) return undefined
  if (isOfDigests(bytes, read.start, read.value) || isSealed(bytes, read.start)) return undefined
  return { start: read.start, end: read.start + read.value.length }
}
