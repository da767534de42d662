import { createHash } from 'node:crypto'
import { SignJWT, calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose'
import { newId, nowSeconds, type Clock } from '../lib/index.ts'
import type { ProofExpectation } from './dpop.ts'

export interface ProofSigner {
  readonly jkt: string
  /** A fresh DPoP proof (RFC 9449, section 4.2), good for one request. */
  sign(request: ProofExpectation): Promise<string>
}

/** Makes an ES256 key that never leaves this process's memory, and proofs with it. */
export async function createProofSigner(deps: { clock: Clock }): Promise<ProofSigner> {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const jwk = await exportJWK(publicKey)
  return {
    jkt: await calculateJwkThumbprint(jwk),
    sign({ method, uri, accessToken }) {
      const ath =
        accessToken === undefined ? undefined : createHash('sha256').update(accessToken).digest('base64url')
      return new SignJWT({ htm: method, htu: uri, ...(ath === undefined ? {} : { ath }) })
        .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk })
        .setJti(newId('prf'))
        .setIssuedAt(nowSeconds(deps.clock))
        .sign(privateKey)
    },
  }
}
