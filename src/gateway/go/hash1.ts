import { createHash } from 'node:crypto'

/** A file of a module, and SHA-256 of its content in hex. */
export interface HashedFile {
  readonly name: Buffer
  readonly sha256: string
}

/**
 * golang.org/x/mod/sumdb/dirhash, Hash1: SHA-256 of the lines `HEX  NAME`, in the order of the names' bytes. As go.sum writes it:
 * `h1:BASE64`.
 */
export function hash1(files: readonly HashedFile[]): string {
  const hash = createHash('sha256')
  for (const { name, sha256 } of files.toSorted((one, other) => Buffer.compare(one.name, other.name)))
    hash.update(`${sha256}  `).update(name).update('\n')
  return `h1:${hash.digest('base64')}`
}
