/**
 * Who makes the credentials that live as long as a step: one file each. Keeps nothing, decides nothing: the broker says for
 * whom, keeps what is made, and ends it.
 * Invariant: before an upstream is asked for anything, the plan that finds it again is durable.
 */
export { issuerNamed } from './issuers.ts'
export { krlOf } from './ssh-certificate/krl.ts'
export { Unusable } from './unusable.ts'
export { UpstreamBusy } from './upstream-busy.ts'
export type {
  CredentialIssuer,
  Held,
  HeldConnection,
  Minted,
  MintRequest,
  IssuerTools,
  Plain,
  Revocation,
} from './issuer.ts'
/** For whoever keeps accounts of databases: rotation does, of two that take turns. */
export { loginIn, newPassword, type Login } from './database-login.ts'
export { shutRole, tryShutRole } from './postgres-role/end-role.ts'
export { answered as postgresAnswer } from './postgres-role/faults.ts'
export { quoteName as quotePostgresName, quoteText as quotePostgresText } from './postgres-role/quote.ts'
export { scramVerifier } from './postgres-role/scram.ts'
export { withPostgres, type Ask as AskPostgres } from './postgres-role/session.ts'
export { shutAccount, tryShutAccount } from './mysql-role/end-account.ts'
export { accessDenied, accountLocked, errorNumber as mysqlError } from './mysql-role/faults.ts'
export { nativeHash, quoteScope, quoteText as quoteMysqlText } from './mysql-role/quote.ts'
export { withMysql, type Session as MysqlSession } from './mysql-role/session.ts'
export { Unsent } from '../http-client/index.ts'
