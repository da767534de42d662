/**
 * Go's encoding/json takes `Manifests` and `manifeſts` for `manifests`, and of several the last one; others take the exact name alone. So
 * whoever writes a document could have us read one list, and the server behind us another.
 */
export interface Names {
  /** What the server reads: nothing may be written that is one of them in other letters. */
  readonly known: readonly string[]
  /** Names whose objects are tables of anything: there Go, too, takes each key as it is written. */
  readonly tables?: readonly string[]
}

/** Why a document in which no name stands twice may still be read in two ways; undefined if it may not. */
export function ambiguousName(document: unknown, { known, tables = [] }: Names): string | undefined {
  const exact = new Map(known.map((name) => [folded(name), name]))
  const asTables = new Set(tables)

  function within(value: unknown): string | undefined {
    if (typeof value !== 'object' || value === null) return undefined
    if (Array.isArray(value)) return firstOf(value, within)
    const seen = new Set<string>()
    return firstOf(Object.entries(value), ([name, one]) => {
      const same = folded(name)
      const wanted = exact.get(same)
      if (wanted !== undefined && wanted !== name) return `"${wanted}" stands in it in other letters`
      if (seen.size === seen.add(same).size) return 'two names in it differ by upper and lower case alone'
      return asTables.has(name) ? undefined : within(one)
    })
  }

  return within(document)
}

/** At least what Unicode's simple case folding makes the same. */
function folded(name: string): string {
  return name.toLowerCase().toUpperCase().toLowerCase()
}

function firstOf<One>(all: readonly One[], why: (one: One) => string | undefined): string | undefined {
  for (const one of all) {
    const found = why(one)
    if (found !== undefined) return found
  }
  return undefined
}
