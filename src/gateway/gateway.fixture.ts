import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import { connect as netConnect, type AddressInfo, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { connect as tlsConnect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import type { Duplex } from 'node:stream'
import { calculateJwkThumbprint, exportJWK } from 'jose'
import type { AuditClient, AuditEvent } from '../audit/client/index.ts'
import {
  createAccessTokens,
  type Broker,
  type FirstSeen,
  type SeenFile,
  type Session,
  type Step,
  type StoredFirstSeen,
} from '../broker/index.ts'
import { policySchema } from '../config/index.ts'
import { compileTargets, type Connection, type Targets } from '../connections/index.ts'
import {
  connectUri,
  createProofSigner,
  createProofVerifier,
  type ProofNonces,
  type ProofSigner,
} from '../identity/index.ts'
import {
  MayflyError,
  Secret,
  limits,
  newId,
  systemClock,
  type RunId,
  type SessionId,
  type StepId,
} from '../lib/index.ts'
import { compilePolicy, type Policy } from '../policy/index.ts'
import type { EgressGuard } from './egress-guard.ts'
import type { PushScanner } from './push-scanner.ts'
import { createGateway, type Gateway, type GatewayDeps } from './index.ts'
import { createRunCa } from './run-ca.ts'

/** Resolves once it holds; the test's own time limit is the only one. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((next) => setTimeout(next, 5))
}

export interface Seen {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  /** Which of the upstream's connections it came on. */
  readonly socket: number
}

/** A real TLS server under a CA of its own, as an upstream. */
export interface Upstream {
  readonly port: number
  readonly ca: string
  /** Requests whose head arrived. */
  readonly begun: { method: string; url: string }[]
  /** Requests that arrived whole. */
  readonly seen: Seen[]
  readonly openSockets: () => number
  /** TCP connections since the start. */
  readonly accepted: () => number
  /** Takes a request once its body is read; `onHead` may take it before. */
  handle: (request: IncomingMessage, response: ServerResponse) => void
  onHead: ((request: IncomingMessage, response: ServerResponse) => void) | undefined
  /** Before a push the gateway asks which refs are symbolic: answered with none, as an empty repository does. */
  answersRefs: boolean
}

function isAskedByGateway(request: IncomingMessage): boolean {
  return (
    request.url?.endsWith('/git-upload-pack') === true && request.headers['user-agent'] === 'git/2 (mayfly)'
  )
}

function answerRefs(request: IncomingMessage, response: ServerResponse): void {
  request.resume()
  response.writeHead(200, { 'content-type': 'application/x-git-upload-pack-result' }).end('0000')
}

export async function startUpstream(t: TestContext, host: string): Promise<Upstream> {
  const authority = await createRunCa({
    runId: 'upstream',
    expiresMs: systemClock.nowMs() + 3_600_000,
    clock: systemClock,
  })
  const context = await authority.contextFor(host)
  const sockets = new Map<Socket, number>()
  let accepted = 0
  const server = createServer({ SNICallback: (_name, done) => done(null, context) }, (request, response) => {
    upstream.begun.push({ method: request.method ?? '', url: request.url ?? '' })
    request.on('error', () => undefined)
    response.on('error', () => undefined)
    if (upstream.answersRefs && isAskedByGateway(request)) return answerRefs(request, response)
    if (upstream.onHead !== undefined) return upstream.onHead(request, response)
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      upstream.seen.push({
        method: request.method ?? '',
        url: request.url ?? '',
        headers: request.headers,
        body: Buffer.concat(chunks),
        socket: request.socket.remotePort ?? 0,
      })
      upstream.handle(request, response)
    })
  })
  const upstream: Upstream = {
    port: 0,
    ca: authority.certificate,
    begun: [],
    seen: [],
    openSockets: () => sockets.size,
    accepted: () => accepted,
    handle: (_request, response) =>
      void response.writeHead(200, { 'content-type': 'text/plain' }).end('upstream says hello'),
    onHead: undefined,
    answersRefs: true,
  }
  server.on('connection', (socket) => {
    sockets.set(socket, ++accepted)
    socket.on('error', () => undefined)
    socket.once('close', () => sockets.delete(socket))
  })
  server.on('tlsClientError', () => undefined)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  t.after(() => {
    server.close()
    for (const socket of sockets.keys()) socket.destroy()
  })
  return Object.assign(upstream, { port: (server.address() as AddressInfo).port })
}

