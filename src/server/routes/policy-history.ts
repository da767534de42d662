import { z } from 'zod'
import { MayflyError } from '../../lib/index.ts'
import { mayNotNamePeople, recordedOperator } from '../../operators/index.ts'
import { type RulesHolder, policySource } from '../../rules/index.ts'
import type { Store } from '../../store/index.ts'
import type { Vault } from '../../vault/index.ts'
import { missingSecrets } from '../missing-secrets.ts'
import { withBody, type Call, type Route } from '../route.ts'
import { applied } from './operator.ts'

const version = z.object({
  version: z.int(),
  applied: z.string(),
  by: z.string(),
  source: policySource.nullable(),
})

/** Every policy that was ever in force, and the way back to one. */
export function policyHistoryRoutes(deps: { store: Store; rules: RulesHolder; vault: Vault }): Route[] {
  const { store, rules, vault } = deps

  async function find(number: number) {
    const row = await store.read
      .selectFrom('policies')
      .selectAll()
      .where('version', '=', number)
      .executeTakeFirst()
    if (row === undefined) throw new MayflyError('not_found', `there is no version ${number} of the policy`)
    return row
  }

  return [
    {
      method: 'GET',
      path: '/v1/policy/versions',
      summary: 'Versions of the policy, the newest first',
      auth: 'policy:read',
      response: z.object({ versions: z.array(version) }),
      async handle() {
        const rows = await store.read
          .selectFrom('policies')
          .select(['version', 'applied_ms', 'applied_by', 'source'])
          .orderBy('version', 'desc')
          .limit(200)
          .execute()
        return { versions: rows.map(describeVersion) }
      },
    },
    {
      method: 'GET',
      path: '/v1/policy/versions/:version',
      summary: 'One version, with its text',
      auth: 'policy:read',
      response: version.extend({ text: z.string() }),
      async handle(call) {
        const row = await find(versionNumber(call))
        return { ...describeVersion(row), text: row.text }
      },
    },
    {
      method: 'POST',
      path: '/v1/policy/versions/:version/rollback',
      summary: 'Apply an earlier version again, as a new one',
      auth: 'policy:write',
      response: applied,
      ...withBody(
        z.strictObject({ dry_run: z.boolean().default(false), expected_version: z.int().optional() }),
        async (call, { dry_run, expected_version }) => {
          const row = await find(versionNumber(call))
          const { document, ...result } = await rules.apply({
            text: row.text,
            file: `version ${row.version}`,
            by: call.operator?.name ?? '',
            recordedBy: recordedOperator(call.operator),
            keepsPeople: mayNotNamePeople(call.operator),
            dryRun: dry_run,
            source: { rollback: row.version },
            ...(expected_version === undefined ? {} : { expectedVersion: expected_version }),
          })
          return { ...result, warnings: await missingSecrets(document, vault) }
        },
      ),
    },
  ]
}

function versionNumber(call: Call): number {
  const text = call.params['version'] ?? ''
  if (!/^[1-9][0-9]{0,8}$/.test(text)) throw new MayflyError('bad_input', 'a version is a number')
  return Number(text)
}

function describeVersion(row: {
  version: number
  applied_ms: number
  applied_by: string
  source: string | null
}) {
  return {
    version: row.version,
    applied: new Date(row.applied_ms).toISOString(),
    by: row.applied_by,
    source: row.source === null ? null : policySource.parse(JSON.parse(row.source)),
  }
}
