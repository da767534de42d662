/** `known`: the vault has it. The others are what a rule says. */
export type Confidence = 'known' | 'certain' | 'likely' | 'possible'

/** A secret of the vault, as its server says. */
export interface KnownSecret {
  /** 32 hex digits that only the vault's key makes, by which a policy names it. */
  readonly fingerprint: string
  readonly secret?: string
  readonly version?: number
  /** Or a credential that this step was given for this connection. */
  readonly connection?: string
  readonly step?: string
}

/** By which a secret of the vault is found: no pattern, but its server. */
export const knownRule = { id: 'known-secret', confidence: 'known' } as const

/** From 1; columns in UTF-16 code units, as editors and SARIF count. */
export interface Point {
  readonly line: number
  readonly column: number
}

/** Bytes that rules looked at, and where they stand: a `Content` of scan/unpack. */
export interface Looked {
  /** The file, and in it the member: `a.tar!b/c`. Hostile: escape it where it is shown. */
  readonly name: string
  readonly bytes: Buffer
  /** What starts outside of these two is context, and a finding of the piece before or after. */
  readonly from: number
  readonly to: number
  readonly isBinary: boolean
  readonly decoded: readonly string[]
  position(offset: number): Point
}

/** What an engine found: where the secret's bytes are, and by which rule. */
export interface Found {
  readonly rule: {
    readonly id: string
    readonly confidence: Confidence
    readonly finder?: string
    readonly general?: true
  }
  /** Less than its rule's, if a check doubts it. */
  readonly confidence?: Confidence
  readonly start: number
  readonly end: number
  /** A checksum, or another check of its rule, held. */
  readonly checked: boolean
  /** What its check says to people. */
  readonly note?: string
  /** Of `knownRule`. */
  readonly known?: KnownSecret
}

/** A secret at one place. It has nothing of the secret but its excerpt and its fingerprint, and can be posted to another thread. */
export interface Finding {
  /** The rule's id. */
  readonly rule: string
  readonly confidence: Confidence
  readonly checked: boolean
  /** Further rules that found the same bytes. */
  readonly alsoFoundBy: readonly string[]
  readonly file: string
  /** How it stood in the file: `base64`, `utf-16`. Then the place is that of what was decoded. */
  readonly decoded: readonly string[]
  readonly start: Point
  /** Behind its last character. */
  readonly end: Point
  /** Its line, masked; nothing in it can move a terminal. */
  readonly excerpt: string
  readonly fingerprint: string
  /** Whose it is, of `knownRule`. */
  readonly known?: KnownSecret
  /** What its vendor says of it, if it was asked. */
  readonly liveness?: FoundLiveness
  /** The object of Git that it is in, and by whom that came. */
  readonly blob?: string
  readonly commit?: Commit
  /** The member of an archive that `file` ends with, if it was found in a blob: `!b/c`; empty if it is the blob itself. */
  readonly member?: string
  /** Where paths are judged later: entries of the allow list that allow it as soon as its path is one of theirs. */
  readonly ifPathFits?: readonly number[]
  /** It is known, and fails nothing. */
  readonly accepted?: Acceptance
  /** What people should know of it: what its check says; an ignore comment that does not count, and why. */
  readonly note?: string
}

export interface Commit {
  readonly id: string
  readonly author: string
  /** ISO 8601. */
  readonly date: string
}

export interface Acceptance {
  readonly by: 'comment' | 'allow-list' | 'baseline'
  readonly reason?: string
  /** `2027-01-31`: from then on it is a finding again. */
  readonly until?: string
}

const ranks: Readonly<Record<Confidence, number>> = { possible: 0, likely: 1, certain: 2, known: 3 }

/** Larger is surer. */
export function rankOf(confidence: Confidence): number {
  return ranks[confidence]
}

/** Whether a secret lives, as its vendor says. Its texts are the vendor's: escape them where they are shown. */
export interface FoundLiveness {
  readonly state: 'alive' | 'dead' | 'unknown'
  /** The host that was asked; empty if none was. */
  readonly at: string
  /** Why it is not known. */
  readonly why?: string
  readonly whose?: string
  readonly can?: readonly string[]
  /** Its holder may end it. */
  readonly revocable: boolean
}
