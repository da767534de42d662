import { z } from 'zod'
import type { AuditClient } from '../../audit/client/index.ts'
import type { Broker } from '../../broker/index.ts'
import { MayflyError } from '../../lib/index.ts'
import type { SecretRotation } from '../../rotation/index.ts'
import type { RulesHolder } from '../../rules/index.ts'
import type { Store } from '../../store/index.ts'
import type { Listed, Vault } from '../../vault/index.ts'
import { operatorEvent } from '../operator-event.ts'
import { withBody, type Route } from '../route.ts'
import { secretUses } from '../secret-uses.ts'
import { checkName, checkValue, findSecret, putToUse, storeOf } from '../secrets-in-use.ts'

export interface SecretRoutesDeps {
  rules: RulesHolder
  broker: Broker
  vault: Vault
  audit: AuditClient
  store: Store
  secretRotation: Pick<SecretRotation, 'giveUp' | 'beforeSet' | 'afterSet'>
}

const line = z.string().trim().max(200)
const details = {
  owner: line.nullable().optional(),
  description: line.nullable().optional(),
  tags: z.record(z.string().regex(/^[a-z][a-z0-9._-]{0,62}$/), line).optional(),
}
const sealed = {
  value: z.string().min(1).max(65_536),
  multiline: z.boolean().default(false).describe('Several lines are meant.'),
  as_is: z.boolean().default(false).describe('So is white space around it, and control characters.'),
}
export const forceReturn = z.boolean().default(false).describe('Also a value that a rotation has replaced.')
const note = z.string().optional().describe('What whoever sets it should know.')
const about = z.object({
  name: z.string(),
  store: z
    .string()
    .nullable()
    .describe('Where it is kept, if not in the vault: then what is not known is null.'),
  version: z.int().nullable(),
  created: z.string().nullable(),
  set: z.string().nullable(),
  destroyed: z.boolean(),
  owner: z.string().nullable(),
  description: z.string().nullable(),
  tags: z.record(z.string(), z.string()),
  deleted: z.string().nullable(),
  used: z.string().nullable(),
  used_by: z.string().nullable(),
  places: z.array(z.string()),
  roles: z.array(z.object({ role: z.string(), grants: z.array(z.string()) })),
})
const pageSize = 1_000

/** A member that is not known could be a value in the wrong place: it is not repeated. */
const unnamed = {
  error: ({ code }: { code?: string | undefined }) =>
    code === 'unrecognized_keys' ? 'it has members that are not known here' : undefined,
}

