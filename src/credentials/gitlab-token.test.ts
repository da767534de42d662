import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
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
import { gitlabToken } from './gitlab-token.ts'

const admin = 'glpat-admin-4711'

interface Token {
  readonly id: number
  readonly token: string
  readonly name: string
  readonly scopes: readonly string[]
  readonly access_level: number
  readonly expires_at: string
  revoked: boolean
  active: boolean
}

/**
 * GitLab's REST API as far as access tokens of a project go, written from its published reference ("Project access tokens API",
 * "Personal access tokens API"). GitLab itself was not asked.
 */
async function startGitlab(t: TestContext, project = '/api/v4/projects/octo%2Fapp') {
  const tokens: Token[] = []
  const api = await startApi(t, (asked) => {
    const { method, path, headers, text } = asked
    const shown = headers['private-token']
    if (path === '/api/v4/personal_access_tokens/self') {
      const own = tokens.find(({ token, active }) => token === shown && active)
      return own === undefined
        ? { status: 401, json: { message: '401 Unauthorized' } }
        : { json: withoutToken(own) }
    }
    if (shown !== admin) return { status: 401, json: { message: '401 Unauthorized' } }
    if (!path.startsWith(`${project}/access_tokens`))
      return { status: 404, json: { message: '404 Project Not Found' } }
    if (method === 'GET') return listOf(tokens, asked, api.url)
    if (method === 'POST') return make(tokens, text)
    const found = tokens.find(({ id, active }) => active && path.endsWith(`/${id}`))
    if (found === undefined)
      return { status: 404, json: { message: '404 Could not find project access token' } }
    Object.assign(found, { revoked: true, active: false })
    return { status: 204 }
  })
  return {
    api,
    tokens,
    config: {
      admin: 'secret:admin',
      of: 'project:octo/app',
      scopes: ['read_repository'],
      api: `${api.url}/api/v4/`,
    },
  }
}

function make(tokens: Token[], text: string): Said {
  const asked = JSON.parse(text) as Pick<Token, 'name' | 'scopes' | 'access_level' | 'expires_at'>
  if (asked.access_level > 30)
    return { status: 400, json: { message: '400 Bad request - Access level of the token can’t be greater' } }
  if (asked.scopes.some((scope) => !['read_repository', 'read_api'].includes(scope)))
    return { status: 400, json: { error: 'scopes does not have a valid value' } }
  const id = tokens.length + 1
  const token = { id, token: `glpat-${id}-of-a-step`, revoked: false, active: true, ...asked }
  tokens.push(token)
  return { status: 201, json: token }
}

function withoutToken({ token: _, ...said }: Token) {
  return said
}

/** Two on a page; an older version, which knows neither `search` nor `state`. */
function listOf(tokens: Token[], { path, query }: Asked, url: string): Said {
  const page = Number(query.get('page') ?? 1)
  const link = `<${url}${path}?page=1>; rel="first", <${url}${path}?page=${page + 1}>; rel="next"`
  const shown = tokens.slice(page * 2 - 2, page * 2)
  return { json: shown.map(withoutToken), headers: page * 2 < tokens.length ? { link } : {} }
}

test('a token is made for the lease, used, revoked, and seen to be dead', async (t) => {
  const { api, tokens, config } = await startGitlab(t)
  const { mint, held, tools } = setUp(gitlabToken, {
    api,
    kind: 'git',
    config,
    secrets: { admin: `${admin}\n` },
  })
  const { asked, minted } = await mint()
  const [made] = tokens
  assert.match(made?.name ?? '', /^mayfly-lse-[0-9a-z]{24}$/)
  assert.deepEqual(
    [made?.scopes, made?.access_level, made?.expires_at],
    [['read_repository'], 30, '2026-11-29'],
  )
  assert.equal(minted.expiresMs, startMs + 12 * 3_600_000, 'GitLab knows days: the next midnight')
  assert.equal(
    revealed(minted).authorization,
    `Basic ${Buffer.from('mayfly:glpat-1-of-a-step').toString('base64')}`,
  )
  assertHidden([minted.facts, minted.fields, gitlabToken.plan(asked)], [admin, 'glpat-1-of-a-step'])
  const of = held(asked, minted)
  assert.equal(await gitlabToken.probe?.(of, tools), 'alive')
  assert.equal(await gitlabToken.revoke(of, tools), 'revoked')
  assert.equal(await gitlabToken.probe?.(of, tools), 'dead')
  assert.equal(await gitlabToken.revoke(of, tools), 'not_found')
  // Over midnight it must not end before its step.
  const late = await mint({ ttlSeconds: 12 * 3600 })
  assert.equal(late.minted.expiresMs, startMs + 36 * 3_600_000)
})

