import { listIn, recordIn, textIn, type Fields } from './lenient-fields.ts'

/** Those that nothing better than somebody's word holds; undefined if nobody says what it was built from. */
export type Dependencies = { readonly unverified: readonly string[] } | undefined

/** What holds a dependency to something better than the word of the server that it came from. */
const better = new Set(['identity', 'lockfile', 'digest', 'signature', 'sumdb'])

export function dependenciesIn(value: unknown, internal: Fields, server: string | undefined): Dependencies {
  if (!Array.isArray(value)) return undefined
  const { dependenciesOmitted: omitted, dependenciesIncomplete: incomplete } = internal
  const isOfRun = (url: unknown) => isEarlierStep(url, server, internal)
  const unverified = value.map(recordIn).flatMap((one) => {
    const why = whyNot(one, isOfRun)
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

function whyNot(dependency: Fields, isOfRun: (url: unknown) => boolean): string | undefined {
  if (!hasDigest(recordIn(dependency['digest']))) return 'without a digest'
  const { verifiedBy, reported, madeBy, dependencies } = recordIn(dependency['annotations'])
  // The image that it ran in, files that no step is known to have made: whoever is root on the CI's machine has the supervisor say
  // any digest.
  if (reported !== undefined) return 'on the word of the CI’s machine alone'
  if (verifiedBy === 'run') {
    if (!isOfRun(madeBy)) return 'of no earlier step of its run'
    // Else a step more would be enough to have anything taken for verified: one takes it in, and hands it to the next.
    return dependencies === 'verified'
      ? undefined
      : `of ${String(madeBy)}, whose own dependencies are not all verified`
  }
  return typeof verifiedBy === 'string' && better.has(verifiedBy) ? undefined : 'on a server’s word alone'
}

/** Another step of the same run, as `invocationId` names it. */
function isEarlierStep(url: unknown, server: string | undefined, { run, stepId }: Fields): boolean {
  const start = `${server}/runs/${String(run)}/steps/`
  if (server === undefined || typeof url !== 'string' || !url.startsWith(start)) return false
  const step = url.slice(start.length)
  return /^stp_[0-9a-z]{1,64}$/.test(step) && step !== stepId
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
