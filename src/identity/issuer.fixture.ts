import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import type { JWK } from 'jose'
import type { IssuerConfig } from '../config/index.ts'
import { createIdentityVerifier, type IdentityResult } from './index.ts'

/** 2026-08-01T00:00:00Z. */
export const startMs = 1_785_542_400_000
export const audience = 'https://mayfly.example.com'
export const githubUrl = 'https://token.actions.githubusercontent.com'

export interface TestKey {
  kid: string
  alg: 'ES256' | 'RS256'
  privateKey: KeyObject
  publicKey: KeyObject
  jwk: JWK
}

export function makeKey(kid: string, alg: 'ES256' | 'RS256' = 'ES256'): TestKey {
  const { privateKey, publicKey } =
    alg === 'ES256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 })
  return {
    kid,
    alg,
    privateKey,
    publicKey,
    jwk: { ...(publicKey.export({ format: 'jwk' }) as JWK), kid, alg, use: 'sig' },
  }
}

export const b64 = (text: string | Uint8Array) => Buffer.from(text).toString('base64url')

/** A JWS over exactly this text, under exactly this header: what an attacker can write, a library may refuse to. */
export function signText(key: TestKey, header: string, payload: string | Uint8Array): string {
  const input = `${b64(header)}.${b64(payload)}`
  const signature = sign('sha256', Buffer.from(input), { key: key.privateKey, dsaEncoding: 'ieee-p1363' })
  return `${input}.${b64(signature)}`
}

/** The same under the header that an issuer writes, with changes; `undefined` takes a parameter away. */
export function signRaw(
  key: TestKey,
  payload: string | Uint8Array,
  header: Record<string, unknown> = {},
): string {
  return signText(key, JSON.stringify({ alg: key.alg, kid: key.kid, typ: 'JWT', ...header }), payload)
}

/** What GitHub puts into a token (its documentation, "OpenID Connect reference"). */
export function githubClaims(nowMs = startMs): Record<string, unknown> {
  const now = Math.floor(nowMs / 1000)
  return {
    iss: githubUrl,
    aud: audience,
    jti: `jti-${Math.random()}`,
    sub: 'repo:octo-org/app:ref:refs/heads/main',
    iat: now,
    nbf: now - 5,
    exp: now + 300,
    repository: 'octo-org/app',
    repository_id: '1296269',
    repository_owner: 'octo-org',
    repository_owner_id: '65781',
    run_id: '77',
    run_attempt: '2',
    check_run_id: '991',
    event_name: 'push',
    ref: 'refs/heads/main',
    ref_protected: 'true',
    sha: 'a'.repeat(40),
    job_workflow_ref: 'octo-org/app/.github/workflows/ci.yml@refs/heads/main',
    actor: 'mona',
    actor_id: '12',
    runner_environment: 'github-hosted',
  }
}

/**
 * An OpenID Connect issuer in this process, behind a `fetch` of its own. It answers as OpenID Connect Discovery 1.0
 * (sections 3 and 4) and RFC 7517 (section 5) say; no real issuer was asked.
 */
export interface FakeIssuer {
  readonly url: string
  keys: unknown[]
  discovery: unknown
  /** Paths asked for, in order. */
  readonly requests: string[]
  down: boolean
  /** Answers instead, if it gives one. */
  answer: (path: string) => Response | undefined
  readonly fetch: typeof fetch
}

export function fakeIssuer(url = githubUrl): FakeIssuer {
  const base = new URL(url).pathname.replace(/\/$/, '')
  const issuer: FakeIssuer = {
    url,
    keys: [],
    discovery: { issuer: url, jwks_uri: `${url}/.well-known/jwks` },
    requests: [],
    down: false,
    answer: () => undefined,
    async fetch(input, init) {
      const { pathname } = new URL(input instanceof Request ? input.url : input)
      issuer.requests.push(pathname)
      // Real answers take their time.
      await new Promise((resolve) => setImmediate(resolve))
      init?.signal?.throwIfAborted()
      if (issuer.down) throw new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED') })
      const special = issuer.answer(pathname)
      if (special !== undefined) return special
      if (pathname === `${base}/.well-known/openid-configuration`) return Response.json(issuer.discovery)
      if (pathname === `${base}/.well-known/jwks`) return Response.json({ keys: issuer.keys })
      return new Response('', { status: 404 })
    },
  }
  return issuer
}

/** A verifier of one issuer, its clock, and a key that the issuer publishes. */
export function setup(config: IssuerConfig = { kind: 'github-actions', url: githubUrl }) {
  const clock = { ms: startMs, nowMs: () => clock.ms }
  const issuer = fakeIssuer(config.url)
  const key = makeKey('key-1')
  issuer.keys.push(key.jwk)
  const verifier = createIdentityVerifier({
    issuers: { ci: config },
    audience: () => audience,
    fetch: issuer.fetch,
    clock,
  })
  const claims = (changes: Record<string, unknown> = {}) =>
    JSON.stringify({ ...githubClaims(clock.ms), iss: config.url, ...changes })
  return {
    clock,
    issuer,
    key,
    verifier,
    claims,
    verify: (changes: Record<string, unknown> = {}, header: Record<string, unknown> = {}) =>
      verifier.verify(signRaw(key, claims(changes), header)),
  }
}

/** The refusal as `reason`, or `accepted`. */
export function reasonOf(result: IdentityResult): string {
  return result.ok ? 'accepted' : result.reason
}
