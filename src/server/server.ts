import { Server as TlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { fastify, type FastifyInstance } from 'fastify'
import { z } from 'zod'
import {
  MayflyError,
  limits,
  messageOf,
  newId,
  systemCode,
  type Clock,
  type ServedCertificate,
} from '../lib/index.ts'
import { type Approvals, endLeftUnapproved, endUnapproved } from '../approval/index.ts'
import type { Attestor } from '../attest/attestor/index.ts'
import type { TrustKeeper } from '../attest/trust/index.ts'
import type { AuditClient } from '../audit/client/index.ts'
import type { Findings } from '../audit/findings/index.ts'
import type { AccessTokens, Broker, People, StoredArtifactLists } from '../broker/index.ts'
import type { Honey } from '../honey/index.ts'
import type { Gateway } from '../gateway/index.ts'
import type { StepLogs } from '../logs/index.ts'
import type { Recordings } from '../recordings/index.ts'
import type { ProofVerifier } from '../identity/index.ts'
import type { ApiTokens, CliLogin, OperatorAccess, OperatorSessions, SignIn } from '../operators/index.ts'
import type { SigningKeys, Rotation } from '../oidc-issuer/index.ts'
import type { SecretRotation } from '../rotation/index.ts'
import type { RulesHolder } from '../rules/index.ts'
import type { Store } from '../store/index.ts'
import type { Vault, VaultControl } from '../vault/index.ts'
import type { EndSessions } from './finish-seal.ts'
import type { Health } from './health.ts'
import type { Metrics } from './metrics.ts'
import { createEndNotices } from './end-notices.ts'
import { describeApi } from './openapi.ts'
import { registerPages } from './pages/pages.ts'
import { createRefusals } from './refusals.ts'
import { registerRoutes, type Route } from './route.ts'
import { approvalRoutes } from './routes/approvals.ts'
import { attestationRoutes } from './routes/attestations.ts'
import { attestVerifyRoute } from './routes/attest-verify.ts'
import { attestTrustRoutes } from './routes/attest-trust.ts'
import { connectionRoutes } from './routes/connections.ts'
import { leaseRoutes } from './routes/leases.ts'
import { credentialRoutes } from './routes/credentials.ts'
import { krlRoutes } from './routes/krl.ts'
import { knownScanRoute } from './routes/known-scan.ts'
import { verifyRoutes } from './routes/verify.ts'
import { scanFindingsRoute } from './routes/scan-findings.ts'
import { logRoutes } from './routes/logs.ts'
import { recordingRoutes } from './routes/recordings.ts'
import { oauthRoutes } from './routes/oauth.ts'
import { createHoneyPresented } from './honey-presented.ts'
import { honeyRoutes } from './routes/honey.ts'
import { oidcRoutes } from './routes/oidc.ts'
import { operatorRoutes } from './routes/operator.ts'
import { policyHistoryRoutes } from './routes/policy-history.ts'
import { renewRoute } from './routes/renew.ts'
import { rotationRoutes } from './routes/rotation.ts'
import { secretLifeRoutes } from './routes/secret-lives.ts'
import { secretRoutes } from './routes/secrets.ts'
import { vaultRoutes } from './routes/vault.ts'
import { sessionRoutes } from './routes/session.ts'
import { signInRoutes } from './routes/sign-in.ts'
import type { KnownLook, OutputInspection, Verifier } from '../inspection/index.ts'
import type { SigningIdentities } from './finish-step.ts'
import { stepRoutes } from './routes/steps.ts'
import { whoamiRoutes } from './routes/whoami.ts'
import { HttpProblem, toProblem } from './wire-error.ts'

export interface ServerDeps {
  rules: RulesHolder
  broker: Broker
  logs: StepLogs
  recordings: Recordings
  gateway: Gateway
  vault: Vault
  people: People
  audit: AuditClient
  apiTokens: ApiTokens
  tokens: AccessTokens
  signingKeys: SigningKeys
  rotation: Rotation
  /** Whose attestations count. */
  trust: TrustKeeper
  honey: Honey
  proofs: ProofVerifier
  health: Health
  metrics: Metrics
  clock: Clock
  heartbeatSeconds: number
  /** Our own URL: issuer and audience of our tokens. */
  url: () => string
  approvals: Approvals
  operators: OperatorAccess
  sessions: OperatorSessions
  cliLogin: CliLogin
  signIn: SignIn
  secretRotation: SecretRotation
  attestor: Attestor
  /** May anybody read attestations by their digests? */
  attestationsArePublic: () => boolean
  /** Where attestations are signed with the job’s own token. */
  signingIdentities?: SigningIdentities | undefined
  artifactLists: StoredArtifactLists
  /** Looks at what steps write. */
  output?: OutputInspection
  /** Says where secrets of the vault stand in what operators scan. */
  known: KnownLook
  verifier: Verifier
  /** What was found in builds. */
  findings: Findings
  store: Store
  vaultControl: VaultControl
  /** Before the vault is sealed. */
  endSessions: EndSessions
  log: { error(fields: object, message: string): void }
  /** With it the API speaks HTTPS. Closed by the caller. */
  certificate?: ServedCertificate
}

export interface ApiServer {
  /** Throws `port_in_use`. */
  listen(host: string, port: number): Promise<{ port: number }>
  /** Steps that were ended because we stop, and whose supervisors have not been told yet. */
  untold(): number
  close(): Promise<void>
}

/** The HTTP API: a route table, checked bodies, one form of error. */
export function createApiServer(deps: ServerDeps): ApiServer {
  const { certificate } = deps
  const app: FastifyInstance = fastify({
    logger: false,
    bodyLimit: limits.smallBodyBytes,
    genReqId: () => newId<string>('req'),
    requestTimeout: 30_000,
    // Proxies' headers decide nothing here, so none is believed.
    trustProxy: false,
    ...(certificate === undefined ? {} : { https: { ...certificate.pair, handshakeTimeout: 10_000 } }),
  })
  if (app.server instanceof TlsServer) certificate?.follow(app.server)
  endUnapproved(deps)
  const refusals = createRefusals(deps)
  app.addHook('onClose', () => refusals.close())
  const notices = createEndNotices(deps.broker)
  const routes: Route[] = [
    ...oauthRoutes({ ...deps, refusals }),
    renewRoute({ ...deps, notices }),
    ...stepRoutes({ ...deps, notices }),
    ...credentialRoutes({ ...deps, notices }),
    ...logRoutes({ ...deps, notices }),
    ...recordingRoutes(deps),
    ...attestationRoutes(deps),
    attestVerifyRoute(deps),
    ...operatorRoutes(deps),
    ...secretRoutes(deps),
    ...rotationRoutes(deps),
    ...vaultRoutes({ ...deps, refusals, deliver: () => deps.broker.outbox.deliver() }),
    ...secretLifeRoutes(deps),
    knownScanRoute(deps),
    ...verifyRoutes(deps),
    scanFindingsRoute(deps),
    ...connectionRoutes(deps),
    ...leaseRoutes(deps),
    ...krlRoutes(deps),
    ...whoamiRoutes(deps),
    ...signInRoutes(deps),
    ...approvalRoutes(deps),
    ...policyHistoryRoutes(deps),
    ...sessionRoutes(deps),
    ...oidcRoutes(deps),
    ...attestTrustRoutes(deps),
    ...honeyRoutes(deps),
  ]
  acceptForms(app)
  registerRoutes(app, routes, { ...deps, endOf: notices.ofToken })
  registerProbes(app, deps, routes)
  registerPages(app, { ...deps, refusals })
  reportErrors(app, deps)
  return {
    async listen(host, port) {
      await endLeftUnapproved(deps)
      try {
        await app.listen({ host, port })
      } catch (cause) {
        if (systemCode(cause) !== 'EADDRINUSE') throw cause
        throw new MayflyError(
          'port_in_use',
          `server port ${host}:${port} is in use: stop what holds it, or choose another with --port`,
          { cause },
        )
      }
      // Without a listener a connection that cannot be taken (no more files) would end the process.
      app.server.on('error', (error) =>
        deps.log.error({ error: messageOf(error) }, 'a connection was not taken'),
      )
      return { port: (app.server.address() as AddressInfo).port }
    },
    untold: () => notices.untold(),
    close: () => app.close(),
  }
}

function acceptForms(app: FastifyInstance): void {
  app.addContentTypeParser('application/octet-stream', { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, body),
  )
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string', bodyLimit: limits.smallBodyBytes },
    (_request, body, done) => {
      const pairs = [...new URLSearchParams(body as string)]
      if (pairs.length > limits.formParameters)
        return done(
          new MayflyError('limit_exceeded', `a form has at most ${limits.formParameters} parameters`),
        )
      const form = new Map(pairs)
      const repeated =
        form.size < pairs.length
          ? pairs.find(([key], i) => pairs.findIndex(([one]) => one === key) < i)
          : undefined
      // RFC 6749, section 3.2: a parameter sent twice is refused, since two readers may take either.
      if (repeated !== undefined)
        return done(new MayflyError('bad_input', `parameter ${repeated[0].slice(0, 100)} is there twice`))
      done(null, Object.fromEntries(form))
    },
  )
}

