import type { Names, Statement } from './statement.ts'

/** What a message would change, and how it is taken back if the server does not do it. */
export type Undo = () => void

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

  parse(name: string, statement: S): Undo {
    return put(this.#prepared, name, [statement])
  }

  bind(portal: string, statements: readonly S[]): Undo {
    return put(this.#portals, portal, statements)
  }

  close(what: string, name: string): Undo {
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

function put<T>(map: Map<string, T>, name: string, value: T | undefined): Undo {
  const before = map.get(name)
  const set = (one: T | undefined) => void (one === undefined ? map.delete(name) : map.set(name, one))
  set(value)
  return () => set(before)
}
