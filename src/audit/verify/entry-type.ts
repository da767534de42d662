const prefix = 'dev.cdeventsx.mayfly-'
const version = '.0.1.0'
const shortShape = /^[a-z][a-z0-9_-]{0,63}\.[a-z][a-z0-9_-]{0,63}$/

/**
 * The CloudEvents type of an entry: `session.issued` is `dev.cdeventsx.mayfly-session.issued.0.1.0`
 * (CDEvents, "Custom events"). Throws a RangeError unless it is `object.predicate` in lower case.
 */
export function entryType(short: string): string {
  if (!shortShape.test(short))
    throw new RangeError(`not an entry type, it takes object.predicate: ${short.slice(0, 80)}`)
  return `${prefix}${short}${version}`
}

/** The short type in such a type, of any version; `undefined` when it is not one of Mayfly's. */
export function shortType(type: string): string | undefined {
  if (!type.startsWith(prefix)) return undefined
  const short = type.slice(prefix.length).replace(/\.\d+\.\d+\.\d+$/, '')
  return shortShape.test(short) && type.length > prefix.length + short.length ? short : undefined
}
