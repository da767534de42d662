import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { startUpstream } from '../upstream.fixture.ts'
import { sha256Hex } from '../../lib/index.ts'
import { makeModule, openGo } from './go.fixture.ts'
import { routeOf } from './route.ts'
import type { SumdbHead } from './sumdb.ts'
import { createTestSumdb } from './sumdb.fixture.ts'

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
        purl: 'pkg:golang/example.com/Octo/lib@v1.0.0#go.mod',
        by: 'lockfile',
        bytes: lib.mod.length,
        integrity: lib.sum.split(/[ \n]/)[5],
        sha256: sha256Hex(Buffer.from(lib.mod)),
        first: true,
        part: true,
      },
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

/** A database that has the module. */
function databaseWith(sum = lib.sum) {
  const database = createTestSumdb()
  database.fill(3)
  database.add(sum, 'example.com/Octo/lib@v1.0.0')
  return database
}

test('go:resolve reads what there is, and takes what go.sum lacks as the checksum database has it', async (t) => {
  const sumdb = databaseWith()
  const { world, bodies, get, asked } = await openGo(t, { grants: ['go:resolve go/example.com/*'], sumdb })
  bodies
    .set('/mirror/example.com/!octo/lib/@v/list', 'v1.0.0\nevil/../x\nv1.1.0\n')
    .set('/mirror/example.com/!octo/lib/@latest', '{"Version":"v1.0.0"}')
    .set('/mirror/example.com/!octo/lib/@v/master.info', '{"Version":"v1.0.0"}')
    .set(`/mirror${base}.mod`, lib.mod)
    .set(`/mirror${base}.zip`, lib.zip)
  assert.equal((await get('/example.com/!octo/lib/@v/list')).body, 'v1.0.0\nv1.1.0\n')
  const ofSumdb = ['supported', 'latest', 'lookup/example.com/!octo/lib@v1.0.0', 'tile/8/0/000.p/4']
  for (const path of [
    ...[...bodies.keys()].map((key) => key.slice('/mirror'.length)),
    ...ofSumdb.map((path) => `/sumdb/sum.test/${path}`),
  ])
    assert.equal((await get(path)).status, 200, path)
  await world.gateway.recordDownloads(world.step)
  const [, file] = world.audit.ofType('packages.downloaded').flatMap(({ data }) => data['packages'])
  assert.deepEqual(file, {
    purl: 'pkg:golang/example.com/Octo/lib@v1.0.0',
    by: 'sumdb',
    bytes: lib.zip.length,
    integrity: lib.sum.split(/[ \n]/)[2],
    sha256: sha256Hex(lib.zip),
    first: true,
  })
  const before = asked().length
  assert.equal((await get('/evil.example.org/x/@v/list')).status, 403)
  assert.equal((await get('/sumdb/sum.test/lookup/evil.example.org/x@v1.0.0')).status, 403)
  assert.equal((await get('/sumdb/sum.test/tile/8/data/000')).status, 403)
  assert.match(
    (await get('/sumdb/sum.golang.org/latest')).body,
    /is held against .* sum\.test, not sum\.golang/,
  )
  assert.equal(asked().length, before)
  assert.equal((await get('/example.com/gone/@v/list')).status, 404)
})

test('a module that is not what the checksum database has is refused before its end, go.mod and zip file', async (t) => {
  const { world, bodies, get } = await openGo(t, { grants: ['go:resolve go'], sumdb: databaseWith() })
  const evil = makeModule('example.com/Octo/lib', 'v1.0.0', { 'lib.go': 'package evil\n' })
  bodies.set(`/mirror${base}.mod`, `${lib.mod}\n`).set(`/mirror${base}.zip`, evil.zip)
  for (const ending of ['mod', 'zip']) assert.doesNotMatch((await get(`${base}.${ending}`)).body, /package/)
  assert.deepEqual(
    world.audit
      .ofType('access.denied')
      .map(({ data }) => /is not what the checksum database has/.test(String(data['reason']))),
    [true, true],
  )
})

test('what the database lacks, denies, or cannot be asked for is not given, and says what to do', async (t) => {
  const database = databaseWith(`${lib.sum.split('\n')[0]}\n`)
  const { upstream, bodies, get } = await openGo(t, { grants: ['go:resolve go'], sumdb: database })
  bodies.set(`/mirror${base}.mod`, lib.mod).set('/mirror/example.com/own/@v/v1.0.0.zip', lib.zip)
  assert.match(
    (await get(`${base}.mod`)).body,
    /has no digest of the mod of example\.com\/Octo\/lib@v1\.0\.0/,
  )
  assert.match(
    (await get('/example.com/own/@v/v1.0.0.zip')).body,
    /does not know example\.com\/own@v1\.0\.0.*"sumdb: off"/,
  )
  const own = upstream.handle
  upstream.handle = (request, response) =>
    request.url?.includes('/sumdb/') === true ? void response.writeHead(404).end() : own(request, response)
  assert.match(
    (await get('/example.com/own/@v/v1.0.0.zip')).body,
    /does not pass on the checksum database sum\.test/,
  )
  upstream.handle = (_request, response) => void response.writeHead(500).end()
  assert.match(
    (await get('/example.com/own/@v/v1.0.0.zip')).body,
    /answered 500 when it was asked for lookup/,
  )
})

