import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { startUpstream } from '../upstream.fixture.ts'
import { sha256Hex } from '../../lib/index.ts'
import { makeModule, openGo } from './go.fixture.ts'
import { routeOf } from './route.ts'

const lib = makeModule('example.com/Octo/lib', 'v1.0.0', {
  'lib.go': 'package lib\n',
  'a/b.go': 'package a\n',
})
const base = '/example.com/!octo/lib/@v/v1.0.0'

test('what go.sum has passes, held against its lines, and is recorded; the credential is the gateway’s', async (t) => {
  const { world, upstream, bodies, get } = await openGo(t, { sums: [lib.sum] })
  const info = '{"Version":"v1.0.0","Time":"2026-01-02T03:04:05Z"}'
  bodies
    .set(`/mirror${base}.info`, info)
    .set(`/mirror${base}.mod`, lib.mod)
    .set(`/mirror${base}.zip`, lib.zip)
  assert.equal((await get(`${base}.info`)).body, info)
  assert.equal((await get(`${base}.mod`)).body, lib.mod)
  const zip = await get(`${base}.zip`)
  assert.equal(zip.status, 200)
  assert.ok(zip.body.endsWith(lib.zip.subarray(-22).toString()))
  await world.gateway.recordDownloads(world.step)
  assert.deepEqual(
    world.audit.ofType('packages.downloaded').flatMap(({ data }) => data['packages']),
    [
      {
        purl: 'pkg:golang/example.com/Octo/lib@v1.0.0',
        by: 'lockfile',
        bytes: lib.zip.length,
        integrity: lib.sum.split(/[ \n]/)[2],
        sha256: sha256Hex(lib.zip),
        first: true,
      },
    ],
  )
  const [granted, ...others] = world.audit.ofType('access.granted')
  assert.deepEqual(granted?.data['operations'], [{ action: 'go:download', connection: 'go', path: '' }])
  assert.equal(others.length, 0)
  const authorization = `Basic ${Buffer.from('injected:for-go').toString('base64')}`
  assert.deepEqual([...new Set(upstream.seen.map(({ headers }) => headers.authorization))], [authorization])
})

for (const [what, ending, body] of [
  [
    'a zip file with another byte in a file',
    'zip',
    makeModule('example.com/Octo/lib', 'v1.0.0', { 'lib.go': 'package evil\n', 'a/b.go': 'package a\n' }).zip,
  ],
  [
    'a zip file with one file more',
    'zip',
    makeModule('example.com/Octo/lib', 'v1.0.0', {
      'lib.go': 'package lib\n',
      'a/b.go': 'package a\n',
      'c.go': '',
    }).zip,
  ],
  [
    'the zip file of another version',
    'zip',
    makeModule('example.com/Octo/lib', 'v1.0.1', { 'lib.go': 'package lib\n' }).zip,
  ],
  ['what is no zip file', 'zip', 'x'.repeat(400)],
  ['an empty file', 'zip', ''],
  ['a zip file that is cut', 'zip', lib.zip.subarray(0, -30)],
  ['another go.mod', 'mod', `${lib.mod}require example.com/evil v1.0.0\n`],
] as const)
  test(`refused before its end: ${what}`, async (t) => {
    const { world, bodies, get } = await openGo(t, { sums: [lib.sum] })
    bodies.set(`/mirror${base}.${ending}`, body)
    const answer = await get(`${base}.${ending}`)
    assert.ok(answer.body.length < Math.max(1, body.length), 'it came whole')
    const [denied] = world.audit.ofType('access.denied')
    assert.match(
      String(denied?.data['reason']),
      /lib@v1\.0\.0.*(?:is not what go\.sum has|no zip file of a Go module)/,
    )
    await world.gateway.recordDownloads(world.step)
    assert.deepEqual(world.audit.ofType('packages.downloaded'), [])
  })

