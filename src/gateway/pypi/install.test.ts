import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gitHost, request } from '../gateway.fixture.ts'
import { startUpstream } from '../upstream.fixture.ts'
import { downloadsOf, hex, json, openIndexWorld } from './pypi.fixture.ts'

const wheel = 'octo_core-1.0-py3-none-any.whl'
const file = (name: string, bytes: string, more: Record<string, unknown> = {}) => ({
  ...{ filename: name, url: `/base/packages/${name}`, hashes: { sha256: hex(bytes) }, size: bytes.length },
  ...more,
})
const requirements = `octo-core==1.0 --hash=sha256:${hex('wheel')} --hash=sha256:${hex('source')}\n`
const install = ['pypi:install pypi']
const asJson = { headers: { accept: json } }

const filesOf = (body: string) =>
  (JSON.parse(body) as { files: Record<string, unknown>[] }).files.map(({ filename }) => filename)

test('a pinned project: its page has the pinned files alone, and a file comes when its digest holds', async (t) => {
  const world = await openIndexWorld(t, install, { requirements })
  world.page('octo-core', [
    file(wheel, 'wheel', {
      'requires-python': '>=3.8',
      'upload-time': '2026-01-01T00:00:00Z',
      yanked: 'bad',
      'gpg-sig': true,
    }),
    file('octo-core-1.0.tar.gz', 'source'),
    file('octo_core-1.0-cp311-cp311-win32.whl', 'not pinned'),
    file('octo_core-2.0-py3-none-any.whl', 'newer'),
    file('other-1.0-py3-none-any.whl', 'wheel'),
    { filename: wheel, url: 'javascript:alert(1)//octo_core-1.0-py3-none-any.whl', hashes: {} },
  ])
  const page = await world.ask('GET', '/simple/Octo.Core/', asJson)
  assert.equal(page.status, 200)
  assert.deepEqual(filesOf(page.body), [wheel, 'octo-core-1.0.tar.gz'])
  const [first] = (JSON.parse(page.body) as { files: Record<string, unknown>[] }).files
  assert.deepEqual(first, {
    filename: wheel,
    url: `https://${gitHost}/base/packages/${wheel}`,
    hashes: { sha256: hex('wheel') },
    ...{ 'requires-python': '>=3.8', yanked: 'bad', size: 5, 'upload-time': '2026-01-01T00:00:00Z' },
  })
  world.replies.set(`GET /base/packages/${wheel}`, { body: 'wheel', headers: { 'set-cookie': 'a=b' } })
  const answer = await world.ask('GET', `/packages/${wheel}`)
  assert.equal(answer.body, 'wheel')
  assert.doesNotMatch(answer.head, /cookie/i)
  const [downloaded, ...others] = await downloadsOf(world.world)
  assert.deepEqual(others, [])
  assert.deepEqual(
    [downloaded?.purl, downloaded?.by, downloaded?.bytes],
    [`pkg:pypi/octo-core@1.0?file_name=${wheel}`, 'lockfile', 5],
  )
  assert.match(world.world.upstream.seen[0]?.headers.authorization ?? '', /^Basic /)
})

test('the same page in HTML for who asks for that, and from an index that has no JSON', async (t) => {
  const world = await openIndexWorld(t, install, { requirements })
  world.html(
    'octo-core',
    `<!DOCTYPE html><html><head><script><a href="/x/${wheel}">x</a></script></head><body>
<!-- <a href="https://evil.test/${wheel}">x</a> -->
<A class=x HREF='../../packages/${wheel}#sha256=${hex('wheel')}' data-requires-python="&gt;=3.8" data-core-metadata="sha256=${hex('meta')}" onclick="x()"><b>${wheel}</b></A>
<a href="https://evil.test/${wheel}#sha256=${hex('wheel')}">${wheel}</a>
<a href="data:text/html,octo_core-1.0-py3-none-any.whl">x</a><iframe src="https://evil.test"></iframe></body></html>`,
  )
  const { body, head } = await world.ask('GET', '/simple/octo-core/', { headers: { accept: 'text/html' } })
  assert.match(head, /content-type: text\/html/i)
  assert.deepEqual(body.match(/<a .*/g), [
    `<a href="https://${gitHost}/base/packages/${wheel}#sha256=${hex('wheel')}" data-requires-python="&gt;=3.8" data-core-metadata="sha256=${hex('meta')}" data-dist-info-metadata="sha256=${hex('meta')}">${wheel}</a><br>`,
  ])
  assert.doesNotMatch(body, /evil|script|onclick|base href/)
  const asked = await world.ask('GET', '/simple/octo-core/', asJson)
  assert.deepEqual(filesOf(asked.body), [wheel])
})

