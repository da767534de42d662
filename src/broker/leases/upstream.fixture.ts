import { MayflyError, Secret, type Clock } from '../../lib/index.ts'
import type { CredentialIssuer, Held, MintRequest, Revocation } from '../../credentials/index.ts'
import type { MintedCredentialConfig } from '../../connections/index.ts'

/** What stands in mayfly.yaml for it; any issuer's name will do. */
export const mintedCredential = {
  scheme: 'oauth-client',
  config: {
    token_url: 'https://upstream.test/token',
    client_id: 'x',
    client_auth: 'basic',
    scopes: [],
    parameters: {},
  },
} as MintedCredentialConfig

export type Phase = 'mint' | 'renew' | 'revoke' | 'find' | 'probe'

/**
 * An upstream in memory that knows which of its credentials live, and the issuer for it. No real peer: what it answers, and whether it
 * has done what it was asked before it fails, is the test's to say.
 */
export interface FakeUpstream {
  readonly issuer: CredentialIssuer
  /** Ids of credentials that work now. */
  living(): string[]
  /** Ids of those that nobody has revoked, whether they have ended by themselves or not. */
  left(): string[]
  /** Every question, in order. */
  readonly asked: string[]
  /** What happens to the next questions: before it is done, after, or instead of it. Both throw, or wait, as they like. */
  on: { before?: (phase: Phase) => unknown; after?: (phase: Phase) => unknown }
  lifeSeconds: number | undefined
}

export function fakeUpstream(
  clock: Clock,
  options: { revocation?: Revocation; renews?: boolean; probes?: boolean; finds?: boolean } = {},
): FakeUpstream {
  const { revocation = { means: 'at_once' }, renews = false, probes = true, finds = true } = options
  const made = new Map<string, { lease: string; expiresMs: number }>()
  let count = 0
  const upstream: FakeUpstream = {
    living: () => [...made].filter(([, { expiresMs }]) => expiresMs > clock.nowMs()).map(([id]) => id),
    left: () => [...made.keys()],
    asked: [],
    on: {},
    lifeSeconds: undefined,
    issuer: {
      name: 'oauth-client',
      revocation: () => revocation,
      ...(finds ? {} : { longestSeconds: 3_600 }),
      plan: ({ lease }) => ({ name: `mayfly-${lease}` }),
      mint(request, _plan, tools) {
        // What follows is a question to it, whatever comes of that.
        tools.mayMake?.()
        return at('mint', () => create(request))
      },
      revoke: (held) => (held.handle === undefined ? find(held) : revoke(held)),
      ...(renews ? { renew: (request: MintRequest) => at('renew', () => replace(request)) } : {}),
      ...(probes
        ? {
            probe: (held: Held) =>
              at('probe', () => (upstream.living().includes(idIn(held)) ? 'alive' : 'dead')),
          }
        : {}),
    },
  }

  async function at<T>(phase: Phase, work: () => T): Promise<T> {
    upstream.asked.push(phase)
    await upstream.on.before?.(phase)
    const result = work()
    await upstream.on.after?.(phase)
    return result
  }

  function create({ lease, ttlSeconds }: MintRequest) {
    const id = `${lease}-${count++}`
    const expiresMs = clock.nowMs() + (upstream.lifeSeconds ?? ttlSeconds) * 1000
    made.set(id, { lease, expiresMs })
    const token = new Secret(`token-of-${id}`)
    return {
      fields: { token },
      authorization: new Secret(`Bearer ${token.reveal()}`),
      expiresMs,
      handle: { id, token: token.reveal() },
      facts: { account: id },
    }
  }

  /** As a token is rotated: another one, and the one that was is dead. */
  function replace(request: MintRequest) {
    for (const [id, one] of made) if (one.lease === request.lease) made.delete(id)
    return create(request)
  }

  async function revoke(held: Held) {
    return await at('revoke', () => {
      if (revocation.means === 'by_expiry') return 'nothing_to_do' as const
      return made.delete(idIn(held)) ? ('revoked' as const) : ('not_found' as const)
    })
  }

  async function find({ lease }: Held) {
    return await at('find', () => {
      if (revocation.means === 'by_expiry' || !finds) return 'nothing_to_do' as const
      const found = [...made].filter(([, one]) => one.lease === lease)
      for (const [id] of found) made.delete(id)
      return found.length > 0 ? ('revoked' as const) : ('not_found' as const)
    })
  }

  return upstream
}

function idIn({ handle }: Held): string {
  return (handle as { id: string }).id
}

export function unreachable(): MayflyError {
  return new MayflyError('upstream_unreachable', 'upstream.test does not answer')
}