test('a version, module or spelling that go.sum does not have is not asked for', async (t) => {
  const { asked, get } = await openGo(t, { sums: [lib.sum] })
  for (const path of [
    '/example.com/!octo/lib/@v/v1.0.1.zip',
    '/example.com/!octo/lib/@v/v1.0.1.info',
    '/example.com/octo/lib/@v/v1.0.0.zip',
    '/example.com/!octo/!lib/@v/v1.0.0.mod',
    '/example.com/!octo/lib/@v/list',
    '/example.com/!octo/lib/@latest',
    '/example.com/!octo/lib/@v/master.info',
    '/sumdb/sum.golang.org/lookup/example.com/!octo/lib@v1.0.0',
  ]) {
    const { status, body } = await get(path)
    assert.equal(status, 403, path)
    assert.match(body, /go\.sum does not have example\.com.*"go:resolve go"/, path)
  }
  for (const path of [
    '/sumdb/sum.golang.org/latest',
    '/example.com/Octo/lib/@v/v1.0.0.zip',
    '/example.com/!octo/lib/@v/v1.0.0.zip?x=1',
    '/example.com/!octo/lib/@v/v1.0.0.ziphash',
    '/example.com/!!octo/lib/@v/v1.0.0.zip',
    '/example.com/!octo/lib@v1.0.0/@v/v1.0.0.zip',
    '/example.com/!octo/lib/@v/v1.0.0%20.zip',
    '/example.com/!octo/../!octo/lib/@v/v1.0.0.zip',
    '/',
  ])
    assert.ok((await get(path)).status >= 400, path)
  assert.deepEqual(asked(), [])
})

test('a zip file of which go.sum has the go.mod alone is not pinned', async (t) => {
  const { bodies, get } = await openGo(t, { sums: [lib.sum.split('\n')[1] ?? ''] })
  bodies.set(`/mirror${base}.mod`, lib.mod).set(`/mirror${base}.zip`, lib.zip)
  assert.equal((await get(`${base}.mod`)).status, 200)
  assert.equal((await get(`${base}.zip`)).status, 403)
})

test('two go.sum files that differ pin nothing', async (t) => {
  const other = makeModule('example.com/Octo/lib', 'v1.0.0', { 'lib.go': 'package other\n' })
  const { asked, get } = await openGo(t, { sums: [lib.sum, other.sum] })
  assert.match((await get(`${base}.zip`)).body, /two go\.sum files of the workspace differ/)
  assert.deepEqual(asked(), [])
})

test('a grant for some modules and versions holds for these; a denial names the grant', async (t) => {
  const { bodies, get } = await openGo(t, {
    sums: [lib.sum],
    grants: ['go:download go/example.com/Octo/*@v2.*'],
  })
  bodies.set(`/mirror${base}.mod`, lib.mod)
  assert.match(
    (await get(`${base}.mod`)).body,
    /go:download go\/example\.com\/Octo\/lib@v1\.0\.0.*"go:download go"/,
  )
})

test('go:resolve reads what there is, takes what go.sum lacks, and reaches the checksum database', async (t) => {
  const { world, bodies, get, asked } = await openGo(t, { grants: ['go:resolve go/example.com/*'] })
  bodies
    .set('/mirror/example.com/!octo/lib/@v/list', 'v1.0.0\nevil/../x\nv1.1.0\n')
    .set('/mirror/example.com/!octo/lib/@latest', '{"Version":"v1.0.0"}')
    .set('/mirror/example.com/!octo/lib/@v/master.info', '{"Version":"v1.0.0"}')
    .set(`/mirror${base}.zip`, lib.zip)
    .set('/mirror/sumdb/sum.golang.org/supported', '')
    .set('/mirror/sumdb/sum.golang.org/tile/8/0/x001/234.p/7', 'tile')
    .set('/mirror/sumdb/sum.golang.org/lookup/example.com/!octo/lib@v1.0.0', 'record')
  assert.equal((await get('/example.com/!octo/lib/@v/list')).body, 'v1.0.0\nv1.1.0\n')
  for (const path of [...bodies.keys()].map((key) => key.slice('/mirror'.length)))
    assert.equal((await get(path)).status, 200, path)
  await world.gateway.recordDownloads(world.step)
  const [file] = world.audit.ofType('packages.downloaded').flatMap(({ data }) => data['packages'])
  assert.deepEqual(file, {
    purl: 'pkg:golang/example.com/Octo/lib@v1.0.0',
    by: 'none',
    bytes: lib.zip.length,
    integrity: lib.sum.split(/[ \n]/)[2],
    sha256: sha256Hex(lib.zip),
    first: true,
  })
  const before = asked().length
  assert.equal((await get('/evil.example.org/x/@v/list')).status, 403)
  assert.equal((await get('/sumdb/sum.golang.org/lookup/evil.example.org/x@v1.0.0')).status, 403)
  assert.equal(asked().length, before)
  assert.equal((await get('/example.com/gone/@v/list')).status, 404)
})