test('bytes that are not the pinned ones are cut off, and nothing of it is in the record', async (t) => {
  const world = await openIndexWorld(t, install, { requirements })
  for (const body of ['wheeL', 'other bytes', 'wheel and more']) {
    world.replies.set(`GET /base/packages/${wheel}`, { body })
    assert.equal((await world.ask('GET', `/packages/${wheel}`)).body, '')
  }
  assert.deepEqual(await downloadsOf(world.world), [])
  assert.match(JSON.stringify(world.world.audit.ofType('access.denied')), /is not what the lockfile pins/)
  // Where the lockfile names files, another file of the same version is not this one.
  const named = await openIndexWorld(t, install, {
    lockfiles: {
      'poetry.lock': `[[package]]\nname = "octo-core"\nversion = "1.0"\nfiles = [{file = "${wheel}", hash = "sha256:${hex('wheel')}"}, {file = "octo-core-1.0.tar.gz", hash = "sha256:${hex('source')}"}]`,
    },
  })
  named.replies.set(`GET /base/packages/${wheel}`, { body: 'source' })
  assert.equal((await named.ask('GET', `/packages/${wheel}`)).body, '')
})

const unpinned: readonly (readonly [string, string])[] = [
  ['a project that no lockfile pins', '/simple/confused/'],
  ['a file of it', '/packages/confused-1.0-py3-none-any.whl'],
  ['another version', '/packages/octo_core-2.0-py3-none-any.whl'],
  ['a longer name', '/packages/octo_core_evil-1.0-py3-none-any.whl'],
  ['a name with its version in front', '/packages/octo-core-1.0-1.0.tar.gz'],
  ['the list of all projects', '/simple/'],
  ['what is no index', '/admin'],
  ['a file of another sort', '/packages/octo_core-1.0.exe'],
  ['its JSON', '/pypi/confused/json'],
  ['an upload by GET', '/'],
  ['a query', '/simple/octo-core/?a=secret'],
  ['a query at a file', `/packages/${wheel}?a=secret`],
]
for (const [what, path] of unpinned)
  test(`refused, and nobody is asked: ${what}`, async (t) => {
    const world = await openIndexWorld(t, install, { requirements })
    const { status, body, head } = await world.ask('GET', path)
    assert.equal(status, 403)
    assert.match(body, /^mayfly: refused: /)
    // pip and twine show the reason phrase.
    assert.match(head, /^HTTP\/1\.1 403 mayfly: refused: /)
    assert.deepEqual(world.asked(), [])
  })

test('paths that are read in two ways are no paths', async (t) => {
  const world = await openIndexWorld(t, install, { requirements })
  for (const path of [
    '/simple/../octo-core/',
    '/simple//octo-core/',
    '/packages/%2e%2e/x',
    '/simple/octo-core%00/',
    '/simple/octo-core;a/',
  ])
    assert.ok([400, 403].includes((await world.ask('GET', path)).status), path)
  assert.deepEqual(world.asked(), [])
})

test('names in other spellings are the same project, and look-alikes are not', async (t) => {
  const world = await openIndexWorld(t, install, { requirements })
  world.page('octo-core', [file(wheel, 'wheel')])
  for (const name of ['octo-core', 'octo_core', 'Octo.Core', 'OCTO-_.CORE'])
    assert.equal((await world.ask('GET', `/simple/${name}/`)).status, 200, name)
  for (const name of ['octocore', 'octo-c0re', 'octo-core-', '-octo-core', 'octo-core2', 'oct%d0%be-core'])
    assert.equal((await world.ask('GET', `/simple/${name}/`)).status, 403, name)
  assert.deepEqual(new Set(world.asked()), new Set(['GET /base/simple/octo-core/']))
})

