import type { AttributeName } from './identity.ts'

/** What is known about one kind of CI: how its claims are called, and what a rule must pin. */
export interface Profile {
  /** Claims without which a token of this CI is not accepted. */
  readonly required: readonly string[]
  /** Our attribute -> the CI's claim. */
  readonly claims: Readonly<Partial<Record<AttributeName, string>>>
  /** The claims that tell one run, its attempt and its job. */
  readonly run: { readonly id: string; readonly attempt: string; readonly job: string }
  /** Of these immutable ids, every trust rule must fix at least one to a literal value. */
  readonly pins: readonly string[]
  /** A name that may change hands, and the immutable id that stands for it: a rule names the one beside the other. */
  readonly ids: Readonly<Partial<Record<AttributeName, AttributeName>>>
}
