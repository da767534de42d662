import { z } from 'zod'
import type { AuditClient } from '../../audit/client/index.ts'
import { MayflyError, Secret } from '../../lib/index.ts'
import type { VaultControl } from '../../vault/index.ts'
import { operatorEvent } from '../operator-event.ts'
import { withBody, type Route } from '../route.ts'
import { HttpProblem } from '../wire-error.ts'

const passphrase = z.string().min(1).max(4_096).optional()
const secretOf = (text: string | undefined) => (text === undefined ? undefined : new Secret(text))
const moment = (ms: number) => new Date(ms).toISOString()

/** The vault as a whole. `endSessions` revokes all that is open; while the vault is sealed from the start there is nothing. */
export function vaultRoutes(deps: {
  vaultControl: VaultControl
  audit: AuditClient
  endSessions: () => Promise<void>
}): Route[] {
  const { vaultControl: control, audit } = deps
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
      ...withBody(z.strictObject({}), async (call) => {
        await audit.append(operatorEvent(call, 'vault.sealed', {}))
        await control.beginSeal()
        await deps.endSessions()
        await control.seal()
        return { state: 'sealed' }
      }),
    },
    {
      method: 'POST',
      path: '/v1/vault/unseal',
      summary: 'Open the vault, by its key provider or with a passphrase',
      auth: 'vault:admin',
      response: z.object({ state: z.literal('open') }),
      ...withBody(z.strictObject({ passphrase }), async (call, body) => {
        await audit.append(operatorEvent(call, 'vault.unsealed', {}))
        try {
          await control.unseal(secretOf(body.passphrase))
        } catch (error) {
          // No fault of the server: a wrong passphrase.
          if (error instanceof MayflyError && error.code === 'vault_key')
            throw new HttpProblem({ status: 403, code: error.code, detail: error.message })
          throw error
        }
        return { state: 'open' }
      }),
    },
    {
      method: 'POST',
      path: '/v1/vault/rekey',
      summary: 'Wrap the keys anew, by another provider or passphrase',
      auth: 'vault:admin',
      response: z.object({ provider: z.string(), kind: z.string(), describe: z.string() }),
      ...withBody(z.strictObject({ to: z.string().max(63).optional(), passphrase }), async (call, body) => {
        await audit.append(operatorEvent(call, 'vault.rekeyed', { to: body.to }))
        return await control.rekey(body.to, secretOf(body.passphrase))
      }),
    },
    {
      method: 'POST',
      path: '/v1/vault/rotate-key',
      summary: 'Make a new key, and seal everything anew with it in the background',
      auth: 'vault:admin',
      response: z.object({ key: z.int(), begun: z.boolean() }),
      ...withBody(z.strictObject({}), async (call) => {
        await audit.append(operatorEvent(call, 'vault.rotated', { state: 'begun' }))
        return await control.rotation.begin()
      }),
    },
  ]
}
