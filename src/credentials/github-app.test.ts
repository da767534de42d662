import assert from 'node:assert/strict'
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { test, type TestContext } from 'node:test'
import { jwtVerify } from 'jose'
import { github } from '../kinds/github.ts'
import {
  assertHidden,
  failsWith,
  leftBy,
  refusesOddAnswers,
  refusesOddCredentials,
  revealed,
  setUp,
  startApi,
  startMs,
  type Asked,
  type Said,
} from './api.fixture.ts'
import { githubApp } from './github-app.ts'
import { permissionsFor } from './github-permissions.ts'

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const pem = privateKey.export({ format: 'pem', type: 'pkcs1' })

interface Github {
  readonly tokens: { token: string; repositories?: string[]; permissions: Record<string, string> }[]
  nowMs: number
  /** What the installation has given the App. */
  permissions: Record<string, string>
}

/**
 * GitHub's REST API as far as an App asks it for tokens, written from its published reference (docs.github.com/rest/apps, version
 * 2022-11-28, and "Generating a JSON Web Token for a GitHub App"). GitHub itself was not asked.
 */
async function startGithub(t: TestContext) {
  const state: Github = {
    tokens: [],
    nowMs: startMs,
    permissions: {
      metadata: 'read',
      contents: 'write',
      issues: 'write',
      workflows: 'write',
      packages: 'read',
    },
  }
  const api = await startApi(t, async (asked) => ({
    ...(await answerOf(asked, state)),
    headers: { date: new Date(state.nowMs).toUTCString() },
  }))
  return { api, state }
}

async function answerOf(asked: Asked, state: Github): Promise<Said> {
  const shown = asked.headers.authorization?.replace(/^Bearer /, '') ?? ''
  const at = state.tokens.findIndex(({ token }) => token === shown)
  const bad = { status: 401, json: { message: 'Bad credentials' } }
  if (asked.path === '/installation/repositories') return at === -1 ? bad : { json: { repositories: [] } }
  if (asked.path === '/installation/token') {
    if (at === -1) return bad
    state.tokens.splice(at, 1)
    return { status: 204 }
  }
  const problem = await problemOfJwt(shown, state.nowMs / 1000)
  return problem === undefined ? asApp(asked, state) : { status: 401, json: { message: problem } }
}

async function problemOfJwt(jwt: string, now: number): Promise<string | undefined> {
  const options = { algorithms: ['RS256'], clockTolerance: 1e9 }
  const { payload } = await jwtVerify(jwt, publicKey, options).catch(
    () => ({ payload: {} }) as Awaited<ReturnType<typeof jwtVerify>>,
  )
  const { iat = 0, exp = 0, iss } = payload
  if (iss !== '1001') return 'A JSON web token could not be decoded'
  if (iat > now)
    return "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"
  if (exp > now + 600) return "'Expiration time' claim ('exp') is too far in the future"
  return exp > now
    ? undefined
    : "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires"
}

function asApp({ method, path, text }: Asked, state: Github): Said {
  const { permissions } = state
  if (method === 'GET')
    return /^\/(?:repos\/octo\/(?:app|lib)|users\/octo|app)\/installation(?:s\/77)?$/.test(path)
      ? { json: { id: 77, account: { login: 'Octo' }, permissions, repository_selection: 'selected' } }
      : { status: 404, json: { message: 'Not Found' } }
  const body = JSON.parse(text) as Omit<Github['tokens'][number], 'token'>
  if (path !== '/app/installations/77/access_tokens') return { status: 404, json: { message: 'Not Found' } }
  if (body.repositories?.some((name) => !['app', 'lib'].includes(name)) === true)
    return { status: 422, json: { message: 'There is at least one repository that does not exist' } }
  const token = `ghs_${randomUUID().replaceAll('-', '')}`
  state.tokens.push({ token, ...body })
  const repository_selection = body.repositories === undefined ? 'all' : 'selected'
  const expires_at = new Date(state.nowMs + 3_600_000).toISOString().replace('.000', '')
  return { status: 201, json: { token, expires_at, permissions: body.permissions, repository_selection } }
}

async function open(
  t: TestContext,
  more: { kind?: string; url?: string; config?: object; grants?: string[]; key?: string } = {},
) {
  const { api, state } = await startGithub(t)
  const {
    kind = 'git',
    url = 'https://github.com',
    config = {},
    grants = ['git:read api/Octo/app'],
    key = pem,
  } = more
  const whole = { app_id: 1001, key: 'secret:github/app', api: api.url, ...config }
  return {
    ...setUp(githubApp, { api, kind, url, grants, config: whole, secrets: { 'github/app': key } }),
    api,
    state,
    grants,
  }
}

