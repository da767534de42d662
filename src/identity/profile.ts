import type { NameForm } from '../lib/index.ts'
import type { Claims } from './claims.ts'
import type { AttributeName, Attributes } from './identity.ts'

/**
 * What is known about one kind of CI: how its claims are called, what its ids look like, and what a rule must pin.
 * Claims are named as in `Identity.claims`: nested ones by their path, `outer/inner`.
 */
export interface Profile {
  /** Claims without which a token of this CI is not accepted. */
  readonly required: readonly string[]
  /** Our attribute -> the CI's claim. */
  readonly claims: Readonly<Partial<Record<AttributeName, string>>>
  /** The claims that tell one run, its attempt and its job. */
  readonly run: { readonly id: string; readonly attempt?: string; readonly job?: string }
  /** Of these immutable ids, every trust rule must fix at least one to a literal value. */
  readonly pins: readonly string[]
  /** A name that may change hands, and the immutable id that stands for it: a rule names the one beside the other. */
  readonly ids: Readonly<Partial<Record<AttributeName, AttributeName>>>
  /** What an attribute must look like, as a whole; a token with another value is refused. */
  readonly forms: Readonly<Partial<Record<AttributeName, NameForm>>>
  /** What its documentation says of others, for rules alone: a newer CI may say more. */
  readonly documented?: Readonly<Partial<Record<AttributeName, NameForm>>>
  /** Keys of the issuer's configuration that let one owner in only -> the attribute that they are held against. */
  readonly limits: Readonly<Record<string, AttributeName>>
  /** Attributes that several claims say together, or in another form than ours. They replace those of `claims`. */
  readonly derive?: (claims: Claims) => Attributes
  /** The attributes that only `derive` gives. */
  readonly derived?: readonly AttributeName[]
  /** Why this token is refused though it was signed and has every claim. */
  readonly refuse?: (claims: Claims) => string | undefined
}