test('a grant for a version, without a lockfile, without hashes, and two lockfiles that contradict', async (t) => {
  const other = await openIndexWorld(t, ['pypi:install pypi/octo-core@2.*'], { requirements })
  assert.match((await other.ask('GET', `/packages/${wheel}`)).body, /pypi:install pypi/)
  assert.match((await other.ask('GET', '/simple/octo-core/')).body, /pypi:install pypi/)
  const fitting = await openIndexWorld(t, ['pypi:install pypi/octo-core@1.*'], { requirements })
  fitting.page('octo-core', [file(wheel, 'wheel')])
  assert.equal((await fitting.ask('GET', '/simple/octo-core/')).status, 200)
  const none = await openIndexWorld(t, install)
  assert.match((await none.ask('GET', '/simple/octo-core/')).body, /no lockfile with hashes/)
  const bare = await openIndexWorld(t, install, { requirements: 'octo-core==1.0\n' })
  assert.match((await bare.ask('GET', `/packages/${wheel}`)).body, /without a hash: make it with hashes/)
  const lock = (bytes: string) =>
    `[[package]]\nname = "octo-core"\nversion = "1.0"\nfiles = [{file = "${wheel}", hash = "sha256:${hex(bytes)}"}]`
  const both = await openIndexWorld(t, install, {
    lockfiles: { 'poetry.lock': lock('a'), 'pdm.lock': lock('b') },
  })
  assert.match((await both.ask('GET', `/packages/${wheel}`)).body, /two digests/)
  // Whose version a file is says its name: a lockfile that calls it another does not bring it past the rules for that one.
  const misnamed = await openIndexWorld(t, ['pypi:install pypi/octo-core@2.*'], {
    lockfiles: { 'poetry.lock': lock('wheel').replace('"1.0"', '"2.0"') },
  })
  assert.match(
    (await misnamed.ask('GET', `/packages/${wheel}`)).body,
    /is octo-core 2\.0, which its name does not/,
  )
  for (const one of [other, none, bare, both, misnamed]) assert.deepEqual(one.asked(), [])
})

test('metadata of a wheel is held against the digest on the page, and without one it is not given', async (t) => {
  const world = await openIndexWorld(t, install, { requirements })
  world.page('octo-core', [file(wheel, 'wheel', { 'core-metadata': { sha256: hex('Name: octo-core') } })])
  world.replies.set(`GET /base/packages/${wheel}.metadata`, { body: 'Name: octo-core' })
  assert.equal((await world.ask('GET', `/packages/${wheel}.metadata`)).body, 'Name: octo-core')
  world.replies.set(`GET /base/packages/${wheel}.metadata`, { body: 'Name: octo-cory' })
  assert.equal((await world.ask('GET', `/packages/${wheel}.metadata`)).body, '')
  const without = await openIndexWorld(t, install, { requirements })
  without.page('octo-core', [file(wheel, 'wheel', { 'core-metadata': true })])
  assert.equal((await without.ask('GET', `/packages/${wheel}.metadata`)).status, 404)
})

test('pypi:resolve: whatever the index has, by its own digests, and the record says so', async (t) => {
  const world = await openIndexWorld(t, ['pypi:resolve pypi/octo-*'])
  world.page('octo-new', [
    file('octo_new-1.0-py3-none-any.whl', 'new'),
    file('octo_new-2.0-py3-none-any.whl', 'newer'),
    {
      filename: 'octo_new-3.0-py3-none-any.whl',
      url: '/base/packages/octo_new-3.0-py3-none-any.whl',
      hashes: { md5: 'x' },
    },
  ])
  assert.equal(filesOf((await world.ask('GET', '/simple/octo-new/', asJson)).body).length, 3)
  const at = (version: string) => `/packages/octo_new-${version}-py3-none-any.whl`
  world.replies.set(`GET /base${at('2.0')}`, { body: 'newer' })
  assert.equal((await world.ask('GET', at('2.0'))).body, 'newer')
  world.replies.set(`GET /base${at('1.0')}`, { body: 'neW' })
  assert.equal((await world.ask('GET', at('1.0'))).body, '')
  assert.match((await world.ask('GET', at('3.0'))).body, /no SHA-256/)
  assert.match((await world.ask('GET', `/elsewhere/octo_new-2.0-py3-none-any.whl`)).body, /at this address/)
  assert.equal((await world.ask('GET', '/simple/other/')).status, 403)
  assert.deepEqual(
    (await downloadsOf(world.world)).map(({ by }) => by),
    ['registry'],
  )
  assert.ok(!world.asked().some((one) => one.includes('other')))
})

