import { setTimeout as pause } from 'node:timers/promises'
import { MayflyError } from '../../lib/index.ts'
import { placeName } from '../database-login.ts'
import { cannotUser, errorNumber } from './faults.ts'
import type { Place } from './place.ts'
import { quoteText } from './quote.ts'
import { withMysql, type Session } from './session.ts'

const lookMs = 50
const looks = 100

/** Ends an account for good: it lets nobody in, then its connections are cut (dropping it would let them go on), then it goes. */
export async function endAccount(place: Place, user: string, host: string): Promise<'revoked' | 'not_found'> {
  const account = `${quoteText(user)}@${quoteText(host)}`
  return withMysql(place, async (session) => {
    await unlessGone(() => session.ask(`ALTER USER ${account} ACCOUNT LOCK`))
    // Also where it is gone: who was logged in when somebody else dropped it still is.
    await cutConnections(session, user, place)
    const wasThere = await unlessGone(() => session.ask(`DROP USER ${account}`))
    // Who had been let in before it was locked may have been on the way.
    await cutConnections(session, user, place)
    return wasThere ? 'revoked' : 'not_found'
  })
}

/** Lets an account in no more and cuts its connections; it stays. */
export async function shutAccount(
  place: Place,
  user: string,
  host: string,
): Promise<'revoked' | 'not_found'> {
  return withMysql(place, async (session) => {
    const lock = `ALTER USER ${quoteText(user)}@${quoteText(host)} ACCOUNT LOCK`
    const isThere = await unlessGone(() => session.ask(lock))
    await cutConnections(session, user, place)
    return isThere ? 'revoked' : 'not_found'
  })
}

/**
 * Whether this account could shut the other, as far as that can be asked without a change: `ALTER USER` that says nothing changes
 * nothing. Throws what would be in the way; `not_found`: there is no such account.
 */
export async function tryShutAccount(
  place: Place,
  { user, host }: { user: string; host: string },
): Promise<'able' | 'not_found'> {
  return withMysql(place, async (session) => {
    await (session.isMariaDb ? refuseHarmless : refuseBlindness)(session, place.login.user)
    const isThere = await unlessGone(() => session.ask(`ALTER USER ${quoteText(user)}@${quoteText(host)}`))
    return isThere ? 'able' : 'not_found'
  })
}

/** Whether it was there. */
export async function unlessGone(asking: () => Promise<unknown>): Promise<boolean> {
  try {
    await asking()
    return true
  } catch (error) {
    if (errorNumber(error) === cannotUser) return false
    throw error
  }
}

async function cutConnections(session: Session, user: string, { connection, login }: Place): Promise<void> {
  if (!session.isMariaDb) await refuseBlindness(session, login.user)
  for (let look = 0; look < looks; look++) {
    if ((await cutOnce(session, user)) === 0) return
    await pause(lookMs)
  }
  throw new MayflyError(
    'upstream_unreachable',
    `MariaDB or MySQL ${placeName(connection)}: connections of an account that was locked do not end; they are cut again`,
  )
}

/** How many there were. */
async function cutOnce({ ask, isMariaDb }: Session, user: string): Promise<number> {
  // Tells of an account that it may not see what it lacks, where a list would just be empty.
  if (isMariaDb) return (await ask(`KILL USER ${quoteText(user)}`)).affected
  const { rows } = await ask(`SELECT id FROM performance_schema.processlist WHERE user = ${quoteText(user)}`)
  for (const { id } of rows)
    await ask(`KILL ${Number(id)}`).catch((error: unknown) => {
      // ER_NO_SUCH_THREAD: it ended by itself.
      if (errorNumber(error) !== 1094) throw error
    })
  return rows.length
}

/** Without PROCESS MySQL lists an account’s own connections and says nothing of the rest. */
async function refuseBlindness({ ask }: Session, user: string): Promise<void> {
  const { rows } = await ask(
    "SELECT 1 FROM information_schema.user_privileges WHERE privilege_type = 'PROCESS' AND grantee = CONCAT('''', REPLACE(CURRENT_USER(), '@', '''@'''), '''')",
  )
  if (rows.length === 0)
    throw new MayflyError(
      'credential_failed',
      `${user} does not see the connections of others, and could not end them: GRANT PROCESS ON *.* to it`,
    )
}

/** MariaDB says that somebody may not cut connections only when there is one. What a role grants is not looked into. */
async function refuseHarmless({ ask }: Session, user: string): Promise<void> {
  const { rows } = await ask(
    "SELECT 1 FROM information_schema.user_privileges WHERE privilege_type IN ('CONNECTION ADMIN', 'SUPER') AND grantee = CONCAT('''', REPLACE(CURRENT_USER(), '@', '''@'''), '''') UNION SELECT 1 FROM information_schema.enabled_roles WHERE role_name IS NOT NULL",
  )
  if (rows.length === 0)
    throw new MayflyError(
      'credential_failed',
      `${user} may not cut the connections of others: GRANT CONNECTION ADMIN ON *.* to it`,
    )
}
