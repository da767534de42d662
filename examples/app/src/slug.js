import { randomInt } from 'node:crypto'

// Base 58: no 0/O or 1/l/I, so that a link can be read aloud and typed.
const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
const RESERVED = new Set(['api', 'healthz', 'readyz'])

export const SLUG_PATTERN = '^[A-Za-z0-9][A-Za-z0-9_-]{1,63}$'

export function isReserved(slug) {
  return RESERVED.has(slug.toLowerCase())
}

/** 58^7 is 2.2e12 slugs: not guessable in bulk under the rate limit, and collisions are rare. */
export function generateSlug(length = 7) {
  return Array.from({ length }, () => ALPHABET[randomInt(ALPHABET.length)]).join('')
}
