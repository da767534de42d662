import assert from 'node:assert/strict'
import { test } from 'node:test'
import { npmHost } from '../gateway.fixture.ts'
import { startUpstream } from '../upstream.fixture.ts'
import { errorOf, integrityOf, openNpm, packageLock, yarnLock } from './npm.fixture.ts'

const file = 'the bytes of a file'
const integrity = integrityOf(file)

const layouts: readonly (readonly [registry: string, name: string, path: string])[] = [
  ['GitLab', '@octo/core', '/api/v4/projects/7/packages/npm/@octo/core/-/@octo/core-1.0.0.tgz'],
  ['GitHub Packages', '@octo/core', '/download/@octo/core/1.0.0/0a1b2c'],
  ['Artifactory', '@octo/core', '/artifactory/api/npm/local/@octo/core/-/@octo/core-1.0.0.tgz'],
  ['Azure', 'core', '/_apis/packaging/feeds/f/npm/packages/core/versions/1.0.0/content'],
  ['a folder for each version', 'core', '/core/1.0.0/core-1.0.0.tgz'],
  ['a repository with a space', 'core', '/my%20feed/core/-/core-1.0.0.tgz'],
  ['with a query', 'core', '/core/-/core-1.0.0.tgz?cache=0'],
  // `npm:-@0.0.1` stands for a dependency that is to be left out.
  ['the package -', '-', '/-/-/--1.0.0.tgz'],
  ['Gitea', '@octo/core', '/%40octo%2Fcore/-/1.0.0/core-1.0.0.tgz'],
  ['Gemfury', '@octo/core', '/@octo%2fcore/-/%40octo%2Fcore-1.0.0'],
]
for (const [registry, name, path] of layouts)
  test(`a pinned file is found where its lockfile says: ${registry}`, async (t) => {
    const resolved = `https://${npmHost}${path}`
    const lockfiles = [packageLock({ [name]: { version: '1.0.0', resolved, integrity } })]
    const npm = await openNpm(t, { lockfiles })
    npm.registry.bodies.set(decodeURIComponent(path), file)
    const answer = await npm.get(path)
    assert.equal(answer.status, 200, answer.body)
    assert.equal(answer.body, file)
    assert.deepEqual(npm.asked().map(decodeURIComponent), [decodeURIComponent(path)])
    npm.registry.bodies.set(decodeURIComponent(path), 'another one')
    assert.doesNotMatch((await npm.get(path)).body, /another one/)
  })

// Whoever writes a lockfile chooses these, and the grant is of another package.
test('what a lockfile says is at an address is what its registry has there, by name and version', async (t) => {
  for (const [name, version, path] of [
    ['evil', '9.9.9', '/evil/-/evil-1.0.0.tgz'],
    ['evil', '1.0.0+x', '/evil/-/evil-1.0.0.tgz'],
    ['versions', '1.0.0', '/evil/versions/1.0.0/content'],
    ['download', '1.0.0', '/download/@x/evil/1.0.0/0a1b2c'],
    ['good', '1.0.0', '/evil/-/good/-/evil-1.0.0.tgz'],
    ['core', '2.0.0', '/core/versions/1.0.0/content'],
    ['core', '2.0.0', '/core/1.0.0/core-1.0.0.tgz'],
    ['@octo/core', '2.0.0', '/download/@octo/core/1.0.0/0a1b2c'],
  ] as const) {
    const resolved = `https://${npmHost}${path}`
    const npm = await openNpm(t, { lockfiles: [packageLock({ [name]: { version, resolved, integrity } })] })
    npm.registry.bodies.set(path, file)
    const answer = await npm.get(path)
    assert.equal(answer.status, 403, path)
    assert.match(answer.body, /is at this address, which is not one of that version/)
    assert.deepEqual(npm.asked(), [])
  }
})

test('an address in a lockfile that is another package’s, or none of a file, is refused before upstream is asked', async (t) => {
  const paths = [
    '/@octo/secret/-/secret-1.0.0.tgz',
    '/@octo/core/-/core-1.0.0.tgz',
    '/download/@octo/secret/1.0.0/abc',
    '/secret',
    '/-/whoami',
    '/-/core/x.tgz',
    '/core-secret/-/core-secret-1.0.0.tgz',
    '/secret/-/core/core-1.0.0.tgz',
  ]
  for (const path of paths) {
    const resolved = `https://${npmHost}${path}`
    const npm = await openNpm(t, {
      lockfiles: [packageLock({ core: { version: '1.0.0', resolved, integrity } })],
      grants: ['npm:install npm/core'],
    })
    npm.registry.bodies.set(path, file)
    const answer = await npm.get(path)
    assert.equal(answer.status, 403, `${path}: ${answer.body}`)
    assert.deepEqual(npm.asked(), [], path)
  }
})

