import { sign } from 'node:crypto'
import { promisify } from 'node:util'
import type { SigningKey } from './signing-key.ts'

const signAside = promisify(sign)

/**
 * A JWS in compact form (RFC 7515, section 7.1) by ES256 (RFC 7518, section 3.4). Synchronous on purpose: through
 * WebCrypto it takes twice the time and waits for a turn of the event loop, and every exchange pays it.
 */
export function signCompact(key: SigningKey, typ: string, payload: object): string {
  const input = inputOf(key, typ, payload)
  return withSignature(input, sign('sha256', Buffer.from(input), formOf(key)))
}

/** The same in another thread: RS256 (RFC 7518, section 3.3) takes a millisecond. */
export async function signCompactAside(key: SigningKey, typ: string, payload: object): Promise<string> {
  const input = inputOf(key, typ, payload)
  return withSignature(input, await signAside('sha256', Buffer.from(input), formOf(key)))
}

function inputOf({ alg, kid }: SigningKey, typ: string, payload: object): string {
  return [{ alg, typ, kid }, payload]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
}

function withSignature(input: string, signature: Buffer): string {
  return `${input}.${signature.toString('base64url')}`
}

function formOf({ privateKey }: SigningKey) {
  return { key: privateKey, dsaEncoding: 'ieee-p1363' } as const
}
