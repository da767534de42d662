import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { MayflyError, limits } from '../lib/index.ts'
import type { AccessClaims, AccessTokens } from '../broker/index.ts'
import type { ProofVerifier } from '../identity/index.ts'
import type { Operator, Scope, OperatorAccess } from '../operators/index.ts'
import { boundJson, Refusal } from '../attest/verify/index.ts'
import { HttpProblem, needsNonce } from './wire-error.ts'

/** One line of the API: what the wire carries, who may call it, what it does. OpenAPI is made from the same. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** With `:name` for parameters. */
  readonly path: string
  readonly summary: string
  /** `none`; `dpop`: a session's or step's token with proof; `operator`: anybody known; else the scope it takes, or Readers. */
  readonly auth: 'none' | 'dpop' | 'operator' | Scope | Readers
  readonly body?: z.ZodType
  /** What is taken, and nothing else: `text` is the body as it is. */
  readonly bodyType?: 'json' | 'form' | 'text' | 'bytes'
  /** Without it: 1 MiB for operators, 128 KiB for everybody else. */
  readonly bodyLimitBytes?: number
  /** Of JSON, that many values at most: counted before it is parsed, since a few bytes may stand for many of them. */
  readonly bodyValues?: number
  readonly response: z.ZodType
  /** Bytes as they are; `handle` gives a Buffer or a stream. */
  readonly responseType?: 'bytes'
  readonly status?: number
  /** It is the same for everybody, and may be kept that long. */
  readonly cacheSeconds?: number
  handle(call: Call): Promise<unknown>
}

/** Operators by their scope, or a job by its token; and anybody, while the server says so. */
export interface Readers {
  readonly scope: Scope
  readonly orJob: true
  readonly orAnybody?: () => boolean
}

export interface Call {
  readonly requestId: string
  readonly params: Readonly<Record<string, string>>
  /** What stands behind the `?`. */
  readonly query: Readonly<Record<string, unknown>>
  readonly body: unknown
  readonly headers: FastifyRequest['headers']
  /** Who sent it, as far as the network says. */
  readonly address: string
  /** Set where `auth` is a scope, or who reads is an operator. */
  readonly operator: Operator | undefined
  /** Set where `auth` is `dpop`, or who reads is a job. */
  readonly access: AccessClaims | undefined
}

declare module 'fastify' {
  interface FastifyContextConfig {
    bodyValues?: number | undefined
  }
}

/** As Fastify parses JSON, once it is known to be within what its route takes. */
function acceptJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error')
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
    const { bodyValues: pieces } = request.routeOptions.config
    try {
      if (pieces !== undefined) boundJson(body, { bytes: body.length, pieces })
    } catch (error) {
      if (!(error instanceof Refusal)) return done(error as Error)
      return done(new MayflyError('limit_exceeded', `the body: ${error.message}`, { cause: error }))
    }
    void parse(request, body, done)
  })
}

export interface RouteDeps {
  operators: OperatorAccess
  tokens: Pick<AccessTokens, 'verify'>
  proofs: ProofVerifier
  url: () => string
  /** How what a token stood for has ended; undefined while it stands. */
  endOf: (token: AccessClaims) => HttpProblem | undefined
}

/** A handler whose body has been checked against the schema. */
export function withBody<Body extends z.ZodType>(
  body: Body,
  handle: (call: Call, body: z.output<Body>) => Promise<unknown>,
): Pick<Route, 'body' | 'handle'> {
  return { body, handle: (call) => handle(call, call.body as z.output<Body>) }
}