test('the tree of the checksum database is permitted once for a step, and to nobody without go:resolve', async (t) => {
  const { world, bodies, get } = await openGo(t, { grants: ['go:resolve go/example.com/*'] })
  bodies.set('/mirror/sumdb/sum.golang.org/latest', 'head')
  for (let i = 0; i < 3; i++) assert.equal((await get('/sumdb/sum.golang.org/latest')).body, 'head')
  assert.equal(world.audit.ofType('access.granted').length, 1)
})

test('a proxy that tells of another version, sends without end, or redirects elsewhere is cut off', async (t) => {
  const { upstream, bodies, get } = await openGo(t, { grants: ['go:resolve go'] })
  bodies.set(`/mirror${base}.info`, '{"Version":"v1.0.1"}')
  assert.match((await get(`${base}.info`)).body, /tells of another version/)
  upstream.handle = (_request, response) => {
    response.writeHead(200)
    response.on('error', () => undefined)
    const more = () => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536, 'v')));
      if (!response.destroyed) response.once('drain', more)
    }
    more()
  }
  assert.match((await get('/example.com/!octo/lib/@v/list')).body, /over \d+ bytes/)
  upstream.handle = (_request, response) =>
    void response.writeHead(302, { location: 'https://files.test/x?token=abc' }).end()
  const redirected = await get(`${base}.zip`)
  assert.match(redirected.body, /has its files at files\.test.*storage: \["files\.test"\]/)
  assert.doesNotMatch(`${redirected.head}${redirected.body}`, /token=abc/)
  upstream.handle = (_request, response) =>
    void response.writeHead(200, { 'content-encoding': 'gzip' }).end('x')
  assert.match((await get(`${base}.zip`)).body, /in an encoding that was not asked for/)
})

test('a redirect to a storage host is followed without the credential, and the step does not see it', async (t) => {
  const storage = await startUpstream(t, 'localhost')
  storage.handle = (_request, response) => void response.writeHead(200).end(lib.zip)
  const { upstream, get } = await openGo(t, { sums: [lib.sum], storage })
  upstream.handle = (_request, response) =>
    void response.writeHead(302, { location: `https://localhost:${storage.port}/x?token=abc` }).end()
  const { status, head } = await get(`${base}.zip`)
  assert.equal(status, 200)
  assert.doesNotMatch(head, /token=abc/)
  assert.deepEqual(
    storage.seen.map(({ url, headers }) => [url, headers.authorization]),
    [['/x?token=abc', undefined]],
  )
  storage.handle = (_request, response) => void response.writeHead(200).end('another')
  assert.doesNotMatch((await get(`${base}.zip`)).body, /another/)
})

test('a proxy that shows the credential shows it to us alone', async (t) => {
  const { world, bodies, get } = await openGo(t, { grants: ['go:resolve go'] })
  const shown = Buffer.from('injected:for-go').toString('base64')
  bodies.set('/mirror/sumdb/sum.golang.org/latest', `you are ${shown}`)
  const { status, head, body } = await get('/sumdb/sum.golang.org/latest')
  assert.ok(status >= 400)
  assert.ok(!`${head}${body}`.includes(shown))
  assert.equal(world.audit.ofType('access.denied').length, 1)
})

test('any path is a route that names one module, or none', () => {
  const text = fc.string({
    unit: fc.constantFrom(...'ab.!@/v1-zipmodfolistB%\0\n', '@v/', '/@v/v1.0.0.zip', 'sumdb/', 'lookup/'),
    maxLength: 24,
  })
  fc.assert(
    fc.property(text, (path) => {
      const route = routeOf(`/${path}`)
      if (route === undefined || route.kind === 'sumdb') return true
      const escaped = route.module.replaceAll(/[A-Z]/g, (letter) => `!${letter.toLowerCase()}`)
      return path.startsWith(`${escaped}/@`) || path.includes(`/lookup/${escaped}@`)
    }),
    { numRuns: 3_000 },
  )
})