test('files of a storage host: asked there by the tool itself, verified, without the credential', async (t) => {
  const storage = await startUpstream(t, 'localhost')
  storage.handle = (_request, response) => void response.writeHead(200, { 'content-length': 5 }).end('wheel')
  const host = `localhost:${storage.port}`
  const options = { requirements, storage: host, ca: storage.ca }
  const { world, page, ask } = await openIndexWorld(t, install, options)
  page('octo-core', [file(wheel, 'wheel', { url: `https://${host}/ab/${wheel}` })])
  assert.match((await ask('GET', '/simple/octo-core/', asJson)).body, new RegExp(`"https://${host}/ab/`))
  const there = (path: string) => world.ask(request('GET', path, { host }), { authority: host })
  assert.equal((await there(`/ab/${wheel}`)).body, 'wheel')
  assert.equal(storage.seen[0]?.headers.authorization, undefined)
  for (const path of ['/simple/octo-core/', '/ab/other-1.0-py3-none-any.whl', '/x'])
    assert.equal((await there(path)).status, 403, path)
  assert.equal(storage.seen.length, 1)
  const unnamed = await openIndexWorld(t, install, { requirements })
  unnamed.page('octo-core', [file(wheel, 'wheel', { url: `https://${host}/ab/${wheel}` })])
  assert.match((await unnamed.ask('GET', '/simple/octo-core/')).body, new RegExp(`storage: \\["${host}"\\]`))
})

test('redirects stay on the connection, and an index that refuses or is none is said', async (t) => {
  const world = await openIndexWorld(t, install, { requirements })
  const page = `/base/simple/octo-core/`
  for (const [reply, status, text] of [
    [{ status: 302, headers: { location: 'https://evil.test/x' } }, 404, /storage: \["evil\.test"\]/],
    [{ status: 302, headers: { location: page } }, 502, /without end/],
    [{ status: 401, headers: { 'www-authenticate': 'Basic' } }, 502, /an operator must renew its secret/],
    [{ status: 500 }, 502, /answered 500/],
    [{ headers: { 'content-type': 'image/png' } }, 502, /no page of an index/],
    [
      { headers: { 'content-type': json }, body: '{"meta":{"api-version":"2.0"},"files":[]}' },
      502,
      /no page/,
    ],
    [{ headers: { 'content-type': json }, body: '['.repeat(100_000) }, 502, /no page/],
    [{ status: 404 }, 404, /does not have octo-core/],
  ] as const) {
    world.replies.set(`GET ${page}`, reply)
    const answer = await world.ask('GET', '/simple/octo-core/')
    assert.equal(answer.status, status, answer.body)
    assert.match(answer.body, text)
    assert.doesNotMatch(answer.head, /www-authenticate|location/i)
  }
})

test('links of a page in HTML are written against its <base>, which leads to no other host', async (t) => {
  const world = await openIndexWorld(t, install, { requirements })
  const link = `<a href="${wheel}#sha256=${hex('wheel')}">x</a>`
  const filesAt = async (base: string) => {
    world.html('octo-core', `<head>${base}</head>${link}`)
    return (await world.ask('GET', '/simple/octo-core/', { headers: { accept: 'text/html' } })).body
  }
  const own = `https://${gitHost}/base/packages/${wheel}`
  for (const base of ['/base/packages/', '../../packages/', `https://${gitHost}/base/packages/x`])
    assert.ok((await filesAt(`<base target=x><base href="${base}"><base href="/no/">`)).includes(own), base)
  assert.match(await filesAt('<base href="https://evil.test/">'), /its files are at evil\.test/)
  assert.ok((await filesAt('<base href="http://[">')).includes(`/base/simple/octo-core/${wheel}`))
})

