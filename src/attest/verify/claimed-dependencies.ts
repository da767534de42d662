import { listIn, recordIn, textIn, type Fields } from './claimed-fields.ts'

/** Those that nothing better than somebody's word holds; undefined if nobody says what it was built from. */
export type Dependencies = { readonly unverified: readonly string[] } | undefined

/** What holds a dependency to something better than the word of the server that it came from. */
const better = new Set(['identity', 'lockfile', 'digest', 'signature', 'sumdb'])

export function dependenciesIn(
  value: unknown,
  { dependenciesOmitted: omitted, dependenciesIncomplete: incomplete }: Fields,
): Dependencies {
  if (!Array.isArray(value)) return undefined
  const unverified = value.map(recordIn).flatMap((one) => {
    const why = whyNot(one)
    return why === undefined ? [] : [`${nameOf(one)} ${why}`]
  })
  // Whatever is said there: only where nothing is, all of them are here.
  const missing = incomplete === undefined ? [] : [mayBeMissing]
  return { unverified: [...missing, ...unverified, ...omittedIn(omitted)] }
}

const mayBeMissing =
  'a list that may lack some: a server was killed before it had recorded all that the step was given (build it again)'

/** What is not named was held to nothing that can be read here; a count that is none may hide any number. */
function omittedIn(omitted: unknown): string[] {
  if (omitted === undefined || omitted === 0) return []
  if (typeof omitted === 'number' && Number.isSafeInteger(omitted) && omitted > 0)
    return [`${omitted} that are not named`]
  return ['others, of which it does not say how many they are']
}

function whyNot(dependency: Fields): string | undefined {
  if (!hasDigest(recordIn(dependency['digest']))) return 'without a digest'
  const { verifiedBy, reported } = recordIn(dependency['annotations'])
  // Files of earlier steps, and the image that it ran in: whoever is root on the CI's machine has the supervisor say any digest.
  if (reported !== undefined) return 'on the word of the CI’s machine alone'
  return typeof verifiedBy === 'string' && better.has(verifiedBy) ? undefined : 'on a server’s word alone'
}

const lengths: Readonly<Record<string, readonly number[]>> = {
  ...{ sha256: [64], sha384: [96], sha512: [128], dirHash: [64], gitCommit: [40, 64] },
}

/** At least one that is known here, and of those that are known none that names nothing. */
function hasDigest(digest: Fields): boolean {
  const known = Object.entries(digest).filter(([name]) => Object.hasOwn(lengths, name))
  return (
    known.length > 0 &&
    known.every(
      ([name, hex]) =>
        typeof hex === 'string' && lengths[name]?.includes(hex.length) === true && /^[0-9a-f]+$/.test(hex),
    )
  )
}

function nameOf(dependency: Fields): string {
  return textIn(dependency['uri']) ?? textIn(dependency['name']) ?? 'one without a name'
}

/** SHA-256 in hex of each descriptor that has one. */
export function digestsIn(descriptors: unknown): readonly string[] {
  return listIn(descriptors).flatMap((one) => textIn(recordIn(recordIn(one)['digest'])['sha256']) ?? [])
}
