import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { compileRules, openWorld } from './gateway.fixture.ts'
import { startUpstream } from './upstream.fixture.ts'

const host = 'api.test'

async function apiWorld(
  t: TestContext,
  kind: 'github' | 'gitlab',
  grants: readonly string[],
  { ca = '', ...more }: { storage?: readonly string[]; ca?: string } = {},
) {
  const world = await openWorld(t)
  const upstream = await startUpstream(t, host)
  const api = {
    kind,
    url: `https://${host}`,
    dial: `127.0.0.1:${upstream.port}`,
    ca: `${upstream.ca}\n${ca}`,
    ...more,
  }
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
  ['GET', '/search/code', 'github:search api/~'],
  ['GET', '/networks/octo/app/events', 'github:read api/octo/app'],
]
test('GitHub: what a request does is a grant of its own, and what nobody knows is admin', async (t) => {
  const { needs, upstream } = await apiWorld(t, 'github', ['github:read api/other/one'])
  for (const [method, path, grant] of githubCases)
    assert.equal(await needs(method, path), grant, `${method} ${path}`)
  assert.deepEqual(upstream.begun, [])
})

const gitlabCases: readonly (readonly [string, string, string])[] = [
  ['GET', '/api/v4/projects/group%2Fsub%2fapp/issues', 'gitlab:read api/group/sub/app'],
  ['POST', '/api/v4/projects/group%2Fapp/releases', 'gitlab:release api/group/app'],
  ['POST', '/api/v4/projects/group%2Fapp/repository/files/a%2fb.txt', 'gitlab:contents api/group/app'],
  ['PUT', '/api/v4/projects/group%2Fapp/repository/files/.gitlab-ci.yml', 'gitlab:workflow api/group/app'],
  [
    'PUT',
    '/api/v4/projects/group%2Fapp/repository/files/.gitlab%2Fci%2Fbuild.yml',
    'gitlab:workflow api/group/app',
  ],
  ['POST', '/api/v4/projects/group%2Fapp/repository/commits', 'gitlab:workflow api/group/app'],
  ['POST', '/api/v4/projects/group%2Fapp/variables', 'gitlab:variable api/group/app'],
  ['POST', '/api/v4/projects/group%2Fapp/deploy_keys', 'gitlab:deploy-key api/group/app'],
  ['PUT', '/api/v4/projects/group%2Fapp/packages/generic/app/1.0.0/app.tgz', 'gitlab:package api/group/app'],
  ['PUT', '/api/v4/projects/group%2Fapp/merge_requests/1/merge', 'gitlab:merge api/group/app'],
  ['POST', '/api/v4/projects', 'gitlab:create-project api/~'],
  ['POST', '/api/v4/users', 'gitlab:admin api/~'],
  ['DELETE', '/api/v4/projects/group%2Fapp', 'gitlab:admin api/group/app'],
]
test('GitLab: the same', async (t) => {
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
        ['POST', '/repositories/77/actions/runners/registration-token'],
        ['POST', '/organizations/9/actions/runners/registration-token'],
      ],
    ],
    [
      'gitlab',
      [
        ['POST', '/api/v4/projects/group%2Fapp/access_tokens'],
        ['POST', '/api/v4/projects/group%2Fapp/access_tokens/1/rotate'],
        ['POST', '/api/v4/groups/7/deploy_tokens'],
        ['GET', '/api/v4/projects/group%2Fapp/variables'],
        ['GET', '/api/v4/projects/group%2Fapp/variables/TOKEN'],
        ['GET', '/api/v4/groups/7/Variables/'],
        ['GET', '/api/v4/projects/group%2Fapp/variables%2fTOKEN'],
        ['GET', '/api/v4/projects/group%2Fapp/triggers'],
        ['GET', '/api/v4/projects/group%2Fapp/secure_files/1/download'],
        ['POST', '/api/v4/user/runners'],
        ['GET', '/api/v4/projects/group%2Fapp/variables.json'],
        ['GET', '/api/v4/projects/group%2Fapp/secure_files/1/download.json'],
        ['POST', '/api/v4/projects/group%2Fapp/access_tokens.json'],
        ['GET', '/api/v4/projects/group%2Fapp/pipelines/1/variables'],
        ['GET', '/api/v4/projects/group%2Fapp/pipeline_schedules/1'],
        ['POST', '/api/v4/projects/group%2Fapp/cluster_agents/1/tokens'],
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

test('GitLab: a format at the end of a path hides no pipeline, and nobody is told the token for runners', async (t) => {
  const { ask, upstream } = await apiWorld(t, 'gitlab', [
    'gitlab:read api/octo/app',
    'gitlab:contents api/octo/app',
  ])
  const files = '/api/v4/projects/octo%2Fapp/repository/files'
  for (const path of [`${files}/.gitlab-ci.yml.json`, `${files}/.gitlab%2fci.yml.json`])
    assert.match((await ask('PUT', path, '{}')).body, /gitlab:workflow api\/octo\/app/, path)
  assert.equal((await ask('PUT', `${files}/a.json`, '{}')).status, 200)
  upstream.handle = (_request, response) => response.end('{"id":1,"runners_token":"GR13\\"x","name":"app"}')
  const { body } = await ask('GET', '/api/v4/projects/octo%2Fapp')
  assert.equal(body, '{"id":1,"runners_token":null,"name":"app"}')
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

test('what is named by its number goes by its name: neither grants nor forbids are passed by, and links keep the name', async (t) => {
  for (const [kind, lookup, field, byNumber, byName] of [
    ['github', '/repositories', 'full_name', '/repositories', '/repos'],
    ['gitlab', '/api/v4/projects', 'path_with_namespace', '/api/v4/projects', '/api/v4/projects'],
  ] as const) {
    const { ask, upstream } = await apiWorld(t, kind, [`${kind}:read api/octo/app`, `${kind}:read api/~`])
    const names: Record<string, string> = { 1: 'octo/app', 77: 'octo/infra', 78: '../x' }
    upstream.handle = (request, response) => {
      const number = new RegExp(`^${lookup}/([0-9]+)$`).exec(request.url ?? '')?.[1]
      if (number !== undefined && names[number] === undefined) return void response.writeHead(404).end()
      if (number !== undefined) return void response.end(JSON.stringify({ [field]: names[number] }))
      response.writeHead(200, { link: `<https://${host}${byNumber}/1/issues?page=2>; rel="next"` }).end('[]')
    }
    assert.equal((await ask('GET', `${byNumber}/1/issues`)).status, 200)
    assert.equal((await ask('GET', `${byNumber}/1/issues`)).status, 200)
    const refused = await ask('GET', `${byNumber}/77/contents/secret`)
    assert.equal(refused.status, 403)
    assert.match(refused.body, new RegExp(`add .*"${kind}:read api/octo/infra"`))
    assert.equal((await ask('GET', `${byNumber}/5/issues`)).status, 404)
    assert.ok((await ask('GET', `${byNumber}/78/issues`)).status >= 400)
    assert.deepEqual(
      upstream.seen.map(({ url }) => url),
      [
        `${lookup}/1`,
        `${byNumber}/1/issues`,
        `${byNumber}/1/issues`,
        `${lookup}/77`,
        `${lookup}/5`,
        `${lookup}/78`,
      ],
    )
    const named = kind === 'github' ? 'octo/app' : 'octo%2Fapp'
    const page = await ask('GET', `${byName}/${named}/issues`)
    const next = kind === 'github' ? '/repos/octo/app/issues' : '/api/v4/projects/1/issues'
    assert.match(page.head, new RegExp(`link: <https://${host}${next}\\?page=2>; rel="next"`, 'i'))
  }
  const { ask, upstream } = await apiWorld(t, 'github', ['github:release api/octo/app'])
  for (const path of ['/repositories/1/issues', '/teams/9/repos', '/organizations/3/repos'])
    assert.equal((await ask('GET', path)).status, 403, path)
  assert.deepEqual(upstream.begun, [])
})

test('a file that the API keeps elsewhere is fetched from a host that the connection names, without the credential', async (t) => {
  const storage = await startUpstream(t, 'localhost')
  storage.handle = (_request, response) =>
    void response.writeHead(200, { 'set-cookie': 'a=b', 'content-length': 7 }).end('archive')
  const at = `localhost:${storage.port}`
  const grants = ['github:read api/octo/app', 'github:release api/octo/app']
  for (const [named, status] of [
    [[], 502],
    [[at], 200],
  ] as const) {
    const { ask, upstream } = await apiWorld(t, 'github', grants, { storage: named, ca: storage.ca })
    upstream.handle = (_request, response) =>
      void response.writeHead(302, { location: `https://${at}/archive?token=minted` }).end()
    const answer = await ask('GET', '/repos/octo/app/tarball/main')
    assert.equal(answer.status, status)
    assert.doesNotMatch(`${answer.head}${answer.body}`, /minted|set-cookie/)
    if (status === 502) assert.match(answer.body, new RegExp(`storage: \\["${at}"\\]`))
    else assert.equal(answer.body, 'archive')
    assert.equal((await ask('POST', '/repos/octo/app/releases', '{}')).status, 502)
  }
  assert.deepEqual(
    storage.seen.map(({ url, headers }) => [url, headers.authorization]),
    [['/archive?token=minted', undefined]],
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
