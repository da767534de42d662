import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test, type TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import type { GrantEntry } from '../../config/index.ts'
import { packLockfiles } from '../../lockfiles/index.ts'
import { keptAttestations, openSigning } from '../attestations.fixture.ts'
import type { Attestations } from '../attested.ts'
import { compileRules, openWorld, request } from '../gateway.fixture.ts'
import { startUpstream } from '../upstream.fixture.ts'
import { markerInspection } from '../look.fixture.ts'
import { gemMetadata, makeGem, tarEnd, tarMember } from './gem.fixture.ts'
import { readGem } from './gem-file.ts'
import { readInfo } from './info.ts'
import { releasesIn, routeOf } from './route.ts'

const host = 'gems.test'
/** bundler asks rubygems.org's index there. */
const indexHost = 'index.gems.test'
const sha256 = (bytes: Buffer | string) => createHash('sha256').update(bytes).digest('hex')
const hello = makeGem('octo-hello', '1.0.0')
const linux = makeGem('octo-hello', '1.0.0', 'x86_64-linux')

const lockOf = (checksum: string) =>
  `GEM\n  remote: https://${host}/\n  specs:\n    octo-hello (1.0.0)\n      rake (>= 1)\n    octo-hello (1.0.0-x86_64-linux)\n\nDEPENDENCIES\n  octo-hello\n${checksum}`
const pinnedLock = lockOf(`\nCHECKSUMS\n  octo-hello (1.0.0) sha256=${sha256(hello)}\n`)

async function gemWorld(
  t: TestContext,
  {
    grants = ['rubygems:install gems'],
    lock,
    attestations,
  }: { grants?: readonly GrantEntry[]; lock?: string; attestations?: Attestations } = {},
) {
  const world = await openWorld(t, attestations === undefined ? {} : { attestations })
  const upstream = await startUpstream(t, host)
  const files = new Map<string, Buffer>([
    ['/versions', Buffer.from('octo-hello 1.0.0\n')],
    [
      '/info/octo-hello',
      Buffer.from(
        `---\n1.0.0 rake:>= 1|checksum:${sha256(hello)},ruby:>= 2\n1.0.0-x86_64-linux |checksum:${sha256(linux)}\n`,
      ),
    ],
    ['/gems/octo-hello-1.0.0.gem', hello],
    ['/gems/octo-hello-1.0.0-x86_64-linux.gem', linux],
    ['/quick/Marshal.4.8/octo-hello-1.0.0.gemspec.rz', Buffer.from('spec')],
  ])
  upstream.handle = (asked, response) => {
    if (asked.method === 'POST') return void response.writeHead(200).end('Successfully registered gem')
    const file = files.get(asked.url ?? '')
    response.writeHead(file === undefined ? 404 : 200, { 'content-length': file?.length ?? 0 }).end(file)
  }
  const gems = {
    kind: 'rubygems',
    url: `https://${host}`,
    dial: `127.0.0.1:${upstream.port}`,
    ca: upstream.ca,
  }
  const rules = compileRules(
    { gems: { ...gems, credential: { basic: 'secret:g' }, storage: [indexHost] } },
    grants,
  )
  world.setTargets(rules.targets, rules.policy)
  if (lock !== undefined)
    await world.gateway.pinLockfiles(world.step, packLockfiles([{ path: 'Gemfile.lock', text: lock }]))
  const ask = (method: string, path: string, body?: Buffer) =>
    world.ask(request(method, path, { host, ...(body === undefined ? {} : { body }) }), {
      authority: `${host}:443`,
    })
  return { world, upstream, files, ask }
}

