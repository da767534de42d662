import type { Names, Statement } from './statement.ts'

/** What a message would change, if the server does it. */
export interface Change {
  /** It did not. */
  undo(): void
  /** It did. */
  settle?(): void
}

/** Prepared statements are known by name; a session that has more than this is refused the next. */
const maxPrepared = 10_000
const maxPortals = 10_000

/** Prepared statements and portals of a session (manual, 55.2.3). */
export class SessionNames<S extends Statement> implements Names<S> {
  readonly #prepared = new Map<string, readonly S[]>()
  readonly #portals = new Map<string, readonly S[]>()

  prepared(name: string): readonly S[] | undefined {
    return this.#prepared.get(name)
  }

  portal(name: string): readonly S[] | undefined {
    return this.#portals.get(name)
  }

  isFull(): boolean {
    return this.#prepared.size >= maxPrepared || this.#portals.size >= maxPortals
  }

  prepare(name: string, statement: S): void {
    const before = this.#prepared.get(name) ?? []
    if (!before.includes(statement)) this.#prepared.set(name, [...before, statement])
  }

  parse(name: string, statement: S): Change {
    return add(this.#prepared, name, [statement])
  }

  bind(portal: string, statements: readonly S[]): Change {
    return add(this.#portals, portal, statements)
  }

  close(what: string, name: string): Change {
    return put(what === 'S' ? this.#prepared : this.#portals, name, undefined)
  }

  /** Portals end with their transaction. */
  transactionEnded(): void {
    this.#portals.clear()
  }

  /** DEALLOCATE ALL, DISCARD ALL. */
  clear(): void {
    this.#prepared.clear()
  }
}

/** What has a name keeps it if the server refuses to give it again: until it answers, the name stands for both. */
function add<S>(map: Map<string, readonly S[]>, name: string, value: readonly S[]): Change {
  const before = name === '' ? [] : (map.get(name) ?? [])
  const change = put(map, name, [...before, ...value])
  return {
    ...change,
    settle() {
      const now = map.get(name)
      if (now !== undefined && before.length > 0)
        map.set(
          name,
          now.filter((one) => !before.includes(one) || value.includes(one)),
        )
    },
  }
}

function put<T>(map: Map<string, T>, name: string, value: T | undefined): Change {
  const before = map.get(name)
  const set = (one: T | undefined) => void (one === undefined ? map.delete(name) : map.set(name, one))
  set(value)
  return { undo: () => set(before) }
}
