import { z } from 'zod'
import type { Broker } from '../../broker/index.ts'
import { MayflyError } from '../../lib/index.ts'
import { recordedOperator } from '../../operators/index.ts'
import { operatorEvent } from '../operator-event.ts'
import { withBody, type Call, type Route } from '../route.ts'
import { secretUses } from '../secret-uses.ts'
import { checkName, findSecret, putToUse, refuseElsewhere, storeOf } from '../secrets-in-use.ts'
import { forceReturn, type SecretRoutesDeps } from './secrets.ts'

type Changing = Parameters<Parameters<Broker['outbox']['write']>[0]>

const version = z.int().min(1)
const force = z
  .boolean()
  .default(false)
  .describe('Also if the policy in force needs it, or a rotation is under way.')

/** A value is shown, an older one used again, a secret deleted, destroyed or moved. */
export function secretLifeRoutes(deps: SecretRoutesDeps): Route[] {
  const { vault, audit, broker, rules } = deps

  /** Throws `conflict` while the policy in force names it. Gives back where it does. */
  function refuseUsed(name: string, forced: boolean): readonly string[] {
    const { places } = secretUses(rules)(name)
    if (places.length > 0 && !forced)
      throw new MayflyError(
        'conflict',
        `${places.join(', ')} of the policy in force needs secret "${name}": change the policy first, or --force`,
      )
    return places
  }

  /** Throws `conflict` while credentials live that nothing else can end. */
  async function refuseNeeded(name: string, forced: 'never' | boolean): Promise<void> {
    const leases = forced === true ? 0 : await broker.leasesNeeding(name)
    if (leases === 0) return
    const [them, are] = leases === 1 ? ['it', 'credential is'] : ['them', 'credentials are']
    throw new MayflyError(
      'conflict',
      `${leases} ${are} alive, or may be, that secret "${name}" made, and without it nothing ends ${them}: wait until their steps are over (mayfly leases)${forced === 'never' ? '' : ', or --force'}`,
    )
  }

  /** Throws `conflict` while it is rotated, or gives the rotation up. */
  async function endRotation(
    call: Call,
    secret: string,
    forced: boolean,
    [tx, add]: Changing,
  ): Promise<void> {
    const by = JSON.stringify(recordedOperator(call.operator))
    await deps.secretRotation.giveUp(tx, add, { secret, by, forced })
  }

  /** Throws `conflict`: as a new version the value would not be known as compromised any more. */
  function refuseKnown(name: string, from: number): void {
    if (from <= (deps.store.find('secret_names', { name })?.compromised_version ?? 0))
      throw new MayflyError(
        'conflict',
        `version ${from} of secret "${name}" is compromised, others know it: mayfly secret set ${name}, with a new value`,
      )
  }

  /** Throws `secret_missing`: without its bytes it would not be back. */
  async function refuseDestroyed(name: string, used: number): Promise<never> {
    const left = (await vault.history(name)).find(({ state }) => state !== 'destroyed')
    throw new MayflyError(
      'secret_missing',
      left === undefined
        ? `every version of secret "${name}" is destroyed, and nothing brings it back: mayfly secret set ${name}`
        : `version ${used} of secret "${name}", which was in use, is destroyed: mayfly secret restore ${name} --version ${left.version}`,
    )
  }

  return [
    {
      method: 'POST',
      path: '/v1/secrets/:name/reveal',
      summary: 'A value, once the audit log has who saw it',
      auth: 'secret:reveal',
      response: z.object({ name: z.string(), version: z.string(), value: z.string() }),
      ...withBody(z.strictObject({ version: version.optional() }), async (call, body) => {
        const name = call.params['name'] ?? ''
        const store = storeOf(rules, name)
        if (store === undefined) await findSecret(vault, rules, name)
        else if (body.version !== undefined) refuseElsewhere(rules, name)
        const opened = await vault.opened(name, body.version === undefined ? {} : { version: body.version })
        await audit.append(
          operatorEvent(call, 'secret.revealed', {
            secret: name,
            ...(store === undefined
              ? { version: Number(opened.version) }
              : { version: opened.version, store }),
          }),
        )
        return { name, version: opened.version, value: opened.value.reveal() }
      }),
    },
    {
      method: 'POST',
      path: '/v1/secrets/:name/restore',
      summary:
        'Take a deletion back; with `version` the value of that version is sealed as a new one, which is used from then on',
      auth: 'secret:write',
      response: z.object({ name: z.string(), version: z.int() }),
      ...withBody(z.strictObject({ version: version.optional(), force: forceReturn }), async (call, body) => {
        const from = body.version
        const found = await findSecret(vault, rules, call.params['name'] ?? '')
        const { name } = found
        if (from !== undefined) {
          refuseKnown(name, from)
          await deps.secretRotation.beforeSet(name, { version: from }, body.force)
          const [made] = await putToUse(
            deps,
            async (secrets) => [{ name, version: await secrets.stageOld(name, from, call.operator?.name) }],
            (one) =>
              operatorEvent(call, 'secret.restored', { secret: name, version: one.version, copyOf: from }),
          )
          await deps.secretRotation.afterSet([name])
          return { name, version: made?.version }
        }
        if (found.deletedMs === null)
          throw new MayflyError(
            'conflict',
            `secret "${name}" is not deleted: say which version’s value is to be used again (--version N; mayfly secret history ${name})`,
          )
        if (found.destroyed) await refuseDestroyed(name, found.version)
        await audit.append(operatorEvent(call, 'secret.restored', { secret: name, version: found.version }))
        await deps.store.write((tx) => vault.change(tx).undelete(name))
        return { name, version: found.version }
      }),
    },
    {
      method: 'DELETE',
      path: '/v1/secrets/:name',
      summary: 'Delete a secret: nobody can use it until it is restored',
      auth: 'secret:write',
      response: z.object({ name: z.string(), versions: z.int() }),
      ...withBody(z.strictObject({ force }), async (call, body) => {
        const { name, deletedMs } = await findSecret(vault, rules, call.params['name'] ?? '')
        const neededBy = refuseUsed(name, body.force)
        await refuseNeeded(name, body.force)
        if (deletedMs !== null) throw new MayflyError('conflict', `secret "${name}" is deleted already`)
        // With its entry in one transaction: a log that is down must not keep a leaked value in use.
        const versions = await broker.outbox.write(async (tx, add) => {
          await endRotation(call, name, body.force, [tx, add])
          const deleted = await vault.change(tx).delete(name)
          add([operatorEvent(call, 'secret.deleted', { secret: name, versions: deleted, neededBy })])
          return deleted
        })
        return { name, versions }
      }),
    },
    {
      method: 'POST',
      path: '/v1/secrets/:name/destroy',
      summary: 'Overwrite the bytes of one version, or of every one and delete the secret; for good',
      auth: 'secret:write',
      response: z.object({ name: z.string(), versions: z.array(z.int()), erased: z.boolean() }),
      ...withBody(z.strictObject({ version: version.optional(), force }), async (call, body) => {
        const found = await findSecret(vault, rules, call.params['name'] ?? '')
        const { name } = found
        const isUsed = body.version === undefined || body.version === found.version
        const neededBy = isUsed ? refuseUsed(name, body.force) : []
        if (isUsed) await refuseNeeded(name, body.force)
        const versions = await broker.outbox.write(async (tx, add) => {
          await endRotation(call, name, body.force, [tx, add])
          const secrets = vault.change(tx)
          const gone = await secrets.destroy(name, body.version)
          if (body.version === undefined) await secrets.delete(name)
          if (gone.length > 0)
            add([operatorEvent(call, 'secret.destroyed', { secret: name, versions: gone, neededBy })])
          return gone
        })
        if (versions.length === 0)
          throw new MayflyError('not_found', `secret "${name}" has no such version whose bytes are there`)
        return { name, versions, erased: await vault.erase() }
      }),
    },
    {
      method: 'POST',
      path: '/v1/secrets/:name/move',
      summary: 'Give a secret with its versions another name',
      auth: 'secret:write',
      response: z.object({ name: z.string(), from: z.string() }),
      ...withBody(z.strictObject({ to: z.string(), force }), async (call, body) => {
        const { name } = await findSecret(vault, rules, call.params['name'] ?? '')
        const to = checkName(rules, body.to)
        const neededBy = refuseUsed(name, body.force)
        await refuseNeeded(name, 'never')
        if ((await vault.history(to)).length > 0)
          throw new MayflyError('conflict', `there is a secret ${to} already, or was: take another name`)
        await broker.outbox.write(async (tx, add) => {
          await endRotation(call, name, body.force, [tx, add])
          await vault.change(tx).move(name, to)
          add([operatorEvent(call, 'secret.moved', { secret: name, to, neededBy })])
        })
        await vault.erase()
        return { name: to, from: name }
      }),
    },
  ]
}
