import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { compileRules, openWorld } from './gateway.fixture.ts'
import { startUpstream } from './upstream.fixture.ts'

const host = 'api.test'

async function apiWorld(t: TestContext, kind: 'github' | 'gitlab', grants: readonly string[]) {
  const world = await openWorld(t)
  const upstream = await startUpstream(t, host)
  const api = { kind, url: `https://${host}`, dial: `127.0.0.1:${upstream.port}`, ca: upstream.ca }
  const rules = compileRules({ api: { ...api, credential: { bearer: 'secret:api' } } }, grants)
  world.setTargets(rules.targets, rules.policy)
  const ask = (method: string, path: string, body = '') =>
    world.ask(
      `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      { authority: `${host}:443` },
    )
  /** The action that the request was refused for, as the refusal names it. */
  const needs = async (method: string, path: string, body?: string) => {
    const { status, body: text } = await ask(method, path, body)
    assert.equal(status, 403, `${method} ${path}: ${status} ${text}`)
    return /add "([^"]+)"|"((?:github|gitlab):[^"]+)"/
      .exec(text)
      ?.slice(1)
      .find((one) => one !== undefined)
  }
  return { world, upstream, ask, needs }
}

const githubCases: readonly (readonly [string, string, string])[] = [
  ['GET', '/repos/octo/app/issues', 'github:read api/octo/app'],
  ['GET', '/user', 'github:read api/~'],
  ['POST', '/repos/octo/app/issues/1/comments', 'github:comment api/octo/app'],
  ['POST', '/repos/octo/app/releases', 'github:release api/octo/app'],
  ['POST', '/repos/octo/app/keys', 'github:deploy-key api/octo/app'],
  ['POST', '/repos/octo/app/hooks', 'github:hook api/octo/app'],
  ['PUT', '/repos/octo/app/contents/src/a.ts', 'github:contents api/octo/app'],
  ['PUT', '/repos/octo/app/contents/.github/workflows/ci.yml', 'github:workflow api/octo/app'],
  ['PUT', '/repos/octo/app/contents/.github%2fworkflows%2Fci.yml', 'github:workflow api/octo/app'],
  ['PUT', '/repos/octo/app/contents/.GitHub/workflows/ci.yml', 'github:workflow api/octo/app'],
  ['POST', '/repos/octo/app/git/commits', 'github:workflow api/octo/app'],
  ['PUT', '/repos/octo/app/actions/secrets/TOKEN', 'github:secret api/octo/app'],
  ['POST', '/repos/octo/app/actions/workflows/1/dispatches', 'github:dispatch api/octo/app'],
  ['PUT', '/repos/octo/app/pulls/1/merge', 'github:merge api/octo/app'],
  ['POST', '/gists', 'github:gist api/~'],
  ['POST', '/user/repos', 'github:create-repository api/~'],
  ['POST', '/orgs/octo/repos', 'github:create-repository api/octo'],
  ['PATCH', '/repos/octo/app', 'github:admin api/octo/app'],
  ['PUT', '/repos/octo/app/collaborators/mallory', 'github:admin api/octo/app'],
  ['DELETE', '/repos/octo/app', 'github:admin api/octo/app'],
  ['POST', '/something/new', 'github:admin api/~'],
  ['POST', '/repositories/1/releases', 'github:admin api/~'],
]
test('GitHub: what a request does is a grant of its own, and what nobody knows is admin', async (t) => {
  const { needs, upstream } = await apiWorld(t, 'github', ['github:read api/other/one'])
  for (const [method, path, grant] of githubCases)
    assert.equal(await needs(method, path), grant, `${method} ${path}`)
  assert.deepEqual(upstream.begun, [])
})

const gitlabCases: readonly (readonly [string, string, string])[] = [
  ['GET', '/api/v4/projects/group%2Fsub%2fapp/issues', 'gitlab:read api/group/sub/app'],
  ['POST', '/api/v4/projects/7/releases', 'gitlab:release api/7'],
  ['POST', '/api/v4/projects/7/repository/files/a%2fb.txt', 'gitlab:contents api/7'],
  ['PUT', '/api/v4/projects/7/repository/files/.gitlab-ci.yml', 'gitlab:workflow api/7'],
  ['PUT', '/api/v4/projects/7/repository/files/.gitlab%2Fci%2Fbuild.yml', 'gitlab:workflow api/7'],
  ['POST', '/api/v4/projects/7/repository/commits', 'gitlab:workflow api/7'],
  ['POST', '/api/v4/projects/7/variables', 'gitlab:variable api/7'],
  ['POST', '/api/v4/projects/7/deploy_keys', 'gitlab:deploy-key api/7'],
  ['PUT', '/api/v4/projects/7/packages/generic/app/1.0.0/app.tgz', 'gitlab:package api/7'],
  ['PUT', '/api/v4/projects/7/merge_requests/1/merge', 'gitlab:merge api/7'],
  ['POST', '/api/v4/projects', 'gitlab:create-project api/~'],
  ['POST', '/api/v4/users', 'gitlab:admin api/~'],
  ['DELETE', '/api/v4/projects/7', 'gitlab:admin api/7'],
]
test('GitLab: the same, by path or number of a project', async (t) => {
  const { needs, ask, upstream } = await apiWorld(t, 'gitlab', ['gitlab:read api/other/one'])
  for (const [method, path, grant] of gitlabCases)
    assert.equal(await needs(method, path), grant, `${method} ${path}`)
  assert.equal((await ask('GET', '/group/app/-/settings')).status, 403)
  assert.deepEqual(upstream.begun, [])
})

test('what answers with a credential is refused, whatever is granted: in any case and with an escaped slash, too', async (t) => {
  for (const [kind, requests] of [
    [
      'github',
      [
        ['POST', '/app/installations/1/access_tokens'],
        ['POST', '/repos/octo/app/actions/runners/registration-token'],
        ['POST', '/repos/octo/app/actions/Runners%2fgenerate-jitconfig'],
      ],
    ],
    [
      'gitlab',
      [
        ['POST', '/api/v4/projects/7/access_tokens'],
        ['POST', '/api/v4/projects/7/access_tokens/1/rotate'],
        ['POST', '/api/v4/groups/7/deploy_tokens'],
        ['GET', '/api/v4/projects/group%2Fapp/variables'],
        ['GET', '/api/v4/projects/7/variables/TOKEN'],
        ['GET', '/api/v4/groups/7/Variables/'],
        ['GET', '/api/v4/projects/7/variables%2fTOKEN'],
        ['GET', '/api/v4/projects/7/triggers'],
        ['GET', '/api/v4/projects/7/secure_files/1/download'],
        ['POST', '/api/v4/user/runners'],
      ],
    ],
  ] as const) {
    const { ask, upstream } = await apiWorld(t, kind, [`${kind}:admin api/*`])
    for (const [method, path] of requests) {
      const { status, body } = await ask(method, path)
      assert.equal(status, 403, path)
      assert.match(body, /would be a token, which no step may hold/, path)
    }
    assert.deepEqual(upstream.begun, [])
  }
})

test('what is granted passes, for that repository and no other', async (t) => {
  const { ask, upstream } = await apiWorld(t, 'github', [
    'github:release api/octo/app',
    'github:admin api/octo/own',
  ])
  assert.equal((await ask('POST', '/repos/octo/app/releases', '{"tag_name":"v1"}')).status, 200)
  assert.equal((await ask('POST', '/repos/octo/evil/releases', '{}')).status, 403)
  assert.equal((await ask('POST', '/repos/octo/own/keys', '{}')).status, 200)
  assert.deepEqual(
    upstream.seen.map(({ url, body }) => [url, body.toString()]),
    [
      ['/repos/octo/app/releases', '{"tag_name":"v1"}'],
      ['/repos/octo/own/keys', '{}'],
    ],
  )
})

const graphql = (query: string, more: object = {}) => JSON.stringify({ query, ...more })

test('GraphQL: each field at the root counts, by whatever name, alias or fragment it comes', async (t) => {
  const { needs, ask, upstream } = await apiWorld(t, 'github', [
    'github:query api/viewer',
    'github:mutation api/addComment',
  ])
  assert.equal((await ask('POST', '/graphql', graphql('{ viewer { login } }'))).status, 200)
  assert.equal(
    (await ask('POST', '/graphql', graphql('mutation { addComment(input: {}) { clientMutationId } }')))
      .status,
    200,
  )
  for (const [query, grant] of [
    ['{ repository(owner: "a", name: "b") { id } }', 'github:query api/repository'],
    ['query viewer { nice: repository(owner: "a", name: "b") { id } }', 'github:query api/repository'],
    ['mutation addComment { createRef(input: {}) { clientMutationId } }', 'github:mutation api/createRef'],
    ['mutation { addComment: createRef(input: {}) { clientMutationId } }', 'github:mutation api/createRef'],
    [
      'mutation { addComment(input: {}) { id } createRef(input: {}) { id } }',
      'github:mutation api/createRef',
    ],
    ['mutation { ... on Mutation { createRef(input: {}) { id } } }', 'github:mutation api/createRef'],
    [
      'mutation { ...F } fragment F on Mutation { createRef(input: {}) { id } }',
      'github:mutation api/createRef',
    ],
    [
      'query A { viewer { login } } mutation B { createRef(input: {}) { id } }',
      'github:mutation api/createRef',
    ],
  ] as const)
    assert.equal(await needs('POST', '/graphql', graphql(query, { operationName: 'A' })), grant, query)
  assert.equal(upstream.seen.length, 2)
})

test('GraphQL: what cannot be judged is not sent, and what is sent is what was judged', async (t) => {
  const { ask, upstream } = await apiWorld(t, 'github', ['github:query api/viewer'])
  for (const body of [
    '',
    '[]',
    'null',
    '{',
    JSON.stringify([{ query: '{ viewer { login } }' }]),
    JSON.stringify({ id: 'kept', extensions: { persistedQuery: {} } }),
    graphql('subscription { viewer { login } }'),
    graphql('{ viewer { login }'),
    graphql('fragment F on Query { viewer { login } } query { ...F ...G } fragment G on Node { id }'),
    graphql('query { ...Missing }'),
    graphql('{ __typename }'),
    graphql(`{ ${'a '.repeat(30_000)} }`),
    graphql(`
      ${'{ a '.repeat(6_000)}
      ${'}'.repeat(6_000)}
    `),
    `{"query":"{ viewer { login } }","query":"mutation { createRef(input: {}) { id } }"}`,
  ])
    assert.equal((await ask('POST', '/graphql', body)).status, 403, body.slice(0, 80))
  assert.equal((await ask('GET', '/graphql?query=%7Bviewer%7D')).status, 403)
  assert.deepEqual(upstream.begun, [])
  const twice = `{"query":"mutation { createRef(input: {}) { id } }","query":"{ viewer { login } }","extensions":{"a":1}}`
  assert.equal((await ask('POST', '/graphql', twice)).status, 200)
  assert.equal(upstream.seen[0]?.body.toString(), '{"query":"{ viewer { login } }"}')
})
