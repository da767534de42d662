const beginning = /^version https:\/\/(?:git-lfs|hawser)\.github\.com\/spec\/v1\r?\n/
/** https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md: a pointer is shorter. */
const maxBytes = 1_024

/** The SHA-256 of the file that a pointer of Git LFS stands for; undefined if it is none. Takes all of a file. */
export function lfsPointerIn(file: Uint8Array): string | undefined {
  if (file.length >= maxBytes || file[0] !== 0x76) return undefined
  const text = Buffer.from(file).toString('latin1')
  return beginning.test(text) ? /^oid sha256:([0-9a-f]{64})\r?$/m.exec(text)?.[1] : undefined
}
