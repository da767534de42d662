import { createPublicKey, type KeyObject, generateKeyPairSync, sign, verify } from 'node:crypto'
import { SignJWT, createLocalJWKSet, exportJWK, jwtVerify } from 'jose'
import { githubClaims } from '../demo/peers/issuer.ts'
import { median } from './statistics.ts'

/** Median milliseconds of verifying a CI's token and making our own: one after the other, and nothing else. */
export interface SignatureCost {
  /** By jose, as a service that does it by the library would. */
  readonly jose: number
  /** OpenSSL's two calls alone: no token is read or written. */
  readonly openssl: number
}

export async function signatureCost(): Promise<SignatureCost> {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const token = await new SignJWT({ ...githubClaims, iss: 'i', aud: 'a' })
    .setProtectedHeader({ alg: 'RS256', kid: 'k' })
    .setIssuedAt()
    .setExpirationTime('5m')
    .sign(rsa.privateKey)
  return {
    jose: await joseCost(rsa, ec, token),
    openssl: await opensslCost(rsa.publicKey, ec.privateKey, token),
  }
}

interface Pair {
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}

async function joseCost(rsa: Pair, ec: Pair, token: string): Promise<number> {
  const jwks = createLocalJWKSet({ keys: [{ ...(await exportJWK(rsa.publicKey)), kid: 'k', alg: 'RS256' }] })
  const verifying = await time(() => jwtVerify(token, jwks, { issuer: 'i', audience: 'a' }))
  const signing = await time(() =>
    new SignJWT({ scope: 'build', cnf: { jkt: 'x' } })
      .setProtectedHeader({ alg: 'ES256' })
      .setIssuedAt()
      .setExpirationTime('5m')
      .sign(ec.privateKey),
  )
  return verifying + signing
}

async function opensslCost(publicKey: KeyObject, privateKey: KeyObject, token: string): Promise<number> {
  const key = createPublicKey(publicKey.export({ format: 'pem', type: 'spki' }))
  const at = token.lastIndexOf('.')
  const [text, signature] = [Buffer.from(token.slice(0, at)), Buffer.from(token.slice(at + 1), 'base64url')]
  if (!verify('sha256', text, key, signature)) throw new Error('a good signature was refused')
  const verifying = await time(() => verify('sha256', text, key, signature))
  const signing = await time(() => sign('sha256', text, { key: privateKey, dsaEncoding: 'ieee-p1363' }))
  return verifying + signing
}

async function time(work: () => unknown): Promise<number> {
  const samples: number[] = []
  for (let i = 0; i < 600; i++) {
    const startedMs = performance.now()
    await work()
    samples.push(performance.now() - startedMs)
  }
  // The first hundred are the compiler's.
  return median(samples.slice(100))
}
