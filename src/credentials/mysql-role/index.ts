import { secretName } from '../../config/index.ts'
import { MayflyError, Secret } from '../../lib/index.ts'
import { accountIn, accountName } from '../account-name.ts'
import { loginIn, loginInHandle, newPassword } from '../database-login.ts'
import type { CredentialIssuer, Held, IssuerTools, MintRequest, Plain } from '../issuer.ts'
import { endAccount, unlessGone } from './end-account.ts'
import { accessDenied, accountLocked, errorNumber } from './faults.ts'
import type { Place } from './place.ts'
import { nativeHash, quoteName, quoteScope, quoteText } from './quote.ts'
import { withMysql, type Session } from './session.ts'

type Request = MintRequest<'mysql-role'>

/**
 * An account of MariaDB (10.4 and later) or MySQL (8.0.19 and later) for one lease. Neither ends an account by itself at a time
 * of day: it ends when its lease does; a password that expires after a day or two is the last resort.
 */
export const mysqlRole: CredentialIssuer<'mysql-role'> = {
  name: 'mysql-role',
  revocation: () => ({ means: 'at_once' }),
  staysUntilRevoked: true,
  plan: ({ lease, config }) => ({ username: accountName(lease), host: config.host }),

  async mint(request, plan, tools) {
    const user = accountIn(plan)
    const password = await withMysql(await asAdmin(request, tools), (session) => {
      tools.mayMake?.()
      return makeAccount(session, `${quoteText(user)}@${quoteText(hostIn(plan))}`, request)
    })
    return {
      fields: { username: new Secret(user, 'username'), password: new Secret(password, 'password') },
      expiresMs: tools.clock.nowMs() + request.ttlSeconds * 1000,
      handle: { username: user, password },
      facts: { username: user, host: hostIn(plan), grants: grantsOf(request), roles: request.config.roles },
    }
  },

  async revoke(held, tools) {
    return endAccount(await asAdmin(held, tools), accountIn(held.plan), hostIn(held.plan))
  },

  async probe(held, tools) {
    const admin = await asAdmin(held, tools)
    const login = loginInHandle(held.handle)
    if (login !== undefined && (await letsIn({ ...admin, login }))) return 'alive'
    // Who is refused may be refused for where it comes from. One that is gone cannot be altered, and this alters nothing.
    const account = `${quoteText(accountIn(held.plan))}@${quoteText(hostIn(held.plan))}`
    const isThere = await withMysql(admin, ({ ask }) => unlessGone(() => ask(`ALTER USER ${account}`)))
    return isThere ? 'alive' : 'dead'
  },
}

async function asAdmin(
  { connection, config }: Pick<Held<'mysql-role'> | Request, 'connection' | 'config'>,
  tools: IssuerTools,
): Promise<Place> {
  const name = secretName(config.admin)
  return { connection, login: loginIn(await tools.openSecret(name), name) }
}

function hostIn(plan: Plain): string {
  const { host } = (plan ?? {}) as { host?: unknown }
  if (typeof host === 'string') return host
  throw new MayflyError('bad_input', 'the plan of the lease names no host')
}

/** These statements have no transaction: until all are through the account is locked, so that half of one is of no use. */
async function makeAccount(session: Session, account: string, request: Request): Promise<string> {
  const { grants, roles, connections } = request.config
  const { ask, isMariaDb } = session
  const days = Math.ceil(request.ttlSeconds / 86_400)
  const limits = `WITH MAX_USER_CONNECTIONS ${connections} PASSWORD EXPIRE INTERVAL ${days} DAY ACCOUNT LOCK`
  const password = isMariaDb
    ? await createByHash(session, account, limits)
    : await createByServer(session, account, limits)
  for (const { privileges, on } of grants) {
    const [database = '', table = ''] = on.split('.')
    await ask(`GRANT ${privileges.join(', ')} ON ${quoteScope(database, table)} TO ${account}`)
  }
  for (const role of roles) await ask(`GRANT ${quoteName(role)} TO ${account}`)
  const [first] = roles
  // MariaDB has one default role; the others are taken by SET ROLE.
  if (first !== undefined && isMariaDb) await ask(`SET DEFAULT ROLE ${quoteName(first)} FOR ${account}`)
  if (first !== undefined && !isMariaDb)
    await ask(`SET DEFAULT ROLE ${roles.map(quoteName).join(', ')} TO ${account}`)
  await ask(`ALTER USER ${account} ACCOUNT UNLOCK`)
  return password
}

/** MariaDB takes the hash, so that no log has the password. */
async function createByHash({ ask }: Session, account: string, limits: string): Promise<string> {
  const password = newPassword()
  const hash = quoteText(nativeHash(password))
  await ask(`CREATE USER ${account} IDENTIFIED VIA mysql_native_password USING ${hash} ${limits}`)
  return password
}

/** MySQL makes the password itself and answers with it (MySQL manual, CREATE USER, RANDOM PASSWORD): no statement has it. */
async function createByServer({ ask }: Session, account: string, limits: string): Promise<string> {
  await ask('SET SESSION generated_random_password_length = 40')
  const { rows } = await ask(`CREATE USER ${account} IDENTIFIED BY RANDOM PASSWORD ${limits}`)
  const password = rows[0]?.['generated password']
  if (typeof password === 'string' && password.length >= 40) return password
  throw new MayflyError('credential_failed', 'the server made an account and told no password')
}

function grantsOf({ config }: Request): string[] {
  return config.grants.map(({ privileges, on }) => `${privileges.join(', ')} ON ${on}`)
}

async function letsIn(place: Place): Promise<boolean> {
  try {
    return await withMysql(place, async () => true)
  } catch (error) {
    if ([accessDenied, ...accountLocked].includes(errorNumber(error) ?? 0)) return false
    throw error
  }
}
