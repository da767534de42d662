import assert from 'node:assert/strict'
import { test } from 'node:test'
import { retryAfterOf } from './exchange.ts'
import { compileRules, openWorld, request } from './gateway.fixture.ts'
import { startUpstream } from './upstream.fixture.ts'

const host = 'busy.test'

/** Of each kind a connection at a path of its own, a grant, and what a tool asks for first. */
const kinds: readonly (readonly [kind: string, base: string, grant: string, method: string, path: string])[] =
  [
    ['npm', '/npm', 'npm:resolve npm', 'GET', '/npm/left'],
    ['npm', '/npm', 'npm:resolve npm', 'GET', '/npm/left/-/left-1.0.0.tgz'],
    ['pypi', '/pypi', 'pypi:resolve pypi', 'GET', '/pypi/simple/left/'],
    ['cargo', '/cargo', 'cargo:resolve cargo', 'GET', '/cargo/config.json'],
    ['cargo', '/cargo', 'cargo:resolve cargo', 'GET', '/cargo/le/ft/left'],
    ['go', '/go', 'go:resolve go', 'GET', '/go/example.com/left/@v/list'],
    ['maven', '/maven', 'maven:resolve maven', 'GET', '/maven/com/example/left/1.0/left-1.0.jar'],
    ['rubygems', '/gems', 'rubygems:resolve rubygems', 'GET', '/gems/info/left'],
    ['oci', '/v2', 'oci:pull oci/octo/app', 'GET', '/v2/octo/app/manifests/v1'],
    ['git', '/git', 'git:read git/octo/app', 'GET', '/git/octo/app.git/info/refs?service=git-upload-pack'],
    ['git', '/git', 'git:read git/octo/app', 'POST', '/git/octo/app.git/info/lfs/objects/batch'],
    ['http', '/http', 'http:get http/**', 'GET', '/http/a'],
  ]
const lfsBatch = JSON.stringify({
  operation: 'download',
  transfers: ['basic'],
  objects: [{ oid: 'a'.repeat(64), size: 1 }],
})

test('an upstream that says to come again later is passed on as that, with when, for every kind', async (t) => {
  const world = await openWorld(t)
  const upstream = await startUpstream(t, host)
  const dial = `127.0.0.1:${upstream.port}`
  const connections = Object.fromEntries(
    kinds.map(([kind, base]) => [
      kind,
      {
        kind,
        url: `https://${host}${kind === 'oci' ? '' : base}`,
        dial,
        ca: upstream.ca,
        credential: { basic: 'secret:x' },
      },
    ]),
  )
  const { targets, policy } = compileRules(
    connections,
    kinds.map(([, , grant]) => grant),
  )
  world.setTargets(targets, policy)
  for (const [status, said, expected] of [
    [429, '7', '7'],
    [503, '999999999', '3600'],
    [503, undefined, undefined],
  ] as const) {
    upstream.handle = (_request, response) => {
      if (said !== undefined) response.setHeader('retry-after', said)
      response.writeHead(status, { 'content-type': 'text/plain' }).end('busy')
    }
    for (const [kind, , , method, path] of kinds) {
      const isLfs = path.includes('/lfs/')
      const lfs = { accept: 'application/vnd.git-lfs+json', 'content-type': 'application/vnd.git-lfs+json' }
      const asked = { host, ...(isLfs ? { body: lfsBatch, headers: lfs } : {}) }
      const answer = await world.ask(request(method, path, asked), { authority: `${host}:443` })
      assert.equal(answer.status, status, `${kind} ${path}: ${answer.body}`)
      assert.equal(/^retry-after: (.*)$/im.exec(answer.head)?.[1]?.trim(), expected, `${kind} ${path}`)
    }
  }
})

test('when to come again is seconds or a date, and never far off', () => {
  const now = Date.parse('2026-01-01T00:00:00Z')
  for (const [said, expected] of [
    ['0', '0'],
    ['120', '120'],
    ['9999999999', '3600'],
    ['Thu, 01 Jan 2026 00:01:00 GMT', '60'],
    ['Thu, 01 Jan 2025 00:00:00 GMT', '0'],
    ['Fri, 01 Jan 2027 00:00:00 GMT', '3600'],
    ['-1', undefined],
    ['1.5', undefined],
    ['soon', undefined],
    ['', undefined],
    ['1, 2', undefined],
    [undefined, undefined],
  ] as const)
    assert.equal(retryAfterOf(said, now), expected, String(said))
})
