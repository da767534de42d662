import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import {
  MayflyError,
  limits,
  messageOf,
  ownUrl,
  systemCode,
  type Clock,
  type Secret,
  type ServedCertificate,
  type StepId,
} from '../lib/index.ts'
import type { AuditClient } from '../audit/client/index.ts'
import type {
  AccessTokens,
  Broker,
  Lease,
  RunKeys,
  Session,
  Step,
  StoredArchiveDates,
  StoredFirstSeen,
  StoredLockfiles,
  StoredProvenance,
  StoredTreeHeads,
  StoredRunArtifacts,
  StoredStepMaterials,
} from '../broker/index.ts'
import type { Connection, Targets } from '../connections/index.ts'
import type { Honey } from '../honey/index.ts'
import type { ProofVerifier } from '../identity/index.ts'
import { kindNamed } from '../kinds/index.ts'
import type { Pins } from '../lockfiles/index.ts'
import type { Policy } from '../policy/index.ts'
import { createActivityRecord, type Activity, type Refusals } from './activity.ts'
import { createDenials } from './denials.ts'
import { createDownloadRecord } from './downloads/record.ts'
import { sha256Of } from './downloads/record-parts.ts'
import { createDelivery } from './downloads/delivery.ts'
import type { KeptFiles } from './downloads/kept-files.ts'
import type { Approvers } from './consent.ts'
import { createEgressGuard, type EgressGuard, stepSilenceMs } from './egress/index.ts'
import { plainAnswer, type Upgrade } from './exchange.ts'
import { createFindings } from './findings.ts'
import { createOpenConnections, type OpenConnection } from './open-connections.ts'
import { createHoneyLook } from './honey-look.ts'
import { createHandOuts, type HandOuts } from './hand-out.ts'
import { createAttaching, type AttachedImage } from './attaching.ts'
import { createAttested, type Attestations } from './attested.ts'
import { createImageBeside } from './image-beside.ts'
import { createGatekeeper, type Gatekeeper } from './permit.ts'
import { createExchangeOpener } from './open-exchange.ts'
import { createStreamOpener } from './open-stream.ts'
import { createPinned } from './pinned.ts'
import { comparable } from './plain-target.ts'
import type { Attached } from './oci/index.ts'
import { createProtocols } from './protocols.ts'
import type { Inspection } from './look.ts'
import type { PushScanner } from './push-scanner.ts'
import type { Recordings } from '../recordings/index.ts'
import { createGiven } from './given.ts'
import { createSessionRecorder } from './session-recorder.ts'
import { createRequestServer } from './requests/index.ts'
import { createRunAuthorities } from './run-authorities.ts'
import { createRunHostKeys } from './run-host-keys.ts'
import { createStepStates } from './step-states.ts'
import { createStrangers } from './strangers.ts'
import type { StreamExchange, StreamHandler } from './stream-exchange.ts'
import { createTrustedPublishing } from './trusted-publishing.ts'
import { createTunnelServer, type At } from './tunnel.ts'
import { createSocketOpener, createTlsStarter } from './upstream/index.ts'

export interface Gateway {
  /** Listens; port 0 takes a free one. Throws `port_in_use`. */
  listen(host: string, port: number): Promise<void>
  readonly url: string
  /** PEM certificate of the session's own CA, made when it is first asked for. The key stays here. */
  caCertificate(session: Session): Promise<string>
  /** As known_hosts has it, without the host: what the gateway shows for every SSH host of the session. */
  hostKey(session: Session): string
  /** Takes the lockfiles whose packages, and no others, the step may install. The first ones stay. Throws `bad_input`. */
  pinLockfiles(step: Step, bundle: string): Promise<Pins>
  /** Takes the job's identity token for the registry of this connection, at which the step publishes. Throws `bad_input`. */
  holdIdentity(step: Step, connection: string, token: string): void
  /**
   * What is handed to the step itself: the credentials of its role's `KIND:credential` grants. Throws `denied` with what was
   * recorded, `credential_failed`, `revoked`.
   */
  readonly handOuts: HandOuts
  /** Keeps what a step hands on, for grants that ask for what the run made; digests as `sha256:HEX`. */
  declareArtifacts(step: Step, digests: readonly string[]): Promise<void>
  /** The step itself gets nothing more; what is its to have is still given to the gateway, for `attach`. */
  shut(step: Step): void
  /** Did registries take images of it, beside which attestations go? */
  madeImages(step: Step): boolean
  /**
   * Puts attestations beside the images that the step pushed, with what it was given for their registries; before its end, and after
   * `shut`. What cannot be done is tried again for a while, and told. Never rejects.
   */
  attach(step: Step, bundles: readonly Attached[]): Promise<readonly AttachedImage[]>
  /** Writes which packages the step had; before its end is recorded. Rejects if it cannot be written. */
  recordDownloads(step: Step): Promise<void>
  activity(step: StepId): Activity
  /** What the step was refused beyond what was `seen`, for its supervisor. */
  refusals(step: StepId, seen: number): Refusals
  onRefusal(listener: (step: StepId) => void): void
  /** Forgets what a finished step did. */
  forget(step: StepId): void
  openSockets(): number
  /** What steps have open here. */
  connections(): OpenConnection[]
  /** Closes one of them, and what it was; undefined if there is none. */
  killConnection(id: string): OpenConnection | undefined
  close(): Promise<void>
}

