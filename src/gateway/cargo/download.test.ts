import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { startUpstream } from '../upstream.fixture.ts'
import { integrityOfHex } from '../../lockfiles/index.ts'
import { host, lockOf, openCargo, sha256, injected } from './cargo.fixture.ts'
import { indexPath, routeOf } from './route.ts'

const file = 'the file of Words 1.0.0'
const path = '/api/v1/crates/Words/1.0.0/download'
const lock = lockOf(['Words', '1.0.0', sha256(file)])

test('config.json leads here, asks for no token, and is permitted once for a step', async (t) => {
  const { world, get } = await openCargo(t)
  for (let i = 0; i < 2; i++)
    assert.deepEqual(JSON.parse((await get('/config.json')).body), {
      dl: `https://${host}/api/v1/crates`,
      api: `https://${host}`,
    })
  assert.equal(world.audit.ofType('access.granted').length, 1)
})

test('a web API at another host stays there: that is a connection of its own', async (t) => {
  const { bodies, get } = await openCargo(t)
  bodies.set('/config.json', '{"dl":"https://static.test/crates","api":"https://api.test"}')
  assert.equal((JSON.parse((await get('/config.json')).body) as { api: string }).api, 'https://api.test')
})

test('what Cargo.lock has passes, held against its checksum, and is recorded; the credential is the gateway’s', async (t) => {
  const { world, upstream, add, get } = await openCargo(t, { lock })
  add('Words', '1.0.0', file)
  const index = await get('/wo/rd/words')
  assert.equal((JSON.parse(index.body) as { name: string }).name, 'Words')
  assert.match(index.head, /etag: "1"/i)
  assert.equal((await get(path)).body, file)
  await world.gateway.recordDownloads(world.step)
  assert.deepEqual(
    world.audit.ofType('packages.downloaded').flatMap(({ data }) => data['packages']),
    [
      {
        purl: 'pkg:cargo/Words@1.0.0',
        by: 'lockfile',
        bytes: file.length,
        integrity: integrityOfHex('sha256', sha256(file)),
        sha256: sha256(file),
        first: true,
      },
    ],
  )
  assert.deepEqual([...new Set(upstream.seen.map(({ headers }) => headers.authorization))], [injected])
})

for (const template of [
  `https://${host}/files/{crate}/{version}/download`,
  `https://${host}/{prefix}/{lowerprefix}/{crate}-{version}.{sha256-checksum}`,
])
  test(`a template says where crates are: ${template}`, async (t) => {
    const { bodies, get } = await openCargo(t, { lock })
    bodies.set('/config.json', JSON.stringify({ dl: template }))
    bodies.set(`/Wo/rd/wo/rd/Words-1.0.0.${sha256(file)}`, file).set('/files/Words/1.0.0/download', file)
    assert.equal((await get(path)).body, file)
  })

test('another byte, another crate’s file: refused before its end', async (t) => {
  const { world, bodies, get } = await openCargo(t, { lock })
  for (const body of ['the file of Words 1.0.1', 'x', '', `${file} and more`]) {
    bodies.set('/files/Words/1.0.0/download', body)
    assert.ok((await get(path)).body.length < Math.max(1, body.length), body)
  }
  const reasons = world.audit.ofType('access.denied').map(({ data }) => String(data['reason']))
  assert.equal(reasons.length, 4)
  for (const reason of reasons) assert.match(reason, /Words@1\.0\.0 is not what the lockfile pins/)
})

test('what Cargo.lock does not have, or what is no path of the protocol, is not asked for', async (t) => {
  const { asked, get } = await openCargo(t, { lock })
  for (const one of [
    '/se/rd/serde',
    '/api/v1/crates/serde/1.0.0/download',
    '/api/v1/crates/Words/1.0.1/download',
    '/api/v1/crates/words/1.0.0/download',
    '/api/v1/crates/Words/1.0.0+x/download',
  ])
    assert.match((await get(one)).body, /Cargo\.lock does not have .*"cargo:resolve cargo"/, one)
  for (const one of [
    '/Wo/rd/Words',
    '/wo/rd/Words',
    '/wo/words',
    '/3/w/words',
    '/wo/rd/words?x=1',
    '/wo/rd/words/',
    '/api/v1/crates/Words/1.0.0/../1.0.0/download',
    '/api/v1/crates/Words/latest/download',
    '/api/v1/crates?q=words',
    '/api/v1/crates/Words',
  ])
    assert.ok((await get(one)).status >= 400, one)
  assert.deepEqual(asked(), [])
})

test('a lock of another registry, one without a checksum: said, and not asked for', async (t) => {
  const other = lock.replace('https://github.com/rust-lang/crates.io-index', 'https://other.test/index/')
  const { get, asked } = await openCargo(t, { lock: other })
  assert.match((await get(path)).body, /Cargo\.lock does not have words 1\.0\.0/)
  assert.deepEqual(asked(), [])
  const { get: again } = await openCargo(t, { lock: lock.replace(/checksum.*/, '') })
  assert.match((await again(path)).body, /has no checksum of it/)
})