test('a token for one repository and for reading it, used, revoked, and seen to be dead', async (t) => {
  const { mint, held, tools, state, grants } = await open(t)
  const { asked, minted } = await mint({ grants })
  const { token = '', authorization } = revealed(minted)
  assert.deepEqual(state.tokens, [
    { token, repositories: ['app'], permissions: { metadata: 'read', contents: 'read' } },
  ])
  assert.equal(authorization, `Basic ${Buffer.from(`x-access-token:${token}`).toString('base64')}`)
  assert.equal(minted.expiresMs, startMs + 3_600_000)
  assert.deepEqual(minted.facts, {
    installation: 77,
    owner: 'Octo',
    repositories: ['app'],
    permissions: { metadata: 'read', contents: 'read' },
  })
  assertHidden([minted.facts, minted.fields, githubApp.plan(asked)], [token])
  const of = held(asked, minted)
  assert.equal(await githubApp.probe?.(of, tools), 'alive')
  assert.equal(await githubApp.revoke(of, tools), 'revoked')
  assert.equal(await githubApp.probe?.(of, tools), 'dead')
  assert.equal(await githubApp.revoke(of, tools), 'not_found')
})

test('what a role is granted is what its token may do', async (t) => {
  const { mint, state } = await open(t)
  const cases: [
    grants: string[],
    kind: 'git' | 'github' | 'oci',
    repositories: string[],
    permissions: object,
  ][] = [
    [
      ['git:push api/octo/app@refs/tags/*', 'git:read api/octo/lib'],
      'git',
      ['app', 'lib'],
      { contents: 'write' },
    ],
    [
      ['github:issue api/octo/app', 'github:query api/repository'],
      'github',
      ['app'],
      { contents: 'read', issues: 'write' },
    ],
    [
      ['github:workflow api/octo/lib', 'github:credential api'],
      'github',
      ['lib'],
      { contents: 'write', workflows: 'write' },
    ],
    [['oci:pull api/octo/app/server@v*'], 'oci', ['app'], { packages: 'read' }],
  ]
  for (const [grants, kind, repositories, permissions] of cases) {
    const { asked } = await mint({ grants })
    const { minted } = await mint({ grants, connection: { ...asked.connection, kind } })
    const made = state.tokens.at(-1)
    assert.deepEqual(made, {
      token: made?.token,
      repositories,
      permissions: { metadata: 'read', ...permissions },
    })
    assert.match(revealed(minted).authorization, kind === 'github' ? /^Bearer ghs_/ : /^Basic /)
  }
})

test('what the App lacks, what is outside of its installation, and what GitHub cannot narrow is refused with what to do', async (t) => {
  const { mint, state, api } = await open(t)
  const refused: [grants: string[], problem: RegExp][] = [
    [['git:read api/octo/app', 'git:read api/acme/x'], /repositories of octo and of acme/],
    [['git:read api/octo/none'], /App 1001 is not installed for octo\/none/],
    [
      ['git:read api/octo/app', 'git:read api/octo/none'],
      /answers 422 .*app, none: There is at least one repository/,
    ],
    [['git:read api/octo/*'], /has a \* for its repositories.*all_repositories: true/],
    [['git:read api/*'], /has a \*/],
    [['github:read api/octo'], /or an owner alone/],
    [['github:search api/~'], /names no repository/],
    [[], /names no repository/],
  ]
  for (const [grants, problem] of refused)
    await assert.rejects(mint({ grants }), failsWith('credential_failed', problem, [pem]), grants.join())
  state.permissions = { metadata: 'read', contents: 'read' }
  await assert.rejects(
    mint({ grants: ['git:push api/octo/app@refs/heads/x'] }),
    failsWith('credential_failed', /App 1001 has no contents: write at Octo.*give it that permission/),
  )
  assert.deepEqual(state.tokens, [])
  assert.ok(api.seen.every(({ text }) => !text.includes('"repositories":[]')))
})

test('with all_repositories a token is for the whole installation, and says so; another owner’s installation is not used', async (t) => {
  const { mint, state } = await open(t, { config: { all_repositories: true } })
  const { minted } = await mint({ grants: ['git:read api/octo/*'] })
  assert.equal(state.tokens[0]?.repositories, undefined)
  assert.equal(minted.facts?.['repositories'], 'all')
  await assert.rejects(
    mint({ grants: ['git:read api/*'] }),
    failsWith('credential_failed', /name installation_id/),
  )
  const named = await open(t, { config: { installation_id: 77, all_repositories: true } })
  await named.mint({ grants: ['git:read api/*'] })
  await assert.rejects(
    named.mint({ grants: ['git:read api/acme/app'] }),
    failsWith('credential_failed', /installation 77 is of Octo, and the grants are for acme/),
  )
})

test('`permissions` is the most that a token has, and lets pushes bring workflows', () => {
  const installed = { contents: 'write', workflows: 'write', issues: 'write' } as const
  const of = (words: string[], most?: Parameters<typeof permissionsFor>[3]) =>
    permissionsFor('git', words, installed, most)
  assert.deepEqual(of(['push']), { ok: true, permissions: { metadata: 'read', contents: 'write' } })
  assert.deepEqual(of(['push'], { contents: 'read' }), {
    ok: true,
    permissions: { metadata: 'read', contents: 'read' },
  })
  const both = { contents: 'write', workflows: 'write' } as const
  assert.deepEqual(of(['push'], both), { ok: true, permissions: { metadata: 'read', ...both } })
  assert.deepEqual(of(['read'], both), { ok: true, permissions: { metadata: 'read', contents: 'read' } })
})

