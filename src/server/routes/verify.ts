import { z } from 'zod'
import type { Verifier } from '../../inspection/index.ts'
import { Secret } from '../../lib/index.ts'
import { askable, revocable } from '../../scan/liveness/index.ts'
import { operatorEvent } from '../operator-event.ts'
import { withBody, type Call, type Route } from '../route.ts'

/** What is wrong with a body is said without a word of it: it has secrets. */
const unnamed = { error: () => 'it is not of this form' }
const key = z.strictObject(
  {
    rule: z.string().regex(/^[a-z0-9-]{1,100}$/, unnamed),
    secret: z.string().min(8, unnamed).max(8_192, unnamed),
    beside: z.string().max(300, unnamed).optional().describe('What stood beside it, if its kind needs that.'),
    fingerprint: z.string().regex(/^[0-9a-f]{32}$/, unnamed),
  },
  unnamed,
)
const keys = z.strictObject({ keys: z.array(key, unnamed).min(1).max(20) }, unnamed)

const answer = z.object({
  fingerprint: z.string(),
  state: z.enum(['alive', 'dead', 'unknown']),
  at: z.string().describe('The host that was asked; empty if none was.'),
  asked: z.enum(['now', 'before', 'no']).describe('before: within the hour.'),
  why: z.string().optional(),
  whose: z.string().optional(),
  can: z.array(z.string()).optional(),
  revocable: z.boolean(),
})

/** Secrets that an operator found: whether they live, and their end. Neither is kept, nor in an entry, an error or an answer. */
export function verifyRoutes({ verifier }: { readonly verifier: Verifier }): Route[] {
  const kinds = () => verifier.config()?.kinds ?? []
  return [
    {
      method: 'GET',
      path: '/v1/scan/kinds',
      summary: 'The rules whose secrets vendors are asked about here, and all that could be',
      auth: 'secret:scan',
      response: z.object({
        kinds: z.array(z.string()),
        revocable: z.array(z.string()),
        askable: z.array(z.string()),
      }),
      handle: async () => ({
        kinds: [...kinds()],
        revocable: kinds().filter((rule) => revocable.includes(rule)),
        askable: [...askable],
      }),
    },
    {
      method: 'POST',
      path: '/v1/scan/verify',
      summary:
        'Ask vendors whether secrets are alive, whose they are and what they may do; once an hour each',
      auth: 'secret:scan',
      bodyLimitBytes: 262_144,
      response: z.object({ keys: z.array(answer) }),
      ...withBody(keys, async (call, { keys: asked }) => ({
        keys: await Promise.all(
          asked.map(async (one) => ({
            fingerprint: one.fingerprint,
            ...(await verifier.verify(keyOf(one), entryOf(call))),
            revocable: revocable.includes(one.rule),
          })),
        ),
      })),
    },
    {
      method: 'POST',
      path: '/v1/scan/revoke',
      summary: 'End a secret at its vendor, where that lets its holder: for good',
      auth: 'secret:write',
      response: z.object({
        state: z.enum(['revoked', 'failed', 'before', 'not_asked']),
        at: z.string(),
        why: z.string().optional(),
      }),
      ...withBody(key, (call, one) => verifier.revoke(keyOf(one), entryOf(call))),
    },
  ]
}

function keyOf({ rule, secret, beside, fingerprint }: z.output<typeof key>) {
  return { rule, fingerprint, beside, secret: new Secret(secret) }
}

function entryOf(call: Call) {
  return (type: string, data: Record<string, unknown>) => operatorEvent(call, type, data)
}
