import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { npmHost } from '../gateway.fixture.ts'
import { errorOf, integrityOf, openNpm, packageLock } from './npm.fixture.ts'

const resolving = { grants: ['npm:resolve npm'] }

test('a role that resolves reads about any package, and what it fetches is held against that', async (t) => {
  const npm = await openNpm(t, resolving)
  npm.registry.add('core', '1.0.0')
  assert.equal((await npm.get('/core')).status, 200)
  assert.match((await npm.get('/core/-/core-1.0.0.tgz')).body, /the file of core/)
  assert.deepEqual(npm.asked(), ['/core', '/core/-/core-1.0.0.tgz'])
  npm.registry.bodies.set('/core/-/core-1.0.0.tgz', 'another one')
  assert.doesNotMatch((await npm.get('/core/-/core-1.0.0.tgz')).body, /another one/)
  const recorded = JSON.stringify(npm.world.audit.ofType('access.granted'))
  assert.match(recorded, /npm:resolve/)
  assert.equal((await npm.get('/none')).status, 404)
})

// The registry changes its mind between what the step was shown and what it fetches.
test('a digest that changes after the packument passed does not count', async (t) => {
  const npm = await openNpm(t, resolving)
  npm.registry.add('core', '1.0.0')
  await npm.get('/core')
  npm.registry.add('core', '1.0.0', { file: 'another one' })
  assert.doesNotMatch((await npm.get('/core/-/core-1.0.0.tgz')).body, /another one/)
})

test('a lockfile goes before what the registry says, and resolving is by package where the grant is', async (t) => {
  const npm = await openNpm(t, {
    grants: ['npm:resolve npm/@octo/*'],
    lockfiles: [packageLock({ '@octo/core': { version: '1.0.0', integrity: integrityOf('pinned') } })],
  })
  npm.registry.add('@octo/core', '1.0.0', { file: 'what the registry has by now' })
  npm.registry.add('left', '1.0.0')
  assert.equal((await npm.get('/@octo%2fcore')).status, 200)
  assert.doesNotMatch((await npm.get('/@octo/core/-/core-1.0.0.tgz')).body, /by now/)
  const asked = npm.asked().length
  for (const path of ['/left', '/left/-/left-1.0.0.tgz']) {
    const answer = await npm.get(path)
    assert.equal(answer.status, 403)
    assert.match(errorOf(answer), /role "build" does not grant it/)
  }
  assert.equal(npm.asked().length, asked)
})

test('without resolving, a package that no lockfile pins says which grant there is', async (t) => {
  const npm = await openNpm(t, { lockfiles: [packageLock({})] })
  assert.match(errorOf(await npm.get('/left')), /does not pin left: .*"npm:resolve npm"/)
  assert.deepEqual(npm.asked(), [])
})

