import {
  accessDenied,
  accountLocked,
  loginIn,
  mysqlError,
  nativeHash,
  newPassword,
  quoteMysqlText,
  quoteScope,
  shutAccount,
  tryShutAccount,
  withMysql,
  type MysqlSession,
} from '../../credentials/index.ts'
import { secretName } from '../../config/index.ts'
import { MayflyError, messageOf, type Secret } from '../../lib/index.ts'
import type { Rotator, RotatorTools, Work } from '../rotator.ts'
import { couldEnd, loginSecret, otherUser, placeOf, refuseAdmin, usersIn } from './database.ts'

type UsersWork = Work<'mysql-users'>

const port = 3306
/** ER_DBACCESS_DENIED, ER_TABLEACCESS_DENIED, ER_SPECIFIC_ACCESS_DENIED, ER_KILL_DENIED. */
const lacksRight: readonly number[] = [1044, 1142, 1227, 1095]

/**
 * Two accounts of MariaDB (10.4 and later) or MySQL (8.0.19 and later) that take turns. MariaDB is told the hash of a password
 * that is chosen here; MySQL chooses one itself and answers with it: no statement, and no log of them, has it. Arming the account
 * that is not in use twice is arming it once.
 */
export const mysqlUsers: Rotator<'mysql-users'> = {
  name: 'mysql-users',
  tells:
    'gives the account that is not in use a new password and the grants, and locks the other one when no step has it',
  inPlace: () => false,
  async plan(work, tools) {
    const { user: last } = loginIn(work.old.value ?? loginSecret('', ''), work.secret)
    // One that cannot be named in a statement could not be locked later.
    quoteMysqlText(last)
    const next = otherUser(work.config.users, last)
    const admin = await adminOf(work, tools)
    refuseAdmin(admin.login.user, [next, last])
    await refuseUnended(work, last, tools)
    const isMariaDb = await withMysql(admin, async (session) => session.isMariaDb)
    const plan = { next, last }
    return isMariaDb ? { plan, value: loginSecret(next, newPassword()) } : { plan }
  },
  async create(work, tools) {
    const { next } = usersIn(work.plan)
    const account = `${quoteMysqlText(next)}@${quoteMysqlText(work.config.host)}`
    const value = await withMysql(await adminOf(work, tools), async (session) => {
      await session.ask(`CREATE USER IF NOT EXISTS ${account} ACCOUNT LOCK`)
      const armed = await arm(session, account, next, work.new.value)
      for (const { privileges, on } of work.config.grants) {
        const [database = '', table = ''] = on.split('.')
        await session.ask(`GRANT ${privileges.join(', ')} ON ${quoteScope(database, table)} TO ${account}`)
      }
      await session.ask(`ALTER USER ${account} ACCOUNT UNLOCK`)
      return armed
    })
    return { value, handle: { user: next } }
  },
  afterLostAnswer: async () => 'again',
  async probe(work, one) {
    const connection = placeOf(work.config, work.secret, port)
    const login = loginIn(one.value ?? loginSecret('', ''), work.secret)
    try {
      return await withMysql({ connection, login }, async () => 'alive' as const)
    } catch (error) {
      if ([accessDenied, ...accountLocked].includes(mysqlError(error) ?? 0)) return 'dead'
      throw error
    }
  },
  async revoke(work, one, tools) {
    const { next, last } = usersIn(work.plan)
    return await shutAccount(await adminOf(work, tools), one.which === 'new' ? next : last, work.config.host)
  },
}

/** It is locked by its name and host: one that logs in from elsewhere would live on. */
async function refuseUnended(work: UsersWork, user: string, tools: RotatorTools): Promise<void> {
  const { host } = work.config
  const admin = await adminOf(work, tools)
  const found = await couldEnd(
    user,
    () => tryShutAccount(admin, { user, host }),
    (error) => (lacksRight.includes(mysqlError(error) ?? 0) ? messageOf(error) : undefined),
  )
  if (found === 'able' || (await mysqlUsers.probe(work, work.old, tools)) !== 'alive') return
  throw new MayflyError(
    'credential_failed',
    `there is no account '${user}'@'${host}', and what logs in as ${user} could not be ended: say its host as \`host\`, or make the first value one of an account of that host`,
  )
}

async function adminOf(work: UsersWork, tools: RotatorTools) {
  const name = secretName(work.config.admin)
  return {
    connection: placeOf(work.config, work.secret, port),
    login: loginIn(await tools.openSecret(name), name),
  }
}

/** Its new password, while it is locked. */
async function arm(
  { ask, isMariaDb }: MysqlSession,
  account: string,
  user: string,
  value: Secret | undefined,
): Promise<Secret> {
  if (isMariaDb && value !== undefined) {
    const hash = quoteMysqlText(nativeHash(loginIn(value, user).password))
    await ask(`ALTER USER ${account} IDENTIFIED VIA mysql_native_password USING ${hash} ACCOUNT LOCK`)
    return value
  }
  await ask('SET SESSION generated_random_password_length = 40')
  const { rows } = await ask(`ALTER USER ${account} IDENTIFIED BY RANDOM PASSWORD ACCOUNT LOCK`)
  const password = rows[0]?.['generated password']
  if (typeof password === 'string' && password.length >= 40) return loginSecret(user, password)
  throw new MayflyError('credential_failed', 'the server changed a password and told none')
}
