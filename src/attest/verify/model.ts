import type { KeyObject } from 'node:crypto'
import type { Certificate } from './certificate.ts'
import type { Window } from './fields.ts'
import type { statementV1 } from './types.ts'

/** in-toto Statement v1: what is said (the predicate), of what (subjects, by their digests). */
export interface Statement {
  readonly _type: typeof statementV1
  readonly subject: readonly Subject[]
  readonly predicateType: string
  readonly predicate: unknown
}

export interface Subject {
  readonly name?: string
  /** Hex by algorithm, as `{ sha256: '…' }`. */
  readonly digest: Readonly<Record<string, string>>
}

/** Who signed, as a certificate says. */
export interface SignerIdentity {
  /** The URI of the workflow or job. */
  readonly san: string
  /** The OIDC issuer that said so. */
  readonly issuer: string
  /** By the names that Fulcio has for them, as `sourceRepositoryURI`. */
  readonly claims: Readonly<Record<string, string>>
}

/** What was found to be signed, by whom, when, and where it is logged. */
export interface Verified {
  readonly ok: true
  readonly statement?: Statement
  /** As they were signed. */
  readonly statementBytes?: Uint8Array
  /** Of a bundle about a file. */
  readonly message?: { readonly digest: Uint8Array }
  readonly signer: Signer
  /** By the timestamp. */
  readonly timeMs: number
  readonly logIndex: number
}

export type Signer =
  | {
      readonly kind: 'certificate'
      readonly identity: SignerIdentity
      /** DER. */
      readonly certificate: Uint8Array
    }
  /** SHA-256 of the public key (SPKI), hex. */
  | { readonly kind: 'key'; readonly keyId: string }

/** Whose word counts. Made by `parseTrustedRoot`, `openTrustDocument`, `trustKey` and `joinTrust`. */
export interface Trust {
  readonly authorities: readonly Authority[]
  readonly timestampAuthorities: readonly Authority[]
  readonly logs: readonly Log[]
  /** Of certificates; where there is one, a certificate has to carry its promise. */
  readonly certificateLogs: readonly CertificateLog[]
  readonly keys: readonly TrustedKey[]
  readonly revoked: readonly Revocation[]
}

/** Of certificates: the chain that issues, the issuer of leaves first. Of timestamps: the certificate that signs comes first. */
export interface Authority {
  readonly uri: string
  readonly chain: readonly Certificate[]
  readonly validFor: Window
}

export interface Log {
  /** Origin of its checkpoints and name of its key. */
  readonly name: string
  /** 32 bytes (c2sp.org/signed-note), of which notes have the first four. */
  readonly keyId: Buffer
  readonly key: KeyObject
  /** SHA-256 of the public key (SPKI), hex. */
  readonly spkiSha256: string
  readonly validFor: Window
}

/** A log of certificates (RFC 6962). */
export interface CertificateLog {
  readonly logId: Buffer
  /** `undefined` for one whose promises cannot be checked here (RSA): it is not one fewer that has to promise. */
  readonly key: KeyObject | undefined
  readonly validFor: Window
}

export interface TrustedKey {
  /** SHA-256 of the public key (SPKI), hex. */
  readonly keyId: string
  readonly spki: Buffer
  readonly key: KeyObject
  readonly validFor: Window
}

/** From when on nothing that a key did counts. What was logged and timestamped before stays good. */
export interface Revocation {
  /** SHA-256 of the public key (SPKI), hex: of a signer, of a certificate's authority, of a timestamp authority or of a log. */
  readonly key: string
  readonly fromMs: number
  /** Of the log: an index from here on does not count, whatever its timestamp says. */
  readonly treeSize: number
  /** Id of the key of the log that had this size; of whichever log, if nobody says. */
  readonly log?: Buffer
  readonly reason: string
}
