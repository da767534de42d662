import type { Touched } from './touched.ts'

/** What kinds of statement there are, each allowed by the grant of the same name. */
export type Verb = 'read' | 'write' | 'ddl' | 'admin'

/** Something that a text of SQL uses. */
export interface Use {
  readonly verb: Verb
  /** Undefined: it is named without one, or `of` says that no schema holds it. */
  readonly schema?: string
  readonly name?: string
  /**
   * `session`: it needs a right in any schema, such as NOTIFY; `server`: what no schema holds; a `function` is one whose
   * body nobody knows.
   */
  readonly of: 'relation' | 'function' | 'schema' | 'session' | 'server'
  /** That is set by SET ROLE, or by a text that comes to the same. */
  readonly role?: string
  /** What makes it one for `admin`, in words for a denial. */
  readonly why?: string
}

/** What a text of SQL is about, as far as it can be told before it is known which schemas a name may be in. */
export interface Reading {
  /** Its statements with their literals and comments left out. */
  readonly shape: string
  /** False for a text that is too long to be shown as a whole. */
  readonly isWhole: boolean
  readonly uses: readonly Use[]
  /** Of each of its statements. */
  readonly touched: readonly Touched[]
  /** Schemas that it puts on the search path. */
  readonly path: readonly string[]
  /** The number of the parameter that it takes another path from: its value comes with Bind. */
  readonly pathParameter?: number
  /** It puts others before PostgreSQL's own, so that their names may hide those. */
  readonly hidesCatalog?: true
  /** Names that PREPARE gives, and what they stand for. */
  readonly prepares: readonly { readonly name: string; readonly reading: Reading }[]
  /** Names of prepared statements that EXECUTE uses. */
  readonly executes: readonly string[]
  /** Names of cursors that FETCH and MOVE read. */
  readonly fetches: readonly string[]
  /** Cursors of DECLARE; those WITH HOLD outlive their transaction. */
  readonly declares: readonly { readonly name: string; readonly isHeld: boolean }[]
}

/** Why a text is not read, as PostgreSQL says it. */
export interface Unread {
  readonly error: string
  /** SQLSTATE. */
  readonly code: string
}

export const tooComplex: Unread = {
  error: 'mayfly: the statement is nested too deeply, or takes too long, to be judged',
  code: '54001',
}