export interface GatewayDeps {
  tokens: AccessTokens
  proofs: ProofVerifier
  broker: Broker
  audit: AuditClient
  clock: Clock
  policy: () => Policy
  targets: () => Targets
  guard?: EgressGuard
  /** Opens the credential of the company's proxy, and nothing else: what connections need comes as leases. */
  openSecret?: (name: string) => Promise<Secret>
  /** What each session's certificate authority is made of; without it a restart takes them away from running steps. */
  runKeys?: RunKeys
  /** Planted credentials, which are looked for in what steps send. */
  honey?: Honey
  /** Looks at what pushes bring. */
  scanner?: PushScanner
  /** Looks at what steps send, as their roles say; without it nothing is looked at. */
  inspection?: Inspection
  /** Told of each credential that a step is given. */
  given?: (step: Step, lease: Lease, value: Secret) => void
  /** What steps have pinned, for after a restart. */
  lockfiles?: StoredLockfiles
  /** What files of registries were when a step had them for the first time; without it nothing is compared. */
  firstSeen?: StoredFirstSeen
  /** Where packages came from that had provenance; without it, nothing is asked of it. */
  provenance?: StoredProvenance
  /** What checksum databases signed last; without it that is known while this process runs. */
  treeHeads?: StoredTreeHeads
  /** How new the indexes of signed archives were; without it an older one than before is taken. */
  archiveDates?: StoredArchiveDates
  /** Files of packages that steps were given before; without it none are kept. */
  kept?: KeptFiles
  /** Where sessions at terminals are recorded; without it they are not. */
  recordings?: Recordings
  /** The URL that supervisors reach us at, if it is not where we listen. */
  publicUrl?: string
  /** People who are asked about operations whose grants say so; without them such operations are refused. */
  approvers?: Approvers
  /** What steps of a run published or declared; without it nothing is known to be of the run. */
  artifacts?: StoredRunArtifacts
  /** What steps took in and gave out, for their attestations; without it nothing of that is kept but in the log. */
  materials?: StoredStepMaterials
  /** What was signed about digests, for grants that ask for it; without it nothing is known to be attested. */
  attestations?: Attestations
  /** With it the gateway speaks HTTPS, and its URL names the certificate's first name. Closed by the caller. */
  certificate?: ServedCertificate
}

/** How long is known what a step did that has ended. */
const activityKeptMs = 60_000

