import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { compileRules, openWorld } from './gateway.fixture.ts'
import { startUpstream } from './upstream.fixture.ts'

const host = 'registry.test'
const kinds = [
  ['npm', 'npm:resolve registry', '/a'],
  ['pypi', 'pypi:resolve registry', '/simple/a/'],
  ['cargo', 'cargo:resolve registry', '/1/a'],
  ['go', 'go:resolve registry', '/example.com/a/@v/list'],
  ['oci', 'oci:pull registry/octo/app', '/v2/octo/app/manifests/v1'],
  ['http', 'http:get registry/x', '/x'],
] as const

async function askOf(t: TestContext, [kind, grant, path]: (typeof kinds)[number], more: object) {
  const world = await openWorld(t)
  const url = `https://${host}${kind === 'pypi' ? '/simple' : ''}`
  const { targets, policy } = compileRules({ registry: { kind, url, ...more } }, [grant])
  world.setTargets(targets, policy)
  const ask = () =>
    world.ask(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`, {
      authority: `${host}:443`,
    })
  return { world, url, ask }
}

async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

test('a registry that is down: the tool is told what, why and what to do, and it stands in the log once', async (t) => {
  const dial = `127.0.0.1:${await closedPort()}`
  for (const kind of kinds) {
    const { world, url, ask } = await askOf(t, kind, { dial })
    const told = (await ask()).body
    await ask()
    const records = world.audit.ofType('access.denied').map(({ data }) => data)
    assert.deepEqual(
      records.map(({ what, unreached }) => [what, unreached]),
      [['connection registry', url]],
      `${kind[0]}: ${told}`,
    )
    const line = `mayfly: connection "registry" (${url}) does not answer: connect ECONNREFUSED ${dial}: is the host up, and are url and dial of the connection right? (${String(records[0]?.['request'])})`
    assert.ok(told.includes(kind[0] === 'oci' ? line.replaceAll('"', '\\"') : line), `${kind[0]}: ${told}`)
  }
})

test('a host whose CA is not known: the key to write is named', async (t) => {
  const upstream = await startUpstream(t, host)
  const { world, ask } = await askOf(t, kinds[0], { dial: `127.0.0.1:${upstream.port}` })
  assert.match(
    (await ask()).body,
    /no CA that is trusted here .*: name the file of its CA in mayfly.yaml as ca of the connection/,
  )
  assert.equal(world.audit.ofType('access.denied').length, 1)
})

test('a host that refuses: of a connection without credential no secret is blamed', async (t) => {
  const upstream = await startUpstream(t, host)
  upstream.handle = (_request, response) => response.writeHead(403).end('no')
  const reached = { dial: `127.0.0.1:${upstream.port}`, ca: upstream.ca }
  const [, , cargo, go] = kinds
  for (const kind of [cargo, go]) {
    assert.match(
      (await (await askOf(t, kind, reached)).ask()).body,
      /answered 403: the connection has no credential/,
    )
    const more = { ...reached, credential: { bearer: 'secret:x' } }
    assert.match(
      (await (await askOf(t, kind, more)).ask()).body,
      /answered 403: an operator must see to its secret/,
    )
  }
})

test('a path that is not plain: which of the reasons it is, with the URL where that matters', async (t) => {
  const world = await openWorld(t)
  const url = `https://${host}/scm`
  const { targets, policy } = compileRules({ git: { kind: 'git', url } }, ['git:read git/octo/app'])
  world.setTargets(targets, policy)
  const cases = [
    [
      '/octo/app.git/info/refs',
      /not plain: it is outside of the URL of connection "git" \(https:\/\/registry\.test\/scm\)/,
    ],
    ['/scm/../octo', /not plain: it has dot segments/],
    ['/scm/octo%00', /not plain: it has escapes/],
  ] as const
  for (const [path, told] of cases) {
    const head = `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`
    assert.match((await world.ask(head, { authority: `${host}:443` })).body, told)
  }
})
