import type { SeenFile } from '../../broker/index.ts'
import type { Source } from '../../provenance/index.ts'

/**
 * A lockfile; or the request itself, which named the file by its digest, or by a name whose digest is in the log; or only the
 * registry, in what it said of the package before; or that, and it had signed it; or a checksum database; or nobody: it is
 * the digest of what came.
 */
export type PinnedBy = 'lockfile' | 'digest' | 'registry' | 'signature' | 'sumdb' | 'none'

/** What stands in the record of a file: who says which build made it, or that nobody does. */
export type RecordedProvenance =
  | (Pick<Source, 'repository' | 'builder' | 'commit'> & { readonly by: 'sigstore' | 'registry' })
  | { readonly by: 'none'; readonly problem?: string }

/** A file of a package that a step was given, once its digest had held. */
export interface Downloaded {
  /** Package URL (purl-spec). */
  readonly purl: string
  /** The digest that held, as Subresource Integrity text; of a Go module as in go.sum: `h1:BASE64`. */
  readonly integrity: string
  /** What named that digest. */
  readonly by: PinnedBy
  readonly bytes: number
  /** Read before the package is chosen, and not the package: a go.mod, a wheel's METADATA. */
  readonly part?: true
  /** Of the bytes that passed, in hex. */
  readonly sha256?: string
  /** Nobody had this file of this registry before: from now on it is this. */
  readonly first?: true
  /** Which build made it, where the connection asks for that. */
  readonly provenance?: RecordedProvenance
  /** It came from what the gateway keeps of earlier steps. */
  readonly cached?: true
}

/** A file of a package that a registry took from a step: that it might be sent is in the log before. */
export interface Published {
  /** Package URL (purl-spec). */
  readonly purl: string
  /** Of what was sent, as Subresource Integrity text. */
  readonly integrity: string
  /** The same by SHA-256, in hex, where that is another digest. */
  readonly sha256?: string
  readonly bytes?: number
  /** By which name others find it, beside its digest. */
  readonly tag?: string
  /** It waits at the registry for a person's approval, under this id; nobody gets it before. */
  readonly staged?: string
  /** Status of the registry's answer. */
  readonly status: number
}

/** What a Git server said of one ref of a push. */
export interface PushedTo {
  readonly repository: string
  readonly ref: string
  readonly oldCommit: string
  readonly newCommit: string
  readonly result: string
}

/** A commit that a Git server gave to the step, which had asked for it by its id. That it did stands in `access.granted`. */
export interface FetchedCommit {
  /** `https://HOST/PATH`. */
  readonly repository: string
  readonly commit: string
}

/** What a step did by a permission, once its outcome is known. */
export interface OperationDone {
  /** As grants name it. */
  readonly operation: string
  /** What it came to, in the protocol's words and numbers: rows, bytes, a status. No value that was read or written. */
  readonly facts: Readonly<Record<string, string | number | boolean>>
}

/** What is recorded once it has happened, by the type of its entry. */
export type Done =
  | { readonly type: 'packages.downloaded'; readonly item: Downloaded; readonly seen: SeenFile | undefined }
  | { readonly type: 'packages.published'; readonly item: Published }
  | { readonly type: 'git.pushed'; readonly item: PushedTo }
  | { readonly type: 'fetched'; readonly item: FetchedCommit }
  | { readonly type: 'operations.done'; readonly item: OperationDone }

/** What upstreams took from a step. */
export type Accepted = Exclude<Done, { type: 'packages.downloaded' | 'fetched' }>

/** What is answered by the gateway itself, or cut off only with its connection. */
export type Given =
  | { readonly type: 'packages.downloaded'; readonly item: Downloaded }
  | { readonly type: 'fetched'; readonly item: FetchedCommit }

/** With the connection that it came by. */
export type Waits = Done & { readonly connection: string }