/** STUB of the audit log: keeps what it is given, and refuses an entry of a size that the real client refuses. */
export interface AuditStub extends AuditClient {
  readonly events: AuditEvent[]
  ofType(type: string): AuditEvent[]
  /** Called before an event is kept; what it throws is what `append` rejects with. */
  before: ((event: AuditEvent) => Promise<void> | void) | undefined
}

export function stubAudit(): AuditStub {
  const audit: AuditStub = {
    events: [],
    before: undefined,
    ofType: (type) => audit.events.filter((one) => one.type === type),
    async append(event) {
      await audit.before?.(event)
      const bytes = Buffer.byteLength(JSON.stringify(event))
      if (bytes > limits.auditEntryBytes)
        throw new MayflyError('limit_exceeded', `the event takes ${bytes} bytes`)
      audit.events.push(event)
      return {} as never
    },
    erase: async () => {
      throw new Error('nobody is erased here')
    },
    health: async () => ({ ok: true, size: audit.events.length }),
    close: async () => undefined,
  }
  return audit
}

/** STUB of the store's table: in memory. */
export function stubFirstSeen(): StoredFirstSeen & { readonly rows: Map<string, FirstSeen> } {
  const rows = new Map<string, FirstSeen>()
  const keyOf = ({ registry, purl, path }: SeenFile) => `${registry} ${purl} ${path}`
  return {
    rows,
    async see(file, digest) {
      const known = rows.get(keyOf(file)) ?? { digest, seenMs: 0, recorded: false }
      rows.set(keyOf(file), known)
      return known
    },
    async recorded(files) {
      for (const file of files) {
        const known = rows.get(keyOf(file))
        if (known !== undefined) rows.set(keyOf(file), { ...known, recorded: true })
      }
    },
  }
}

/** STUB of the broker: steps and leases in memory, the gate closed at once by `end`. */
export interface BrokerStub {
  readonly broker: Broker
  open(jkt: string, role?: string): Step
  end(step: Step, reason?: string): void
}

export function stubBroker(): BrokerStub {
  const steps = new Map<StepId, Step>()
  const listeners: ((step: Step) => void)[] = []
  const broker = {
    step: (id: StepId) => {
      const step = steps.get(id)
      return step?.endReason === undefined ? step : undefined
    },
    async lease(step: Step, connection: Connection) {
      if (step.endReason !== undefined)
        throw new MayflyError('revoked', `the step has ended (${step.endReason})`)
      const authorization = new Secret(
        `Basic ${Buffer.from(`injected:for-${connection.name}`).toString('base64')}`,
      )
      return { id: 'lse_1', connection: connection.name, expiresMs: step.expiresMs, authorization }
    },
    endOf: () => undefined,
    onStepEnd: (listener: (step: Step) => void) => void listeners.push(listener),
  } as unknown as Broker
  return {
    broker,
    open(jkt, role = 'build') {
      const createdMs = systemClock.nowMs()
      const expiresMs = createdMs + 600_000
      const session: Session = {
        id: newId<SessionId>('ses'),
        runId: newId<RunId>('run'),
        roles: [role],
        jkt,
        actor: 'ci:test',
        subject: { issuer: 'ci', attributes: { subject: 'x' } },
        claims: {},
        waitSeconds: 0,
        createdMs,
        expiresMs,
        endReason: undefined,
      }
      const step: Step = {
        id: newId<StepId>('stp'),
        session,
        name: 'test',
        role,
        tier: 'B',
        startedMs: createdMs,
        expiresMs,
        heartbeatMs: 0,
        endReason: undefined,
      }
      steps.set(step.id, step)
      return step
    },
    end(step, reason = 'revoked') {
      step.endReason = reason
      for (const listener of listeners) listener(step)
    },
  }
}

export interface World {
  readonly gateway: Gateway
  readonly upstream: Upstream
  readonly audit: AuditStub
  readonly brokers: BrokerStub
  readonly signer: ProofSigner
  readonly step: Step
  readonly token: string
  readonly ca: string
  tokenOf(step: Step, claims?: { step?: undefined; expiresSeconds?: number; jkt?: string }): string
  setTargets(targets: Targets, policy?: Policy): void
  /** CONNECT with a good token and a fresh proof; `headers` replace ours, an empty text leaves one out. */
  connect(authority: string, headers?: Record<string, string>, as?: Step): Promise<Tunnel>
  /** TLS within a tunnel of `connect`, destroyed with the test. */
  tls(tunnel: Tunnel, options?: ConnectionOptions): TLSSocket
  /** A tunnel to the git connection with TLS within. */
  secure(options?: { as?: Step; authority?: string; servername?: string }): Promise<TLSSocket>
  /** Sends one request, raw, and reads all that comes until the end. */
  ask(text: string | Buffer, options?: { as?: Step; authority?: string }): Promise<Answer>
}