test('what was made by a request whose answer never came is found by its name on any page; what is revoked, or another’s, is left', async (t) => {
  const { api, tokens, config } = await startGitlab(t)
  const { mint, request, held, tools } = setUp(gitlabToken, {
    api,
    kind: 'gitlab',
    config,
    secrets: { admin },
  })
  const others = [await mint(), await mint(), await mint()]
  const asked = request()
  api.mood = 'forgetful'
  await assert.rejects(
    gitlabToken.mint(asked, gitlabToken.plan(asked), tools),
    failsWith('upstream_unreachable', /500/, [admin]),
  )
  api.mood = 'well'
  const again = await gitlabToken.mint(asked, gitlabToken.plan(asked), tools)
  assert.equal(revealed(again).authorization, 'Bearer glpat-5-of-a-step')
  assert.equal(await gitlabToken.revoke(held(asked, undefined), tools), 'revoked')
  assert.deepEqual(
    tokens.map(({ active }) => active),
    [true, true, true, false, false],
  )
  assert.equal(await gitlabToken.revoke(held(asked, undefined), tools), 'not_found')
  assert.equal(others.length, 3)
})

test('what is outside of the project, the scopes or the level is refused in GitLab’s own words', async (t) => {
  const { api, config } = await startGitlab(t)
  const refused: [more: object, secret: string, problem: RegExp][] = [
    [
      { scopes: ['api'] },
      admin,
      /answers 400 to the request for an access token of project:octo\/app: scopes does not have/,
    ],
    [{ access_level: 'maintainer' }, admin, /400 Bad request - Access level/],
    [{ of: 'project:octo/other' }, admin, /404 .*Project Not Found/],
    [{ of: 'group:octo/app' }, admin, /404/],
    [{}, 'glpat-wrong-token', /answers 401 .*401 Unauthorized/],
  ]
  for (const [more, secret, problem] of refused) {
    const { mint } = setUp(gitlabToken, {
      api,
      kind: 'git',
      config: { ...config, ...more },
      secrets: { admin: secret },
    })
    await assert.rejects(mint(), failsWith('credential_failed', problem, [secret]))
  }
  const empty = setUp(gitlabToken, { api, kind: 'git', config, secrets: { admin: 'two words' } })
  await assert.rejects(empty.mint(), failsWith('bad_input', /secret "admin" is no token/, ['two words']))
})

test('each phase ends in a clear error without a secret, whatever GitLab says', async (t) => {
  const { api, config } = await startGitlab(t)
  const { mint, held, tools } = setUp(gitlabToken, { api, kind: 'git', config, secrets: { admin } })
  const { asked, minted } = await mint()
  const of = held(asked, minted)
  await refusesOddAnswers(api, mint, [admin])
  await refusesOddAnswers(api, () => gitlabToken.revoke(of, tools), [admin])
  await refusesOddAnswers(api, () => gitlabToken.revoke(held(asked, undefined), tools), [admin])
  const good = {
    id: 9,
    token: 'planted-in-the-answer',
    expires_at: '2026-11-29',
    scopes: ['read_repository'],
  }
  await refusesOddCredentials(
    api,
    mint,
    [admin],
    [
      { ...good, token: undefined },
      { ...good, token: 7 },
      { ...good, id: undefined },
      { ...good, id: '9/../1' },
      { ...good, expires_at: null },
      { ...good, expires_at: '2026-11-28' },
      { ...good, expires_at: 'never' },
      { ...good, scopes: ['read_repository', 'api'] },
    ],
  )
  for (const odd of [
    { expires_at: '2036-01-01' },
    { expires_at: '2026-11-28' },
    { access_level: 40 },
    { scopes: ['read_repository', 'api'] },
  ]) {
    api.mood = () => ({ status: 201, json: { ...good, ...odd } })
    assert.deepEqual(await leftBy(mint), { id: good.id, token: good.token }, 'it is kept for its end')
  }
  for (const json of [{}, null, 'x', [{ name: gitlabToken.plan(asked) }, null, 5]]) {
    api.mood = () => ({ json })
    const revoking = gitlabToken.revoke(held(asked, undefined), tools)
    if (Array.isArray(json)) assert.equal(await revoking, 'not_found')
    else await assert.rejects(revoking, failsWith('credential_failed', /no list of access tokens/, [admin]))
  }
  // It is shorter than was asked for: that is when it ends.
  api.mood = () => ({ status: 201, json: good })
  assert.equal((await mint({ ttlSeconds: 72_000 })).minted.expiresMs, Date.parse('2026-11-29'))
  // A plan that somebody has changed ends nothing.
  await assert.rejects(
    gitlabToken.revoke({ ...held(asked, undefined), plan: { name: '' } }, tools),
    failsWith('bad_input', /no name that Mayfly gives/),
  )
})
