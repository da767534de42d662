import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { MayflyError, type StepId } from '../lib/index.ts'
import type { Connection } from '../connections/index.ts'
import type { Operation } from '../policy/index.ts'
import type { OperationDone } from './downloads/recorded.ts'
import type { Denial, Permission, Permit } from './exchange.ts'
import type { SessionToRecord, TerminalSession } from './session-recorder.ts'

/** What comes on one connection of a step, as bytes, for a kind that is not HTTP, and all that its handler may do with it. */
export interface StreamExchange {
  /** The step's side. It ends with the step. */
  readonly socket: Duplex
  readonly connection: Connection
  readonly step: StepId
  /** One object for the whole step, gone with it: what a handler remembers of the step hangs on it. */
  readonly ofStep: object
  /** As in `Exchange`. */
  permit(
    operation: Operation,
    detail: Readonly<Record<string, unknown>>,
    options?: { anyRef?: true },
  ): Promise<Permission>
  /** `anyRef`, as in `Exchange`: the resource is not named yet, and `path` is empty. */
  permitAny(operation: Operation): Promise<Permission>
  /**
   * Policy decides each; that its grant lets them in is recorded once for the step. For operations that come by the thousand.
   * `shown` is what people see where the grant asks for their yes, and stands in the entry then.
   */
  permitByGrant(operation: Operation, shown?: Readonly<Record<string, unknown>>): Promise<Permission>
  /** A person is asked before this is done: `shown` has to be all of it. */
  asksPeople(operations: readonly Operation[]): boolean
  /** The policy in force: what was decided by another one is decided anew. */
  policy(): object
  permitAll(operations: readonly Operation[], detail: Readonly<Record<string, unknown>>): Promise<Permission>
  precheck(operation: Operation): Denial | undefined
  would(operation: Operation, options?: { anyRef?: boolean; granted?: true; unasked?: true }): boolean
  deny(what: string, reason: string): string
  found(type: string, key: string, data: Readonly<Record<string, unknown>>): void
  /** Records what was done on a permission once its outcome is known; many are one entry. */
  done(operation: OperationDone): void
  /** For a session at a terminal: undefined where the policy in force says that none are recorded. */
  record(session: Omit<TerminalSession, 'connection'>): SessionToRecord | undefined
  /**
   * TLS to the step on its socket, by the run's authority for the connection's host, where its protocol begins with something
   * else. `socket` must have been read to the last byte that came in the clear, and not beyond: what a client, or somebody on the
   * way, sent before the handshake is never read as if it came within (CVE-2021-23214). `protocols` are those of ALPN.
   */
  secure(socket: Duplex, protocols?: readonly string[]): Promise<TLSSocket>
  /** The private key that it is shown for every SSH host of its session, in OpenSSH's form. */
  hostKey(): string
  /** A socket to the connection's host, through the egress guard. It ends with the step. Throws `denied` and `upstream_unreachable`. */
  dial(permit: Permit): Promise<Duplex>
  /** TLS to the host on a socket that was dialled: its certificate is held against its name. Throws `upstream_unreachable`. */
  secureUpstream(permit: Permit, socket: Duplex): Promise<TLSSocket>
}

/** Handles every connection of its kind. */
export type StreamHandler = (stream: StreamExchange) => Promise<void>

/**
 * With what to log in to a database: as it was minted, or from the vault. Throws `credential_failed` where the credential of the
 * connection is none for logging in.
 */
export function loginOf({ fields, authorization }: Permit, { name }: Connection): Login {
  const { username, password } = fields ?? {}
  if (username !== undefined && password !== undefined)
    return { username: username.reveal(), password: password.reveal() }
  const basic = /^Basic ([A-Za-z0-9+/]+=*)$/.exec(authorization?.reveal() ?? '')?.[1]
  const text = Buffer.from(basic ?? '', 'base64').toString()
  const at = text.indexOf(':')
  if (at === -1)
    throw new MayflyError(
      'credential_failed',
      `connection "${name}" has no credential to log in with: give it one that makes accounts, or basic with a secret that is user:password`,
    )
  return { username: text.slice(0, at), password: text.slice(at + 1) }
}

/** In memory of one connection only. */
export interface Login {
  readonly username: string
  readonly password: string
}