export interface Tunnel {
  readonly status: number
  readonly head: string
  readonly socket: Socket
  /** All that comes after the head, to the end. */
  rest(): Promise<string>
}

export interface Answer {
  readonly status: number
  readonly head: string
  readonly body: string
}

export const gitHost = 'git.test'
export const npmHost = 'npm.test'

/** `connections:` and `egress:` of a mayfly.yaml, and roles, compiled for real. */
export function compileRules(
  connections: Record<string, unknown>,
  grants: readonly string[],
  egress: readonly string[] = [],
  role: { mode?: 'shadow'; egress?: readonly unknown[] } = {},
): { targets: Targets; policy: Policy } {
  const document = policySchema.parse({
    issuers: { ci: { kind: 'oidc', url: 'https://ci.test' } },
    connections,
    roles: { build: { trust: { issuer: 'ci', subject: 'x' }, grants, ...role } },
    egress,
  })
  const locate = () => ({ file: 'mayfly.yaml', line: 1, column: 1 })
  const targets = compileTargets(document, locate)
  const policy = compilePolicy(
    document,
    locate,
    new Map([
      [
        'ci',
        {
          kind: 'oidc',
          pins: [],
          ids: {},
          claims: { subject: 'sub' },
          derived: [],
          forms: {},
          documented: {},
          fixed: {},
        },
      ],
    ]),
  )
  if (!targets.ok || !policy.ok) throw new Error(JSON.stringify([targets, policy]))
  return { targets: targets.targets, policy: policy.policy }
}

export const usualGrants = [
  'git:read git/octo/app',
  'git:push git/octo/app@refs/heads/dev*',
  'npm:install npm',
]

export function usualConnections({ port, ca }: Upstream): Record<string, unknown> {
  const dial = `127.0.0.1:${port}`
  return {
    git: { kind: 'git', url: `https://${gitHost}`, dial, ca, credential: { basic: 'secret:git' } },
    npm: { kind: 'npm', url: `https://${npmHost}`, dial, ca, credential: { bearer: 'secret:npm' } },
  }
}

