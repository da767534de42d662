import type { KeyObject } from 'node:crypto'
import type { DeliverConfig } from '../config/index.ts'
import type { KindName, KindSettings } from '../kinds/index.ts'
import type { ClientCertificate } from './certificates.ts'
import type { CredentialConfig } from './credential.ts'
import type { PackageRules } from './package-rules.ts'
import type { ChecksumDatabase } from './sumdb.ts'

/**
 * The targets that roles may be granted: a host and port, how its protocol is called, which credential
 * is added on the way, and which address it may be dialled at. Knows no secret, only a secret's name.
 * Invariant: no two connections answer to the same host, port and path, so an operation has one target.
 */
export interface Connection {
  readonly name: string
  readonly kind: KindName
  readonly tls: boolean
  /** As in the CONNECT request and the Host header: lower case, no trailing dot. */
  readonly host: string
  readonly port: number
  /** Path in front of every resource, without a trailing slash; empty at the root. */
  readonly basePath: string
  readonly url: string
  readonly credential: CredentialConfig | undefined
  /** What of a minted credential the step itself is given, where its role may have it. */
  readonly deliver?: DeliverConfig
  /** Dialled instead of what DNS says. */
  readonly dial: { readonly address: string; readonly port: number } | undefined
  /** PEM, trusted beside the system's roots. */
  readonly ca: string | undefined
  /** Where they are not the usual ones. */
  readonly timeouts?: Timeouts
  /** What the gateway proves itself with to this host, and no other. */
  readonly clientCertificate?: ClientCertificate
  /** Where its answers may send the gateway on to, for files: no credential goes there. */
  readonly storage?: readonly Connection[]
  /** It is a storage host of that connection, at which tools ask for its files themselves. */
  readonly storageOf?: Connection
  /** Patterns of the hosts that it has beside its own. */
  readonly serves?: readonly string[]
  /** It is one of the hosts that this connection has beside its own. */
  readonly hostOf?: Connection
  /** What its kind alone has settings for. */
  readonly settings?: KindSettings
  /** Those of them that a step's tools are told. */
  readonly told?: KindSettings
  /** Where its tokens come from, if that is another host: its credential goes there. */
  readonly tokenHost?: Connection | undefined
  /** Patterns of what a push may ask its server for beside its refs. */
  readonly pushOptions?: readonly string[]
  /** What may pass on one connection of bytes, each way. */
  readonly maxBytes?: number
  /** What one push may bring; the gateway knows a limit where none is said. */
  readonly pushBytes?: number
  /** Those that the registry signs versions with: ECDSA on P-256. */
  readonly signatureKeys?: readonly SignatureKey[]
  /** Publishes with a token that the registry gives for an identity token of the CI. */
  readonly trustedPublishing?: { readonly audience: string }
  /** Of a Go module proxy: what modules that no go.sum pins are held against. */
  readonly sumdb?: ChecksumDatabase
  /** Of an archive that signs its indexes: OpenPGP public keys, as packets. */
  readonly keyring?: Buffer
  /** Of one as it was at one time: nothing of it expires. */
  readonly snapshot?: true
  /** Of a registry of packages. */
  readonly packages?: PackageRules | undefined
  /** Answers that cannot be looked into may pass. */
  readonly opaque: boolean
}

export interface SignatureKey {
  readonly keyid: string
  readonly key: KeyObject
}

export interface Timeouts {
  readonly connectMs?: number
  readonly firstByteMs?: number
  readonly idleMs?: number
}
