import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SignJWT, exportJWK, generateKeyPair } from 'jose'
import { randomUUID } from 'node:crypto'

/**
 * An OIDC issuer that signs tokens of GitHub's shape: discovery, JWKS, and the endpoint from which a GitHub job
 * asks for its token. It stands in for token.actions.githubusercontent.com, which cannot be had here; written
 * from GitHub's "OpenID Connect reference".
 */
export interface CiIssuer {
  readonly url: string
  /** Environment of a job that may ask for tokens, as GitHub gives it. */
  jobEnvironment(claims?: Record<string, unknown>): Record<string, string>
  /** A token for this audience; `claims` override GitHub's. Times in seconds. */
  sign(
    audience: string,
    claims?: Record<string, unknown>,
    header?: { kid?: string; alg?: string },
  ): Promise<string>
  /** From now on signs with another key, and no longer publishes the old one. */
  rotate(): Promise<void>
  close(): Promise<void>
}

export const githubClaims = {
  sub: 'repo:octo-org/links:ref:refs/heads/main',
  repository: 'octo-org/links',
  repository_id: '1296269',
  repository_owner: 'octo-org',
  repository_owner_id: '65781',
  repository_visibility: 'private',
  actor: 'octocat',
  actor_id: '583231',
  ref: 'refs/heads/main',
  ref_type: 'branch',
  ref_protected: 'true',
  sha: '6dcb09b5b57875f334f61aebed695e2e4193db5e',
  event_name: 'push',
  workflow: 'ci',
  workflow_ref: 'octo-org/links/.github/workflows/ci.yml@refs/heads/main',
  job_workflow_ref: 'octo-org/links/.github/workflows/ci.yml@refs/heads/main',
  job_workflow_sha: '6dcb09b5b57875f334f61aebed695e2e4193db5e',
  run_id: '9000000001',
  run_number: '42',
  run_attempt: '1',
  check_run_id: '31415926535',
  runner_environment: 'github-hosted',
}

export async function startIssuer(): Promise<CiIssuer> {
  let keys = await generateKeyPair('RS256')
  let kid = randomUUID()
  const jobs = new Map<string, Record<string, unknown>>()

  async function sign(
    audience: string,
    claims: Record<string, unknown> = {},
    header: { kid?: string; alg?: string } = {},
  ): Promise<string> {
    const now = Math.floor(Date.now() / 1000)
    const payload = {
      ...githubClaims,
      iss: url,
      aud: audience,
      jti: randomUUID(),
      iat: now,
      nbf: now - 5,
      exp: now + 300,
      ...claims,
    }
    return new SignJWT(payload)
      .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid, ...header })
      .sign(keys.privateKey)
  }

  const server = createServer((request, response) => {
    const answer = (status: number, body: unknown) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    const target = new URL(request.url ?? '/', url)
    if (target.pathname === '/.well-known/openid-configuration') {
      return answer(200, {
        issuer: url,
        jwks_uri: `${url}/keys`,
        id_token_signing_alg_values_supported: ['RS256'],
        response_types_supported: ['id_token'],
        subject_types_supported: ['public'],
      })
    }
    if (target.pathname === '/keys') {
      return void exportJWK(keys.publicKey).then((jwk) =>
        answer(200, { keys: [{ ...jwk, kid, alg: 'RS256', use: 'sig' }] }),
      )
    }
    if (target.pathname === '/token') {
      const claims = jobs.get((request.headers.authorization ?? '').replace('Bearer ', ''))
      if (claims === undefined) return answer(401, { message: 'not a job of ours' })
      return void sign(target.searchParams.get('audience') ?? '', claims).then((value) =>
        answer(200, { count: value.length, value }),
      )
    }
    return answer(404, {})
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  return {
    url,
    sign,
    jobEnvironment(claims = {}) {
      const bearer = randomUUID()
      jobs.set(bearer, claims)
      return {
        ACTIONS_ID_TOKEN_REQUEST_URL: `${url}/token?api-version=2`,
        ACTIONS_ID_TOKEN_REQUEST_TOKEN: bearer,
      }
    },
    async rotate() {
      keys = await generateKeyPair('RS256')
      kid = randomUUID()
    },
    close: () =>
      new Promise((done) => {
        server.close(() => done())
        server.closeAllConnections()
      }),
  }
}
