import { MayflyError, connectionProblem, type ErrorCode } from '../../lib/index.ts'
import { certificateProblem } from '../../connections/index.ts'
import { placeName, serverWords } from '../database-login.ts'
import type { Place } from './place.ts'

/** The number of an error that the server answered with (MariaDB, error codes; MySQL, server error reference). */
export function errorNumber(error: unknown): number | undefined {
  if (error instanceof MayflyError) return errorNumber(error.cause)
  const { errno, sqlState } = (error ?? {}) as { errno?: unknown; sqlState?: unknown }
  return typeof errno === 'number' && typeof sqlState === 'string' ? errno : undefined
}

/** `CREATE USER` of one that is there, `ALTER` or `DROP USER` of one that is not. */
export const cannotUser = 1396
export const accessDenied = 1045
/** MariaDB’s, and MySQL’s. */
export const accountLocked: readonly number[] = [4151, 3118]

/** `upstream_unreachable` for what may be otherwise the next time, `credential_failed` for what somebody must change first. */
export function mysqlFault(error: unknown, place: Place, cut: string | undefined): MayflyError {
  if (error instanceof MayflyError) return error
  const where = placeName(place.connection)
  const fault = (code: ErrorCode, text: string) =>
    new MayflyError(code, `MariaDB or MySQL ${where}: ${text}`, { cause: error })
  if (cut !== undefined) return fault('upstream_unreachable', `it ${cut}: the conversation was ended`)
  const number = errorNumber(error)
  if (number === undefined) {
    const toMend = withoutTls(error) ?? certificateProblem(place.connection, error)
    // No waiting helps there.
    if (toMend !== undefined) return fault('credential_failed', toMend)
    return fault('upstream_unreachable', serverWords(connectionProblem(error), place.login))
  }
  const words = serverWords(error instanceof Error ? error.message : '', place.login)
  const again = retried.find(([numbers]) => numbers.includes(number))
  if (again !== undefined) return fault('upstream_unreachable', `${words}: ${again[1]}`)
  const remedy = remedies.find(([numbers]) => numbers.includes(number))?.[1](place)
  return fault('credential_failed', remedy === undefined ? `${words} (${number})` : `${words}: ${remedy}`)
}

function withoutTls(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && error.code === 'HANDSHAKE_NO_SSL_SUPPORT'
    ? 'it speaks no TLS, and no credential goes over a network in the clear: give it a certificate (ssl_cert, ssl_key), or, where that network is trusted, write `tls: off` at the connection'
    : undefined
}

const retried: readonly (readonly [numbers: readonly number[], advice: string])[] = [
  [[1040], 'raise max_connections'],
  [[1053, 1927, 1317], 'the server stops, or somebody ended the conversation; it is asked again'],
  [[1205, 1213], 'somebody else holds a lock; it is asked again'],
  [[1969, 3024], 'the statement took too long; it is asked again'],
]

const remedies: readonly (readonly [numbers: readonly number[], remedy: (place: Place) => string])[] = [
  [
    [accessDenied, 1130, 1698, ...accountLocked],
    ({ login }) =>
      login.secret === undefined
        ? 'it is not let in'
        : `is "${login.secret}" user:password of the account that makes accounts, and may it log in from here? mayfly secret set ${login.secret}`,
  ],
  [
    [1290, 1792, 1836],
    () => 'this is a read-only replica, or set to refuse this: the connection must name the primary',
  ],
  [
    [1044, 1142, 1143, 1227, 1095, 1410],
    ({ login: { user } }) =>
      `${user} lacks a right: it needs CREATE USER, CONNECTION ADMIN (MySQL: CONNECTION_ADMIN and PROCESS), and WITH GRANT OPTION what it grants`,
  ],
  [[1146, 1049], () => 'make it first, or correct `grants` under mysql-role'],
  [[1959, 3523], () => 'make the role first, or correct `roles` under mysql-role'],
  [[cannotUser], () => 'an earlier attempt made it; it is dropped when its lease is ended'],
  [
    [4006],
    () =>
      'it is the definer of what it left (a view, a routine, an event or a trigger): drop that, or give it another definer',
  ],
  [
    [1819, 1827, 1372],
    () =>
      'the server takes no hash of a password (strict_password_validation): turn that off, since what Mayfly makes is random',
  ],
]
