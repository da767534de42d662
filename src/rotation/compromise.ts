import type { Selectable } from 'kysely'
import { MayflyError, newId, type Clock } from '../lib/index.ts'
import type { Broker } from '../broker/index.ts'
import type { Store, Tables } from '../store/index.ts'
import type { Vault } from '../vault/index.ts'
import type { Cause, Records, Row } from './records.ts'
import { createMadeWith, type MadeWith } from './made-with.ts'
import { rotatorNamed } from './rotators.ts'
import type { Configured } from './schedules.ts'

export type Compromise = Selectable<Tables['compromises']>

export interface ShownCompromise {
  readonly compromise: Compromise
  /** When the oldest version that is known to others was made, milliseconds since the Unix epoch. */
  readonly madeMs: number
  readonly rotation: Row | undefined
  /** The version in use now; 0 if there is none. */
  readonly current: number
  /** What only a person can do now. */
  readonly needs: string | undefined
  /** Secrets whose new values were made with this one, as an admin's: whoever had it may know them, or have changed them. */
  readonly madeWith: readonly MadeWith[]
}

export interface Begun {
  /** It was not said before. */
  readonly isNew: boolean
  /** The leases that stood, and were ended for it. */
  readonly ended: readonly string[]
}

const firstRetryMs = 60_000
const longestRetryMs = 3_600_000
const mostCounted = 10
const dayMs = 86_400_000
const longestReason = 2_000

/**
 * What is done about a secret that others know: nothing is leased from it from the moment that this is written, all leases of it
 * end, it gets a new value, and the old one is seen to be dead. Each part may be done twice, by any server.
 */
