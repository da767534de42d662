import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import { canonicalHost } from '../lib/index.ts'
import type { Step } from '../broker/index.ts'
import type { Connection } from '../connections/index.ts'
import type { Policy } from '../policy/index.ts'
import type { DownloadRecord } from './downloads/record.ts'
import type { Asker } from './consent.ts'
import { boundIdle, type EgressGuard } from './egress/index.ts'
import type { Findings } from './findings.ts'
import type { Gatekeeper } from './permit.ts'
import type { RunCa } from './run-ca.ts'
import type { HostKey } from './run-host-keys.ts'
import type { SessionRecorder } from './session-recorder.ts'
import type { StepStates } from './step-states.ts'
import type { StreamExchange } from './stream-exchange.ts'
import type { TlsStarter } from './upstream/index.ts'

/** What comes on one connection of a step, with all that a protocol of bytes may do with it. */
export function createStreamOpener(deps: {
  readonly gatekeeper: Gatekeeper
  readonly downloads: DownloadRecord
  readonly findings: Findings
  readonly guard: EgressGuard
  readonly startTls: TlsStarter
  readonly steps: Pick<StepStates, 'track' | 'upstreamOf'>
  readonly ca: (step: Step) => Promise<RunCa>
  readonly hostKey: (step: Step) => HostKey
  readonly policy: () => Policy
  readonly record: SessionRecorder
}): (socket: Duplex, step: Step, connection: Connection) => StreamExchange {
  const { gatekeeper, downloads, findings, guard, steps } = deps

  return (socket, step, connection) => {
    /** The step may have ended while something was made for it: its sockets are closed, ours must not stay. */
    const kept = <T extends Duplex>(made: T, outer?: Duplex): T => {
      made.on('error', () => made.destroy())
      if (socket.destroyed || step.endReason !== undefined) made.destroy()
      else steps.track(step, made, outer)
      return made
    }
    const asker: Asker = { gone: () => socket.destroyed, waits: () => undefined }
    return {
      socket,
      connection,
      step: step.id,
      ofStep: steps.upstreamOf(step),
      permit: (operation, detail, { anyRef = false } = {}) =>
        gatekeeper.permit(step, connection, [operation], detail, anyRef, { asker }),
      permitAll: (operations, detail) =>
        gatekeeper.permit(step, connection, operations, detail, false, { asker }),
      permitAny: (operation) => gatekeeper.permit(step, connection, [operation], {}, true),
      permitByGrant: (operation, shown = {}) =>
        gatekeeper.permitByGrant(step, connection, operation, {}, asker, shown),
      asksPeople: (operations) =>
        operations.some((one) => gatekeeper.asks(step, one)?.approval !== undefined),
      policy: deps.policy,
      precheck: (operation) => gatekeeper.precheck(step, connection, operation),
      would: (operation, options) => gatekeeper.would(step, operation, options),
      deny: (what, reason) => gatekeeper.deny(step, what, reason),
      found: (type, key, data) => findings.found(step, type, key, { connection: connection.name, ...data }),
      done: (item) => downloads.accepted(step, connection.name, { type: 'operations.done', item }),
      record: (session) => deps.record(step, { ...session, connection: connection.name }),
      async secure(clear, protocols) {
        const secureContext = await (await deps.ca(step)).contextFor(connection.host)
        return kept(secureServer(clear, connection.host, secureContext, protocols), clear)
      },
      hostKey: () => deps.hostKey(step).key,
      async dial() {
        const { host, port } = connection
        const upstream = await guard.dial({ host, port, connection })
        boundIdle(connection, upstream, (why) =>
          gatekeeper.deny(step, `${connection.kind} ${connection.name}`, why),
        )
        return kept(upstream)
      },
      async secureUpstream({ clientIdentity }, upstream) {
        return kept(await deps.startTls(connection, upstream, clientIdentity), upstream)
      },
    }
  }
}

type SecureContext = Awaited<ReturnType<RunCa['contextFor']>>

/** TLS ends here as `host`, and as no other. */
export function secureServer(
  socket: Duplex,
  host: string,
  secureContext: SecureContext,
  protocols?: readonly string[],
): TLSSocket {
  return new TLSSocket(socket, {
    isServer: true,
    secureContext,
    ...(protocols === undefined ? {} : { ALPNProtocols: [...protocols] }),
    // CONNECT names one host, the TLS handshake another: the second would be served under the first's rules.
    SNICallback: (name, done) =>
      canonicalHost(name) === host
        ? done(null, secureContext)
        : done(new Error(`SNI ${name} is not ${host}`)),
  })
}