test('what Gemfile.lock has passes by its checksum, or by the index where bundler wrote none; nothing else does', async (t) => {
  const { ask, world, upstream, files } = await gemWorld(t, { lock: pinnedLock })
  for (const path of [
    '/versions',
    '/info/octo-hello',
    '/gems/octo-hello-1.0.0.gem',
    '/gems/octo-hello-1.0.0-x86_64-linux.gem',
    '/quick/Marshal.4.8/octo-hello-1.0.0.gemspec.rz',
  ])
    assert.equal((await ask('GET', path)).status, 200, path)
  const before = upstream.begun.length
  for (const path of [
    '/gems/octo-hello-1.0.1.gem',
    '/gems/octo-hell0-1.0.0.gem',
    '/info/octo-hell0',
    '/api/v1/search.json',
    '/gems/x',
    '/info/octo-hello?x=1',
  ])
    assert.equal((await ask('GET', path)).status, 403, path)
  assert.equal((await ask('DELETE', '/api/v1/gems/yank')).status, 403)
  assert.equal(upstream.begun.length, before)
  await world.gateway.recordDownloads(world.step)
  const packages = world.audit.ofType('packages.downloaded')[0]?.data['packages'] as {
    purl: string
    by: string
  }[]
  assert.deepEqual(
    packages.map(({ purl, by }) => [purl, by]),
    [
      ['pkg:gem/octo-hello@1.0.0', 'lockfile'],
      ['pkg:gem/octo-hello@1.0.0?platform=x86_64-linux', 'registry'],
    ],
  )
  for (const path of ['/gems/octo-hello-1.0.0.gem', '/gems/octo-hello-1.0.0-x86_64-linux.gem']) {
    files.set(path, makeGem('octo-hello', '1.0.0', 'ruby', 'evil'))
    assert.ok(!(await ask('GET', path)).body.includes('metadata.gz'), path)
  }
})

test('rubygems:resolve takes what no lockfile has, by the index’s checksum; without a grant a name is not even asked for', async (t) => {
  const { ask, files } = await gemWorld(t, { grants: ['rubygems:resolve gems/octo-*'] })
  assert.equal((await ask('GET', '/info/octo-hello')).status, 200)
  assert.equal((await ask('GET', '/gems/octo-hello-1.0.0.gem')).status, 200)
  assert.equal((await ask('GET', '/gems/octo-hello-9.0.0.gem')).status, 403)
  files.set('/gems/octo-hello-1.0.0.gem', linux)
  assert.ok(!(await ask('GET', '/gems/octo-hello-1.0.0.gem')).body.includes('metadata.gz'))
  const other = await gemWorld(t, {})
  const refused = await other.ask('GET', '/info/octo-hello')
  assert.match(
    refused.body,
    /no Gemfile\.lock: commit it; a role that may add gems has "rubygems:resolve gems"/,
  )
  assert.equal(other.upstream.begun.length, 0)
})

test('the index by its own host is of the same registry', async (t) => {
  const { world, upstream } = await gemWorld(t, { lock: pinnedLock })
  const ask = (path: string) =>
    world.ask(request('GET', path, { host: indexHost }), { authority: `${indexHost}:443` })
  assert.equal((await ask('/info/octo-hello')).status, 200)
  assert.equal((await ask('/versions')).status, 200)
  const before = upstream.begun.length
  assert.equal((await ask('/info/octo-hell0')).status, 403)
  assert.equal(upstream.begun.length, before)
})

test('a checksum in Gemfile.lock that is none does not fall back on the index', async (t) => {
  const { ask } = await gemWorld(t, { lock: pinnedLock.replace('sha256=', 'md5=') })
  assert.match(
    (await ask('GET', '/gems/octo-hello-1.0.0.gem')).body,
    /no SHA-256 of it: run bundle lock --add-checksums/,
  )
})

test('two lockfiles that contradict each other have neither', async (t) => {
  const { ask, world } = await gemWorld(t)
  const texts = [pinnedLock, pinnedLock.replace(sha256(hello), 'a'.repeat(64))]
  await world.gateway.pinLockfiles(
    world.step,
    packLockfiles(texts.map((text, i) => ({ path: `${i}/Gemfile.lock`, text }))),
  )
  assert.match(
    (await ask('GET', '/gems/octo-hello-1.0.0.gem')).body,
    /two Gemfile\.lock files of the workspace differ/,
  )
})

