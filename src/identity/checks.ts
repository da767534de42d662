import type { SignedToken } from './compact-token.ts'
import { readProof, type ReadProof } from './dpop-proof.ts'
import { checkSignature, type SignatureResult } from './signature.ts'

/**
 * The two signatures that strangers make and nearly every request has to have checked. An answer depends on what is
 * asked alone, so that it may be found in another thread.
 * Rejects with MayflyError `thread_failed` if it could not be found: nothing was checked then.
 */
export interface Checks {
  proof(proof: string, nowSeconds: number, windowSeconds: number): Promise<ReadProof>
  token(token: SignedToken, jwks: string): Promise<SignatureResult>
}

/** In the caller's own thread. */
export const checksHere: Checks = {
  proof: async (...asked) => readProof(...asked),
  token: checkSignature,
}
