import { z } from 'zod'
import type { AuditClient } from '../../audit/client/index.ts'
import type { Asker, Ours, Verifier } from '../../inspection/index.ts'
import { MayflyError, Secret, type Clock } from '../../lib/index.ts'
import { fingerprintOf } from '../../scan/findings/index.ts'
import { askable, revocable } from '../../scan/liveness/index.ts'
import { createGuessBrake } from '../guess-brake.ts'
import { operatorEvent } from '../operator-event.ts'
import { withBody, type Call, type Route } from '../route.ts'
import { whoAsks } from '../who-asks.ts'
import { HttpProblem } from '../wire-error.ts'

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
export function verifyRoutes(deps: {
  readonly verifier: Verifier
  readonly audit: Pick<AuditClient, 'append'>
  readonly clock: Clock
}): Route[] {
  const { verifier, audit } = deps
  const kinds = () => verifier.config()?.kinds ?? []
  const brake = createGuessBrake(deps.clock)

  function refuseGuessing(call: Call): void {
    const seconds = brake.waits(whoAsks(call))
    if (seconds === 0) return
    throw new HttpProblem({
      ...{ status: 429, code: 'denied', headers: { 'retry-after': String(seconds) } },
      detail: `this is more than one operator may ask about at once: try again in ${seconds} s`,
    })
  }

  /** Nobody is told of what is ours before the log has that they were. */
  async function recorded<T extends Told>(call: Call, told: T): Promise<Omit<T, keyof Told>> {
    const { ours, later: _, ...rest } = told
    if (ours === undefined) return rest
    if (!ours.isCertain) brake.wrong(whoAsks(call))
    const { owner, fingerprint, isCertain: certain } = ours
    const whose =
      owner.kind === 'secret'
        ? { secret: owner.secret, version: owner.version }
        : { connection: owner.connection, step: owner.step }
    await audit.append(operatorEvent(call, 'scan.known', { secrets: [{ ...whose, fingerprint, certain }] }))
    return rest
  }

  /** What a vendor said before is told, too, once the log has that. */
  async function recordRemembered(call: Call, told: readonly Remembered[]): Promise<void> {
    if (told.length === 0) return
    const keys = told.map(({ rule, fingerprint, at, state }) => ({ rule, fingerprint, at, state }))
    await audit.append(operatorEvent(call, 'scan.told', { keys }))
  }

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
      ...withBody(keys, async (call, { keys: asked }) => {
        refuseGuessing(call)
        const all = asked.map((one) => ({ ...one, key: keyOf(one) }))
        const answers = await Promise.all(
          all.map(async ({ rule, fingerprint, key: found }) => ({
            ...{ rule, fingerprint },
            ...(await recorded(call, await verifier.verify(found, askerOf(call)))),
          })),
        )
        await recordRemembered(
          call,
          answers.filter(({ asked: when }) => when === 'before'),
        )
        return {
          keys: answers.map(({ rule, ...one }) => ({ ...one, revocable: revocable.includes(rule) })),
        }
      }),
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
      ...withBody(key, async (call, one) => {
        refuseGuessing(call)
        const ended = await recorded(call, await verifier.revoke(keyOf(one), askerOf(call)))
        if (ended.state === 'before')
          await recordRemembered(call, [
            { ...ended, rule: one.rule, fingerprint: one.fingerprint, state: 'revoked' },
          ])
        return ended
      }),
    },
  ]
}

/** Throws `bad_input` where the fingerprint is another's: by it people look up later what was answered. */
function keyOf({ rule, secret, beside, fingerprint }: z.output<typeof key>) {
  if (fingerprint !== fingerprintOf(rule, Buffer.from(secret)))
    throw new MayflyError('bad_input', 'a fingerprint is not that of its rule and secret, see mayfly scan')
  return { rule, fingerprint, beside, secret: new Secret(secret) }
}

function askerOf(call: Call): Asker {
  return { who: whoAsks(call), entryOf: (type, data) => operatorEvent(call, type, data) }
}

interface Remembered {
  readonly rule: string
  readonly fingerprint: string
  readonly at: string
  readonly state: string
}

/** Of an answer what is not for whoever asked. */
interface Told {
  readonly ours?: Ours
  readonly later?: true
}