export function createGateway(deps: GatewayDeps): Gateway {
  const activity = createActivityRecord()
  const denials = createDenials(deps)
  const guard =
    deps.guard ?? createEgressGuard({ proxy: () => deps.targets().proxy, openSecret: deps.openSecret })
  const openSocket = createSocketOpener({ guard })
  const downloads = createDownloadRecord(deps)
  const given = createGiven(deps.broker, deps.given)
  const broker: Broker = { ...deps.broker, lease: given.lease }
  const gatekeeper: Gatekeeper = createGatekeeper({
    attested: createAttested({
      attestations: deps.attestations,
      clock: deps.clock,
      beside: createImageBeside({
        ...{ targets: deps.targets, clock: deps.clock },
        gatekeeper: () => gatekeeper,
        upstreamOf: (step) => steps.upstreamOf(step),
      }),
    }),
    policy: deps.policy,
    broker,
    audit: deps.audit,
    activity,
    denials,
    downloads,
    approvers: deps.approvers,
    artifacts: deps.artifacts,
  })
  const findings = createFindings(deps)
  const look = deps.honey && createHoneyLook({ honey: deps.honey, findings })
  const delivery = createDelivery({
    ...deps,
    downloads,
    findings,
    deny: (...refused) => gatekeeper.deny(...refused),
  })
  const handOuts = createHandOuts({ ...deps, broker, gatekeeper })
  const pinned = createPinned(deps)
  const publishing = createTrustedPublishing(deps)
  const protocols = createProtocols(deps)
  const authorityOf = createRunAuthorities(deps)
  const hostKeyOf = createRunHostKeys(deps)
  const steps = createStepStates({ openSocket })
  const open = createOpenConnections(deps.clock)
  const origin = new WeakMap<Duplex, { step: Step; at: At }>()
  let url = deps.publicUrl ?? ''

  const attaching = createAttaching({
    ...{ gatekeeper, openSocket, clock: deps.clock, targets: deps.targets },
    tell: (step, line) => activity.told(step.id, line),
    isOpen: (step) => deps.broker.isOpen(step),
    onStepEnd: (listener) => deps.broker.onStepEnd(listener),
  })
  const openExchange = createExchangeOpener({
    madeImage: (step, connection, image) => attaching.made(step, connection, image),
    ...{ gatekeeper, delivery, downloads, findings, pinned, publishing },
    openSocket,
    inspection: deps.inspection,
    judging: (response) => open.spare(response),
    tell: (step, line) => activity.told(step.id, line),
    published(step, item) {
      const digest = sha256Of(item)
      // Not known, it is refused later.
      if (digest !== undefined) deps.artifacts?.add(step, [digest]).catch(() => undefined)
    },
    refusedByHost: (step, authorization) => deps.broker.refusedByHost(step, authorization),
    doubtedByHost: (step, authorization) => deps.broker.doubtedByHost(step, authorization),
    isFresh: (step, authorization) => deps.broker.isFresh(step, authorization),
    track: (step, socket) => steps.track(step, socket),
    upstreamOf: (step) => steps.upstreamOf(step),
  })
  const openStream = createStreamOpener({
    ...{ gatekeeper, downloads, findings, guard, steps, policy: deps.policy },
    record: createSessionRecorder({ recordings: deps.recordings, given }),
    startTls: createTlsStarter(),
    ca: (step) => authorityOf(step.session),
    hostKey: (step) => hostKeyOf(step.session),
  })
  const requests = createRequestServer({
    serve: serveRequest,
    refused(socket, what, reason) {
      const from = origin.get(socket)
      return from === undefined
        ? `mayfly: ${reason}`
        : gatekeeper.deny(from.step, `${from.at[0].name} ${what}`, reason)
    },
  })

  const tunnel = createTunnelServer({
    ...deps,
    activity,
    denials,
    gatekeeper,
    guard,
    unlisted: (step, host, port) => look?.host(step, host, port),
    ca: (step) => authorityOf(step.session),
    url: () => url,
    serve(socket, step, at) {
      const protocol = protocols.of(at[0].kind)
      if (protocol.of === 'stream') return serveStream(protocol.handle, openStream(socket, step, at[0]))
      origin.set(socket, { step, at })
      requests.take(socket, at[0].tls)
    },
    admit(step, socket) {
      if (!steps.admitTunnel(step, socket)) return false
      strangers.met(socket)
      return true
    },
    track: (...socket) => steps.track(...socket),
    opened: (...connection) => open.opened(...connection),
  })

  const strangers = createStrangers(tunnel)

  deps.broker.onLeaseEnd((step, connection, byHost) => {
    if (!byHost) open.cut(step.id, connection)
  })
  deps.broker.onStepEnd((step) => {
    steps.end(step.id)
    deps.inspection?.stepEnded(step.id)
    pinned.forget(step.id)
    downloads.end(step)
    denials.end(step)
    // Left in the store, it ends by its time.
    deps.approvers?.stepEnded(step).catch(() => undefined)
    // Whoever ended it has read by then what it did.
    setTimeout(() => activity.forget(step.id), activityKeptMs).unref()
  })

  async function serveRequest(
    request: IncomingMessage,
    response: ServerResponse,
    socket: Duplex,
    upgrade?: Upgrade,
  ): Promise<void> {
    const from = origin.get(socket)
    if (from === undefined) return plainAnswer(response, 400, 'mayfly: no tunnel')
    const { step, at } = from
    const connection = protocols.meant(request, at) ?? meantBy(request.url ?? '', at)
    const { name } = connection.storageOf ?? connection.hostOf ?? connection
    open.request(steps.outermost(socket), name, response)
    request.socket.setTimeout(stepSilenceMs(connection))
    look?.request(step, connection, request, response)
    const what = `${connection.name} ${request.method}`
    const admitted = steps.admitRequest(step)
    if (admitted === false) {
      const why = `the step has ${limits.requestsPerStep} requests under way, no more are taken`
      return plainAnswer(response, 429, gatekeeper.deny(step, what, why))
    }
    response.once('close', admitted.answered)
    const exchange = openExchange(request, response, step, connection, upgrade)
    if ('misfit' in exchange)
      return plainAnswer(response, exchange.status, gatekeeper.deny(step, what, exchange.misfit))
    if (upgrade !== undefined && kindNamed(connection.kind).webSocket === undefined) {
      const why = `a connection of kind ${connection.kind} carries no WebSocket: name the host in one of kind http`
      const asked = `websocket ${connection.name}${exchange.path}`
      return plainAnswer(response, 403, gatekeeper.deny(step, asked, why))
    }
    const protocol = protocols.of(connection.kind)
    if (protocol.of === 'http') await protocol.handle(exchange)
  }

  return {
    get url() {
      return url
    },
    async listen(host, port) {
      await listenOn(tunnel, host, port)
      const bound = (tunnel.address() as AddressInfo).port
      if (deps.publicUrl === undefined) url = ownUrl({ host, port: bound, certificate: deps.certificate })
    },
    async caCertificate(session) {
      return (await authorityOf(session)).certificate
    },
    hostKey: (session) => hostKeyOf(session).line,
    pinLockfiles: (step, bundle) => pinned.pin(step, bundle),
    holdIdentity(step, name, token) {
      const connection = deps.targets().connections.find((one) => one.name === name)
      if (connection === undefined) throw new MayflyError('bad_input', 'there is no such connection')
      publishing.hold(step, connection, token)
    },
    handOuts,
    shut: (step) => steps.shut(step),
    madeImages: (step) => attaching.has(step),
    attach: (step, bundles) => attaching.attach(step, bundles),
    declareArtifacts: async (step, digests) => deps.artifacts?.add(step, digests),
    recordDownloads: (step) => downloads.settle(step),
    activity: (step) => activity.of(step),
    refusals: (step, seen) => activity.refusals(step, seen),
    onRefusal: (listener) => activity.onRefusal(listener),
    forget: (step) => activity.forget(step),
    openSockets: () => steps.openSockets(),
    connections: () => open.list(),
    killConnection: (id) => open.kill(id),
    async close() {
      steps.endAll()
      const closing = new Promise<void>((done) => tunnel.close(() => done()))
      // Closing does not wait for them.
      strangers.destroyAll()
      await closing
    },
  }
}

function listenOn(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (cause: Error) => {
      const code = systemCode(cause) === 'EADDRINUSE' ? 'port_in_use' : 'bad_input'
      const what =
        code === 'port_in_use'
          ? 'in use: stop what holds it, or choose another with --gateway-port'
          : messageOf(cause)
      reject(new MayflyError(code, `gateway port ${host}:${port} is ${what}`, { cause }))
    }
    server.once('error', onError)
    server.listen(port, host, () => {
      server.off('error', onError)
      resolve()
    })
  })
}

/** Nothing that comes on a connection ends more than that connection. */
function serveStream(handler: StreamHandler, stream: StreamExchange): void {
  handler(stream).catch(() => stream.socket.destroy())
}

/** Of the connections on one host the one with the longest base path that fits. */
function meantBy(url: string, at: At): Connection {
  const path = comparable(url)
  return at.find(({ basePath }) => path.startsWith(`${basePath}/`)) ?? at[0]
}
