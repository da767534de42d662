import type { CredentialScheme, KindName } from '../../kinds/index.ts'

/** What takes the place of a secret that a CI keeps. */
export interface Replacement {
  readonly id: string
  /** What the secret is, for people: "an npm token". */
  readonly what: string
  /** The kind of Mayfly's connection; undefined where none replaces it. */
  readonly connection?: KindName
  /** Where that connection leads, if the kind does not say: the API that the secret is for. */
  readonly url?: string
  /** Credentials that fit it, the best first. */
  readonly credentials?: readonly CredentialScheme[]
  /** A grant that such a job needs. */
  readonly grant?: string
  /** What becomes of the step. */
  readonly how: string
  /** Where the old value is ended. */
  readonly revoke: string
  /** A key to a cloud account, which Mayfly makes for each step instead. */
  readonly isCloudKey?: true
}

/** A row of the table: a secret is known by what takes it, or by its name. */
export interface Known {
  readonly replacement: Replacement
  /** The secret's own name, or that of the variable that takes it, in capitals with `_`. */
  readonly names?: RegExp
  /** The action, task, orb, pipe or plugin whose input it is; and the input, if not any. */
  readonly uses?: RegExp
  readonly input?: RegExp
}
