import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { readEnvironment } from '../config/environment.ts'
import { MayflyError, limits } from '../lib/index.ts'
import { makeFolder, plantProgram, startEndpoint, token, type Seen } from './ci-token.fixture.ts'
import { fetchIdentityToken } from './ci-token.ts'

const audience = 'https://mayfly.example.com/a b'

async function fetchFrom(variables: Record<string, string>, untrusted: readonly string[] = []) {
  const environment = readEnvironment(variables)
  return (await fetchIdentityToken({ environment, audience, untrusted })).reveal()
}

/** The one line that a person reads when there is no token. */
async function failureOf(
  variables: Record<string, string>,
  untrusted: readonly string[] = [],
): Promise<string> {
  const error = await fetchFrom(variables, untrusted).then(
    () => assert.fail('a token came back'),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof MayflyError)
  assert.equal(error.code, 'bad_token')
  assert.doesNotMatch(error.message, /\n/)
  return error.message
}

const bearerOf = (request: Seen | undefined) => request?.headers.authorization

// A fake written after docs.github.com, "Methods for requesting the OIDC token".
test('GitHub: asked for our audience with the job’s bearer', async (t) => {
  const { host, seen } = await startEndpoint(t, (_, response) =>
    response.end(JSON.stringify({ count: 1, value: token })),
  )
  for (const query of ['', '?api-version=2.0']) {
    const variables = {
      ACTIONS_ID_TOKEN_REQUEST_URL: `http://${host}/idtoken/1${query}`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'bearer-1',
    }
    assert.equal(await fetchFrom(variables), token)
  }
  assert.deepEqual(
    seen.map(({ method, path, query }) => ({ method, path, query })),
    [
      { method: 'GET', path: '/idtoken/1', query: { audience } },
      { method: 'GET', path: '/idtoken/1', query: { 'api-version': '2.0', audience } },
    ],
  )
  assert.equal(bearerOf(seen[0]), 'Bearer bearer-1')
})

// A fake written after learn.microsoft.com, "Oidctoken - Create" (REST API 7.1).
test('Azure DevOps: POST with the job’s access token', async (t) => {
  const { host, seen } = await startEndpoint(t, (_, response) =>
    response.end(JSON.stringify({ oidcToken: token })),
  )
  const path = '/octo/prj/_apis/distributedtask/hubs/build/plans/p/jobs/j/oidctoken'
  const variables = { SYSTEM_OIDCREQUESTURI: `http://${host}${path}`, SYSTEM_ACCESSTOKEN: 'bearer-2' }
  assert.equal(await fetchFrom(variables), token)
  const [request] = seen
  assert.deepEqual(
    [request?.method, request?.path, request?.query],
    ['POST', path, { 'api-version': '7.1-preview.1' }],
  )
  assert.equal(bearerOf(request), 'Bearer bearer-2')
})

// A fake written after cloud.google.com, "Verify the identity of a VM"; without its header the real one answers 403.
test('Google: the metadata server is asked for our audience, with its header', async (t) => {
  const { host, seen } = await startEndpoint(t, ({ headers }, response) => {
    response.statusCode = headers['metadata-flavor'] === 'Google' ? 200 : 403
    response.end(token)
  })
  assert.equal(await fetchFrom({ MAYFLY_ID_TOKEN_SOURCE: 'google', GCE_METADATA_HOST: host }), token)
  assert.equal(seen[0]?.path, '/computeMetadata/v1/instance/service-accounts/default/identity')
  assert.deepEqual(seen[0]?.query, { audience, format: 'full' })
})

// Each row: what an endpoint answers instead of a token.
const answers: readonly (readonly [string, number, string, RegExp])[] = [
  ['an error', 500, 'secret text', /it answered 500/],
  ['a refusal', 403, '{"value":"x","oidcToken":"x"}', /it answered 403/],
  ['a page', 200, '<html>secret text', /its answer has no/],
  ['another member', 200, '{"token":"secret text"}', /its answer has no/],
  ['null', 200, 'null', /its answer has no/],
  ['a number', 200, '{"value":1,"oidcToken":1}', /its answer has no/],
  ['no token', 200, '{"value":"secret text","oidcToken":"secret text"}', /gave no identity token \(a JWT\)/],
  ['two parts of a token', 200, '{"value":"a.b","oidcToken":"a.b"}', /gave no identity token \(a JWT\)/],
]
for (const [what, status, body, expected] of answers) {
  test(`refused: an endpoint that answers ${what}; its words are not repeated`, async (t) => {
    const { host } = await startEndpoint(t, (_, response) => {
      response.statusCode = status
      response.end(body)
    })
    for (const variables of [
      { ACTIONS_ID_TOKEN_REQUEST_URL: `http://${host}/`, ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'b' },
      { SYSTEM_OIDCREQUESTURI: `http://${host}/`, SYSTEM_ACCESSTOKEN: 'b' },
    ]) {
      const message = await failureOf(variables)
      assert.match(message, expected)
      assert.doesNotMatch(message, /secret text/)
    }
  })
}