test('gem push: by the name and version of its own metadata, hashed, and never over what is there', async (t) => {
  const { ask, upstream, world } = await gemWorld(t, { grants: ['rubygems:publish gems/octo-hello@1.*'] })
  const good = makeGem('octo-hello', '1.0.1')
  const answer = await ask('POST', '/api/v1/gems', good)
  assert.equal(answer.status, 200, answer.body)
  assert.match(answer.body, /Successfully registered/)
  const again = await ask('POST', '/api/v1/gems', hello)
  assert.equal(again.status, 409)
  assert.match(again.body, /octo-hello 1\.0\.0 is there already, and is not overwritten/)
  for (const body of [makeGem('octo-other', '1.0.0'), makeGem('octo-hello', '2.0.0')])
    assert.equal((await ask('POST', '/api/v1/gems', body)).status, 403)
  assert.equal((await ask('POST', '/api/v1/gems', Buffer.from('no gem'))).status, 400)
  const posted = upstream.seen.filter(({ method }) => method === 'POST')
  assert.deepEqual(
    posted.map(({ body }) => sha256(body)),
    [sha256(good)],
  )
  assert.match(String(posted[0]?.headers.authorization), /^Basic /)
  assert.match(JSON.stringify(world.audit.ofType('access.granted')[0]?.data), new RegExp(sha256(good)))
  await world.gateway.recordDownloads(world.step)
  assert.match(JSON.stringify(world.audit.ofType('packages.published')), /pkg:gem\/octo-hello@1\.0\.1/)
})

test('under a demand a gem passes that was attested; its dependencies stand in it, and nothing is sent beside it', async (t) => {
  const signing = await openSigning(t)
  const attestations = keptAttestations(signing)
  const good = makeGem('octo-hello', '1.0.1')
  attestations.bundles.push(await signing.sign({ digest: `sha256:${sha256(good)}` }))
  const grant = { grant: 'rubygems:publish gems/octo-hello@1.*', provenance: { role: 'build' } }
  const { ask, upstream, world } = await gemWorld(t, { grants: [grant], attestations })
  const refused = await ask('POST', '/api/v1/gems', makeGem('octo-hello', '1.0.1', 'ruby', 'other data'))
  assert.equal(refused.status, 403)
  assert.match(refused.body, /asks for `provenance`: provenance: there is none about sha256:/)
  assert.deepEqual(
    upstream.seen.filter(({ method }) => method === 'POST'),
    [],
  )
  assert.equal((await ask('POST', '/api/v1/gems', good)).status, 200)
  await world.gateway.recordDownloads(world.step)
  assert.deepEqual(
    world.materials.published.map(({ name, digest, bytes }) => [name, digest, bytes]),
    [['pkg:gem/octo-hello@1.0.1', `sha256:${sha256(good)}`, good.length]],
  )
})