test('a database that forks is refused on the client’s own way to it too, and is a finding', async (t) => {
  const keys = generateKeyPairSync('ed25519')
  const [one, other] = [createTestSumdb('sum.test', keys), createTestSumdb('sum.test', keys)]
  one.fill(4)
  other.add(lib.sum, 'example.com/Octo/lib@v1.0.0')
  other.fill(7)
  const { world, bodies, get } = await openGo(t, { grants: ['go:resolve go'], sumdb: other })
  bodies.set('/mirror/sumdb/sum.test/latest', one.head()).set(`/mirror${base}.zip`, lib.zip)
  assert.equal((await get('/sumdb/sum.test/latest')).status, 200)
  for (const path of [`${base}.zip`, '/sumdb/sum.test/lookup/example.com/!octo/lib@v1.0.0'])
    assert.match((await get(path)).body, /contradicts itself/)
  const [finding, ...others] = world.audit.ofType('sumdb.contradicted')
  assert.equal(others.length, 0)
  assert.deepEqual(
    [finding?.data['was'], finding?.data['now']].map((head) => (head as SumdbHead).note),
    [one.head(), other.head()],
  )
})

test('sumdb: off takes private modules as nobody’s word, and says so in the record', async (t) => {
  const { world, bodies, get, asked } = await openGo(t, { grants: ['go:resolve go'], sumdb: 'off' })
  bodies.set(`/mirror${base}.zip`, lib.zip)
  bodies.set(`/mirror${base}.mod`, lib.mod)
  assert.equal((await get(`${base}.zip`)).status, 200)
  assert.match((await get('/sumdb/sum.golang.org/supported')).body, /has "sumdb: off"/)
  assert.deepEqual(asked(), [`/mirror${base}.zip`])
  assert.deepEqual(world.audit.ofType('access.granted')[0]?.data['go'], { version: 'v1.0.0', sumdb: 'off' })
  await world.gateway.recordDownloads(world.step)
  assert.match(JSON.stringify(world.audit.ofType('packages.downloaded')), /"by":"none"/)
  // Of a go.mod, too, it is held what it was first.
  assert.equal((await get(`${base}.mod`)).body, lib.mod)
  await world.gateway.recordDownloads(world.step)
  assert.match(JSON.stringify(world.audit.ofType('packages.downloaded')), /lib@v1\.0\.0#go\.mod.*"part":true/)
  bodies.set(`/mirror${base}.mod`, `${lib.mod}// changed\n`)
  assert.doesNotMatch((await get(`${base}.mod`)).body, /changed/)
  assert.equal(world.audit.ofType('package.changed').length, 1)
})

test('the tree of the checksum database is permitted once for a step, and to nobody without go:resolve', async (t) => {
  const sumdb = databaseWith()
  const { world, get } = await openGo(t, { grants: ['go:resolve go/example.com/*'], sumdb })
  for (let i = 0; i < 3; i++) assert.equal((await get('/sumdb/sum.test/latest')).body, sumdb.head())
  assert.equal(world.audit.ofType('access.granted').length, 1)
})

test('a proxy that tells of another version, sends without end, or redirects elsewhere is cut off', async (t) => {
  const { upstream, bodies, get } = await openGo(t, { grants: ['go:resolve go'] })
  bodies.set(`/mirror${base}.info`, '{"Version":"v1.0.1"}')
  assert.match((await get(`${base}.info`)).body, /tells of another version/)
  // What go takes: a major version without a go.mod, and build metadata left out.
  for (const [asked, told] of [
    ['v2.0.0', 'v2.0.0+incompatible'],
    ['v1.2.3+meta', 'v1.2.3'],
  ] as const) {
    const path = `/example.com/!octo/lib/@v/${asked}.info`
    bodies.set(`/mirror${path}`, `{"Version":"${told}"}`)
    assert.equal((await get(path)).body, `{"Version":"${told}"}`)
  }
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
  assert.match(redirected.body, /redirects to files\.test.*storage: \["files\.test"\]/)
  assert.doesNotMatch(`${redirected.head}${redirected.body}`, /token=abc/)
  for (const location of ['sha256:ab?h=1', 'http://files.test/x']) {
    upstream.handle = (_request, response) => void response.writeHead(302, { location }).end()
    const nowhere = await get(`${base}.zip`)
    assert.match(nowhere.body, /is no place of files by https/)
    assert.doesNotMatch(nowhere.body, /storage:/)
  }
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
      if (route === undefined || !('module' in route)) return true
      const escaped = route.module.replaceAll(/[A-Z]/g, (letter) => `!${letter.toLowerCase()}`)
      return path.startsWith(`${escaped}/@`) || path.includes(`/lookup/${escaped}@`)
    }),
    { numRuns: 3_000 },
  )
})