function registerProbes(app: FastifyInstance, deps: ServerDeps, routes: Route[]): void {
  const ready: Route = {
    method: 'GET',
    path: '/readyz',
    summary: 'Could something be issued right now? If not, why',
    auth: 'none',
    response: z.object({ ready: z.boolean(), reasons: z.array(z.string()), warnings: z.array(z.string()) }),
    handle: () => deps.health.check(),
  }
  const alive: Route = {
    method: 'GET',
    path: '/healthz',
    summary: 'Is the process alive?',
    auth: 'none',
    response: z.object({ ok: z.literal(true) }),
    handle: async () => ({ ok: true }),
  }
  app.get(alive.path, () => ({ ok: true }))
  app.get(ready.path, async (_request, reply) => {
    const { ready: isReady, reasons, warnings } = await deps.health.check()
    return reply.code(isReady ? 200 : 503).send({ ready: isReady, reasons, warnings })
  })
  app.get('/openapi.json', () => describeApi([...routes, ready, alive], deps.url()))
  app.get('/metrics', async (_request, reply) =>
    reply.type(deps.metrics.contentType).send(await deps.metrics.text()),
  )
}

function reportErrors(app: FastifyInstance, deps: ServerDeps): void {
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' })
    // Before a body is read that nobody wants.
    if (request.is404) {
      const detail = 'there is nothing here; see /openapi.json'
      return done(new HttpProblem({ status: 404, code: 'not_found', detail }))
    }
    if (request.raw.rawHeaders.length > 2 * limits.requestHeaders)
      return done(
        new HttpProblem({
          status: 431,
          code: 'limit_exceeded',
          detail: `more than ${limits.requestHeaders} headers`,
        }),
      )
    done()
  })
  app.addHook('onResponse', (request, reply, done) => {
    deps.metrics.observe(request.routeOptions.url ?? 'none', reply.statusCode, reply.elapsedTime / 1000)
    done()
  })
  const presented = createHoneyPresented(deps)
  app.setErrorHandler((error, request, reply) => {
    const { status, code, detail, more, members, headers } = toProblem(error)
    if (headers !== undefined) reply.headers(headers)
    if (status < 500) presented.look(request)
    if (status >= 500)
      deps.log.error(
        { request: request.id, route: request.routeOptions.url, error: messageOf(error) },
        'request failed',
      )
    const request_id = request.id
    if (request.url.startsWith('/oauth/')) {
      return reply.code(status).send({
        error: code,
        error_description: detail,
        request_id,
        ...members,
        ...(more === undefined ? {} : { claims: more }),
      })
    }
    return reply
      .code(status)
      .type('application/problem+json')
      .send({
        type: 'about:blank',
        status,
        code,
        detail,
        request_id,
        ...members,
        ...(more === undefined ? {} : { more }),
      })
  })
}
