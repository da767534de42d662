import { z } from 'zod'
import { recordedOperator } from '../../operators/index.ts'
import type { RotationRow, SecretRotation, Shown, ShownCompromise } from '../../rotation/index.ts'
import { withBody, type Call, type Route } from '../route.ts'

const time = z.string().nullable()
const rotationSchema = z.object({
  id: z.string(),
  secret: z.string(),
  rotator: z.string(),
  state: z.string(),
  cause: z.string(),
  from: z.int(),
  to: z.int().nullable(),
  begun: z.string(),
  due: z.string(),
  promoted: time,
  ended: time,
  attempts: z.int(),
  failure: z.string().nullable(),
  proof: z.string().nullable(),
})
const statusSchema = z.object({
  secret: z.string(),
  owner: z.string().nullable(),
  version: z.int().nullable(),
  made: time,
  rotator: z.string().nullable(),
  rotated: time,
  next: time,
  late_at: time,
  late: z.boolean(),
  compromised: z.boolean(),
  rotation: rotationSchema.nullable(),
  last_use: z.object({ at: z.string(), run: z.string(), role: z.string(), step: z.string() }).nullable(),
})

const compromiseSchema = z.object({
  id: z.string(),
  secret: z.string(),
  version: z.int(),
  reason: z.string().nullable(),
  /** When the version was made: who used it since may have leaked it. */
  made: z.string(),
  said: z.string(),
  leases: z.int(),
  rotation: rotationSchema.nullable(),
  needs: z.string().nullable(),
  in_use: z.int().describe('The version that is used now.'),
  made_with: z
    .array(z.object({ secret: z.string(), versions: z.array(z.int()) }))
    .describe('Secrets whose rotation used it as its admin’s, with the versions that it made.'),
  proof: z.string().nullable(),
  ended: time,
})

/** New values of secrets, from outside: none of them is ever in an answer. */
export function rotationRoutes({ secretRotation: rotation }: { secretRotation: SecretRotation }): Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/rotations',
      summary: 'How the secrets stand that are rotated, late ones first; with `all` also the others',
      auth: 'secret:read',
      response: z.object({ secrets: z.array(statusSchema) }),
      handle: async ({ query }) => ({
        secrets: (await rotation.status({ unrotated: query['all'] === 'true' })).map(statusOf),
      }),
    },
    {
      method: 'GET',
      path: '/v1/rotations/:name',
      summary: 'How one secret stands',
      auth: 'secret:read',
      response: statusSchema,
      handle: async ({ params }) => statusOf(await rotation.statusOf(params['name'] ?? '')),
    },
    {
      method: 'POST',
      path: '/v1/rotations/:name',
      summary: 'Begin a rotation: in its window, or `now`',
      auth: 'secret:write',
      response: rotationSchema.extend({ new: z.boolean().describe('False: it was under way already.') }),
      ...withBody(z.strictObject({ now: z.boolean().default(false) }), async (call, { now }) => {
        const row = await rotation.rotate(call.params['name'] ?? '', { by: byOf(call), now })
        return { ...rowOf(row), new: row.isNew }
      }),
    },
    {
      method: 'POST',
      path: '/v1/rotations/:name/dry-run',
      summary: 'What a rotation would do, and whether the value in use works; nothing is changed',
      auth: 'secret:write',
      response: z.object({
        rotator: z.string(),
        tells: z.string(),
        probe: z.string(),
        hindered: z.string().nullable(),
        window: z.string().nullable(),
      }),
      handle: ({ params }) => rotation.dryRun(params['name'] ?? ''),
    },
    {
      method: 'POST',
      path: '/v1/rotations/:name/rollback',
      summary: 'Give up the new value: also one that is in use, while the old one lives',
      auth: 'secret:write',
      response: rotationSchema,
      handle: async (call) => rowOf(await rotation.rollBack(call.params['name'] ?? '', byOf(call))),
    },
    {
      method: 'POST',
      path: '/v1/rotations/:name/forget',
      summary: 'Give up what is under way, where it is: a person ends what it has not ended',
      auth: 'secret:write',
      response: rotationSchema,
      handle: async (call) => rowOf(await rotation.forget(call.params['name'] ?? '', byOf(call))),
    },
    {
      method: 'POST',
      path: '/v1/compromises/:name',
      summary:
        'Others know the value in use: end what was made from it, rotate it, see it dead. Twice is once',
      auth: 'secret:write',
      response: compromiseSchema.extend({
        new: z.boolean().describe('False: it was said before, and this is how far its answer is.'),
      }),
      ...withBody(
        z.strictObject({ reason: z.string().max(500).optional(), again: z.boolean().default(false) }),
        async (call, { reason, again }) => {
          const shown = await rotation.compromise(call.params['name'] ?? '', {
            ...{ by: byOf(call), reason, again },
          })
          return { ...compromiseOf(shown), new: shown.isNew }
        },
      ),
    },
    {
      method: 'GET',
      path: '/v1/compromises/:name',
      summary: 'How far the answer to the newest compromise of a secret is',
      auth: 'secret:read',
      response: compromiseSchema,
      handle: async ({ params }) => compromiseOf(await rotation.compromiseOf(params['name'] ?? '')),
    },
  ]
}

function compromiseOf(shown: ShownCompromise): z.output<typeof compromiseSchema> {
  const { id, secret, version, reason, leases, proof, created_ms, ended_ms } = shown.compromise
  return {
    ...{ id, secret, version, reason, leases, proof },
    made: new Date(shown.madeMs).toISOString(),
    said: new Date(created_ms).toISOString(),
    rotation: shown.rotation === undefined ? null : rowOf(shown.rotation),
    needs: shown.needs ?? null,
    in_use: shown.current,
    made_with: shown.madeWith.map(({ secret: made, versions }) => ({
      secret: made,
      versions: [...versions],
    })),
    ended: isoOf(ended_ms),
  }
}

/** As the record is to have it: a person's name is sealed there. */
function byOf(call: Call): string {
  return JSON.stringify(recordedOperator(call.operator))
}

function statusOf(one: Shown): z.output<typeof statusSchema> {
  const { rotation, lastUse } = one
  return {
    secret: one.secret,
    owner: one.owner,
    version: one.version ?? null,
    made: isoOf(one.madeMs),
    rotator: one.rotator ?? null,
    rotated: isoOf(one.lastRotatedMs),
    next: isoOf(one.nextMs),
    late_at: isoOf(one.lateMs),
    late: one.isLate,
    compromised: one.isCompromised,
    rotation: rotation === undefined ? null : rowOf(rotation),
    last_use:
      lastUse === undefined
        ? null
        : {
            at: new Date(lastUse.atMs).toISOString(),
            run: lastUse.run,
            role: lastUse.role,
            step: lastUse.step,
          },
  }
}

function rowOf(row: RotationRow): z.output<typeof rotationSchema> {
  const { id, secret, rotator, state, cause, attempts, failure, proof } = row
  return {
    ...{ id, secret, rotator, state, cause, attempts, failure, proof },
    from: row.from_version,
    to: row.to_version,
    begun: new Date(row.created_ms).toISOString(),
    due: new Date(row.due_ms).toISOString(),
    promoted: isoOf(row.promoted_ms),
    ended: isoOf(row.ended_ms),
  }
}

function isoOf(ms: number | null | undefined): string | null {
  return ms === null || ms === undefined ? null : new Date(ms).toISOString()
}