test('two packages at one address, and one with two digests, are refused by name', async (t) => {
  const resolved = `https://${npmHost}/files/core/other/x.tgz`
  const npm = await openNpm(t, {
    lockfiles: [
      packageLock({
        core: { version: '1.0.0', resolved, integrity },
        other: { version: '1.0.0', resolved, integrity },
        twice: { version: '1.0.0', integrity },
        bare: { version: '1.0.0' },
        old: { version: '1.0.0', integrity: integrityOf(file, 'sha1') },
      }),
      {
        ...packageLock({ twice: { version: '1.0.0', integrity: integrityOf('x') } }),
        path: 'web/package-lock.json',
      },
    ],
  })
  for (const [path, why] of [
    ['/files/core/other/x.tgz', /two packages are at this address/],
    ['/twice/-/twice-1.0.0.tgz', /twice@1\.0\.0: two lockfiles of the workspace pin it to two digests/],
    ['/bare/-/bare-1.0.0.tgz', /bare@1\.0\.0: the lockfile has no integrity for it/],
    ['/old/-/old-1.0.0.tgz', /old@1\.0\.0: the lockfile pins only by sha1/],
  ] as const) {
    const answer = await npm.get(path)
    assert.equal(answer.status, 403)
    assert.match(errorOf(answer), why)
  }
  assert.deepEqual(npm.asked(), [])
})

test('sha1 beside sha512: the stronger counts', async (t) => {
  const both = `${integrityOf('other bytes', 'sha1')} ${integrity}`
  const npm = await openNpm(t, { lockfiles: [packageLock({ core: { version: '1.0.0', integrity: both } })] })
  npm.registry.bodies.set('/core/-/core-1.0.0.tgz', file)
  assert.equal((await npm.get('/core/-/core-1.0.0.tgz')).body, file)
})

test('a lockfile without digests: what the registry says is held, whether or not the step asked for it', async (t) => {
  const npm = await openNpm(t, { lockfiles: [yarnLock('core@npm:1.0.0', '@octo/tool@npm:1.0.0')] })
  npm.registry.add('core', '1.0.0')
  npm.registry.add('@octo/tool', '1.0.0')
  const answer = await npm.get('/core/-/core-1.0.0.tgz')
  assert.match(answer.body, /the file of core@1\.0\.0/)
  assert.deepEqual(npm.asked(), ['/core', '/core/-/core-1.0.0.tgz'])
  assert.match((await npm.get('/@octo%2ftool/-/tool-1.0.0.tgz')).body, /the file of @octo\/tool/)
  npm.registry.bodies.set('/core/-/core-1.0.0.tgz', 'another one')
  assert.doesNotMatch((await npm.get('/core/-/core-1.0.0.tgz')).body, /another one/)
  assert.match(
    JSON.stringify(npm.world.audit.events),
    /core@1\.0\.0 is not what the registry says \(sha512 differs\)/,
  )
  assert.equal((await npm.get('/core/-/core-1.0.1.tgz')).status, 403)
})

test('a lockfile without digests, and a registry without a strong one: refused by name', async (t) => {
  const npm = await openNpm(t, { lockfiles: [yarnLock('old@npm:1.0.0', 'bare@npm:1.0.0', 'gone@npm:1.0.0')] })
  const shasum = '574c8138ce1d2b5861f0b44579dbadd60c6615b2'
  npm.registry.add('old', '1.0.0', { dist: { integrity: undefined, shasum } })
  npm.registry.add('bare', '1.0.0', { dist: { integrity: undefined } })
  npm.registry.add('gone', '2.0.0')
  for (const [name, why] of [
    ['old', /names no digest but SHA-1/],
    ['bare', /neither lockfile nor registry name a digest/],
    ['gone', /does not name this version/],
  ] as const)
    assert.match(errorOf(await npm.get(`/${name}/-/${name}-1.0.0.tgz`)), why)
})