test('every action of GitHub’s API but gists needs something', () => {
  for (const action of Object.keys(github.actions)) {
    const found = permissionsFor(
      'github',
      [action.slice('github:'.length)],
      { administration: 'read' },
      undefined,
    )
    const something = !found.ok || Object.keys(found.permissions).length > 1
    assert.equal(
      something,
      !['github:gist', 'github:read', 'github:query', 'github:search'].includes(action),
      action,
    )
  }
})

test('clocks that differ are told as that', async (t) => {
  const { mint, state, grants } = await open(t)
  for (const [skewMs, problem] of [
    [-120_000, /'Issued at'.*differ by 120 s \(this one is ahead\): set the clock/],
    [900_000, /differ by 900 s \(this one is behind\)/],
  ] as const) {
    state.nowMs = startMs + skewMs
    await assert.rejects(mint({ grants }), failsWith('credential_failed', problem))
  }
  // Within what GitHub takes the token's end is counted by GitHub's clock.
  state.nowMs = startMs - 50_000
  assert.equal((await mint({ grants })).minted.expiresMs, startMs + 3_600_000)
})

test('each phase ends in a clear error without a secret, whatever GitHub says', async (t) => {
  const { mint, held, tools, api, state, grants } = await open(t)
  const { asked, minted } = await mint({ grants })
  const of = held(asked, minted)
  const { token = '' } = revealed(minted)
  await refusesOddAnswers(api, () => mint({ grants }), [])
  await refusesOddAnswers(api, () => githubApp.revoke(of, tools), [token])
  const installed = { id: 77, account: { login: 'octo' }, permissions: { contents: 'read' } }
  await refusesOddCredentials(
    api,
    () => mint({ grants }),
    [token],
    [
      { ...installed, id: '77' },
      { ...installed, account: null },
    ],
  )
  const good = {
    token: 'planted-in-the-answer',
    expires_at: '2026-11-28T13:00:00Z',
    permissions: { contents: 'read' },
  }
  for (const [said, problem] of [
    [{ ...good, token: undefined }, /no token/],
    [{ ...good, token: 5 }, /no token/],
    [{ ...good, expires_at: 'soon' }, /neither RFC 3339/],
    [{ ...good, expires_at: undefined }, /neither RFC 3339/],
    [{ ...good, permissions: { contents: 'write' } }, /more than was asked for/],
    [{ ...good, permissions: { contents: 'read', secrets: 'read' } }, /more than was asked for/],
    [{ ...good, repository_selection: 'all' }, /more than was asked for/],
    [{ ...good, repositories: [{ name: 'another' }] }, /more than was asked for/],
    [{ ...good, expires_at: '2020-01-01T00:00:00Z' }, /has ended already/],
  ] as const) {
    api.mood = ({ method }) =>
      method === 'GET' ? { json: installed } : { status: method === 'POST' ? 201 : 204, json: said }
    await assert.rejects(mint({ grants }), failsWith('credential_failed', problem, ['planted-in-the-answer']))
    const handle = await leftBy(() => mint({ grants }))
    const { token: left } = said
    assert.deepEqual(handle, typeof left === 'string' ? { token: left } : undefined, 'it is kept for its end')
  }
  // A limit of requests: GitHub, "Rate limits for the REST API".
  api.mood = () => ({
    status: 403,
    json: { message: 'API rate limit exceeded' },
    headers: {
      date: new Date(startMs).toUTCString(),
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset': String(startMs / 1000 + 40),
    },
  })
  await assert.rejects(
    mint({ grants }),
    (error) => (error as { retryAfterMs?: number }).retryAfterMs === 40_000,
  )
  api.mood = 'forgetful'
  const count = state.tokens.length
  await assert.rejects(githubApp.revoke(of, tools), failsWith('upstream_unreachable', /500/, [token]))
  api.mood = 'well'
  assert.equal(state.tokens.length, count - 1)
  assert.equal(await githubApp.revoke(of, tools), 'not_found', 'it was revoked, and nobody said so')
  assert.equal(await githubApp.revoke(held(asked, undefined), tools), 'nothing_to_do')
  assert.equal(githubApp.longestSeconds, 3600)
})

test('a key that is none is told by its secret’s name', async (t) => {
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
    format: 'pem',
    type: 'pkcs8',
  })
  for (const key of ['planted-in-the-key', ec]) {
    const { mint, grants } = await open(t, { key })
    await assert.rejects(
      mint({ grants }),
      failsWith('bad_input', /secret "github\/app" is no RSA private key/, ['planted', ec.slice(60, 90)]),
    )
  }
})
