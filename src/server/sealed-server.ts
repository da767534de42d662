import { type AddressInfo } from 'node:net'
import { Server as TlsServer } from 'node:tls'
import { fastify } from 'fastify'
import type { AuditClient } from '../audit/client/index.ts'
import {
  limits,
  MayflyError,
  messageOf,
  newId,
  systemCode,
  type Clock,
  type ServedCertificate,
} from '../lib/index.ts'
import { createProofVerifier } from '../identity/index.ts'
import type { OperatorAccess } from '../operators/index.ts'
import type { VaultControl } from '../vault/index.ts'
import { createRefusals } from './refusals.ts'
import { registerRoutes } from './route.ts'
import { vaultRoutes } from './routes/vault.ts'
import { HttpProblem, toProblem } from './wire-error.ts'

/**
 * What is served while the vault has never been open: whether it lives, why it is not ready, and the way to open it. Everything
 * else is answered with 503 `vault_sealed`. Throws `port_in_use`.
 */
export async function startSealedServer(deps: {
  host: string
  port: number
  vaultControl: VaultControl
  audit: AuditClient
  operators: OperatorAccess
  clock: Clock
  tell: (line: string) => void
  certificate?: ServedCertificate
}): Promise<{ port: number; close(): Promise<void> }> {
  const { vaultControl, certificate, tell, host, port } = deps
  const app = fastify({
    ...{ logger: false, bodyLimit: limits.smallBodyBytes, requestTimeout: 30_000, trustProxy: false },
    genReqId: () => newId<string>('req'),
    // A connection that is kept open must not keep the real server waiting for the port.
    forceCloseConnections: true,
    ...(certificate === undefined ? {} : { https: { ...certificate.pair, handshakeTimeout: 10_000 } }),
  })
  if (app.server instanceof TlsServer) certificate?.follow(app.server)
  const why = () => `vault: ${vaultControl.closed() ?? 'it is open, and the server starts'}`
  const refusals = createRefusals(deps)
  app.addHook('onClose', () => refusals.close())
  const routes = vaultRoutes({
    ...{ ...deps, refusals },
    // Nothing is issued, and nothing can be revoked without the keys.
    endSessions: () => Promise.resolve(undefined),
    deliver: () => undefined,
  })
  registerRoutes(app, routes, {
    operators: deps.operators,
    // None of these routes is for sessions.
    tokens: {
      verify: () => Promise.resolve({ ok: false, reason: 'invalid', detail: 'the vault is sealed' }),
    },
    proofs: createProofVerifier({ clock: deps.clock }),
    url: () => '',
    endOf: () => undefined,
  })
  app.get('/healthz', () => ({ ok: true }))
  app.get('/readyz', (_request, reply) =>
    reply.code(503).send({ ready: false, reasons: [`${why()}: nothing is issued`], warnings: [] }),
  )
  app.setNotFoundHandler(() => {
    if (vaultControl.closed() !== undefined)
      throw new MayflyError('vault_sealed', `${why()}: mayfly vault unseal`)
    const headers = { 'retry-after': '2' }
    throw new HttpProblem({ status: 503, code: 'vault_sealed', detail: `${why()}: try again`, headers })
  })
  app.setErrorHandler((error, request, reply) => {
    const { status, code, detail, headers = {} } = toProblem(error)
    if (status === 500) tell(`request failed: ${messageOf(error)}`)
    return reply
      .code(status)
      .headers(headers)
      .type('application/problem+json')
      .send({ type: 'about:blank', status, code, detail, request_id: request.id })
  })
  try {
    await app.listen({ host, port })
  } catch (cause) {
    await app.close()
    if (systemCode(cause) !== 'EADDRINUSE') throw cause
    throw new MayflyError(
      'port_in_use',
      `server port ${host}:${port} is in use: stop what holds it, or choose another with --port`,
      { cause },
    )
  }
  app.server.on('error', (error) => tell(`a connection was not taken: ${messageOf(error)}`))
  return { port: (app.server.address() as AddressInfo).port, close: () => app.close() }
}