/** The vault from outside: what is in it, and new values. */
export function secretRoutes(deps: SecretRoutesDeps): Route[] {
  const { vault, rules, broker, secretRotation } = deps
  return [
    {
      method: 'GET',
      path: '/v1/secrets',
      summary:
        'The secrets and who may use them, never their values: `?prefix=prod/`, `?deleted=true`; a thousand at a time, on with `?after=NAME`',
      auth: 'secret:read',
      response: z.object({ secrets: z.array(about), next: z.string().optional() }),
      handle: async ({ query }) => {
        const [prefix, after] = [textOf(query['prefix']), textOf(query['after'])]
        const deleted = query['deleted'] === 'true'
        const kept = await vault.list({ prefix, after, deleted, limit: pageSize })
        const next = kept.length < pageSize ? undefined : kept.at(-1)?.name
        const isHere = (name: string) =>
          name > after && name.startsWith(prefix) && (next === undefined || name <= next)
        const elsewhere = deleted ? [] : namesElsewhere(rules).filter(isHere)
        const describe = describer(deps)
        const secrets = [
          ...kept.filter(({ name }) => storeOf(rules, name) === undefined).map((one) => describe(one)),
          ...elsewhere.map((name) => describe({ name })),
        ]
        return {
          secrets: secrets.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
          ...(next === undefined ? {} : { next }),
        }
      },
    },
    {
      method: 'GET',
      path: '/v1/secrets/:name',
      summary: 'What is known of a secret, and who may use it by the policy in force',
      auth: 'secret:read',
      response: about,
      handle: async ({ params }) => {
        const name = params['name'] ?? ''
        const isElsewhere = storeOf(rules, name) !== undefined
        return describer(deps)(isElsewhere ? { name } : await findSecret(vault, rules, name))
      },
    },
    {
      method: 'GET',
      path: '/v1/secrets/:name/history',
      summary: 'Its versions, the newest first: when, by whom, and which is used',
      auth: 'secret:read',
      response: z.object({
        name: z.string(),
        deleted: z.string().nullable(),
        versions: z.array(
          z.object({ version: z.int(), created: z.string(), by: z.string().nullable(), state: z.string() }),
        ),
      }),
      handle: async ({ params }) => {
        const { name, deletedMs } = await findSecret(vault, rules, params['name'] ?? '')
        const versions = (await vault.history(name)).map(({ version, createdMs, by, state }) => ({
          ...{ version, created: time(createdMs) ?? '', by, state },
        }))
        return { name, deleted: time(deletedMs), versions }
      },
    },
    {
      method: 'PUT',
      path: '/v1/secrets/:name',
      summary: 'Seal a new version of a secret',
      auth: 'secret:write',
      response: z.object({ name: z.string(), version: z.int(), form: z.string(), note }),
      ...withBody(
        z.strictObject({ ...sealed, force: forceReturn, ...details }, unnamed),
        async (call, body) => {
          const name = checkName(rules, call.params['name'] ?? '')
          const { value, form } = checkValue(name, body)
          const told = await secretRotation.beforeSet(name, { value }, body.force)
          const { owner, description, tags } = body
          const [made] = await putToUse(
            deps,
            async (secrets) => [
              {
                name,
                version: await secrets.stage(name, value, call.operator?.name),
                details: detailsOf({ owner, description, tags }),
              },
            ],
            ({ version }) => operatorEvent(call, 'secret.set', { secret: name, version }),
          )
          await secretRotation.afterSet([name])
          return { name, version: made?.version, form, ...noteOf(told) }
        },
      ),
    },
    {
      method: 'POST',
      path: '/v1/secrets',
      summary: 'Seal many at once, all of them or none; `dry_run` says which there are already',
      auth: 'secret:write',
      bodyLimitBytes: 8_388_608,
      response: z.object({
        secrets: z.array(
          z.object({ name: z.string(), version: z.int(), replaces: z.int().nullable(), note }),
        ),
      }),
      ...withBody(
        z.strictObject(
          {
            secrets: z
              .array(z.strictObject({ name: z.string(), ...sealed }, unnamed))
              .min(1)
              .max(1_000),
            dry_run: z.boolean().default(false),
            force: forceReturn,
          },
          unnamed,
        ),
        async (call, { secrets, dry_run, force: forced }) => {
          const read = secrets.map((one) => ({
            name: checkName(rules, one.name),
            ...checkValue(one.name, one),
          }))
          refuseTwice(read.map(({ name }) => name))
          const before = new Map<string, number>()
          for (const { name } of read) {
            const found = await vault.find(name)
            if (found !== undefined && found.deletedMs === null) before.set(name, found.version)
          }
          const notes = new Map<string, string | undefined>()
          for (const { name, value } of read)
            notes.set(name, await secretRotation.beforeSet(name, { value }, forced))
          const answer = (name: string, version: number) => ({
            ...{ name, version, replaces: before.get(name) ?? null, ...noteOf(notes.get(name)) },
          })
          if (dry_run) return { secrets: read.map(({ name }) => answer(name, (before.get(name) ?? 0) + 1)) }
          const made = await putToUse(
            deps,
            async (all) => {
              const staged: { name: string; version: number }[] = []
              for (const { name, value } of read)
                staged.push({ name, version: await all.stage(name, value, call.operator?.name) })
              return staged
            },
            ({ name, version }) =>
              operatorEvent(call, 'secret.set', { secret: name, version, imported: true }),
          )
          await secretRotation.afterSet(made.map(({ name }) => name))
          return { secrets: made.map(({ name, version }) => answer(name, version)) }
        },
      ),
    },
    {
      method: 'PUT',
      path: '/v1/secrets/:name/details',
      summary: 'Say whose it is and what for; what is left out stays, null takes it away',
      auth: 'secret:write',
      response: about,
      ...withBody(z.strictObject(details), async (call, body) => {
        const { name } = await findSecret(vault, rules, call.params['name'] ?? '')
        await broker.outbox.write(async (tx, add) => {
          await vault.change(tx).describe(name, detailsOf(body))
          add([operatorEvent(call, 'secret.described', { secret: name, ...body })])
        })
        return describer(deps)(await findSecret(vault, rules, name))
      }),
    },
  ]
}

function refuseTwice(names: readonly string[]): void {
  const seen = new Set<string>()
  for (const name of names) {
    if (seen.has(name)) throw new MayflyError('bad_input', `${name} is there twice: which value is meant?`)
    seen.add(name)
  }
}

function noteOf(note: string | undefined): { note?: string } {
  return note === undefined ? {} : { note }
}

type GivenDetails = { [Key in keyof typeof details]?: z.output<(typeof details)[Key]> | undefined }

function detailsOf({ owner, description, tags }: GivenDetails) {
  return {
    ...(owner === undefined ? {} : { owner }),
    ...(description === undefined ? {} : { description }),
    ...(tags === undefined ? {} : { tags }),
  }
}

/** Of one in the vault, or of one that is kept elsewhere. What mayfly.yaml says of it comes first. */
function describer({ rules, store }: Pick<SecretRoutesDeps, 'rules' | 'store'>) {
  const uses = secretUses(rules)
  const said = rules.loaded ? rules.current().document.secrets : {}
  return (one: Listed | { readonly name: string }) => {
    const { name } = one
    const kept = 'version' in one ? one : undefined
    const row = store.find('secret_names', { name })
    const { owner, description, tags } = (Object.hasOwn(said, name) ? said[name] : undefined) ?? {}
    return {
      name,
      store: kept === undefined ? (storeOf(rules, name) ?? null) : null,
      version: kept?.version ?? null,
      created: time(kept?.createdMs),
      set: time(kept?.setMs),
      destroyed: kept?.destroyed ?? false,
      owner: owner ?? kept?.owner ?? null,
      description: description ?? kept?.description ?? null,
      tags: tags ?? kept?.tags ?? {},
      deleted: time(kept?.deletedMs),
      used: time(row?.used_ms),
      used_by: row?.used_by ?? null,
      ...uses(name),
    }
  }
}

function namesElsewhere(rules: RulesHolder): string[] {
  const secrets = rules.loaded ? rules.current().document.secrets : {}
  return Object.keys(secrets).filter((name) => storeOf(rules, name) !== undefined)
}

function time(ms: number | null | undefined): string | null {
  return ms === null || ms === undefined ? null : new Date(ms).toISOString()
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
