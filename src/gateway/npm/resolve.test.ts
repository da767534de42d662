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
