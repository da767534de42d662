import { MayflyError, Secret } from '../../lib/index.ts'
import { secretName } from '../../config/index.ts'
import { accountIn, accountName } from '../account-name.ts'
import { loginIn, loginInHandle, newPassword } from '../database-login.ts'
import type { CredentialIssuer, Held, IssuerTools, Minted, MintRequest } from '../issuer.ts'
import { endRole, idOf } from './end-role.ts'
import { answered } from './faults.ts'
import type { Place } from './place.ts'
import { quoteName, quoteText } from './quote.ts'
import { scramVerifier } from './scram.ts'
import { withPostgres, type Ask } from './session.ts'

type Request = MintRequest<'postgres-role'>
type HeldRole = Held<'postgres-role'>

/**
 * A login role of PostgreSQL (14 and later) for one lease, with a password that only the step is told. Its password ends with the
 * lease; its sessions and what it owns do not, so that it is only over once it was revoked.
 */
export const postgresRole: CredentialIssuer<'postgres-role'> = {
  name: 'postgres-role',
  revocation: () => ({ means: 'at_once' }),
  staysUntilRevoked: true,
  plan: ({ lease }) => ({ username: accountName(lease) }),

  async mint(request, plan, tools) {
    const role = accountIn(plan)
    const password = newPassword()
    const verifier = await scramVerifier(password)
    await withPostgres(await asAdmin(request, tools), async (ask) => {
      tools.mayMake?.()
      // One transaction: what is there after a kill is the whole role, or nothing.
      await ask('BEGIN')
      await makeRole(ask, role, verifier, request)
      await ask('COMMIT')
    })
    return minted(request, tools, role, password)
  },

  async renew(request, held, tools) {
    const login = loginInHandle(held.handle)
    if (login === undefined) throw new MayflyError('bad_input', 'the lease has no role to renew')
    const role = accountIn(held.plan)
    await withPostgres(await asAdmin(request, tools), async (ask) => {
      await ask(`ALTER ROLE ${quoteName(role)} VALID UNTIL ${quoteText(await endAt(ask, request))}`)
    })
    return minted(request, tools, role, login.password)
  },

  async revoke(held, tools) {
    return endRole(await asAdmin(held, tools), accountIn(held.plan), held.config.owner)
  },

  async probe(held, tools) {
    const admin = await asAdmin(held, tools)
    const login = loginInHandle(held.handle)
    // Who is refused may be refused by pg_hba.conf alone: what counts is that there is no such role, or that it may not log in.
    if (login !== undefined && (await letsIn({ ...admin, login }))) return 'alive'
    return withPostgres(admin, async (ask) => ((await canLogIn(ask, held)) ? 'alive' : 'dead'))
  },
}

async function asAdmin(
  { connection, config }: Pick<HeldRole | Request, 'connection' | 'config'>,
  tools: IssuerTools,
): Promise<Place> {
  const name = secretName(config.admin)
  const login = loginIn(await tools.openSecret(name), name)
  return { connection, database: config.database ?? 'postgres', login }
}

async function makeRole(ask: Ask, role: string, verifier: string, request: Request): Promise<void> {
  const { grants, statements = [], connections } = request.config
  const name = quoteName(role)
  const until = await endAt(ask, request)
  await ask(
    `CREATE ROLE ${name} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE INHERIT NOREPLICATION NOBYPASSRLS
      CONNECTION LIMIT ${connections} PASSWORD ${quoteText(verifier)} VALID UNTIL ${quoteText(until)}`,
  )
  for (const granted of grants) await ask(`GRANT ${quoteName(granted)} TO ${name}`)
  await refuseMakersOfRoles(ask, role)
  if (statements.length > 0) await ask('SET LOCAL search_path TO DEFAULT')
  for (const statement of statements) await ask(statement.replaceAll('{role}', name))
}

/** By the server’s own clock, which says when the password ends, however far it is from ours. */
async function endAt(ask: Ask, request: Request): Promise<string> {
  const [row] = await ask(
    "SELECT to_char((now() + $1::float8 * interval '1 ms') AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS until",
    [request.ttlSeconds * 1000],
  )
  return `${String(row?.['until'])}+00`
}

/** With one of these a step could make a role that outlives it. */
async function refuseMakersOfRoles(ask: Ask, role: string): Promise<void> {
  const [maker] = await ask(
    `WITH RECURSIVE held (id) AS (
        SELECT oid FROM pg_roles WHERE rolname = $1
        UNION SELECT m.roleid FROM pg_auth_members m JOIN held ON m.member = held.id)
      SELECT rolname AS name FROM pg_roles JOIN held ON held.id = oid WHERE rolsuper OR rolcreaterole`,
    [role],
  )
  if (maker === undefined) return
  throw new MayflyError(
    'credential_failed',
    `role "${String(maker['name'])}" may make roles, which would outlive the step: grant one without CREATEROLE and SUPERUSER`,
  )
}

function minted(request: Request, tools: IssuerTools, role: string, password: string): Minted {
  const expiresMs = tools.clock.nowMs() + request.ttlSeconds * 1000
  return {
    fields: {
      username: new Secret(role, 'username'),
      password: new Secret(password, 'password'),
    },
    expiresMs,
    handle: { username: role, password },
    facts: { username: role, member_of: request.config.grants },
  }
}

async function letsIn(place: Place): Promise<boolean> {
  try {
    return await withPostgres(place, async () => true)
  } catch (error) {
    const state = answered(error)?.code ?? ''
    // Told that this database is not for it: it was let in so far.
    if (state === '42501') return true
    if (state === '28P01' || state === '28000') return false
    throw error
  }
}

async function canLogIn(ask: Ask, { plan }: HeldRole): Promise<boolean> {
  if ((await idOf(ask, accountIn(plan))) === undefined) return false
  const [row] = await ask('SELECT rolcanlogin AS can FROM pg_roles WHERE rolname = $1', [accountIn(plan)])
  return row?.['can'] === true
}
