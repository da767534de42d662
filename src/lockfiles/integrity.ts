/** Digests by algorithm, of Subresource Integrity text (W3C SRI, section 3.5); options behind `?` say nothing about the bytes. */
export function digestsOf(integrity: string): Map<string, Set<string>> {
  const digests = new Map<string, Set<string>>()
  for (const one of integrity.split(/\s+/)) {
    const at = one.indexOf('-')
    if (at < 1) continue
    const [algorithm, digest = ''] = [one.slice(0, at), one.slice(at + 1).split('?')[0]]
    const known = digests.get(algorithm)
    if (known === undefined) digests.set(algorithm, new Set([digest]))
    else known.add(digest)
  }
  return digests
}

/**
 * What two lockfiles, or two lines of one, say together of the same file: every algorithm that either names. Undefined if they
 * contradict each other: whoever wrote that wants one of the two to slip through.
 */
export function joinIntegrity(one: string, other: string): string | undefined {
  if (one === other || other === '') return one
  const joined = digestsOf(one)
  for (const [algorithm, digests] of digestsOf(other)) {
    const known = joined.get(algorithm)
    if (known === undefined) joined.set(algorithm, digests)
    else if (known.size !== digests.size || [...digests].some((digest) => !known.has(digest)))
      return undefined
  }
  return [...joined]
    .flatMap(([algorithm, all]) => [...all].map((digest) => `${algorithm}-${digest}`))
    .join(' ')
}

/** `sha512` and a digest in hex as Subresource Integrity text. */
export function integrityOfHex(algorithm: string, hex: string): string {
  return `${algorithm}-${Buffer.from(hex, 'hex').toString('base64')}`
}
