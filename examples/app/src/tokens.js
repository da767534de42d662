import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

const digestOf = (token) => createHash('sha256').update(token).digest()

/** A new API token, and the entry that lets a server recognise it without knowing it. */
export function createToken(name) {
  const token = `lnk_${randomBytes(32).toString('base64url')}`
  return { token, entry: `${name}:${digestOf(token).toString('hex')}` }
}

/**
 * @param {{ name: string, digest: string }[]} tokens digests are SHA-256, in hex
 * @returns {(authorization: string | undefined) => string | undefined} the name of the token's holder
 */
export function createTokenCheck(tokens) {
  const known = tokens.map(({ name, digest }) => ({ name, digest: Buffer.from(digest, 'hex') }))
  return (authorization) => {
    const token = /^Bearer +([\x21-\x7e]+)$/i.exec(authorization ?? '')?.[1]
    if (!token) return undefined
    const digest = digestOf(token)
    return known.find((candidate) => timingSafeEqual(candidate.digest, digest))?.name
  }
}
