import type { Names, Statement } from './statement.ts'

/** What a message would change, if the server does it. */
export interface Change {
  /** It did not. */
  undo(): void
  /** It did. */
  settle(): void
}

/** What a name stands for; for nothing, once it is closed. */
interface Named<S> {
  readonly statements: readonly S[]
  /** Of the session, see `Pending`. */
  readonly turn: number
  /** The server has done it. */
  isSettled: boolean
}

/** A cursor of DECLARE. */
interface Cursor<S> extends Named<S> {
  /** It outlives its transaction (WITH HOLD). */
  readonly isHeld: boolean
}

/** Prepared statements are known by name; a session that has more than this is refused the next. */
const maxPrepared = 10_000
const maxPortals = 10_000
const maxCursors = 1_000
/** Of their texts: what a session holds in memory is many times that. */
const maxBytes = 16 * 1_048_576

/** Prepared statements, portals and cursors of a session (manual, 55.2.3). */
export class SessionNames<S extends Statement> implements Names<S> {
  readonly #prepared = new Map<string, Named<S>>()
  readonly #portals = new Map<string, Named<S>>()
  readonly #cursors = new Map<string, Cursor<S>>()
  /** In the order in which they were sent. */
  readonly #unsettled = new Set<Named<S>>()
  /** Of what has a name. */
  #bytes = 0
  /** There were too many cursors: what they read is not known any more. */
  hasForgotten = false

  prepared(name: string): readonly S[] | undefined {
    return meant(this.#prepared.get(name))
  }

  portal(name: string): readonly S[] | undefined {
    return meant(this.#portals.get(name))
  }

  cursor(name: string): readonly S[] {
    return this.#cursors.get(name)?.statements ?? []
  }

  isFull(): boolean {
    return this.#prepared.size >= maxPrepared || this.#portals.size >= maxPortals || this.#bytes >= maxBytes
  }

  /**
   * The server may have passed over what was sent before the last Sync, and has not said so yet: what is sent now could mean what a
   * name stood for before. Within one turn it would be passed over itself.
   */
  isInDoubt(turn: number, kind: 'prepared' | 'portal' | 'any', name = ''): boolean {
    if (kind !== 'any') {
      const one = (kind === 'prepared' ? this.#prepared : this.#portals).get(name)
      return one !== undefined && !one.isSettled && one.turn < turn
    }
    const [oldest] = this.#unsettled
    return oldest !== undefined && oldest.turn < turn
  }

  prepare(name: string, statement: S): void {
    const before = this.prepared(name) ?? []
    if (before.includes(statement)) return
    this.#set(this.#prepared, name, { statements: [...before, statement], turn: 0, isSettled: true })
  }

  parse(name: string, statement: S, turn: number): Change {
    return this.#put(this.#prepared, name, [statement], turn)
  }

  bind(portal: string, statements: readonly S[], turn: number): Change {
    return this.#put(this.#portals, portal, statements, turn)
  }

  close(what: string, name: string, turn: number): Change {
    return this.#put(what === 'S' ? this.#prepared : this.#portals, name, [], turn)
  }

  /** What a name of a cursor has stood for it may stand for still: none of them is taken back if the server does not do it. */
  declare(
    cursors: readonly { readonly name: string; readonly isHeld: boolean }[],
    statement: S,
    turn: number,
  ): Change {
    const made = cursors.map(({ name, isHeld }) => {
      const before = this.#cursors.get(name)
      const statements = [...new Set([...(before?.statements ?? []), statement])]
      const one = { statements, turn, isSettled: false, isHeld: isHeld || before?.isHeld === true }
      this.#cursors.set(name, one)
      return one
    })
    const all = [...this.#cursors.values()].flatMap(({ statements }) => statements)
    if (made.length > 0 && (all.length > maxCursors || bytesOf(all) > maxBytes)) {
      this.#cursors.clear()
      this.hasForgotten = true
    }
    const settle = () => {
      for (const one of made) one.isSettled = true
    }
    return { settle, undo: settle }
  }

  /** Portals end with their transaction, but those that were sent behind its end. */
  transactionEnded(): void {
    this.#dropSettled(this.#portals)
    for (const [name, { isSettled, isHeld }] of this.#cursors)
      if (isSettled && !isHeld) this.#cursors.delete(name)
  }

  /** DEALLOCATE ALL, DISCARD ALL. */
  clear(): void {
    this.#dropSettled(this.#prepared)
  }

  /** CLOSE ALL, DISCARD ALL. */
  closeAll(): void {
    for (const [name, { isSettled }] of this.#cursors) if (isSettled) this.#cursors.delete(name)
  }

  #put(map: Map<string, Named<S>>, name: string, statements: readonly S[], turn: number): Change {
    const before = map.get(name)
    const made: Named<S> = { statements, turn, isSettled: false }
    this.#set(map, name, made)
    this.#unsettled.add(made)
    return {
      settle: () => {
        made.isSettled = true
        this.#unsettled.delete(made)
        if (statements.length === 0 && map.get(name) === made) this.#set(map, name, undefined)
      },
      undo: () => {
        this.#unsettled.delete(made)
        this.#set(map, name, before)
      },
    }
  }

  #set(map: Map<string, Named<S>>, name: string, named: Named<S> | undefined): void {
    this.#bytes += bytesOf(named?.statements ?? []) - bytesOf(map.get(name)?.statements ?? [])
    if (named === undefined) map.delete(name)
    else map.set(name, named)
  }

  #dropSettled(map: Map<string, Named<S>>): void {
    for (const [name, { isSettled }] of map) if (isSettled) this.#set(map, name, undefined)
  }
}

function meant<S>(named: Named<S> | undefined): readonly S[] | undefined {
  return named === undefined || named.statements.length === 0 ? undefined : named.statements
}

function bytesOf(statements: readonly Statement[]): number {
  return statements.reduce((sum, { bytes }) => sum + bytes, 0)
}
