import type { Login } from '../database-login.ts'
import type { HeldConnection } from '../issuer.ts'

/** Where somebody logs in, and who. */
export interface Place {
  readonly connection: HeldConnection
  readonly login: Login
}