/** A real gateway between a real client and a real TLS upstream; only broker and audit log are stubs. */
export async function openWorld(
  t: TestContext,
  options: {
    guard?: EgressGuard
    egress?: readonly string[]
    grants?: readonly string[]
    role?: { mode?: 'shadow'; egress?: readonly unknown[] }
    nonces?: ProofNonces
    scanner?: PushScanner
    kept?: GatewayDeps['kept']
  } = {},
): Promise<World> {
  const upstream = await startUpstream(t, gitHost)
  const { ca: npmCa } = upstream
  let rules = compileRules(
    usualConnections({ ...upstream, ca: npmCa }),
    options.grants ?? usualGrants,
    options.egress,
    options.role,
  )
  const audit = stubAudit()
  const brokers = stubBroker()
  const firstSeen = stubFirstSeen()
  const clock = systemClock
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const publicJwk = await exportJWK(publicKey)
  const tokens = createAccessTokens({
    key: { kid: await calculateJwkThumbprint(publicJwk), privateKey, publicKey, publicJwk },
    issuer: () => 'https://mayfly.test',
    clock,
  })
  const gateway = createGateway({
    tokens,
    proofs: createProofVerifier({
      clock,
      ...(options.nonces === undefined ? {} : { nonces: options.nonces }),
    }),
    broker: brokers.broker,
    audit,
    clock,
    policy: () => rules.policy,
    targets: () => rules.targets,
    firstSeen,
    ...(options.kept === undefined ? {} : { kept: options.kept }),
    ...(options.guard === undefined ? {} : { guard: options.guard }),
    ...(options.scanner === undefined ? {} : { scanner: options.scanner }),
  })
  await gateway.listen('127.0.0.1', 0)
  const sockets = new Set<Duplex>()
  t.after(() => {
    // TLS before what is below it: Node 26.10 crashes when the lower socket goes first, in the same turn.
    for (const socket of [...sockets].toReversed()) socket.destroy()
    return gateway.close()
  })
  const signer = await createProofSigner({ clock })
  const step = brokers.open(signer.jkt)
  const { port } = new URL(gateway.url)

  const tokenOf: World['tokenOf'] = (of, claims = {}) => {
    const { id, runId, jkt, actor, roles } = of.session
    return tokens.sign({
      session: id,
      run: runId,
      roles,
      actor,
      jkt,
      expiresSeconds: Math.floor(of.expiresMs / 1000),
      ...('step' in claims ? {} : { step: of.id }),
      ...(claims.expiresSeconds === undefined ? {} : { expiresSeconds: claims.expiresSeconds }),
      ...(claims.jkt === undefined ? {} : { jkt: claims.jkt }),
    })
  }

  const connect: World['connect'] = async (authority, headers = {}, as = step) => {
    const accessToken = tokenOf(as)
    const proof = await signer.sign({
      method: 'CONNECT',
      uri: connectUri(gateway.url, authority),
      accessToken,
    })
    const all = {
      host: authority.replaceAll(/[^\x21-\x7e]/g, ''),
      'proxy-authorization': `DPoP ${accessToken}`,
      dpop: proof,
      ...headers,
    }
    const socket = netConnect(Number(port), '127.0.0.1')
    sockets.add(socket)
    socket.on('error', () => undefined)
    const lines = Object.entries(all)
      .filter(([, value]) => value !== '')
      .map(([name, value]) => `${name}: ${value}\r\n`)
    socket.write(`CONNECT ${authority} HTTP/1.1\r\n${lines.join('')}\r\n`, 'latin1')
    const head = await readHead(socket)
    return {
      status: Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0),
      head,
      socket,
      rest: async () => (await readAll(socket)).toString(),
    }
  }

  const tls: World['tls'] = (tunnel, tlsOptions) => {
    const socket = tlsConnect({ socket: tunnel.socket, ...tlsOptions })
    sockets.add(socket)
    socket.on('error', () => undefined)
    return socket
  }

  const secure: World['secure'] = async ({
    as = step,
    authority = `${gitHost}:443`,
    servername = authority.split(':')[0] ?? '',
  } = {}) => {
    const tunnel = await connect(authority, {}, as)
    if (tunnel.status !== 200) throw new Error(`${tunnel.head}${await tunnel.rest()}`)
    const within = tls(tunnel, { servername, ca: await gateway.caCertificate(as.session) })
    await once(within, 'secureConnect')
    return within
  }

  return {
    gateway,
    upstream,
    audit,
    brokers,
    signer,
    step,
    tokenOf,
    connect,
    tls,
    secure,
    token: tokenOf(step),
    ca: await gateway.caCertificate(step.session),
    setTargets(targets, policy = rules.policy) {
      rules = { targets, policy }
    },
    async ask(text, asked) {
      const within = await secure(asked)
      within.write(text)
      const all = (await readAll(within)).toString()
      const at = all.indexOf('\r\n\r\n')
      return {
        status: Number(/^HTTP\/1\.1 (\d{3})/.exec(all)?.[1] ?? 0),
        head: all.slice(0, Math.max(0, at)),
        body: at === -1 ? '' : all.slice(at + 4),
      }
    },
  }
}

async function readHead(socket: Socket): Promise<string> {
  let text = ''
  for (;;) {
    const chunk = socket.read(1) as Buffer | null
    if (chunk !== null) {
      text += chunk.toString('latin1')
      if (text.endsWith('\r\n\r\n')) return text
      continue
    }
    if (socket.destroyed || socket.readableEnded) return text
    await new Promise<void>((next) => {
      const wake = () => {
        for (const name of ['readable', 'end', 'close']) socket.off(name, wake)
        next()
      }
      for (const name of ['readable', 'end', 'close']) socket.once(name, wake)
    })
  }
}

export async function readAll(socket: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  if (!socket.readableEnded && !socket.destroyed)
    await Promise.race([once(socket, 'end'), once(socket, 'close')]).catch(() => undefined)
  return Buffer.concat(chunks)
}

/** A request of a well-behaved client that wants the connection closed afterwards. */
export function request(
  method: string,
  path: string,
  options: { host?: string; headers?: Record<string, string>; body?: string | Buffer } = {},
): Buffer {
  const { host = gitHost, headers = {}, body } = options
  const bytes = body === undefined ? Buffer.alloc(0) : Buffer.from(body as string)
  const all = {
    host,
    ...(body === undefined ? {} : { 'content-length': String(bytes.length) }),
    ...headers,
    connection: 'close',
  }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.concat([Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`, 'latin1'), bytes])
}

export const advertisement = '/octo/app.git/info/refs?service=git-upload-pack'