test('a gem is what its one metadata says; a tar that two readers could read in two ways is none', () => {
  const metadata = (text: string) => tarMember('metadata.gz', gzipSync(text))
  const text = gemMetadata('octo', '1.0.0')
  const ok = readGem(Buffer.concat([metadata(text), tarEnd]))
  assert.deepEqual(ok, { gem: 'octo', written: '1.0.0', version: '1.0.0' })
  assert.deepEqual(readGem(linux), { gem: 'octo-hello', written: '1.0.0-x86_64-linux', version: '1.0.0' })
  const evil = metadata(gemMetadata('evil', '1.0.0'))
  for (const [what, bytes] of Object.entries({
    'two metadata': Buffer.concat([metadata(text), evil, tarEnd]),
    'behind the end': Buffer.concat([metadata(text), tarEnd, evil]),
    'no end': metadata(text),
    'a folder in front': Buffer.concat([
      tarMember('metadata.gz', gzipSync(text), (head) => head.write('x', 345)),
      tarEnd,
    ]),
    'a link': Buffer.concat([
      tarMember('metadata.gz', gzipSync(text), (head) => head.write('2', 156)),
      tarEnd,
    ]),
    'another name': Buffer.concat([tarMember('./metadata.gz', gzipSync(text)), metadata(text), tarEnd]),
    'a long name': Buffer.concat([
      tarMember('././@LongLink', Buffer.from('x'), (head) => head.write('L', 156)),
      metadata(text),
      tarEnd,
    ]),
    'a size in another base': Buffer.concat([
      tarMember('metadata.gz', gzipSync(text), (head) => head.write('\u0080', 124, 'latin1')),
      tarEnd,
    ]),
    'a name twice': Buffer.concat([metadata(`${text}name: evil\n`), tarEnd]),
    'two documents': Buffer.concat([metadata(`${text}---\nname: evil\n`), tarEnd]),
    'an alias': Buffer.concat([metadata(text.replace('name: octo', 'x: &a octo\nname: *a')), tarEnd]),
    'a path as version': Buffer.concat([metadata(gemMetadata('octo', '1.0.0/../2')), tarEnd]),
    'a number as version': Buffer.concat([metadata(gemMetadata('octo', '1.0')), tarEnd]),
    'two members of gzip': Buffer.concat([
      tarMember(
        'metadata.gz',
        Buffer.concat([gzipSync('--- !ruby/object:Gem::Specification\nname: oc'), gzipSync(text.slice(44))]),
      ),
      tarEnd,
    ]),
    'a merge key': Buffer.concat([metadata(`${text}<<: {name: evil}\n`), tarEnd]),
    'a key by another tag': Buffer.concat([metadata(`${text}!binary "bmFtZQ==": evil\n`), tarEnd]),
    'a key in quotes': Buffer.concat([metadata(`${text}"name": evil\n`), tarEnd]),
    'a line end of YAML 1.1': Buffer.concat([metadata(`${text}email: x\u0085name: evil\n`), tarEnd]),
    'a version with a key more': Buffer.concat([
      metadata(text.replace('platform', '  <<: {version: 9.0.0}\nplatform')),
      tarEnd,
    ]),
    'very many keys': Buffer.concat([
      metadata(text + Array.from({ length: 200_000 }, (_, i) => `k${i}: 1\n`).join('')),
      tarEnd,
    ]),
    'a bomb': Buffer.concat([tarMember('metadata.gz', gzipSync(Buffer.alloc(9_000_000, 'x'))), tarEnd]),
  })) {
    assert.equal(typeof readGem(bytes), 'string', what)
  }
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(hello.length - 1), fc.nat(255)), { maxLength: 6 }), (changes) => {
      const bytes = Buffer.from(hello)
      for (const [at, byte] of changes) bytes[at] = byte
      const found = readGem(bytes)
      return typeof found === 'string' || found.gem !== ''
    }),
    { numRuns: 500 },
  )
})

test('files: each way to read a name; the index: each version once', () => {
  assert.deepEqual(
    releasesIn('a-1-2.0-x86_64-linux').map(({ gem, written }) => [gem, written]),
    [
      ['a', '1-2.0-x86_64-linux'],
      ['a-1', '2.0-x86_64-linux'],
    ],
  )
  for (const path of [
    '/gems/../x.gem',
    '/gems/a/b-1.gem',
    '/info/',
    '/info/a/b',
    '/versions/',
    '/gems/x.gem.gem/',
  ])
    assert.equal(routeOf('GET', path), undefined, path)
  const [one, other] = ['a'.repeat(64), 'b'.repeat(64)]
  assert.deepEqual(
    [
      ...readInfo(
        `---\n1.0 |checksum:${one}\n1.0 |checksum:${other}\n2.0 x:= 1|ruby:> 1,checksum:${one}\n3.0 |checksum:${one}0\nx\n`,
      ),
    ],
    [
      ['1.0', undefined],
      ['2.0', one],
      ['3.0', undefined],
    ],
  )
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', '1', '-', '.', '_'), maxLength: 12 }), (full) =>
      releasesIn(full).every(({ gem, written }) => `${gem}-${written}` === full),
    ),
  )
})

test('a gem with a secret in it never reaches the registry', async (t) => {
  const gems = await gemWorld(t, { grants: ['rubygems:publish gems/octo-hello@1.*'] })
  const { inspection } = markerInspection('the-marker')
  gems.world.setInspection(inspection)
  const gem = makeGem('octo-hello', '1.0.2', 'ruby', 'the-marker')
  const isPlain = gem.includes('the-marker')
  const answer = await gems.ask(
    'POST',
    '/api/v1/gems',
    isPlain ? gem : Buffer.concat([gem, Buffer.from('the-marker')]),
  )
  assert.ok(answer.status === 403 || answer.status === 400, answer.body)
})
