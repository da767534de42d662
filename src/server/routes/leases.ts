import { z } from 'zod'
import type { Broker, ShownLease } from '../../broker/index.ts'
import { MayflyError } from '../../lib/index.ts'
import { operatorEvent } from '../operator-event.ts'
import { withBody, type Route } from '../route.ts'

const states = ['requested', 'issued', 'revoking', 'revoked', 'expired', 'revoke_failed'] as const
const lease = z.object({
  id: z.string(),
  state: z.enum(states),
  connection: z.string(),
  kind: z.string().describe('`static`, `trusted_publishing`, or the issuer that minted it'),
  run: z.string(),
  session: z.string(),
  step: z.string(),
  role: z.string(),
  grant: z.string(),
  created: z.string(),
  expires: z.string(),
  means: z.string().describe('What revoking it means: `at_once`, `by_expiry`, or `within N` seconds'),
  ends: z.string().describe('The same in words, and until when it can live'),
  reason: z.string().nullable().describe('Why it ended'),
  revoking_since: z.string().nullable(),
  attempts: z.int().describe('How often its upstream was asked to revoke it, and did not confirm'),
  failure: z.string().nullable(),
  next_attempt: z.string().nullable(),
  ended: z.string().nullable(),
  proof: z.string().nullable().describe('How it is known to be dead'),
})

const maxShown = 1_000

/** Leases: which are in force, which are ending, which cannot be ended. */
export function leaseRoutes({ broker }: { broker: Broker }): Route[] {
  const { leases } = broker
  return [
    {
      method: 'GET',
      path: '/v1/leases',
      summary:
        'Leases in force or ending, the newest first, a thousand at most: `?stuck=true` only those that cannot be revoked, `?run=`, `?step=` also those that are over, `?connection=`',
      auth: 'lease:read',
      response: z.object({ leases: z.array(lease), more: z.boolean() }),
      handle: async ({ query }) => {
        const match = Object.fromEntries(
          (['run', 'step', 'connection'] as const).flatMap((key) => {
            const value = query[key]
            return typeof value === 'string' && value !== '' ? [[key, value]] : []
          }),
        )
        const found = await leases.list({ ...match, stuck: query['stuck'] === 'true' }, maxShown)
        return { leases: found.slice(0, maxShown).map(describe), more: found.length > maxShown }
      },
    },
    {
      method: 'POST',
      path: '/v1/leases/:id/retry',
      summary: 'Ask its upstream now to revoke it',
      auth: 'session:revoke',
      response: z.object({ lease }),
      handle: async ({ params }) => ({ lease: describe(await leases.retry(params['id'] ?? '')) }),
    },
    {
      method: 'POST',
      path: '/v1/leases/:id/forget',
      summary: 'An operator says that it is dead, and why: it is not tried again; recorded',
      auth: 'session:revoke',
      response: z.object({ lease }),
      ...withBody(z.strictObject({ reason: z.string().trim().min(1).max(500) }), async (call, { reason }) => {
        const id = call.params['id']
        if (id === undefined) throw new MayflyError('bad_input', 'say which lease')
        const { data } = operatorEvent(call, 'lease.revoked', {})
        return { lease: describe(await leases.forget(id, reason, data)) }
      }),
    },
  ]
}

function describe(one: ShownLease): z.output<typeof lease> {
  const iso = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString())
  const expires = new Date(one.expires_ms).toISOString()
  return {
    id: one.id,
    state: one.state,
    connection: one.connection,
    kind: one.kind,
    run: one.run,
    session: one.session_id,
    step: one.step_id,
    role: one.role,
    grant: one.grant_source,
    created: new Date(one.created_ms).toISOString(),
    expires,
    means: one.means,
    ends: endsText(one, expires),
    reason: one.revoke_reason,
    revoking_since: iso(one.revoking_ms),
    attempts: one.attempts,
    failure: one.failure,
    next_attempt: iso(one.due_ms),
    ended: iso(one.revoked_ms),
    proof: one.proof,
  }
}

function endsText({ kind, means, state }: ShownLease, expires: string): string {
  if (kind === 'static') return 'with its step: the gateway has it, and no one else'
  const within = /^within (\d+)$/.exec(means)?.[1]
  if (means === 'by_expiry')
    return state === 'issued' || state === 'requested'
      ? `it cannot be revoked: it ends by itself at ${expires}`
      : `ends by itself at ${expires}`
  return within === undefined ? 'dead once it is revoked' : `dead within ${within} s of being revoked`
}
