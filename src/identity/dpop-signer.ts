import { createHash } from 'node:crypto'
import { SignJWT, calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose'
import { newId, nowSeconds, type Clock } from '../lib/index.ts'
import type { ProofExpectation } from './dpop.ts'

export interface ProofSigner {
  readonly jkt: string
  /** A fresh DPoP proof (RFC 9449, section 4.2), good for one request, with the nonce that was last learnt. */
  sign(request: ProofExpectation): Promise<string>
  /** Remembers the `DPoP-Nonce` of an answer (section 8.2). One server and its gateway share their nonces. */
  learnNonce(nonce: unknown): void
}

/** Makes an ES256 key that never leaves this process's memory, and proofs with it. */
export async function createProofSigner(deps: { clock: Clock }): Promise<ProofSigner> {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const jwk = await exportJWK(publicKey)
  let nonce: string | undefined
  return {
    jkt: await calculateJwkThumbprint(jwk),
    learnNonce(text) {
      // It goes into a header of ours: what is not of the form of a nonce (RFC 9449, section 8.1) stays out.
      if (typeof text === 'string' && /^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/.test(text)) nonce = text
    },
    sign({ method, uri, accessToken }) {
      const ath =
        accessToken === undefined ? undefined : createHash('sha256').update(accessToken).digest('base64url')
      const claims = {
        htm: method,
        htu: uri,
        ...(ath === undefined ? {} : { ath }),
        ...(nonce === undefined ? {} : { nonce }),
      }
      return new SignJWT(claims)
        .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk })
        .setJti(newId('prf'))
        .setIssuedAt(nowSeconds(deps.clock))
        .sign(privateKey)
    },
  }
}