test('refused: an endpoint that nobody answers at, and one that is no URL', async (t) => {
  const { host } = await startEndpoint(t, (_, response) => response.destroy())
  for (const url of [`http://${host}/`, 'not a URL']) {
    const variables = { ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'bearer-3' }
    const message = await failureOf(variables)
    assert.match(message, /^GitHub gave no identity token: /)
    assert.doesNotMatch(message, /bearer-3/)
  }
})

for (const name of [
  'MAYFLY_ID_TOKEN',
  'BITBUCKET_STEP_OIDC_TOKEN',
  'SPACELIFT_OIDC_TOKEN',
  'TFC_WORKLOAD_IDENTITY_TOKEN',
  'TFC_WORKLOAD_IDENTITY_TOKEN_MAYFLY',
]) {
  test(`${name}: the token is the variable’s`, async () => {
    assert.equal(await fetchFrom({ [name]: `${token}\n` }), token)
    for (const value of ['x', 'a.b.c.d', `${token} ${token}`, `${'a'.repeat(limits.identityTokenBytes)}.b.c`])
      assert.equal(await failureOf({ [name]: value }), `${name} gave no identity token (a JWT)`)
  })
}

test('a file: read anew each time, also through the links of a projected volume', async (t) => {
  const folder = makeFolder(t)
  mkdirSync(join(folder, '..data'))
  symlinkSync('..data/token', join(folder, 'token'))
  const variables = { MAYFLY_ID_TOKEN_FILE: join(folder, 'token') }
  for (const text of [token, `${token}x`]) {
    writeFileSync(join(folder, '..data/token'), `${text}\n`)
    assert.equal(await fetchFrom(variables), text)
  }
})

test('refused: a file that is not there, a folder, a pipe, a file without an end, a file of something else', async (t) => {
  const folder = makeFolder(t)
  const pipe = join(folder, 'pipe')
  assert.equal(spawnSync('mkfifo', [pipe]).status, 0)
  for (const path of [join(folder, 'none'), folder, pipe, '/dev/zero'])
    assert.match(await failureOf({ MAYFLY_ID_TOKEN_FILE: path }), /MAYFLY_ID_TOKEN_FILE\) cannot be read: /)
  for (const text of ['', 'root:x:0:0', 'a.'.repeat(limits.identityTokenBytes)]) {
    const file = join(folder, 'file')
    writeFileSync(file, text)
    assert.equal(await failureOf({ MAYFLY_ID_TOKEN_FILE: file }), `${file} gave no identity token (a JWT)`)
  }
})

/** Fakes of both programs, written after their documentation: they print a token if they are asked as that says. */
const agentScript = `[ "$*" = "oidc request-token --audience ${audience} --claim organization_id --claim pipeline_id" ] || exit 9
[ "$BUILDKITE_AGENT_ACCESS_TOKEN" = agent-1 ] || exit 8
echo ${token}`
const circleScript = `[ "$*" = 'run oidc get --claims {"aud":"${audience}"}' ] || exit 9
echo ${token}`
const buildkite = { BUILDKITE: 'true', BUILDKITE_AGENT_ACCESS_TOKEN: 'agent-1' }
const circle = { CIRCLECI: 'true' }

function tools(t: TestContext) {
  const folder = makeFolder(t)
  return { folder, workspace: join(folder, 'workspace'), bin: join(folder, 'bin') }
}

test('Buildkite: the agent is asked for our audience and for both ids', async (t) => {
  const { bin, workspace } = tools(t)
  plantProgram(bin, 'buildkite-agent', agentScript)
  assert.equal(await fetchFrom({ ...buildkite, PATH: `${bin}:/usr/bin:/bin` }, [workspace]), token)
})

