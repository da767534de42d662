import { z } from 'zod'
import type { AuditClient } from '../../audit/client/index.ts'
import type { Broker } from '../../broker/index.ts'
import { MayflyError, Secret, noSuch, secretNameForm, secretNamePattern } from '../../lib/index.ts'
import { secretReferences, type RulesHolder } from '../../rules/index.ts'
import type { Vault } from '../../vault/index.ts'
import { operatorEvent } from '../operator-event.ts'
import { withBody, type Route } from '../route.ts'

/** The vault from outside: values go in, and never come out. */
export function secretRoutes(deps: {
  rules: RulesHolder
  broker: Broker
  vault: Vault
  audit: AuditClient
}): Route[] {
  const { vault, audit, broker } = deps

  /** Where the policy in force needs it. */
  const usersOf = (name: string): readonly string[] =>
    deps.rules.loaded ? (secretReferences(deps.rules.current().document).get(name) ?? []) : []

  return [
    {
      method: 'GET',
      path: '/v1/secrets',
      summary: 'Names and versions of the secrets; never their values',
      auth: 'secret:read',
      response: z.object({
        secrets: z.array(z.object({ name: z.string(), version: z.int(), created: z.string() })),
      }),
      handle: async () => ({
        secrets: (await vault.list()).map(({ name, version, createdMs }) => ({
          name,
          version,
          created: new Date(createdMs).toISOString(),
        })),
      }),
    },
    {
      method: 'PUT',
      path: '/v1/secrets/:name',
      summary: 'Seal a new version of a secret',
      auth: 'secret:write',
      response: z.object({ name: z.string(), version: z.int() }),
      ...withBody(z.object({ value: z.string().min(1).max(65_536) }), async (call, { value }) => {
        const name = call.params['name'] ?? ''
        if (!secretNamePattern.test(name)) throw new MayflyError('bad_input', secretNameForm)
        await audit.append(operatorEvent(call, 'secret.set', { secret: name }))
        return { name, version: await vault.set(name, new Secret(value)) }
      }),
    },
    {
      method: 'DELETE',
      path: '/v1/secrets/:name',
      summary: 'Delete a secret with all its versions; `force` also if the policy in force needs it',
      auth: 'secret:write',
      response: z.object({ name: z.string(), versions: z.int() }),
      ...withBody(z.strictObject({ force: z.boolean().default(false) }), async (call, { force }) => {
        const name = call.params['name'] ?? ''
        const users = usersOf(name)
        if (users.length > 0 && !force)
          throw new MayflyError(
            'conflict',
            `${users.join(', ')} of the policy in force needs secret "${name}": change the policy first, or --force`,
          )
        const known = new Set((await vault.list()).map((one) => one.name))
        if (!known.has(name)) throw noSuch('secret', name, known)
        // With its entry in one transaction: a log that is down must not keep a leaked value in use.
        const versions = await broker.outbox.write(async (tx, add) => {
          const deleted = await vault.delete(tx, name)
          if (deleted > 0)
            add([operatorEvent(call, 'secret.deleted', { secret: name, versions: deleted, neededBy: users })])
          return deleted
        })
        return { name, versions }
      }),
    },
  ]
}
