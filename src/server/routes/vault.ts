import { z } from 'zod'
import { putEntry } from '../../broker/index.ts'
import { MayflyError, Secret, type Clock } from '../../lib/index.ts'
import type { VaultControl, WritesEntry } from '../../vault/index.ts'
import { finishSeal, type EndSessions } from '../finish-seal.ts'
import { createGuessBrake } from '../guess-brake.ts'
import { operatorEvent } from '../operator-event.ts'
import type { Refusals } from '../refusals.ts'
import { withBody, type Call, type Route } from '../route.ts'
import { HttpProblem } from '../wire-error.ts'

const passphrase = z.string().min(1).max(4_096).optional()
const secretOf = (text: string | undefined) => (text === undefined ? undefined : new Secret(text))
const moment = (ms: number) => new Date(ms).toISOString()

/** The vault as a whole. */
export function vaultRoutes(deps: {
  vaultControl: VaultControl
  refusals: Refusals
  clock: Clock
  endSessions: EndSessions
  /** Brings what was written with an act into the log. While the vault has never been open, the server does that once it is. */
  deliver: () => void
}): Route[] {
  const { vaultControl: control, clock } = deps
  const unseal = createUnseal(deps)

  /** What is done stands in the log as done, by the transaction that does it; what is refused as `vault.refused`. */
  async function act<T>(
    call: Call,
    { type, ...data }: { type: string } & Record<string, unknown>,
    work: (record: WritesEntry) => Promise<T>,
  ): Promise<T> {
    const record: WritesEntry = (run) =>
      putEntry(run, operatorEvent(call, type, data), new Date(clock.nowMs()).toISOString())
    try {
      const result = await work(record)
      deps.deliver()
      return result
    } catch (error) {
      if (error instanceof MayflyError || error instanceof HttpProblem) {
        const [reason, detail] =
          error instanceof MayflyError
            ? [error.code, error.message]
            : [error.problem.code, error.problem.detail]
        const refused = { act: type, ...data, reason, detail: detail.slice(0, 500) }
        await deps.refusals.record(`vault ${call.operator?.id ?? ''}`, operatorRefusal(call, refused))
      }
      throw error
    }
  }

  return [
    {
      method: 'GET',
      path: '/v1/vault',
      summary: 'Is the vault open, what wraps its keys, and which keys there are',
      auth: 'vault:admin',
      response: z.object({
        state: z.enum(['open', 'sealing', 'sealed']),
        reason: z.string().optional(),
        provider: z
          .object({ name: z.string(), kind: z.string(), describe: z.string(), since: z.string() })
          .optional(),
        keys: z.array(z.object({ id: z.int(), created: z.string(), retired: z.string().nullable() })),
        older: z.int(),
      }),
      async handle() {
        const { provider, keys, ...rest } = await control.status()
        return {
          ...rest,
          ...(provider === undefined ? {} : { provider: { ...provider, since: moment(provider.since) } }),
          keys: keys.map(({ id, created, retired }) => ({
            ...{ id, created: moment(created) },
            retired: retired === null ? null : moment(retired),
          })),
        }
      },
    },
    {
      method: 'POST',
      path: '/v1/vault/seal',
      summary: 'End all sessions and forget the keys, on every server',
      auth: 'vault:admin',
      response: z.object({ state: z.literal('sealed') }),
      ...withBody(z.strictObject({}), (call) =>
        act(call, { type: 'vault.sealed', state: 'begun' }, async (record) => {
          if (await control.beginSeal(record)) deps.deliver()
          if (await finishSeal(deps)) return { state: 'sealed' as const }
          throw new MayflyError('conflict', 'the vault was unsealed meanwhile: it is open')
        }),
      ),
    },
    {
      method: 'POST',
      path: '/v1/vault/unseal',
      summary:
        'Open the vault, by its key provider or with a passphrase; with `new` the passphrase is chosen, for a vault that has no keys yet',
      auth: 'vault:admin',
      response: z.object({
        state: z.literal('open'),
        was: z.enum(['open', 'sealed', 'new']).describe('Before this call.'),
      }),
      ...withBody(z.strictObject({ passphrase, new: z.boolean().default(false) }), (call, body) =>
        act(call, { type: 'vault.unsealed' }, (record) =>
          unseal(call, { passphrase: secretOf(body.passphrase), isNew: body.new }, record),
        ),
      ),
    },
    {
      method: 'POST',
      path: '/v1/vault/rekey',
      summary: 'Wrap the keys anew, by another provider or passphrase',
      auth: 'vault:admin',
      response: z.object({ provider: z.string(), kind: z.string(), describe: z.string() }),
      ...withBody(z.strictObject({ to: z.string().max(63).optional(), passphrase }), (call, body) =>
        act(call, { type: 'vault.rekeyed', to: body.to }, (record) =>
          control.rekey(body.to, secretOf(body.passphrase), record),
        ),
      ),
    },
    {
      method: 'POST',
      path: '/v1/vault/rotate-key',
      summary: 'Make a new key, and seal everything anew with it in the background',
      auth: 'vault:admin',
      response: z.object({ key: z.int(), begun: z.boolean() }),
      ...withBody(z.strictObject({}), (call) =>
        act(call, { type: 'vault.rotated', state: 'begun' }, (record) => control.rotation.begin(record)),
      ),
    },
  ]
}

function operatorRefusal(call: Call, refused: Record<string, unknown>) {
  return { type: 'vault.refused' as const, data: operatorEvent(call, 'vault.refused', refused).data }
}

interface Given {
  readonly passphrase: Secret | undefined
  readonly isNew: boolean
}

type Unsealed = { state: 'open'; was: 'open' | 'sealed' | 'new' }

function createUnseal({ vaultControl: control, clock }: { vaultControl: VaultControl; clock: Clock }) {
  const brake = createGuessBrake(clock)
  let last: Promise<unknown> = Promise.resolve()

  async function unseal(call: Call, given: Given, record: WritesEntry): Promise<Unsealed> {
    const { passphrase: secret, isNew } = given
    // Says nothing of the passphrase: whoever guesses learns nothing from an open vault.
    if (control.closed() === undefined && !isNew) return { state: 'open', was: 'open' }
    const isFirst = (await control.status()).provider === undefined
    if (isNew && !isFirst)
      throw new MayflyError('conflict', 'the vault has its keys already: give its passphrase, without --new')
    if (isFirst && !isNew && secret !== undefined)
      throw new MayflyError(
        'bad_input',
        'the vault has no keys yet, and this passphrase would be the one that opens it from now on: mayfly vault unseal --new, if that is meant',
      )
    const who = call.operator?.id ?? ''
    const seconds = brake.waits(who)
    if (seconds > 0)
      throw new HttpProblem({
        ...{ status: 429, code: 'denied', headers: { 'retry-after': String(seconds) } },
        detail: `too many wrong passphrases: try again in ${seconds} s`,
      })
    try {
      await control.unseal(secret, record)
    } catch (error) {
      if (!(error instanceof MayflyError && error.code === 'vault_key')) throw error
      brake.wrong(who)
      // No fault of the server: a wrong passphrase.
      throw new HttpProblem({ status: 403, code: error.code, detail: error.message })
    }
    brake.right(who)
    return { state: 'open', was: isFirst ? 'new' : 'sealed' }
  }

  /** One after the other: a guess takes 128 MiB and half a second, and is counted before the next one. */
  return (call: Call, given: Given, record: WritesEntry): Promise<Unsealed> => {
    const next = last.catch(() => undefined).then(() => unseal(call, given, record))
    last = next
    return next
  }
}
