import type { NeededBy } from '../tally.ts'
import type { Fault } from './wire.ts'

/** A text of SQL, taken apart as far as its session needs it: one statement, or several of a simple query. */
export interface Statement {
  /** It with its literals removed: what the record says of it. */
  readonly shape: string
  /** Of its text. */
  readonly bytes: number
}

/** What a statement is recorded as. */
export interface DoneAs extends NeededBy {
  /** It with what its names stand for. */
  readonly statement: string
}

/** At once where that is known: each promise is a turn of the event loop, and a write of its own. */
export type Soon<T> = T | Promise<T>

/** Whether statements may be done, before the server sees any of them. */
export interface Judge<S extends Statement = Statement> {
  /** So much of a text is needed; what is longer is given as undefined. */
  readonly maxBytes: number
  /** `bytes` is the length of it all; `types` those of its parameters as the client declares them, 0 for what the server is to tell. */
  read(sql: Buffer | undefined, bytes: number, types?: readonly number[]): Soon<S | Fault>
  /** It names prepared statements, portals or cursors in its text. */
  usesNames?(statement: S): boolean
  /** What it is recorded as, once it was allowed. */
  doneAs?(statement: S): DoneAs | undefined
  /** Cursors that it makes. */
  cursorsOf?(statement: S): readonly { readonly name: string; readonly isHeld: boolean }[]
  /** Of which of its parameters the value matters, by its number. */
  parameterOf?(statement: S): number | undefined
  /** That value, null for NULL; undefined for one that stands too far behind. */
  bound?(value: Buffer | null | undefined): Fault | undefined
  /**
   * Asked whenever it is about to be done, since what it means may have changed. That it is only prepared is refused where it would
   * be, and is no reason to ask people, or to record that it may be done.
   */
  allow(statement: S, names: Names<S>, when: 'prepared' | 'done'): Soon<Fault | undefined>
  /** What the server reports of its settings: why the session cannot go on, if it cannot. */
  reported(name: string, value: string): string | undefined
}

export function isFault(one: object): one is Fault {
  return 'severity' in one
}

/** What a session calls its statements. A name that nobody gave here has none. */
export interface Names<S extends Statement> {
  prepared(name: string): readonly S[] | undefined
  /** What was bound by this name, and is not done by that. */
  portal(name: string): readonly S[] | undefined
  /** What a cursor of DECLARE reads: one of these; none for one that no statement of the session has made. */
  cursor(name: string): readonly S[]
  /** There were more cursors than are remembered. */
  readonly hasForgotten: boolean
  /** The session has as much as it may. */
  isFull(): boolean
  /** By the SQL statement PREPARE: if it fails, what had the name before has it on. */
  prepare(name: string, statement: S): void
}
