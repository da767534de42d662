import { createHash } from 'node:crypto'
import { constantTimeEqual, limits, withOneLoopbackName, type Clock } from '../lib/index.ts'
import type { ProofNonces } from './dpop-nonce.ts'
import { checksHere, type Checks } from './checks.ts'

/** What a proof must be for: RFC 9449, section 4.3. */
export interface ProofExpectation {
  /** HTTP method, upper case. */
  readonly method: string
  /** Target URI without query and fragment; the names of loopback are one. */
  readonly uri: string
  /** The access token the proof must be bound to (`ath`); absent at the token endpoint. */
  readonly accessToken?: string
  /**
   * `false` where what the proof comes with can be used once anyway (the identity token): then it is not remembered,
   * since a stranger could fill the memory with proofs of keys of their own and lock everybody else out.
   */
  readonly remember?: false
}

export type ProofResult =
  | { readonly ok: true; readonly jkt: string }
  | {
      readonly ok: false
      readonly detail: string
      /** All else is right: the same again with this nonce (RFC 9449, section 8: `use_dpop_nonce`). */
      readonly nonce?: string
    }

export interface ProofVerifier {
  /** Verifies a DPoP proof and uses it up: the same proof is refused the second time. Rejects as `Checks` does. */
  verify(proof: string | undefined, expected: ProofExpectation): Promise<ProofResult>
  /** A nonce for the caller's next proof; undefined where none is asked for. */
  freshNonce(): string | undefined
}

/** How old, or how far ahead, a proof may be. */
const windowSeconds = 60
/** Proofs remembered at once. Past it new ones are refused: forgetting one would let it be replayed. */
const maxRemembered = 200_000

/** With `nonces` every proof must carry one of ours. `checks` is who checks signatures: if it is not said, the caller's thread. */
export function createProofVerifier(deps: {
  clock: Clock
  nonces?: ProofNonces
  checks?: Checks
}): ProofVerifier {
  const { nonces, checks = checksHere } = deps
  const startedSeconds = Math.floor(deps.clock.nowMs() / 1000)
  const used = new Map<string, number>()

  function useOnce(id: string, nowSeconds: number): string | undefined {
    if (used.has(id)) return 'the proof was used before'
    for (const [oldest, seenSeconds] of used) {
      if (nowSeconds - seenSeconds <= 2 * windowSeconds) break
      used.delete(oldest)
    }
    if (used.size >= maxRemembered) return 'too many proofs at once: try again in a minute'
    used.set(id, nowSeconds)
    return undefined
  }

  return {
    freshNonce: () => nonces?.issue(),
    async verify(proof, expected) {
      if (proof === undefined) return { ok: false, detail: 'the DPoP header is missing' }
      if (proof.length > limits.dpopProofBytes) return { ok: false, detail: 'the DPoP proof is too large' }
      const nowSeconds = Math.floor(deps.clock.nowMs() / 1000)
      const read = await checks.proof(proof, nowSeconds, windowSeconds)
      if (!read.ok) return read
      const { payload, jkt } = read
      // With nonces none from before a restart is taken anyway, and who brings one is told the next: a step's heartbeat that
      // crosses a restart, or comes from a clock that is behind, must not look like a refusal.
      const problem = mismatch(payload, expected, nowSeconds, nonces === undefined ? startedSeconds : 0)
      if (problem !== undefined) return { ok: false, detail: problem }
      if (nonces !== undefined && !nonces.accepts(payload['nonce']))
        return { ok: false, detail: 'the proof needs a nonce of this server', nonce: nonces.issue() }
      if (expected.remember === false) return { ok: true, jkt }
      const replayed = useOnce(`${jkt}.${String(payload['jti'])}`, nowSeconds)
      return replayed === undefined ? { ok: true, jkt } : { ok: false, detail: replayed }
    },
  }
}

function mismatch(
  payload: Record<string, unknown>,
  expected: ProofExpectation,
  nowSeconds: number,
  startedSeconds: number,
): string | undefined {
  const issued = Number(payload['iat'])
  if (!(Math.abs(nowSeconds - issued) <= windowSeconds))
    return `the proof is not of now (iat ${issued}, here ${nowSeconds})`
  // Used proofs are forgotten at a restart, so none from before it is taken.
  if (issued < startedSeconds - 1) return 'the proof is from before this server started: make a new one'
  if (payload['htm'] !== expected.method)
    return `the proof is for ${String(payload['htm'])}, not ${expected.method}`
  if (withOneLoopbackName(String(payload['htu'])) !== withOneLoopbackName(expected.uri))
    return `the proof is for ${String(payload['htu'])}, not ${expected.uri}`
  if (String(payload['jti']).length > 128) return 'the jti of the proof is too long'
  if (expected.accessToken === undefined) return undefined
  const hash = createHash('sha256').update(expected.accessToken).digest('base64url')
  return constantTimeEqual(String(payload['ath']), hash)
    ? undefined
    : 'the proof is not bound to this token (ath)'
}

/** `htu` of a proof for CONNECT, whose target is an authority and no URI: the gateway's URL and the authority. */
export function connectUri(gatewayUrl: string, authority: string): string {
  return `${gatewayUrl}/connect/${authority}`
}
