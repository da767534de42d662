import { limits, MayflyError } from '../lib/index.ts'
import { digestOf, manifestTypes, mediaTypeIn, readManifest, type Manifest } from './manifest.ts'

/** What a registry sent. */
export interface Part {
  readonly bytes: Buffer
  /** Its `Content-Type`. */
  readonly type: string
  /** Of a list that goes on: what to ask the same path for. */
  readonly next?: string | undefined
}

/**
 * Reads below a repository: `manifests/REF`, `blobs/DIGEST`, `referrers/DIGEST?n=100`. Undefined for what the registry has not.
 * Throws `limit_exceeded` for what is longer than `maxBytes`, and where it cannot be asked.
 */
export type ReadPart = (path: string, accept: string, maxBytes: number) => Promise<Part | undefined>

/** A manifest, held against its digest; undefined for what is none. */
export async function manifestAt(read: ReadPart, digest: string): Promise<Manifest | undefined> {
  try {
    const part = await read(`manifests/${digest}`, manifestTypes.join(', '), limits.manifestBytes)
    return part && heldManifest(part.bytes, part.type, digest)
  } catch (error) {
    // Longer than manifests are.
    if (error instanceof MayflyError && error.code === 'limit_exceeded') return undefined
    throw error
  }
}

export function heldManifest(bytes: Buffer, type: string, digest: string): Manifest | undefined {
  if (digestOf(bytes, digest) !== digest) return undefined
  const manifest = readManifest(bytes, mediaTypeIn(type) ?? '')
  return typeof manifest === 'string' ? undefined : manifest
}

/** Where a registry that knows no referrers lists what stands beside a manifest (distribution-spec 1.1). */
export function referrersTag(digest: string): string {
  return digest.replace(':', '-').slice(0, 135)
}
