import type { Clock, LeaseId, Secret } from '../lib/index.ts'
import type { Connection, IssuerConfig } from '../connections/index.ts'
import type { HttpClient } from '../http-client/index.ts'
import type { IssuerName } from '../kinds/index.ts'
import type { SignIdentityToken } from '../oidc-issuer/index.ts'

/** JSON: kept in the store and read again by another server, or a later version of this one. */
export type Plain = null | boolean | number | string | readonly Plain[] | { readonly [key: string]: Plain }

/**
 * Makes credentials that live as long as a step, at one kind of upstream. It keeps nothing of its own: whatever it needs to
 * renew, revoke or probe a credential it is given again, by a server that may have seen none of it.
 * Every method throws `upstream_unreachable` (nobody answers; ask again), `credential_failed` (the upstream refuses, in its own
 * words, without a secret), or what opening a secret throws. What it throws says what to do, in one line. An upstream that says
 * when to come again is an `UpstreamBusy`. `mint` throws `Unusable` for what was made, and is not to be used.
 */
export interface CredentialIssuer<Name extends IssuerName = IssuerName> {
  readonly name: Name
  /** What revoking means here: that is shown to people, and nothing stronger is claimed. */
  revocation(config: IssuerConfig<Name>): Revocation
  /** The published list that names its leases from when they are to end until they have expired; the store keeps the name with the lease. */
  revocationList?(config: IssuerConfig<Name>): string | undefined
  /** At least so long one may live that was asked for, whatever was asked for: it is given that time where nobody heard of it. */
  readonly longestSeconds?: number
  /** Nothing of it ends by itself: it is never taken for expired, only for revoked. */
  readonly staysUntilRevoked?: true
  /**
   * What is enough to find and end what `mint` may make, should nobody hear its answer: names that are chosen here, from the
   * lease's id. It is durable before `mint` is called. No secret.
   */
  plan(request: MintRequest<Name>): Plain
  mint(request: MintRequest<Name>, plan: Plain, tools: IssuerTools): Promise<Minted>
  /**
   * A later end for the same credential, or another one in its place: then nothing is left of the one that was. Where there is none,
   * or it throws `config_invalid`, a new lease is made.
   */
  renew?(request: MintRequest<Name>, held: Held<Name>, tools: IssuerTools): Promise<Minted>
  /**
   * Ends it. Without a handle `mint` was begun and its answer never came: it looks by the plan for what may be there.
   * `nothing_to_do`: it cannot be ended before its time (`by_expiry`).
   */
  revoke(held: Held<Name>, tools: IssuerTools): Promise<'revoked' | 'not_found' | 'nothing_to_do'>
  /** Uses it, as a thief would. `unknown` where that cannot be told. */
  probe?(held: Held<Name>, tools: IssuerTools): Promise<'dead' | 'alive' | 'unknown'>
}

export type Revocation =
  | { readonly means: 'at_once' }
  | { readonly means: 'by_expiry' }
  | { readonly means: 'within'; readonly seconds: number }

export interface MintRequest<Name extends IssuerName = IssuerName> {
  readonly lease: LeaseId
  /** Its connection: where it is, what it trusts. */
  readonly connection: Connection
  readonly config: IssuerConfig<Name>
  /** The role's grants on this connection, as written: what it is narrowed to, where the upstream can. */
  readonly grants: readonly string[]
  /** How long it is needed: the rest of the step. */
  readonly ttlSeconds: number
  /** Who it is for, in names that an upstream may log. */
  readonly run: string
  readonly step: string
  readonly role: string
  readonly repository?: string
  /** What the CI said of the job: its issuer's name in mayfly.yaml, and the identity's attributes. */
  readonly job?: {
    readonly issuer: string
    readonly attributes: Readonly<Record<string, string | undefined>>
  }
}

export interface Minted {
  /** What there is of it, by name: `token`; `username`, `password`; `private_key`, `certificate`. */
  readonly fields: Readonly<Record<string, Secret>>
  /** The value that the gateway writes into `Authorization`; undefined where there is no such place. */
  readonly authorization?: Secret
  readonly expiresMs: number
  /** What `revoke`, `renew` and `probe` need; kept sealed, so it may have the credential. */
  readonly handle: Plain
  /** For the record: what it may do there, who it is there. No secret. */
  readonly facts?: Readonly<Record<string, Plain>>
}

/** What there is of a credential when it is to be ended: nothing of the step any more. */
export interface Held<Name extends IssuerName = IssuerName> {
  readonly lease: LeaseId
  readonly connection: HeldConnection
  readonly config: IssuerConfig<Name>
  readonly plan: Plain
  /** undefined: it is not known whether it was made. */
  readonly handle: Plain | undefined
  readonly expiresMs: number
}

/** The connection as it was when the credential was made: configuration may have dropped it since. */
export type HeldConnection = Pick<
  Connection,
  'name' | 'kind' | 'url' | 'host' | 'port' | 'tls' | 'dial' | 'ca' | 'settings'
>

export interface IssuerTools {
  readonly clock: Clock
  readonly http: HttpClient
  /**
   * From here on something may be there that has to be ended: `mint` says it before its first statement, where it does not go by `http`.
   * What fails before has made nothing.
   */
  readonly mayMake?: () => void
  /** `by`: the run it is for. */
  openSecret(name: string, by?: string): Promise<Secret>
  /**
   * A token of Mayfly's own OIDC issuer (RFC 7519), for upstreams that trust it: for an audience that mayfly.yaml names. As
   * `subject` a `MintRequest` does. Throws `config_invalid` for another audience.
   */
  identityToken: SignIdentityToken
}
