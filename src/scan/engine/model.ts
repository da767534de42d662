/** What a kind of secret looks like, as data. One without examples of both kinds does not load. */
export interface Rule {
  /** Kebab case, vendor first: `github-fine-grained-token`. */
  readonly id: string
  /** For people: `GitHub fine-grained personal access token`. */
  readonly title: string
  readonly vendor: string
  /** Where the vendor says the format, or the RFC. */
  readonly source: string
  /**
   * ASCII, compared without case, at least three bytes: one of them stands in every secret of this kind, or right before it. Nothing
   * else of a file is looked at.
   */
  readonly keywords: readonly string[]
  /** RE2's syntax, over bytes. The secret is group 1 if there is one, else all of it. */
  readonly pattern: string
  readonly ignoreCase?: true
  /** Bytes before and after the keyword in which the pattern may match; 256. */
  readonly reach?: number
  /** A check that is not a pattern: a checksum, a structure. What does not hold is no finding. */
  readonly check?: CheckName
  /** `certain`: nothing else looks so (a checksum, a prefix of the vendor's own); `possible`: people have to look. */
  readonly confidence: 'certain' | 'likely' | 'possible'
  /** Reads around a keyword instead of the pattern, which is empty then. */
  readonly finder?: FinderName
  /** Begins as nothing else does, not even a word that is joined to others: `-`, `_` and more may stand beside it. */
  readonly distinct?: true
  /** Goes by where a secret stands, and not by what it looks like: of one secret, a rule of its kind is believed before. */
  readonly general?: true
  /** Bits a byte (Shannon), at least. */
  readonly entropy?: number
  /** Patterns of secrets that are none: what the vendor's documentation shows. */
  readonly allow?: readonly string[]
  /** Of the file's path. */
  readonly path?: string
  /** The kind of Mayfly's connection that replaces it: `npm`, `aws`. */
  readonly connection?: string
  /** Where and how it is revoked: one sentence, or an address. */
  readonly revoke?: string
  /**
   * Templates, filled at random: `ghp_{alnum:36}`. Never a whole secret: a repository full of those would be refused by everybody's
   * scanner.
   */
  readonly examples: { readonly positive: readonly string[]; readonly negative: readonly string[] }
}

export type FinderName = 'named-password' | 'named-secret' | 'pem-lines'

export type CheckName =
  | 'aws-account'
  | 'azure-key'
  | 'basic'
  | 'bech32'
  | 'crates-publishing'
  | 'github-crc32'
  | 'gitlab-routable'
  | 'grafana-crc32'
  | 'json'
  | 'jwt'
  | 'luhn'
  | 'nkey'
  | 'npm-crc32'
  | 'openssh'
  | 'password'
  | 'pem'
  | 'pem-in-base64'
  | 'pem-lines'
  | 'pypi-macaroon'

/**
 * What a check says of a secret's bytes, read as latin1. `open`: it has nothing to say, and the pattern's word stands. `doubtful`: what the vendor
 * puts into a secret is not there, or cannot be computed: it is not certain. `note` is for people.
 */
export type Check = (secret: string) => {
  readonly verdict: 'held' | 'failed' | 'open' | 'doubtful'
  readonly note?: string
}

/** Finds the secret of a keyword that stands from `from` to `to`, in time that has a bound. */
export type Finder = (
  bytes: Buffer,
  from: number,
  to: number,
) => { readonly start: number; readonly end: number } | undefined

/** A secret: its bytes are from `start` up to `end`. */
export interface Hit {
  readonly rule: Rule
  /** Its rule's, unless its check doubts it. */
  readonly confidence: Rule['confidence']
  readonly start: number
  readonly end: number
  /** A checksum or a structure held. */
  readonly checked: boolean
  /** What the check says to people. */
  readonly note?: string
}

export interface Engine {
  readonly rules: readonly Rule[]
  /** Bytes before and after the first of a secret that can decide about it. */
  readonly overlap: number
  /**
   * Calls `hit` with each secret, about in order; the bytes are not kept. Any bytes, in time that grows with their number alone. Rules for
   * whose index in `rules` `isAsked` is false are not looked for.
   */
  find(bytes: Uint8Array, hit: (hit: Hit) => void, isAsked?: (rule: number) => boolean): void
  /** Steps taken so far beyond the search for keywords: bytes looked at again, about. */
  readonly steps: number
}
