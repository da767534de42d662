import { randomBytes } from 'node:crypto'
import type { QueryCreator } from 'kysely'
import { type AuditEvent, forgetNames, personal, type PeopleDirectory } from '../audit/client/index.ts'
import type { Identity } from '../identity/index.ts'
import { newId, type Clock } from '../lib/index.ts'
import { isDuplicate, type Store, type Tables } from '../store/index.ts'
import { openSealed, seal, type VaultKey } from '../vault/index.ts'

/** Who people are in the audit log: random ids, and the keys that their names there are sealed with. */
export interface People extends PeopleDirectory {
  /** Who goes by this id, by `ISSUER:ID`, or by an alias (`ISSUER:LOGIN`, an address). */
  known(subject: string): Promise<{ person: string; who: string }[]>
  /** Forgets a person, and their name in what has ended or waits for the log: asked for again, they are somebody new. */
  forget(who: string): Promise<void>
}

/** Kept in memory; the rest is found again in the store. */
const keptPeople = 10_000

export function createPeople(deps: { store: Store; vaultKey: VaultKey; clock: Clock }): People {
  const { store, vaultKey, clock } = deps
  const found = new Map<string, Promise<{ person: string; key: Uint8Array }>>()

  async function load(who: string): Promise<{ person: string; key: Uint8Array } | undefined> {
    const row = store.find('people', { who })
    if (row === undefined) return undefined
    return { person: row.person, key: openSealed(vaultKey, contextOf(row.person), row.sealed).reveal() }
  }

  async function make(who: string, alias: string | undefined) {
    const [person, key] = [newId<string>('per'), randomBytes(32)]
    const sealed = seal(vaultKey, contextOf(person), key)
    const row = { who, alias: alias ?? null, person, sealed, created_ms: clock.nowMs() }
    await store.writeAll((tables) => [tables.insertInto('people').values(row)])
    return { person, key }
  }

  return {
    find(who, alias) {
      const known = found.get(who)
      if (known !== undefined) return known
      const finding = load(who).then(async (stored) => {
        if (stored !== undefined) return stored
        return await make(who, alias).catch(async (error: unknown) => {
          const faster = isDuplicate(error) ? await load(who) : undefined
          if (faster === undefined) throw error
          return faster
        })
      })
      found.set(who, finding)
      finding.catch(() => found.delete(who))
      for (const oldest of found.keys()) {
        if (found.size <= keptPeople) break
        found.delete(oldest)
      }
      return finding
    },
    async known(subject) {
      return await store.read
        .selectFrom('people')
        .select(['person', 'who'])
        .where((e) => e.or([e('person', '=', subject), e('who', '=', subject), e('alias', '=', subject)]))
        .execute()
    },
    async forget(who) {
      const known = await load(who)
      const at = who.indexOf(':')
      const [issuer, id] = [who.slice(0, at), who.slice(at + 1)]
      await store.write(async (tx) => {
        const rows = await tx
          .selectFrom('sessions')
          .select(['id', 'identity'])
          .where('issuer', '=', issuer)
          .where('ended_ms', 'is not', null)
          .where('identity', 'like', `%${id.replaceAll(/[%_]/g, '_')}%`)
          .execute()
        for (const row of rows) {
          const identity = nameless(row.identity, id)
          if (identity !== undefined)
            await tx.updateTable('sessions').set({ identity }).where('id', '=', row.id).execute()
        }
        if (known !== undefined) await forgetInOutbox(tx, { who, ...known })
        await tx.deleteFrom('people').where('who', '=', who).execute()
      })
      // Only now: asked for meanwhile, they were still who they had been.
      found.delete(who)
    },
  }
}

/** Delivered later with the name in it, an entry would bring the person back as somebody new, or contradict itself. */
async function forgetInOutbox(
  tx: QueryCreator<Tables>,
  person: Parameters<typeof forgetNames>[2],
): Promise<void> {
  const waiting = await tx.selectFrom('outbox').selectAll().where('event', 'like', '%"$personal"%').execute()
  for (const { id, event } of waiting) {
    const stored = JSON.parse(event) as AuditEvent
    const data = await forgetNames(stored.data, id, person)
    await tx
      .updateTable('outbox')
      .set({ event: JSON.stringify({ ...stored, data }) })
      .where('id', '=', id)
      .execute()
  }
}

/** The stored identity of a session without its actor, if it is this one. */
function nameless(text: string, id: string): string | undefined {
  const stored = JSON.parse(text) as Pick<Identity, 'attributes'>
  const { actor, actor_id: actorId, ...attributes } = stored.attributes
  return (actorId ?? actor) === id ? JSON.stringify({ ...stored, attributes }) : undefined
}

function contextOf(person: string): string {
  return `person ${person}`
}

/**
 * Who triggered a job, as the record has it: the names marked, so that they are sealed, and the rest of the attributes.
 * `{}` where the issuer does not say who it was.
 */
export function recordedIdentity(identity: Pick<Identity, 'issuer' | 'attributes'>): Record<string, unknown> {
  const { actor, actor_id: id, subject, ...others } = identity.attributes
  const name = id ?? actor
  const hasSubject = subject !== undefined
  if (name === undefined) return { identity: { ...(hasSubject ? { subject } : {}), ...others } }
  const namesThem = hasSubject && /(?:^|[/:])(?:user|actor|actor_id)[/:]/.test(subject)
  const rest = { ...(hasSubject && !namesThem ? { subject } : {}), ...others }
  const who = `${identity.issuer}:${name}`
  const alias = `${identity.issuer}:${actor ?? name}`
  return {
    identity: rest,
    actor: {
      ...(id === undefined ? {} : { id: personal(who, id, alias) }),
      ...(actor === undefined ? {} : { login: personal(who, actor, alias) }),
      // CircleCI's, and GitHub's by a template of one's own, say who it was.
      ...(namesThem ? { subject: personal(who, subject, alias) } : {}),
    },
  }
}

/** Attributes and claims of CIs that are a person's id, name or address. */
const personalClaims: ReadonlySet<string> = new Set([
  'actor',
  'actor_id',
  'user_id',
  'user_login',
  'user_email',
  'email',
  'name',
  'preferred_username',
])

export function isPersonalClaim(claim: string): boolean {
  return personalClaims.has(claim)
}

/** A claim of a job, as the record has it: marked if it is a person's, so that it is sealed. */
export function recordedClaim(
  { issuer, attributes: { actor, actor_id: id } }: Pick<Identity, 'issuer' | 'attributes'>,
  claim: string,
  value: string,
): unknown {
  if (!isPersonalClaim(claim)) return value
  const who = id ?? actor ?? value
  return personal(`${issuer}:${who}`, value, `${issuer}:${actor ?? who}`)
}