export function registerRoutes(app: FastifyInstance, routes: readonly Route[], deps: RouteDeps): void {
  acceptJson(app)
  const callers = new WeakMap<FastifyRequest, Pick<Call, 'operator' | 'access'>>()
  for (const route of routes) {
    app.route({
      method: route.method,
      url: route.path,
      bodyLimit: route.bodyLimitBytes ?? usualLimit(route),
      config: { bodyValues: route.bodyValues },
      // Before the body is read: what nobody may send is not taken in, and not parsed.
      onRequest: async (request, reply) => {
        // With every answer, so that a client always has one for its next proof (RFC 9449, section 8.2).
        const nonce = deps.proofs.freshNonce()
        if (nonce !== undefined && route.cacheSeconds === undefined) reply.header('dpop-nonce', nonce)
        callers.set(request, await authenticate(route, request, deps))
      },
      handler: async (request, reply) => {
        const who = callers.get(request)
        if (who === undefined) throw new MayflyError('unauthorized', 'nobody has looked who calls')
        const body = route.body === undefined ? undefined : checkBody(route.body, request.body)
        const params = request.params as Record<string, string>
        const result = await route.handle({
          requestId: request.id,
          params,
          query: request.query as Record<string, unknown>,
          body,
          headers: request.headers,
          address: request.ip,
          ...who,
        })
        if (route.cacheSeconds !== undefined)
          reply.header('cache-control', `public, max-age=${route.cacheSeconds}`)
        return reply.code(route.status ?? 200).send(result)
      },
    })
  }
}

function usualLimit({ auth }: Route): number {
  return auth === 'none' || auth === 'dpop' ? limits.smallBodyBytes : limits.apiBodyBytes
}

async function authenticate(
  route: Route,
  request: FastifyRequest,
  deps: RouteDeps,
): Promise<Pick<Call, 'operator' | 'access'>> {
  const nobody = { operator: undefined, access: undefined }
  const { authorization } = request.headers
  if (route.auth === 'none') return nobody
  if (typeof route.auth === 'object') {
    const { scope, orAnybody } = route.auth
    // Where anybody may read, a token that is no good is no obstacle.
    if (orAnybody?.() === true) return nobody
    return await authenticate({ ...route, auth: isDpop(authorization) ? 'dpop' : scope }, request, deps)
  }
  if (route.auth === 'dpop') {
    const [, token = ''] = (authorization ?? '').split(' ')
    if (!isDpop(authorization))
      throw new MayflyError(
        'unauthorized',
        'this needs a session: Authorization: DPoP, with a proof in the DPoP header',
      )
    return { operator: undefined, access: await checkAccess(token, request, deps) }
  }
  const operator = await deps.operators.authenticate(request)
  if (route.auth !== 'operator' && !operator.scopes.includes(route.auth)) {
    throw new HttpProblem({
      status: 403,
      code: 'denied',
      detail: `${operator.login === undefined ? `API token "${operator.name}"` : operator.name} lacks the scope ${route.auth}`,
    })
  }
  return { operator, access: undefined }
}

function isDpop(authorization: string | undefined): boolean {
  return authorization?.startsWith('DPoP ') === true
}

async function checkAccess(token: string, request: FastifyRequest, deps: RouteDeps): Promise<AccessClaims> {
  const access = await deps.tokens.verify(token)
  if (!access.ok && access.reason === 'invalid')
    throw new MayflyError('bad_token', 'the access token is invalid')
  const proof = await deps.proofs.verify(proofHeader(request), {
    method: request.method,
    uri: `${deps.url()}${request.url.split('?')[0]}`,
    accessToken: token,
  })
  if (!proof.ok && proof.nonce !== undefined) throw needsNonce(401, proof.nonce)
  if (!proof.ok) throw new MayflyError('bad_token', proof.detail)
  const claims = access.ok ? access.claims : access.was
  if (proof.jkt !== claims.jkt)
    throw new MayflyError('bad_token', 'the proof is by another key than the token is bound to')
  // Whoever holds its key is told how it ended, and may do nothing.
  if (!access.ok) throw deps.endOf(claims) ?? new MayflyError('bad_token', 'the access token is expired')
  return claims
}

export function proofHeader(request: { headers: FastifyRequest['headers'] }): string | undefined {
  const value = request.headers['dpop']
  return typeof value === 'string' ? value : undefined
}

function checkBody(schema: z.ZodType, body: unknown): unknown {
  const checked = schema.safeParse(body ?? {})
  if (checked.success) return checked.data
  const issues = checked.error.issues.slice(0, maxIssues)
  const detail = issues.map((issue) => `${issue.path.join('.') || 'body'}: ${issue.message}`).join('; ')
  throw new MayflyError('bad_input', detail.slice(0, maxDetailChars))
}

/** Of a body that is wrong in every place, the first places say enough. */
const maxIssues = 20
const maxDetailChars = 4_000
