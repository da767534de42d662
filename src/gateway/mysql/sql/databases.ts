/** The databases of a server: all that there are, as they are written, but information_schema, which shows what the account may see. */
export interface Databases {
  add(name: string): void
  /**
   * Those that a name is about. Of names that differ in case alone a server may take any for the one: it is that which is written so,
   * or else all of them. Empty for one that is not known.
   */
  meant(name: string): readonly string[]
  /** The same for what is a database's name whether or not it is known; what is everybody's has no grant. */
  meantFor(name: string): readonly string[]
}

export function createDatabases(names: Iterable<string>): Databases {
  const all = new Set<string>()
  const byLower = new Map<string, string[]>()
  const add = (name: string) => {
    if (all.has(name) || plainName(name) === 'INFORMATION_SCHEMA') return
    all.add(name)
    const lower = name.toLowerCase()
    byLower.set(lower, [...(byLower.get(lower) ?? []), name])
  }
  const meant = (name: string) => (all.has(name) ? [name] : (byLower.get(name.toLowerCase()) ?? []))
  for (const name of names) add(name)
  return {
    add,
    meant,
    meantFor(name) {
      if (plainName(name) === 'INFORMATION_SCHEMA') return []
      const found = meant(name)
      return found.length === 0 ? [name] : found
    },
  }
}

/** In capitals and without accents, as servers compare the names that they know themselves: `lóad_file` is LOAD_FILE. */
export function plainName(name: string): string {
  if (/^[\x20-\x7e]*$/.test(name)) return name.toUpperCase()
  return name.normalize('NFKD').replaceAll(/\p{M}/gu, '').toUpperCase()
}

/** Of accounts, and of what other sessions do: nothing that a grant of one database, or of all by a pattern, is meant to show. */
const ofServer: ReadonlySet<string> = new Set(['MYSQL', 'SYS', 'PERFORMANCE_SCHEMA'])

export function isOfServer(database: string): boolean {
  return ofServer.has(plainName(database))
}
