import { parseBase64, parseEntry } from '../verify/index.ts'
import { commitmentsIn } from './commitments.ts'
import { commitTo, openNames, type SealedNames } from './names.ts'

/**
 * Why these names may not stand beside this entry, in one line; `undefined` if they may. What is kept is there for good: a
 * box that does not open, or a name other than the one committed to, would look like tampering to whoever verifies the log.
 */
export function whyNotFit(
  entryId: string,
  entry: Uint8Array,
  sealed: readonly SealedNames[],
): string | undefined {
  if (sealed.length === 0) return undefined
  const event = parseEntry(entry)
  if (event?.id !== entryId) return 'an entry with sealed names is a readable one, and its id is its key'
  const commitments = commitmentsIn(event.data)
  for (const { person, key: encoded, box } of sealed) {
    const key = parseBase64(encoded)
    const names = key?.length === 32 ? openNames(key, person, entryId, box) : undefined
    if (key === undefined || names === undefined)
      return `the key does not open the box of ${person} in this entry`
    for (const { path, commitment } of commitments.filter((one) => one.person === person)) {
      const name = Object.hasOwn(names, path) ? names[path] : undefined
      if (name === undefined || commitTo(key, entryId, path, name) !== commitment)
        return `the box of ${person} does not hold the name that the entry commits to at ${path}`
    }
  }
  return undefined
}