test('CircleCI: its program is asked for our audience; without it there is the variable', async (t) => {
  const { bin, workspace } = tools(t)
  plantProgram(bin, 'circleci', circleScript)
  const variables = { ...circle, CIRCLE_OIDC_TOKEN_V2: `${token}y` }
  assert.equal(await fetchFrom({ ...variables, PATH: `${bin}:/usr/bin:/bin` }, [workspace]), token)
  assert.equal(await fetchFrom({ ...variables, PATH: '/nowhere' }, [workspace]), `${token}y`)
  assert.match(await failureOf({ ...circle, PATH: '/nowhere' }, [workspace]), /give the job a context/)
})

// A step can write to its workspace, and the next one is asked for with the job's own token.
test('a program that a step could have left in the workspace is not run', async (t) => {
  const { folder, bin, workspace } = tools(t)
  const trap = join(folder, 'trap')
  const planted = `echo ran > ${trap}; echo ${token}`
  plantProgram(join(workspace, 'bin'), 'buildkite-agent', planted)
  plantProgram(workspace, 'buildkite-agent', planted)
  mkdirSync(bin)
  symlinkSync(join(workspace, 'bin'), join(folder, 'link'))
  symlinkSync(join(workspace, 'buildkite-agent'), join(bin, 'buildkite-agent'))
  mkdirSync(join(folder, 'data'))
  mkdirSync(join(folder, 'data', 'buildkite-agent'))
  plantProgram(join(folder, 'plain'), 'buildkite-agent', planted)
  spawnSync('chmod', ['644', join(folder, 'plain', 'buildkite-agent')])
  const places = [
    workspace,
    `${workspace}/`,
    `${workspace}/bin`,
    `${workspace}/../workspace/bin`,
    `${bin}/../workspace`,
    join(folder, 'link'),
    bin,
    '.',
    '',
    'bin',
    join(folder, 'data'),
    join(folder, 'plain'),
  ]
  for (const place of [...places, places.join(':')])
    assert.match(
      await failureOf({ ...buildkite, PATH: place }, [workspace]),
      /no buildkite-agent on the PATH outside the workspace/,
      place,
    )
  assert.equal(spawnSync('test', ['-e', trap]).status, 1)
  // And the real one behind them is found.
  plantProgram(join(folder, 'real'), 'buildkite-agent', agentScript)
  const path = [...places, join(folder, 'real'), '/usr/bin', '/bin'].join(':')
  assert.equal(await fetchFrom({ ...buildkite, PATH: path }, [workspace]), token)
})

test('the workspace may itself be named by a link', async (t) => {
  const { folder, workspace } = tools(t)
  plantProgram(workspace, 'buildkite-agent', `echo ${token}`)
  symlinkSync(workspace, join(folder, 'here'))
  const message = await failureOf({ ...buildkite, PATH: workspace }, [join(folder, 'here')])
  assert.match(message, /outside the workspace/)
})

test('a folder whose name only begins like the workspace’s is not in it', async (t) => {
  const { workspace } = tools(t)
  mkdirSync(workspace)
  plantProgram(`${workspace}-tools`, 'buildkite-agent', agentScript)
  assert.equal(await fetchFrom({ ...buildkite, PATH: `${workspace}-tools` }, [workspace]), token)
})

test('refused: a program that fails, that says something else, that says too much; its words are not repeated', async (t) => {
  const { bin } = tools(t)
  const path = `${bin}:/usr/bin:/bin`
  for (const [script, expected] of [
    [
      'echo secret text; echo secret text >&2; exit 3',
      /buildkite-agent oidc request-token failed \(exit 3\): run it by hand/,
    ],
    ['echo secret text', /^buildkite-agent gave no identity token \(a JWT\)$/],
    ['exit 0', /^buildkite-agent gave no identity token \(a JWT\)$/],
    ['yes secret text', /request-token failed \(ERR_CHILD_PROCESS_STDIO_MAXBUFFER\)/],
    ['kill -9 $$', /request-token failed \(ended by SIGKILL/],
  ] as const) {
    plantProgram(bin, 'buildkite-agent', script)
    const message = await failureOf({ ...buildkite, PATH: path })
    assert.match(message, expected)
    assert.doesNotMatch(message, /secret text/)
  }
})

test('a program runs outside the workspace, so that nothing there configures it', async (t) => {
  const { bin } = tools(t)
  plantProgram(bin, 'buildkite-agent', `[ "$(pwd)" = / ] && echo ${token}`)
  assert.equal(await fetchFrom({ ...buildkite, PATH: `${bin}:/usr/bin:/bin` }), token)
})

test('no source at all: the message says what this CI’s pipeline lacks', async () => {
  assert.match(
    await failureOf({ GITHUB_ACTIONS: 'true' }),
    /this job has no identity token: give the job `permissions/,
  )
})
