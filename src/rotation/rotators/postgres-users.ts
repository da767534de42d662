import {
  loginIn,
  newPassword,
  postgresAnswer,
  quotePostgresName,
  quotePostgresText,
  scramVerifier,
  shutRole,
  tryShutRole,
  withPostgres,
  type AskPostgres,
} from '../../credentials/index.ts'
import { secretName } from '../../config/index.ts'
import { MayflyError } from '../../lib/index.ts'
import type { Probed, Rotator, RotatorTools, Work } from '../rotator.ts'
import { couldEnd, loginSecret, otherUser, placeOf, refuseAdmin, usersIn } from './database.ts'

type UsersWork = Work<'postgres-users'>

/**
 * Two users of PostgreSQL (14 and later) that take turns. The password is chosen here and durable before the server hears of
 * it, so that everything may be done twice; the server is told its SCRAM verifier only, which no log can turn back.
 */
export const postgresUsers: Rotator<'postgres-users'> = {
  name: 'postgres-users',
  tells:
    'gives the user that is not in use a new password and the same memberships, and lets the other one in no more when no step has it',
  inPlace: () => false,
  async plan(work, tools) {
    const { user: last } = loginIn(work.old.value ?? loginSecret('', ''), work.secret)
    const next = otherUser(work.config.users, last)
    const admin = await adminOf(work, tools)
    refuseAdmin(admin.login.user, [next, last])
    if (await withPostgres(admin, (ask) => mayMore(ask, next, admin.login.user)))
      throw new MayflyError(
        'credential_failed',
        `role "${next}" may make roles: it is no user that takes turns; choose other \`users\``,
      )
    await couldEnd(
      last,
      () => tryShutRole(admin, last),
      (error) => lacking(error, admin.login.user, last),
    )
    return { plan: { next, last }, value: loginSecret(next, newPassword()) }
  },
  async create(work, tools) {
    const { next, last } = usersIn(work.plan)
    const value = work.new.value ?? loginSecret('', '')
    const admin = await adminOf(work, tools)
    const verifier = await scramVerifier(loginIn(value, work.secret).password)
    await withPostgres(admin, async (ask) => {
      // One transaction: after a kill it can do all that it may, or cannot log in.
      await ask('BEGIN')
      await arm(ask, next, verifier)
      for (const group of work.config.grants ?? (await groupsOf(ask, last)))
        await ask(`GRANT ${quotePostgresName(group)} TO ${quotePostgresName(next)}`)
      if (work.config.statements.length > 0) await ask('SET LOCAL search_path TO DEFAULT')
      for (const statement of work.config.statements)
        await ask(statement.replaceAll('{role}', quotePostgresName(next)))
      await ask('COMMIT')
    })
    return { value, handle: { user: next } }
  },
  afterLostAnswer: async () => 'again',
  async probe(work, one, tools) {
    const place = placeOf(work.config, work.secret, 5432)
    const login = loginIn(one.value ?? loginSecret('', ''), work.secret)
    try {
      return await withPostgres(
        { connection: place, database: work.config.database, login },
        async (): Promise<Probed> => 'alive',
      )
    } catch (error) {
      return await deathBy(error, login.user, work, tools)
    }
  },
  async revoke(work, one, tools) {
    const { next, last } = usersIn(work.plan)
    const admin = await adminOf(work, tools)
    if (one.which === 'old') return await shutRole(admin, last)
    // Whose it became meanwhile is not shut out.
    const isOurs = await withPostgres(admin, async (ask) => !(await mayMore(ask, next, admin.login.user)))
    return isOurs ? await shutRole(admin, next) : 'not_found'
  },
}

/** 42501: insufficient_privilege. Its own words tell nothing of a password: none was in the question. */
function lacking(error: unknown, admin: string, user: string): string | undefined {
  const said = postgresAnswer(error)
  if (said?.code !== '42501') return undefined
  return `${said.message} (a superuser is ended by a superuser alone; from PostgreSQL 16 on: GRANT ${quotePostgresName(user)} TO ${quotePostgresName(admin)} WITH ADMIN OPTION)`
}

async function adminOf(work: UsersWork, tools: RotatorTools) {
  const name = secretName(work.config.admin)
  const login = loginIn(await tools.openSecret(name), name)
  return { connection: placeOf(work.config, work.secret, 5432), database: work.config.database, login }
}

/** Makes the user, or gives it its new password. */
async function arm(ask: AskPostgres, user: string, verifier: string): Promise<void> {
  const known = await ask('SELECT 1 FROM pg_roles WHERE rolname = $1', [user])
  const how = `LOGIN CONNECTION LIMIT -1 VALID UNTIL 'infinity' PASSWORD ${quotePostgresText(verifier)}`
  await ask(`${known.length === 0 ? 'CREATE' : 'ALTER'} ROLE ${quotePostgresName(user)} ${how}`)
}

/** Somebody else's, who happens to have the name. */
async function mayMore(ask: AskPostgres, user: string, admin: string): Promise<boolean> {
  const rows = await ask('SELECT 1 FROM pg_roles WHERE rolname = $1 AND (rolsuper OR rolcreaterole)', [user])
  return user === admin || rows.length > 0
}

async function groupsOf(ask: AskPostgres, user: string): Promise<string[]> {
  const rows = await ask(
    `SELECT DISTINCT g.rolname AS name FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
      JOIN pg_roles u ON u.oid = m.member WHERE u.rolname = $1 ORDER BY 1`,
    [user],
  )
  return rows.map((row) => String(row['name']))
}

/** 28P01: not its password. 28000 is also what pg_hba.conf says, which tells nothing of the password. */
async function deathBy(error: unknown, user: string, work: UsersWork, tools: RotatorTools): Promise<Probed> {
  const state = postgresAnswer(error)?.code
  // It was let in, and told that this database is not for it.
  if (state === '42501') return 'alive'
  if (state === '28P01') return 'dead'
  if (state !== '28000') throw error
  const [known] = await withPostgres(await adminOf(work, tools), (ask) =>
    ask('SELECT rolcanlogin AS can FROM pg_roles WHERE rolname = $1', [user]),
  )
  return known?.['can'] === true ? 'unknown' : 'dead'
}