test('an index whose pages are right below its URL, as PyTorch has them, is found', async (t) => {
  const { replies, ask, asked } = await openIndexWorld(t, install, {
    requirements,
    connection: { credential: undefined },
  })
  const body = `<a href="/base/${wheel}#sha256=${hex('wheel')}">${wheel}</a>`
  // Its folder of files says 403 of what it does not have.
  replies.set('GET /base/simple/octo-core/', { status: 403 })
  replies.set('GET /base/octo-core/', { headers: { 'content-type': 'text/html' }, body })
  for (const path of ['/simple/octo-core/', '/octo-core/'])
    assert.deepEqual(filesOf((await ask('GET', path, asJson)).body), [wheel])
  assert.deepEqual(asked(), [
    'GET /base/simple/octo-core/',
    'GET /base/+simple/octo-core/',
    'GET /base/octo-core/',
    'GET /base/octo-core/',
  ])
  assert.equal((await ask('GET', '/simple/', asJson)).status, 403)
})

test('an index that has its pages at /+simple/, as devpi, is found', async (t) => {
  const { ask, replies, asked } = await openIndexWorld(t, install, { requirements })
  const body = `<a href="../../packages/${wheel}#sha256=${hex('wheel')}">x</a>`
  replies.set('GET /base/+simple/octo-core/', { headers: { 'content-type': 'text/html' }, body })
  for (const path of ['/simple/octo-core/', '/+simple/octo-core/'])
    assert.deepEqual(filesOf((await ask('GET', path, asJson)).body), [wheel])
  const page = 'GET /base/+simple/octo-core/'
  assert.deepEqual(asked(), ['GET /base/simple/octo-core/', page, page])
})

test('a local version, whose + tools write as an escape, is asked for as it was written', async (t) => {
  const local = 'octo_core-1.0+cu12-py3-none-any.whl'
  const options = { requirements: `octo-core==1.0+cu12 --hash=sha256:${hex('wheel')}\n` }
  const { ask, page, replies, asked } = await openIndexWorld(t, install, options)
  page('octo-core', [file(local, 'wheel', { 'core-metadata': { sha256: hex('meta') } })])
  for (const name of [local, local.replace('+', '%2B'), local.replace('+', '%2b')]) {
    replies.set(`GET /base/packages/${name}`, { body: 'wheel' })
    replies.set(`GET /base/packages/${name}.metadata`, { body: 'meta' })
    assert.equal((await ask('GET', `/packages/${name}`)).body, 'wheel')
    assert.equal((await ask('GET', `/packages/${name}.metadata`)).body, 'meta')
  }
  assert.ok(asked().includes(`GET /base/packages/${local.replace('+', '%2B')}`))
})

test('a hash that no file of the index has: said and recorded, once for the version', async (t) => {
  const { world, page, ask } = await openIndexWorld(t, install, { requirements })
  page('octo-core', [file(wheel, 'swapped'), file('octo-core-1.0.tar.gz', 'swapped, too')])
  assert.deepEqual(filesOf((await ask('GET', '/simple/octo-core/', asJson)).body), [])
  const denied = () =>
    world.audit
      .ofType('access.denied')
      .map(({ data }) => `${String(data['what'])}: ${String(data['reason'])}`)
  assert.equal(denied().length, 1)
  assert.match(
    denied()[0] ?? '',
    /^pypi:install pypi\/octo-core@1\.0: no file that the index has of it has a hash/,
  )
  page('octo-core', [file(wheel, 'wheel'), file('octo-core-1.0.tar.gz', 'swapped')])
  await ask('GET', '/simple/octo-core/', asJson)
  assert.equal(denied().length, 1, 'one file that fits is enough: a lockfile may name those of one platform')
})
