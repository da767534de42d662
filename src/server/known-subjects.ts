import type { SessionMatch } from '../broker/index.ts'
import { noSuch, type MayflyError } from '../lib/index.ts'
import type { RulesHolder } from '../rules/index.ts'
import type { Store } from '../store/index.ts'

/** Names that were looked at for "did you mean"; the newest are the likely ones. */
const newest = 2_000

type Column = 'run_id' | 'id' | 'issuer' | 'repository' | 'repository_id' | 'commit_id'

const columns: Readonly<Record<string, readonly Column[]>> = {
  run: ['run_id'],
  session: ['id'],
  issuer: ['issuer'],
  repository: ['repository', 'repository_id'],
  commit: ['commit_id'],
}

/**
 * Why nothing could match, if no session ever was of this run, role, repository, ...: somebody who revokes in a hurry
 * must not take a typing mistake for "it has ended". Undefined if it is known.
 */
export async function unknownSubject(
  deps: { store: Store; rules: RulesHolder },
  match: SessionMatch,
): Promise<MayflyError | undefined> {
  const [kind = '', value] = Object.entries(match)[0] ?? []
  if (typeof value !== 'string') return undefined
  const inPolicy = namesInPolicy(deps.rules, kind)
  if (inPolicy.includes(value)) return undefined
  const seen = new Set(inPolicy)
  if (kind === 'role') {
    const rows = await newestSessions(deps.store, ['roles'])
    for (const { roles } of rows) for (const role of JSON.parse(roles ?? '[]') as string[]) seen.add(role)
  } else {
    const asked = columns[kind] ?? []
    for (const column of asked) if (await isThere(deps.store, column, value)) return undefined
    for (const row of await newestSessions(deps.store, asked))
      for (const name of Object.values(row)) if (name !== null) seen.add(name)
  }
  return seen.has(value) ? undefined : noSuch(kind, value, seen)
}

function namesInPolicy(rules: RulesHolder, kind: string): string[] {
  if (!rules.loaded) return []
  const { roles, issuers } = rules.current().document
  return kind === 'role' ? Object.keys(roles) : kind === 'issuer' ? Object.keys(issuers) : []
}

async function isThere(store: Store, column: Column, value: string): Promise<boolean> {
  const found = await store.read
    .selectFrom('sessions')
    .select('id')
    .where(column, '=', value)
    .limit(1)
    .executeTakeFirst()
  return found !== undefined
}

function newestSessions(
  store: Store,
  asked: readonly (Column | 'roles')[],
): Promise<Partial<Record<Column | 'roles', string | null>>[]> {
  return store.read
    .selectFrom('sessions')
    .select([...asked])
    .orderBy('created_ms', 'desc')
    .limit(newest)
    .execute()
}
