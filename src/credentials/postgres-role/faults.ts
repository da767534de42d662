import { MayflyError, connectionProblem, type ErrorCode } from '../../lib/index.ts'
import { certificateProblem } from '../../connections/index.ts'
import { placeName, serverWords } from '../database-login.ts'
import type { Place } from './place.ts'

/** An error that the server answered with: its SQLSTATE (PostgreSQL, appendix A) and its words. */
export interface Answered extends Error {
  readonly code: string
  readonly detail?: string
}

export function answered(error: unknown): Answered | undefined {
  if (error instanceof MayflyError) return answered(error.cause)
  const { code, severity } = (error ?? {}) as { code?: unknown; severity?: unknown }
  return error instanceof Error && typeof code === 'string' && typeof severity === 'string'
    ? (error as Answered)
    : undefined
}

/** `upstream_unreachable` for what may be otherwise the next time, `credential_failed` for what somebody must change first. */
export function postgresFault(error: unknown, place: Place, cut: string | undefined): MayflyError {
  if (error instanceof MayflyError) return error
  const where = placeName(place.connection)
  const fault = (code: ErrorCode, text: string) =>
    new MayflyError(code, `PostgreSQL ${where}: ${text}`, { cause: error })
  if (cut !== undefined) return fault('upstream_unreachable', `it ${cut}: the conversation was ended`)
  const said = answered(error)
  if (said === undefined) {
    const toMend = withoutTls(error) ?? certificateProblem(place.connection, error)
    // No waiting helps there.
    if (toMend !== undefined) return fault('credential_failed', toMend)
    return fault('upstream_unreachable', serverWords(connectionProblem(error), place.login))
  }
  const words = serverWords(
    said.detail === undefined ? said.message : `${said.message}: ${said.detail}`,
    place.login,
  )
  const again = retried.find(([states]) => states.includes(said.code))
  if (again !== undefined) return fault('upstream_unreachable', `${words}: ${again[1]}`)
  const remedy = remedies.find(([states]) => states.includes(said.code))?.[1](place)
  return fault('credential_failed', remedy === undefined ? `${words} (${said.code})` : `${words}: ${remedy}`)
}

function withoutTls(error: unknown): string | undefined {
  return error instanceof Error && error.message.includes('does not support SSL')
    ? 'it speaks no TLS, and no credential goes over a network in the clear: turn on ssl in postgresql.conf, or, where that network is trusted, write `tls: off` at the connection'
    : undefined
}

const retried: readonly (readonly [states: readonly string[], advice: string])[] = [
  [
    ['53300'],
    'raise max_connections, or keep some for this account (superuser_reserved_connections, reserved_connections)',
  ],
  [['57P01', '57P02', '57P03', '57P05'], 'the server stops or starts; it is asked again'],
  [['57014'], 'the statement took longer than 15 s; it is asked again'],
  [['55P03', '40P01'], 'somebody else holds a lock; it is asked again'],
  // Two servers of ours, or an operator, at the same role.
  [['XX000', '40001', '23505'], 'it is asked again'],
]

const remedies: readonly (readonly [states: readonly string[], remedy: (place: Place) => string])[] = [
  [
    ['28P01', '28000'],
    ({ login }) =>
      login.secret === undefined
        ? 'it is not let in'
        : `is "${login.secret}" user:password of the account that makes roles, and does pg_hba.conf let it in from here? mayfly secret set ${login.secret}`,
  ],
  [['3D000'], () => 'name another as `database` under postgres-role'],
  [
    ['25006'],
    () => 'this is a read-only replica, or set to be read-only: the connection must name the primary',
  ],
  [
    ['42501'],
    ({ login: { user } }) =>
      `${user} lacks a right: ALTER ROLE ${user} CREATEROLE; from PostgreSQL 16 on also GRANT the granted roles TO ${user} WITH ADMIN OPTION`,
  ],
  [['42704'], () => 'make it first, or correct `grants` under postgres-role'],
  [['42710'], () => 'an earlier attempt made it; it is dropped when its lease is ended'],
  [['42601', '42P01', '3F000'], () => 'correct `statements` under postgres-role'],
]
