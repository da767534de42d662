import { limits, MayflyError, Secret, type Clock } from '../../lib/index.ts'
import { readIdentityToken } from './identity-token.ts'

/** Tokens by which steps are signed, in the memory of the server that was given them. */
export interface HeldIdentities {
  /** That tokens are for. */
  readonly audience: string
  /** Throws `bad_token` for one of another audience, and one that has expired. Whose it is shows in the certificate. */
  hold(stepId: string, token: string): void
  /** Until when the token of this step is good; undefined if none is held. */
  untilMs(stepId: string): number | undefined
  /** Throws `bad_token` if there is none, or no more. */
  of(stepId: string): Secret
}

/** Far more than steps end within the minutes for which a token is good. */
const most = 10_000

export function createHeldIdentities({
  audience,
  clock,
}: {
  audience: string
  clock: Clock
}): HeldIdentities {
  const held = new Map<string, { readonly token: Secret; readonly untilMs: number }>()

  function forgetOld(): void {
    const nowMs = clock.nowMs()
    for (const [id, { untilMs }] of held) if (untilMs <= nowMs) held.delete(id)
  }

  return {
    audience,
    hold(stepId, token) {
      if (token.length > limits.identityTokenBytes)
        throw new MayflyError('bad_token', 'the identity token for signing is longer than any')
      const claims = readIdentityToken(token, audience, clock.nowMs())
      forgetOld()
      if (held.size >= most)
        throw new MayflyError(
          'limit_exceeded',
          'too many identity tokens are held for signing: try again later',
        )
      held.set(stepId, {
        token: new Secret(token, '(identity token for signing)'),
        untilMs: claims.expiresMs,
      })
    },
    untilMs: (stepId) => held.get(stepId)?.untilMs,
    of(stepId) {
      forgetOld()
      const found = held.get(stepId)
      if (found !== undefined) return found.token
      throw new MayflyError(
        'bad_token',
        `no identity token for ${audience} is held of this step: its CI must give one (see docs/attestations.md, Sigstore), and it is good for some minutes only`,
      )
    },
  }
}
