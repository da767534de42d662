import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import type { StepId } from '../lib/index.ts'
import type { Connection } from '../connections/index.ts'
import type { Operation } from '../policy/index.ts'
import type { OperationDone } from './downloads/record.ts'
import type { Denial, Permission, Permit } from './exchange.ts'

/** What comes on one connection of a step, as bytes, for a kind that is not HTTP, and all that its handler may do with it. */
export interface StreamExchange {
  /** The step's side. It ends with the step. */
  readonly socket: Duplex
  readonly connection: Connection
  readonly step: StepId
  /** One object for the whole step, gone with it: what a handler remembers of the step hangs on it. */
  readonly ofStep: object
  /** As in `Exchange`. */
  permit(operation: Operation, detail: Readonly<Record<string, unknown>>): Promise<Permission>
  permitAll(operations: readonly Operation[], detail: Readonly<Record<string, unknown>>): Promise<Permission>
  precheck(operation: Operation): Denial | undefined
  would(operation: Operation, options?: { anyRef?: boolean; granted?: true }): boolean
  deny(what: string, reason: string): string
  found(type: string, key: string, data: Readonly<Record<string, unknown>>): void
  /** Records what was done on a permission once its outcome is known; many are one entry. */
  done(operation: OperationDone): void
  /**
   * TLS to the step on its socket, by the run's authority for the connection's host, where its protocol begins with something
   * else. `socket` must have been read to the last byte that came in the clear, and not beyond: what a client, or somebody on the
   * way, sent before the handshake is never read as if it came within (CVE-2021-23214).
   */
  secure(socket: Duplex): Promise<TLSSocket>
  /** A socket to the connection's host, through the egress guard. It ends with the step. Throws `denied` and `upstream_unreachable`. */
  dial(permit: Permit): Promise<Duplex>
  /** TLS to the host on a socket that was dialled: its certificate is held against its name. Throws `upstream_unreachable`. */
  secureUpstream(permit: Permit, socket: Duplex): Promise<TLSSocket>
}

/** Handles every connection of its kind. */
export type StreamHandler = (stream: StreamExchange) => Promise<void>
