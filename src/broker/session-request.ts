import type { Identity } from '../identity/index.ts'
import type { Session } from './model.ts'
import type { UseUp } from './records.ts'

export interface SessionRequest {
  readonly identity: Identity
  readonly roles: readonly string[]
  readonly jkt: string
  /** From when it is opened, and if it waits, from the last moment that a step may begin. */
  readonly ttlSeconds: number
  /** How long its steps may take to begin; see Session. */
  readonly waitSeconds?: number
  readonly requestId: string
  /** Claims of the token by their own names, as far as they belong in the record. */
  readonly claims?: Readonly<Record<string, unknown>>
  /** The same as they are, for asking the policy again when a step begins. */
  readonly namedClaims?: Readonly<Record<string, string>>
  /** People said yes: what stands for the identity token, which was used up by asking them. */
  readonly approval?: { readonly id: string; readonly useUp: UseUp }
}

export type OpenedSession =
  | { readonly ok: true; readonly session: Session }
  | { readonly ok: false; readonly reason: 'replayed' }