test('a grant for some versions lets the index of the crate be read, and these be had', async (t) => {
  const { add, get } = await openCargo(t, {
    lock: lockOf(['Words', '1.0.0', sha256(file)], ['Words', '2.0.0', sha256(file)]),
    grants: ['cargo:download cargo/words@1.*'],
  })
  add('Words', '1.0.0', file)
  assert.equal((await get('/wo/rd/words')).status, 200)
  assert.equal((await get(path)).status, 200)
  assert.match(
    (await get('/api/v1/crates/Words/2.0.0/download')).body,
    /cargo:download cargo\/words@2\.0\.0.*"cargo:download cargo"/,
  )
})

test('cargo:resolve takes what the index has, held against its checksum', async (t) => {
  const { world, add, get, bodies } = await openCargo(t, { grants: ['cargo:resolve cargo/words'] })
  add('Words', '1.0.0', file)
  add('Words', '1.1.0', file, sha256('another'))
  add('Words', '1.2.0', file, 'none')
  bodies.set(
    '/wo/rd/words',
    `{"name":"Words","x":"${'y'.repeat(10_000_000)}"}\n\0\n[]\nnull\n${String(bodies.get('/wo/rd/words'))}`,
  )
  assert.equal((await get('/wo/rd/words')).status, 200)
  assert.equal((await get(path)).body, file)
  assert.notEqual((await get('/api/v1/crates/Words/1.1.0/download')).body, file)
  assert.match((await get('/api/v1/crates/Words/1.2.0/download')).body, /index has no checksum/)
  assert.match((await get('/api/v1/crates/Words/1.3.0/download')).body, /index does not have this version/)
  assert.match((await get('/api/v1/crates/wORDS/1.0.0/download')).body, /index does not have this version/)
  assert.equal((await get('/se/rd/serde')).status, 403)
  await world.gateway.recordDownloads(world.step)
  const files = world.audit
    .ofType('packages.downloaded')
    .flatMap(({ data }) => data['packages'] as { by: string }[])
  assert.deepEqual(
    files.map(({ by }) => by),
    ['registry'],
  )
  assert.match(
    JSON.stringify(world.audit.ofType('access.denied')),
    /Words@1\.1\.0 is not what the registry says/,
  )
})

test('crates on a storage host are fetched there without the credential, and held all the same', async (t) => {
  const storage = await startUpstream(t, 'localhost')
  storage.handle = (_request, response) =>
    void response.writeHead(200, { 'content-length': file.length }).end(file)
  const { bodies, get } = await openCargo(t, { lock, storage })
  bodies.set('/config.json', `{"dl":"https://localhost:${storage.port}/crates"}`)
  assert.equal((await get(path)).body, file)
  assert.deepEqual(
    storage.seen.map(({ url, headers }) => [url, headers.authorization]),
    [['/crates/Words/1.0.0/download', undefined]],
  )
  storage.handle = (_request, response) => void response.writeHead(200).end('another file')
  assert.doesNotMatch((await get(path)).body, /another file/)
})

test('files elsewhere need to be named, and a redirect shows no token', async (t) => {
  const { upstream, bodies, get } = await openCargo(t, { lock })
  bodies.set('/config.json', '{"dl":"https://static.test/crates"}')
  assert.match((await get(path)).body, /redirects to static\.test.*storage: \["static\.test"\]/)
  upstream.handle = (_request, response) =>
    void response.writeHead(302, { location: 'https://static.test/x?token=abc' }).end()
  const redirected = await get('/wo/rd/words')
  assert.doesNotMatch(`${redirected.head}${redirected.body}`, /token=abc/)
})

test('an index that shows the credential is cut before it', async (t) => {
  const { bodies, get } = await openCargo(t, { grants: ['cargo:resolve cargo'] })
  const shown = Buffer.from('injected:for-cargo').toString('base64')
  bodies.set('/wo/rd/words', `you are ${shown} and more`)
  const { head, body } = await get('/wo/rd/words')
  assert.ok(!`${head}${body}`.includes(shown))
})

test('any path is a route that names one crate, or none', () => {
  const text = fc.string({
    unit: fc.constantFrom(...'aB1/_-.%\0\n', 'api/v1/crates/', '/download', '1.0.0'),
    maxLength: 16,
  })
  fc.assert(
    fc.property(text, (rest) => {
      const route = routeOf('GET', `/${rest}`)
      if (route?.kind === 'index') return indexPath(route.crate) === `/${rest}`
      if (route?.kind === 'download')
        return (
          `/${rest}` === `/api/v1/crates/${route.spelled}/${route.version}/download` &&
          /^[a-z0-9_-]+$/.test(route.crate)
        )
      return true
    }),
    { numRuns: 3_000 },
  )
})
