import { setTimeout as pause } from 'node:timers/promises'
import { MayflyError } from '../../lib/index.ts'
import { placeName } from '../database-login.ts'
import { answered } from './faults.ts'
import type { Place } from './place.ts'
import { quoteName } from './quote.ts'
import { withPostgres, type Ask } from './session.ts'

/** How often, and how many times, it is looked whether a session that was ended is gone. */
const lookMs = 50
const looks = 100

/**
 * Ends a role for good: first it lets nobody in, then its sessions end, then what it owns goes to `owner` or is dropped, in each
 * database that knows it, then the role. Whatever fails later, the credential is dead after the first step.
 */
export async function endRole(
  place: Place,
  role: string,
  owner: string | undefined,
): Promise<'revoked' | 'not_found'> {
  return withPostgres(place, async (ask) => {
    const id = await idOf(ask, role)
    if (id === undefined) return 'not_found'
    await shutOut(ask, role)
    await endSessions(ask, id, place)
    await refusePrepared(ask, role, place)
    await clear(ask, role, owner)
    for (const database of await databasesWith(ask, id, place.database))
      await withPostgres({ ...place, database }, (there) => clear(there, role, owner))
    // Who had been let in before the role was shut may have been on the way.
    await endSessions(ask, id, place)
    await drop(ask, role, place)
    return 'revoked'
  }).catch((error: unknown) => {
    // Dropped by somebody else meanwhile.
    if (answered(error)?.code === '42704' && answered(error)?.message.includes(role) === true)
      return 'revoked'
    throw error
  })
}

/** Lets a role in no more and ends its sessions; it stays, with what it owns. */
export async function shutRole(place: Place, role: string): Promise<'revoked' | 'not_found'> {
  return withPostgres(place, async (ask) => {
    const id = await idOf(ask, role)
    if (id === undefined) return 'not_found'
    await shutOut(ask, role)
    await endSessions(ask, id, place)
    return 'revoked'
  })
}

/** Whether this account could shut the role, by doing it and taking it back. Throws what would be in the way. */
export async function tryShutRole(place: Place, role: string): Promise<void> {
  await withPostgres(place, async (ask) => {
    if ((await idOf(ask, role)) === undefined) return
    // Others see nothing of it, and a connection that breaks takes it back, too.
    await ask('BEGIN')
    await shutOut(ask, role)
    await ask('ROLLBACK')
  })
}

export async function idOf(ask: Ask, role: string): Promise<string | undefined> {
  const [row] = await ask('SELECT oid::text AS id FROM pg_roles WHERE rolname = $1', [role])
  return row === undefined ? undefined : String(row['id'])
}

async function shutOut(ask: Ask, role: string): Promise<void> {
  const name = quoteName(role)
  await ask(`ALTER ROLE ${name} NOLOGIN CONNECTION LIMIT 0 PASSWORD NULL VALID UNTIL '-infinity'`)
  const [me] = await ask(
    "SELECT rolsuper AS super, current_setting('server_version_num')::int AS version FROM pg_roles WHERE rolname = current_user",
  )
  if (me?.['super'] === true) return
  // Whoever is no superuser ends sessions and drops what is owned as a member of the role. From 16 on who made a role has the
  // ADMIN OPTION on it and nothing else, and says itself what the membership gives.
  const how = Number(me?.['version']) >= 160_000 ? ' WITH INHERIT TRUE, SET TRUE' : ''
  await ask(`GRANT ${name} TO CURRENT_USER${how}`)
}

/** Until there is none: what is told to end takes a moment, and longer where it has much to roll back. */
async function endSessions(ask: Ask, id: string, { connection }: Place): Promise<void> {
  for (let look = 0; look < looks; look++) {
    const open = await ask(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usesysid = $1::oid AND pid <> pg_backend_pid()',
      [id],
    )
    if (open.length === 0) return
    await pause(lookMs)
  }
  throw new MayflyError(
    'upstream_unreachable',
    `PostgreSQL ${placeName(connection)}: sessions of a role that was shut do not end; they are ended again`,
  )
}

/** A transaction that was prepared holds locks and belongs to no session: only its owner or a superuser can end it. */
async function refusePrepared(ask: Ask, role: string, { connection }: Place): Promise<void> {
  const [left] = await ask(
    'SELECT quote_literal(gid) AS gid, database FROM pg_prepared_xacts WHERE owner = $1',
    [role],
  )
  if (left === undefined) return
  throw new MayflyError(
    'credential_failed',
    `PostgreSQL ${placeName(connection)}: ${role} can log in no more, but left a prepared transaction: in database ${String(left['database'])} a superuser must ROLLBACK PREPARED ${String(left['gid'])}`,
  )
}

/**
 * As the role itself what it owns is given away: it is a member of the new owner. As the admin, who granted them, its
 * privileges are taken back.
 */
async function clear(ask: Ask, role: string, owner: string | undefined): Promise<void> {
  const name = quoteName(role)
  await ask('BEGIN')
  if (owner !== undefined) {
    await ask(`SET LOCAL ROLE ${name}`)
    await ask(`REASSIGN OWNED BY ${name} TO ${quoteName(owner)}`)
    await ask('RESET ROLE')
  }
  await ask(`DROP OWNED BY ${name}`)
  await ask('COMMIT')
}

async function databasesWith(ask: Ask, id: string, but: string): Promise<string[]> {
  const rows = await ask(
    `SELECT DISTINCT d.datname AS name FROM pg_shdepend s JOIN pg_database d ON d.oid = s.dbid
      WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = $1::oid AND d.datname <> $2 ORDER BY 1`,
    [id, but],
  )
  return rows.map((row) => String(row['name']))
}

async function drop(ask: Ask, role: string, place: Place): Promise<void> {
  try {
    await ask(`DROP ROLE ${quoteName(role)}`)
  } catch (error) {
    const said = answered(error)
    if (said?.code !== '2BP01') throw error
    const what = (said.detail ?? '').replaceAll(/\s*\n\s*/g, ', ').slice(0, 400)
    throw new MayflyError(
      'credential_failed',
      `PostgreSQL ${placeName(place.connection)}: ${role} can log in no more, but cannot be dropped, since there is still: ${what}. Drop that or give it to another role`,
      { cause: error },
    )
  }
}
