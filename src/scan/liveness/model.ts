import type { HttpQuestion } from '../../http-client/index.ts'

/** A secret that was found, and where its kind is asked. */
export interface Presented {
  readonly secret: string
  /** What belongs to it and stood beside it: the id of a key, an account. Empty where its kind needs none. */
  readonly beside: string
  /** `https://HOST`, or the URL of a connection, without a slash at its end. */
  readonly base: string
  readonly nowMs: number
}

/** What goes out. Its URL begins with `base`. */
export type Request = Pick<HttpQuestion, 'method' | 'url' | 'headers' | 'body'>

/** An answer, read. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** Undefined where the body is no JSON. */
  readonly json: unknown
  readonly text: string
}

/** What an answer means; the first that fits counts, and what fits none means nothing. */
export interface Meaning {
  readonly status: number
  readonly state: 'alive' | 'dead'
  /** Dead, and this host knows it: it is of nowhere else. */
  readonly isKnown?: true
  /** Of its body: a page that somebody in between sends fits nothing. */
  readonly if: (answer: Answer) => boolean
}

/** How one kind of secret is asked about, and what its vendor answers. */
export interface Kind {
  /** Ids of `scan/rules`. */
  readonly rules: readonly string[]
  /** The vendor's page on the request. */
  readonly source: string
  /** The vendor's own, in this description alone; `undefined`: only a host that a connection names. */
  readonly host: string | undefined
  /**
   * Others look the same: that this host does not know one says nothing of it. `host`: those of other servers or regions, unless a
   * connection names the host. `always`: also those of another sort, or of another server of the same owner, so that a name settles nothing.
   */
  readonly elsewhere?: 'host' | 'always'
  /** Which secrets of these rules can be asked about. All of it, so that no secret leads a request elsewhere. */
  readonly form: RegExp
  /** What its vendor knows it by (group 1), where the rest of it is written in several ways. Found in any text. */
  readonly core?: RegExp
  /** What has to stand beside it, for people, and its form. As nobody knows whether it is the right one, such a secret is never dead. */
  readonly beside?: { readonly what: string; readonly form: RegExp }
  readonly request: (presented: Presented) => Request | Promise<Request>
  readonly meanings: readonly Meaning[]
  /** Paths of an answer that says alive, see `at` of http-client; what is there is shown, in this order. */
  readonly whose: readonly string[]
  /** What it may do: scopes, roles, capabilities. */
  readonly can?: (answer: Answer) => readonly unknown[]
  /** Where its holder may end it. */
  readonly revoke?: Revocation
}

export interface Revocation {
  readonly source: string
  /** Where not all secrets of the kind can be. */
  readonly form?: RegExp
  readonly request: (presented: Presented) => Request
  readonly done: (answer: Answer) => boolean
  /** Its yes says that it was taken, not that it is done: only a secret that lived before and is refused afterwards was ended. */
  readonly isOnlyTaken?: true
}

/** Of one secret, at one time. Nothing of it repeats the secret. */
export interface Liveness {
  readonly state: 'alive' | 'dead' | 'unknown'
  /** The host that was asked; empty if nobody was. */
  readonly at: string
  /** Why nothing is known. */
  readonly why?: string
  /** What it failed with is of now: asked again some time later, the vendor may say. */
  readonly later?: true
  readonly whose?: string
  readonly can?: readonly string[]
}

export interface Revoked {
  readonly state: 'revoked' | 'failed'
  readonly at: string
  readonly why?: string
  /** As of `Liveness`. */
  readonly later?: true
}