export function createCompromises(deps: {
  store: Store
  broker: Pick<Broker, 'outbox' | 'revokeSecret'>
  vault: Vault
  records: Records
  clock: Clock
  configs: () => readonly Configured[]
  begin: (
    secret: string,
    rotation: Configured['rotation'],
    how: { cause: Cause; by: string },
  ) => Promise<Row | undefined>
  /** Whether a version is dead, as its rotator tells. */
  probe: (secret: string, version: number) => Promise<string>
}) {
  const { store, broker, vault, records, clock } = deps
  const madeWith = createMadeWith(deps)
  /** What this server has cut what it had open for: others may have ended the leases. */
  const seen = new Set<number>()
  let lookedMs = 0
  let isFirst = true
  const configOf = (secret: string) => deps.configs().find((one) => one.secret === secret)

  const newest = (secret: string): Promise<Compromise | undefined> =>
    store.read
      .selectFrom('compromises')
      .selectAll()
      .where('secret', '=', secret)
      .orderBy('version', 'desc')
      .limit(1)
      .executeTakeFirst()

  /** The version in use, or the one that was found; false: it was said to be known already. */
  async function mark(
    secret: string,
    { by, reason, version: found }: { by: string; reason?: string | undefined; version?: number },
  ): Promise<boolean> {
    return await broker.outbox.write(async (tx, add) => {
      const known = await tx
        .selectFrom('secret_names')
        .select(['current_version', 'compromised_version'])
        .where('name', '=', secret)
        .executeTakeFirst()
      if (known === undefined || known.current_version === 0)
        throw new MayflyError('not_found', `there is no secret "${secret}"`)
      const version = Math.min(found ?? known.current_version, known.current_version)
      if (version <= known.compromised_version) return false
      await tx
        .updateTable('secret_names')
        .set({ compromised_version: version })
        .where('name', '=', secret)
        .execute()
      const row = { id: newId<string>('cmp'), secret, version, reason: reason ?? null, asked_by: by }
      await tx
        .insertInto('compromises')
        .values({ ...row, created_ms: clock.nowMs(), proof: null, ended_ms: null })
        .execute()
      const who = JSON.parse(by) as unknown
      const why = reason === undefined ? {} : { reason }
      add([{ type: 'secret.compromised', data: { secret, version, compromise: row.id, by: who, ...why } }])
      return true
    })
  }

  /** What somebody says who comes later is kept beside what was said first. */
  async function explain(
    { seq, id, secret, version }: Compromise,
    by: string,
    reason: string,
  ): Promise<void> {
    await broker.outbox.write(async (tx, add) => {
      const row = await tx
        .selectFrom('compromises')
        .select('reason')
        .where('seq', '=', seq)
        .executeTakeFirst()
      const said = row?.reason ?? ''
      if (said.includes(reason)) return
      const both = said === '' ? reason : `${said}; ${reason}`.slice(0, longestReason)
      await tx.updateTable('compromises').set({ reason: both }).where('seq', '=', seq).execute()
      const who = JSON.parse(by) as unknown
      add([{ type: 'secret.compromised', data: { secret, version, compromise: id, by: who, reason } }])
    })
  }

  /** The version in use is the one that was said, or the one that took its place for it; a later one is nobody's answer. */
  async function isAnswer({ secret, version }: Compromise): Promise<boolean> {
    const current = (await vault.find(secret))?.version ?? 0
    const after = await store.read
      .selectFrom('secrets')
      .select((e) => e.fn.min('version').as('version'))
      .where('name', '=', secret)
      .where('version', '>', version)
      .where('destroyed_ms', 'is', null)
      .executeTakeFirst()
    return current <= Math.max(version, after?.version ?? 0)
  }

  async function goOn(one: Compromise): Promise<void> {
    const { secret, version } = one
    await end(one)
    const known = await vault.find(secret)
    const current = known?.version ?? 0
    // Nobody can lease it, and it has nothing that could be rotated.
    if (known === undefined || known.deletedMs !== null) return await close(one)
    const open = await records.open(secret)
    if (open !== undefined) {
      if (open.cause !== 'compromise') await records.hurry(secret, 'compromise')
      return
    }
    if (current > version) return await close(one)
    const config = configOf(secret)
    if (config === undefined || clock.nowMs() < (await againMs(secret, current))) return
    await deps.begin(secret, config.rotation, { cause: 'compromise', by: one.asked_by })
  }

  /** One that failed for it is begun again, later and later; what was tried before it was said does not count. */
  async function againMs(secret: string, version: number): Promise<number> {
    const newest = await records.latest(secret, mostCounted)
    const tried = newest.filter(
      ({ cause, from_version }) => cause === 'compromise' && from_version === version,
    )
    const [last] = tried
    if (last === undefined) return 0
    return (last.ended_ms ?? 0) + Math.min(longestRetryMs, firstRetryMs * 2 ** (tried.length - 1))
  }

  async function end({ seq, secret, version }: Compromise): Promise<readonly string[]> {
    const ended = await broker.revokeSecret(secret, version, 'secret_compromised')
    seen.add(seq)
    if (ended.length === 0) return ended
    await store.write((tx) =>
      tx
        .updateTable('compromises')
        .set((e) => ({ leases: e('leases', '+', ended.length) }))
        .where('seq', '=', seq)
        .execute(),
    )
    return ended
  }

  /** It ends when the old value was seen dead, or when nothing here can tell. */
  async function close({ seq, id, secret, version, leases }: Compromise): Promise<void> {
    const probed = await deps.probe(secret, version)
    if (probed === 'alive') return
    const proof = probed === 'dead' ? 'probed' : 'not_proved'
    await broker.outbox.write(async (tx, add) => {
      const changed = await tx
        .updateTable('compromises')
        .set({ proof, ended_ms: clock.nowMs() })
        .where('seq', '=', seq)
        .where('ended_ms', 'is', null)
        .executeTakeFirst()
      if (changed.numUpdatedRows === 0n) return
      add([{ type: 'compromise.answered', data: { secret, version, compromise: id, leases, proof } }])
    })
  }

  /** What a person has to do, if nothing else is left. */
  function needsOf(
    { secret, version, ended_ms }: Compromise,
    current: number,
    rotation: Row | undefined,
  ): string | undefined {
    if (ended_ms !== null) return undefined
    const config = configOf(secret)
    const byPerson = config && rotatorNamed(Object.keys(config.rotation.by)[0] ?? '').byPerson
    if (current > version)
      // What a rotation replaced it ends itself, unless it was given up, or was never begun for a value that a person has set.
      return config !== undefined &&
        byPerson === undefined &&
        rotation !== undefined &&
        !['failed', 'rolled_back'].includes(rotation.state)
        ? undefined
        : `the old value of ${secret} still works: end it at its upstream`
    if (config !== undefined) return byPerson
    return `${secret} has no rotator: make a new value at its upstream, run mayfly secret set ${secret}, and end the old one there`
  }

  return {
    /**
     * Marks the value in use, or goes on with what was begun: then false. For a day the same command asks for what was done, unless
     * a later value than the one that took its place is in use; with `again` that one is known to others, too. With `version` it is
     * just that one, and those before it: what is in use now may be a later one that nobody knows.
     */
    async begin(
      secret: string,
      how: { by: string; reason?: string | undefined; again: boolean; version?: number },
    ): Promise<Begun> {
      const last = await newest(secret)
      const isFresh = last !== undefined && clock.nowMs() < (last.ended_ms ?? Infinity) + dayMs
      const isAsked = isFresh && !how.again && how.version === undefined && (await isAnswer(last))
      const isNew = !isAsked && (await mark(secret, how))
      // A push that is tried again and again says nothing new.
      if (!isNew && how.version !== undefined) return { isNew, ended: [] }
      if (!isNew && last !== undefined && how.reason !== undefined) await explain(last, how.by, how.reason)
      const one = await newest(secret)
      const ended = one === undefined ? [] : await end(one)
      await this.sweep(true)
      return { isNew, ended }
    },
    async of(secret: string): Promise<ShownCompromise> {
      const compromise = await newest(secret)
      if (compromise === undefined)
        throw new MayflyError('not_found', `nobody has said that secret "${secret}" is compromised`)
      const made = store.find('secrets', { name: secret, version: compromise.version })
      const [rotation] = await records.latest(secret, 1)
      const current = (await vault.find(secret))?.version ?? 0
      const madeMs = made?.created_ms ?? 0
      const needs = needsOf(compromise, current, rotation)
      return { compromise, madeMs, rotation, current, needs, madeWith: await madeWith(secret, madeMs) }
    },
    async sweep(now = false): Promise<void> {
      if (!now && Math.abs(clock.nowMs() - lookedMs) < 1_000) return
      lookedMs = clock.nowMs()
      const rows = await store.read.selectFrom('compromises').selectAll().execute()
      for (const one of rows) {
        // A server that starts has nothing open of what was answered before.
        if (isFirst && one.ended_ms !== null) seen.add(one.seq)
        if (one.ended_ms === null) await goOn(one)
        else if (!seen.has(one.seq)) await end(one)
      }
      isFirst = false
    },
  }
}
