import { gunzipSync, gzipSync } from 'node:zlib'

interface Kept {
  /** JSON text of a Sigstore bundle. */
  readonly bundle: string
  /** What it is about, where that is kept nowhere else. */
  readonly text?: string
}

/** A bundle as the store keeps it. */
export function packed(kept: Kept): Buffer {
  return gzipSync(JSON.stringify(kept))
}

export function unpacked(bytes: Uint8Array): Kept {
  return JSON.parse(gunzipSync(bytes).toString()) as Kept
}