test('redirects are followed: within the registry with its credential, to a storage host that is named without; nowhere else', async (t) => {
  const storage = await startUpstream(t, 'localhost')
  storage.handle = (_request, response) =>
    void response.writeHead(200, { 'content-length': file.length }).end(file)
  const place = `localhost:${storage.port}`
  const lockfiles = [packageLock({ core: { version: '1.0.0', integrity } })]
  const npm = await openNpm(t, { lockfiles, connection: { storage: [place] }, ca: storage.ca })
  const path = '/core/-/core-1.0.0.tgz'
  const redirect = (location: string) =>
    npm.registry.bodies.set(path, (_request, response) => void response.writeHead(302, { location }).end())
  redirect('/files/abc')
  npm.registry.bodies.set('/files/abc', file)
  assert.equal((await npm.get(path)).body, file)
  const { seen } = npm.registry.upstream
  assert.equal(seen[1]?.headers.authorization, seen[0]?.headers.authorization)
  redirect(`https://${place}/bucket/abc?X-Amz-Signature=a%2Bb`)
  const stored = await npm.get(path)
  assert.equal(stored.body, file)
  assert.doesNotMatch(stored.head, /location|Signature/i)
  assert.deepEqual(
    storage.seen.map(({ url, headers }) => [url, headers.authorization]),
    [['/bucket/abc?X-Amz-Signature=a%2Bb', undefined]],
  )
  storage.handle = (_request, response) => void response.writeHead(200).end('another one')
  assert.doesNotMatch((await npm.get(path)).body, /another one/)
  for (const [location, why] of [
    ['https://evil.test/x', /redirects to evil\.test: .*storage: \["evil\.test"\]/],
    [`http://${place}/x`, /redirects to localhost/],
    [path, /redirects without an end/],
  ] as const) {
    redirect(location)
    const answer = await npm.get(path)
    assert.equal(answer.status, 502)
    assert.match(errorOf(answer), why)
  }
})

test('a packument’s addresses: its own stay, others become ones of the connection, another package’s are not followed', async (t) => {
  const npm = await openNpm(t, {
    lockfiles: [packageLock({ core: { version: '1.0.0', integrity }, odd: { version: '1.0.0', integrity } })],
  })
  const dist = (tarball: string) => ({ file, dist: { tarball } })
  npm.registry.add('core', '1.0.0', dist('http://registry.internal:4873/core/-/core-1.0.0.tgz'))
  npm.registry.add('core', '1.1.0', dist(`http://${npmHost}:4873/core/1.1.0/core.tgz`))
  npm.registry.add('core', '1.2.0', dist(`https://${npmHost}/@octo/secret/-/secret-1.0.0.tgz`))
  npm.registry.add('odd', '1.0.0', dist(`https://${npmHost}/odd/versions/1.0.0/content`))
  const { body } = await npm.get('/core')
  const { versions } = JSON.parse(body) as { versions: Record<string, { dist: { tarball: string } }> }
  assert.deepEqual(
    Object.values(versions).map(({ dist: { tarball } }) => tarball),
    [
      `https://${npmHost}/core/-/core-1.0.0.tgz`,
      `https://${npmHost}/core/1.1.0/core.tgz`,
      `https://${npmHost}/@octo/secret/-/secret-1.0.0.tgz`,
    ],
  )
  assert.equal((await npm.get('/core/-/core-1.0.0.tgz')).body, file)
  npm.registry.bodies.set('/odd/versions/1.0.0/content', file)
  assert.equal((await npm.get('/odd/versions/1.0.0/content')).status, 403)
  assert.equal((await npm.get('/odd')).status, 200)
  assert.equal((await npm.get('/odd/versions/1.0.0/content')).body, file)
  const asked = npm.asked().length
  assert.equal((await npm.get('/@octo/secret/-/secret-1.0.0.tgz')).status, 403)
  assert.equal((await npm.get('/core/1.1.0/core.tgz')).status, 403)
  assert.equal(npm.asked().length, asked)
})

test('spellings: an escape that is not needed makes no other package, and the case is the package’s', async (t) => {
  const npm = await openNpm(t, {
    lockfiles: [packageLock({ '@octo/core': { version: '1.0.0', integrity } })],
  })
  npm.registry.bodies.set('/@octo/core/-/core-1.0.0.tgz', file)
  for (const path of ['/@octo%2fcore/-/core-1.0.0.tgz', '/%40octo%2Fcore/-/core-1%2E0.0.tgz'])
    assert.equal((await npm.get(path)).body, file, path)
  const asked = npm.asked().length
  for (const path of [
    '/@Octo/core/-/core-1.0.0.tgz',
    '/@octo/core/-/CORE-1.0.0.tgz',
    '/@octo%252fcore/-/core-1.0.0.tgz',
    '/@octo%5ccore/-/core-1.0.0.tgz',
    '/@octo/core/-/core-1.0.0.TGZ',
    '/@octo/core/-/core-1.0.0.tgz/',
    '/@octo/core//-/core-1.0.0.tgz',
  ])
    assert.ok([400, 403].includes((await npm.get(path)).status), path)
  assert.equal(npm.asked().length, asked)
})