test('a document that is another’s, none, in another encoding, or endless, is refused in words', async (t) => {
  const npm = await openNpm(t, resolving)
  const { bodies } = npm.registry
  const answers: readonly (readonly [what: Parameters<typeof bodies.set>[1], why: RegExp])[] = [
    ['{"name":"other","versions":{}}', /no package's document/],
    ['{}', /no package's document/],
    ['[]', /no package's document/],
    ['{', /no package's document/],
    ['['.repeat(100_000), /no package's document/],
    [
      (_request, response) => void response.writeHead(200, { 'content-encoding': 'br' }).end('x'),
      /breaks off, or is not what its encoding says/,
    ],
    [
      (_request, response) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end('not gzip'),
      /not what its encoding says/,
    ],
    [
      (_request, response) =>
        void response
          .writeHead(200, { 'content-encoding': 'gzip' })
          .end(gzipSync(Buffer.alloc(100 * 1_048_576, ' '))),
      /is over \d+ bytes/,
    ],
    [
      (_request, response) => {
        response.writeHead(200)
        const piece = Buffer.alloc(1_048_576, ' ')
        const more = () => {
          while (!response.destroyed && response.write(piece));
        }
        response.on('drain', more)
        more()
      },
      /is over \d+ bytes/,
    ],
  ]
  for (const [body, why] of answers) {
    bodies.set('/core', body)
    const answer = await npm.get('/core')
    assert.equal(answer.status, 502)
    assert.match(answer.body, why)
  }
})

test('a gzip document is unpacked, and names of the language’s own in it are names', async (t) => {
  const npm = await openNpm(t, resolving)
  const dist = { integrity: integrityOf('x'), tarball: `https://${npmHost}/core/-/core-1.0.0.tgz` }
  const text = `{"name":"core","__proto__":{"polluted":1},"versions":{"__proto__":{"dist":${JSON.stringify(dist)}},"1.0.0":{"dist":${JSON.stringify(dist)}},"constructor":{"dist":null},"2.0.0":null}}`
  npm.registry.bodies.set(
    '/core',
    (_request, response) =>
      void response.writeHead(200, { 'content-encoding': 'gzip', etag: '"a"' }).end(gzipSync(text)),
  )
  const answer = await npm.get('/core')
  assert.equal(answer.body, text)
  assert.doesNotMatch(answer.head, /content-encoding|etag/i)
  npm.registry.bodies.set('/core/-/core-1.0.0.tgz', 'x')
  assert.equal((await npm.get('/core/-/core-1.0.0.tgz')).body, 'x')
  assert.equal(({} as { polluted?: unknown }).polluted, undefined)
})

// corepack asks for one version or tag; npm dist-tag ls for the tags.
test('a version, or what a tag names, is answered out of the document, and so are the tags', async (t) => {
  const npm = await openNpm(t, { ...resolving, connection: { minimum_age: '7d' } })
  for (const version of ['1.0.0', '2.0.0', '3.0.0']) npm.registry.add('@octo/core', version)
  const tarball = 'https://elsewhere.test/core-2.0.0.tgz'
  npm.registry.add('@octo/core', '2.0.0', { dist: { tarball } })
  const document = {
    ...npm.registry.packumentOf('@octo/core'),
    'dist-tags': { latest: '2.0.0', '1-legacy': '1.0.0', next: '3.0.0' },
    time: { '1.0.0': ago(50), '2.0.0': ago(50), '3.0.0': ago(1) },
  }
  npm.registry.bodies.set('/@octo/core', JSON.stringify(document))
  const read = async (path: string) => JSON.parse((await npm.get(path)).body) as Record<string, unknown>
  for (const [path, version] of [
    ['/@octo/core/1.0.0', '1.0.0'],
    ['/@octo%2fcore/1-legacy', '1.0.0'],
    ['/@octo%2fcore/latest', '2.0.0'],
  ] as const)
    assert.equal((await read(path))['version'], version, path)
  const { dist } = (await read('/@octo/core/latest')) as { dist: { tarball: string } }
  assert.equal(dist.tarball, `https://${npmHost}/@octo/core/-/core-2.0.0.tgz`)
  assert.deepEqual(await read('/-/package/@octo%2fcore/dist-tags'), { latest: '2.0.0', '1-legacy': '1.0.0' })
  for (const path of [
    '/@octo/core/9.9.9',
    '/@octo/core/3.0.0',
    '/@octo/core/next',
    '/@octo/core/constructor',
  ])
    assert.equal((await npm.get(path)).status, 404, path)
  assert.match((await npm.get('/@octo/core/-/core-1.0.0.tgz')).body, /the file of @octo\/core@1\.0\.0/)
  const asked = npm.asked().length
  for (const path of [
    '/@octo/core/~1.0.0',
    '/@octo/core/1.x',
    '/-/whoami',
    '/-/ping',
    '/-/package/x/collaborators',
  ])
    assert.equal((await npm.get(path)).status, 403, path)
  assert.equal(npm.asked().length, asked)
})

test('a part of a document takes the grant of the package that it is of', async (t) => {
  const npm = await openNpm(t, { grants: ['npm:resolve npm/left'] })
  for (const path of ['/right/latest', '/right/1.0.0', '/-/package/right/dist-tags'])
    assert.match(errorOf(await npm.get(path)), /npm:install npm\/right: role "build" does not grant it/, path)
  assert.deepEqual(npm.asked(), [])
})

// GitLab's registry sends on to npmjs.com for what it has not itself.
test('a document is followed on the registry’s own host; one that is elsewhere is not there', async (t) => {
  const npm = await openNpm(t, resolving)
  npm.registry.add('core', '1.0.0')
  const sendTo = (location: string) =>
    npm.registry.bodies.set('/left', (_request, response) => void response.writeHead(302, { location }).end())
  npm.registry.bodies.set('/moved/left', JSON.stringify({ name: 'left', versions: {} }))
  sendTo('/moved/left')
  assert.equal((await npm.get('/left')).status, 200)
  sendTo('https://registry.npmjs.test/left')
  const answer = await npm.get('/left')
  assert.equal(answer.status, 404)
  assert.match(errorOf(answer), /sends clients on to registry\.npmjs\.test/)
  for (const location of ['/left', `https://${npmHost}:8443/left`, 'ftp://x']) {
    sendTo(location)
    assert.ok([404, 502].includes((await npm.get('/left')).status), location)
  }
})

// Gitea and Gemfury escape the scope in their addresses; none of these may be one that the step is refused for later.
test('whatever spelling the registry has for a file’s address, what the step is told it may ask for', async (t) => {
  const npm = await openNpm(t, resolving)
  const spellings = [
    '/%40octo%2Fcore/-/1.0.0/core-1.0.0.tgz',
    '/%40octo/core/-/core-1.0.0.tgz',
    '/@octo%2fcore/-/%40octo%2Fcore-1.0.0',
    '/@octo%2Fcore/-/core-1%2E0%2e0.tgz',
    '/@%6fcto/core/-/core-1.0.0.tgz',
    '/@octo/core/-/core-1.0.0.tgz?sig=a%2Bb%2F',
    '/50%25/@octo/core/-/core-1.0.0.tgz',
    '/a;b/@octo/core/-/core-1.0.0.tgz',
  ]
  const file = 'the bytes of a file'
  for (const path of spellings) {
    const dist = { integrity: integrityOf(file), tarball: `https://${npmHost}${path}` }
    const document = { name: '@octo/core', versions: { '1.0.0': { dist } } }
    npm.registry.bodies.clear()
    npm.registry.bodies.set('/@octo/core', JSON.stringify(document))
    npm.registry.bodies.set(decodeURIComponent(path), file)
    const answer = await npm.get('/@octo%2fcore')
    const seen = JSON.parse(answer.body) as typeof document
    const shown = new URL(seen.versions['1.0.0'].dist.tarball)
    assert.equal((await npm.get(`${shown.pathname}${shown.search}`)).body, file, path)
    assert.equal(npm.asked().at(-1), path)
  }
})

const day = 86_400_000
const ago = (days: number) => new Date(Date.now() - days * day).toISOString()

test('versions younger than the connection’s minimum age are not there to choose, and are not given', async (t) => {
  const npm = await openNpm(t, { ...resolving, connection: { minimum_age: '7d' } })
  for (const version of ['1.9.0', '1.10.0', '2.0.0-rc.1', '2.0.0', '3.0.0']) npm.registry.add('core', version)
  const document = {
    ...npm.registry.packumentOf('core'),
    'dist-tags': { latest: '2.0.0', next: '2.0.0-rc.1', old: '1.9.0' },
    time: {
      created: ago(100),
      '1.9.0': ago(50),
      '1.10.0': ago(60),
      '2.0.0-rc.1': ago(6),
      '2.0.0': ago(1),
    },
  }
  npm.registry.bodies.set('/core', JSON.stringify(document))
  const seen = JSON.parse((await npm.get('/core')).body) as Record<string, Record<string, unknown>>
  assert.deepEqual(Object.keys(seen['versions'] ?? {}), ['1.9.0', '1.10.0'])
  assert.deepEqual(Object.keys(seen['time'] ?? {}), ['created', '1.9.0', '1.10.0'])
  assert.deepEqual(seen['dist-tags'], { old: '1.9.0', latest: '1.10.0' })
  assert.equal(npm.registry.upstream.seen[0]?.headers.accept, 'application/json')
  assert.match((await npm.get('/core/-/core-1.10.0.tgz')).body, /the file of core@1\.10\.0/)
  assert.match(errorOf(await npm.get('/core/-/core-2.0.0.tgz')), /before it is 7d old/)
  assert.match(errorOf(await npm.get('/core/-/core-3.0.0.tgz')), /does not say when/)
})

test('a pinned version has its minimum age by the registry’s word, too', async (t) => {
  const integrity = integrityOf('the file of core@1.0.0')
  const npm = await openNpm(t, {
    lockfiles: [packageLock({ core: { version: '1.0.0', integrity } })],
    connection: { minimum_age: '7d' },
  })
  npm.registry.add('core', '1.0.0')
  const publishedAt = (time: string) =>
    npm.registry.bodies.set(
      '/core',
      JSON.stringify({ ...npm.registry.packumentOf('core'), time: { '1.0.0': time } }),
    )
  publishedAt(ago(1))
  assert.match(errorOf(await npm.get('/core/-/core-1.0.0.tgz')), /before it is 7d old/)
  publishedAt(ago(8))
  await npm.get('/core')
  assert.match((await npm.get('/core/-/core-1.0.0.tgz')).body, /the file of core/)
})

const bulk = '/-/npm/v1/security/advisories/bulk'

test('npm audit asks about packages that the role may resolve, all of them or none', async (t) => {
  const npm = await openNpm(t, { grants: ['npm:resolve npm/@octo/*'] })
  npm.registry.bodies.set(bulk, '{}')
  const asked = '{"@octo/core":["1.0.0"]}'
  assert.equal((await npm.ask('POST', bulk, asked)).status, 200)
  assert.equal((await npm.ask('POST', bulk, gzipSync(asked), { 'content-encoding': 'gzip' })).status, 200)
  assert.deepEqual(
    npm.registry.upstream.seen.map(({ body, headers }) => [body.toString(), headers['content-encoding']]),
    [
      [asked, undefined],
      [asked, undefined],
    ],
  )
  for (const [body, why] of [
    ['{"@octo/core":["1.0.0"],"@octo-inner/secret":["1.0.0"]}', /does not grant/],
    ['{"../x":[]}', /its body is not/],
    ['{}', /its body is not/],
    ['[]', /its body is not/],
    ['{', /its body is not/],
    [gzipSync(Buffer.alloc(20 * 1_048_576, ' ')), /its body is not/],
  ] as const) {
    const headers: Record<string, string> = typeof body === 'string' ? {} : { 'content-encoding': 'gzip' }
    assert.match(errorOf(await npm.ask('POST', bulk, body, headers)), why)
  }
  assert.equal(npm.asked().length, 2)
})

test('statements about packages: of those that are pinned or may be resolved; the keys once one was asked about', async (t) => {
  const integrity = integrityOf('x')
  const npm = await openNpm(t, { lockfiles: [packageLock({ core: { version: '1.0.0', integrity } })] })
  npm.registry.add('core', '1.0.0')
  npm.registry.bodies.set('/-/npm/v1/keys', '{"keys":[]}')
  npm.registry.bodies.set('/-/npm/v1/attestations/core@1.0.0', '{"attestations":[]}')
  assert.equal((await npm.get('/-/npm/v1/keys')).status, 403)
  assert.equal((await npm.get('/-/npm/v1/attestations/other@1.0.0')).status, 403)
  assert.deepEqual(npm.asked(), [])
  await npm.get('/core')
  assert.match((await npm.get('/-/npm/v1/keys')).body, /"keys":\[\]/)
  assert.match((await npm.get('/-/npm/v1/attestations/core@1.0.0')).body, /"attestations":\[\]/)
})
