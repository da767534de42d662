import { once } from 'node:events'
import { connect as netConnect, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { connect as tlsConnect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import type { Duplex } from 'node:stream'
import { createAccessTokens, type Step } from '../broker/index.ts'
import { fixedKeys } from '../oidc-issuer/signing-keys.fixture.ts'
import { policySchema, type GrantEntry } from '../config/index.ts'
import { compileTargets, type Targets } from '../connections/index.ts'
import {
  connectUri,
  createProofSigner,
  createProofVerifier,
  type ProofNonces,
  type ProofSigner,
} from '../identity/index.ts'
import { systemClock } from '../lib/index.ts'
import { compilePolicy, type Policy } from '../policy/index.ts'
import type { EgressGuard } from './egress/index.ts'
import type { Inspection } from './look.ts'
import type { PushScanner } from './push-scanner.ts'
import type { Recordings } from '../recordings/index.ts'
import { createGateway, type Gateway, type GatewayDeps } from './index.ts'
import {
  stubArchiveDates,
  stubAudit,
  stubBroker,
  stubFirstSeen,
  stubMaterials,
  stubProvenance,
  type AuditStub,
  type BrokerStub,
} from './stubs.fixture.ts'
import { startUpstream, type Upstream } from './upstream.fixture.ts'

const patienceMs = 60_000

/** Resolves once it holds. What never does is an error, so that the process of the test ends. */
export async function until(holds: () => boolean): Promise<void> {
  const endMs = Date.now() + patienceMs
  while (!holds())
    if (Date.now() > endMs) throw new Error(`not within ${patienceMs / 1000} s: ${holds.toString()}`)
    else await new Promise((next) => setTimeout(next, 5))
}

/** What upstreams took, once so much of it is recorded: a client may have its answer before the gateway has noted it. */
export async function acceptedIn(
  { gateway, step, audit }: Pick<World, 'gateway' | 'step' | 'audit'>,
  type: 'packages.published' | 'git.pushed' | 'operations.done',
  count = 1,
): Promise<Record<string, unknown>[]> {
  const items = () =>
    audit
      .ofType(type)
      .flatMap(
        ({ data }) => (data['packages'] ?? data['refs'] ?? data['operations']) as Record<string, unknown>[],
      )
  await until(() => {
    void gateway.recordDownloads(step)
    return items().length >= count
  })
  return items()
}

export interface World {
  readonly gateway: Gateway
  readonly upstream: Upstream
  readonly audit: AuditStub
  readonly firstSeen: ReturnType<typeof stubFirstSeen>
  readonly materials: ReturnType<typeof stubMaterials>
  readonly brokers: BrokerStub
  readonly signer: ProofSigner
  readonly step: Step
  readonly token: string
  readonly ca: string
  tokenOf(step: Step, claims?: { step?: undefined; expiresSeconds?: number; jkt?: string }): string
  setTargets(targets: Targets, policy?: Policy): void
  /** From here on what the step sends is looked at. */
  setInspection(inspection: Inspection): void
  /** CONNECT with a good token and a fresh proof; `headers` replace ours, an empty text leaves one out. */
  connect(authority: string, headers?: Record<string, string>, as?: Step): Promise<Tunnel>
  /** TLS within a tunnel of `connect`, destroyed with the test. */
  tls(tunnel: Tunnel, options?: ConnectionOptions): TLSSocket
  /** A tunnel to the git connection with TLS within. */
  secure(options?: {
    as?: Step
    authority?: string
    servername?: string
    ALPNProtocols?: string[]
  }): Promise<TLSSocket>
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
  grants: readonly GrantEntry[],
  egress: readonly string[] = [],
  role: { mode?: 'shadow'; egress?: readonly unknown[] } = {},
  egressProxy?: unknown,
): { targets: Targets; policy: Policy } {
  const document = policySchema.parse({
    issuers: { ci: { kind: 'oidc', url: 'https://ci.test' } },
    connections,
    roles: { build: { trust: { issuer: 'ci', subject: 'x' }, grants, ...role } },
    egress,
    egress_proxy: egressProxy,
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
    grants?: readonly GrantEntry[]
    role?: { mode?: 'shadow'; egress?: readonly unknown[] }
    nonces?: ProofNonces
    scanner?: PushScanner
    recordings?: Recordings
    kept?: GatewayDeps['kept']
    archiveDates?: GatewayDeps['archiveDates']
    artifacts?: GatewayDeps['artifacts']
    attestations?: GatewayDeps['attestations']
    honey?: GatewayDeps['honey']
    approvers?: GatewayDeps['approvers']
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
  let inspection: Inspection | undefined
  const audit = stubAudit()
  const brokers = stubBroker()
  const firstSeen = stubFirstSeen()
  const materials = stubMaterials()
  const clock = systemClock
  const tokens = createAccessTokens({
    signingKeys: fixedKeys(),
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
    inspection: {
      open: (...what) => inspection?.open(...what),
      looksAt: (...what) => inspection?.looksAt(...what) === true,
      stepEnded: (step) => inspection?.stepEnded(step),
    },
    firstSeen,
    materials,
    archiveDates: options.archiveDates ?? stubArchiveDates(),
    provenance: stubProvenance(),
    ...(options.honey === undefined ? {} : { honey: options.honey }),
    ...(options.approvers === undefined ? {} : { approvers: options.approvers }),
    ...(options.artifacts === undefined ? {} : { artifacts: options.artifacts }),
    ...(options.attestations === undefined ? {} : { attestations: options.attestations }),
    ...(options.kept === undefined ? {} : { kept: options.kept }),
    ...(options.guard === undefined ? {} : { guard: options.guard }),
    ...(options.scanner === undefined ? {} : { scanner: options.scanner }),
    ...(options.recordings === undefined ? {} : { recordings: options.recordings }),
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
    ALPNProtocols = [],
  } = {}) => {
    const tunnel = await connect(authority, {}, as)
    if (tunnel.status !== 200) throw new Error(`${tunnel.head}${await tunnel.rest()}`)
    const within = tls(tunnel, { servername, ca: await gateway.caCertificate(as.session), ALPNProtocols })
    await once(within, 'secureConnect')
    return within
  }

  return {
    gateway,
    upstream,
    audit,
    firstSeen,
    materials,
    brokers,
    signer,
    step,
    tokenOf,
    connect,
    tls,
    secure,
    token: tokenOf(step),
    ca: await gateway.caCertificate(step.session),
    setInspection: (one) => void (inspection = one),
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
