import assert from 'node:assert/strict'
import { test } from 'node:test'
import { acceptedIn } from '../gateway.fixture.ts'
import fc from 'fast-check'
import { leakInspection, leasesOf, markerInspection } from '../look.fixture.ts'
import { host, openCargo, publication, sha256, injected } from './cargo.fixture.ts'
import { readPublication } from './publish-body.ts'

const place = '/api/v1/crates/new'
const about = { name: 'Words', vers: '1.1.0', deps: [] }
const grants = ['cargo:publish cargo/words@1.*']

test('a version that the role names is hashed, recorded and published with the gateway’s credential', async (t) => {
  const { world, upstream, bodies, add, put } = await openCargo(t, { grants })
  add('Words', '1.0.0', 'before')
  bodies.set(place, '{"warnings":{"other":["a"]}}')
  const answer = await put(place, publication(about, 'the crate'))
  assert.deepEqual(JSON.parse(answer.body), { warnings: { other: ['a'] } })
  const put1 = upstream.seen.find(({ method }) => method === 'PUT')
  assert.equal(put1?.headers.authorization, injected)
  assert.deepEqual(put1?.body, publication(about, 'the crate'))
  const { data } = world.audit.ofType('access.granted')[0] ?? {}
  assert.deepEqual(data?.['cargo'], { name: 'Words', sha256: sha256('the crate'), bytes: 9 })
  assert.deepEqual(data?.['operations'], [
    { action: 'cargo:publish', connection: 'cargo', path: 'words', ref: '1.1.0' },
  ])
  assert.deepEqual(await acceptedIn(world, 'packages.published'), [
    {
      purl: 'pkg:cargo/Words@1.1.0',
      integrity: `sha256-${Buffer.from(sha256('the crate'), 'hex').toString('base64')}`,
      ...{ bytes: 9, status: 200 },
    },
  ])
  assert.deepEqual(world.materials.published, [
    {
      ...{ name: 'pkg:cargo/Words@1.1.0', digest: `sha256:${sha256('the crate')}`, bytes: 9 },
      ...{ tag: undefined, connection: 'cargo' },
    },
  ])
})

test('a name or version outside of the grant never reaches the registry', async (t) => {
  const { asked, put } = await openCargo(t, { grants })
  for (const [other, expected] of [
    [{ name: 'evil', vers: '1.1.0' }, 'cargo:publish cargo/evil@1.1.0'],
    [{ name: 'words', vers: '2.0.0' }, 'cargo:publish cargo/words@2.0.0'],
  ] as const) {
    const { status, body } = await put(place, publication(other, 'x'))
    assert.equal(status, 403)
    const [error] = (JSON.parse(body) as { errors: { detail: string }[] }).errors
    assert.ok(error?.detail.includes(`"${expected}"`), body)
  }
  assert.deepEqual(asked(), [])
})

test('a version that is there is not overwritten, whatever stands behind its plus', async (t) => {
  const { asked, add, put } = await openCargo(t, { grants })
  add('Words', '1.1.0', 'before')
  for (const vers of ['1.1.0', '1.1.0+again'])
    assert.match(
      (await put(place, publication({ ...about, vers }, 'x'))).body,
      /is there already, and is not overwritten/,
    )
  assert.ok(asked().every((one) => one.startsWith('GET')))
})

test('a web API without an index is asked for the version itself', async (t) => {
  const { asked, bodies, put } = await openCargo(t, { grants })
  bodies.set('/config.json', '<html>').set(place, '{}')
  assert.equal((await put(place, publication(about, 'x'))).status, 200)
  assert.ok(asked().includes('GET /api/v1/crates/Words/1.1.0'))
  bodies.set('/api/v1/crates/Words/1.1.0', '{}')
  assert.match((await put(place, publication(about, 'x'))).body, /is there already/)
})

test('why the registry refuses is shown as cargo shows it; an API elsewhere gets no credential of this one', async (t) => {
  const { bodies, put, upstream } = await openCargo(t, { grants })
  bodies.set(place, '{"errors":[{"detail":"no description"}]}')
  assert.match(
    (await put(place, publication(about, 'x'))).body,
    /"errors":\[\{"detail":"mayfly: refused: .*no description/,
  )
  const { bodies: others, put: putOther } = await openCargo(t, { grants })
  others.set('/config.json', `{"dl":"https://${host}/files","api":"https://api.test"}`)
  assert.match((await putOther(place, publication(about, 'x'))).body, /its web API is at api\.test/)
  assert.equal(upstream.seen.length > 0, true)
})

test('yanking and owners are refused, and whoever publishes nothing sends nothing', async (t) => {
  const { asked, put } = await openCargo(t)
  assert.match((await put(place, publication(about, 'x'))).body, /cargo:publish cargo\/NAME@VERSION/)
  for (const path of ['/api/v1/crates/words/1.0.0/unyank', '/api/v1/crates/words/owners'])
    assert.match((await put(path, Buffer.from('{}'))).body, /no search, yank or owners/)
  assert.deepEqual(asked(), [])
})

test('a body that is not what it says is refused', async (t) => {
  const { asked, put } = await openCargo(t, { grants })
  const good = publication(about, 'x')
  for (const body of [
    good.subarray(0, -1),
    Buffer.concat([good, Buffer.from('y')]),
    Buffer.alloc(8),
    Buffer.alloc(3),
    Buffer.alloc(8, 0xff),
    publication('[]', 'x'),
    publication('{"name":"Words"}', 'x'),
    publication({ name: 'a/../b', vers: '1.0.0' }, 'x'),
    publication({ name: 'words\0', vers: '1.0.0' }, 'x'),
    publication({ name: 'words', vers: '1.0.0\r\nx: y' }, 'x'),
  ])
    assert.equal((await put(place, body)).status, 400)
  assert.deepEqual(asked(), [])
})

test('of a key that stands twice the registry is told what was judged', () => {
  const twice = publication('{"name":"evil","vers":"1.0.0","name":"words"}', 'x')
  const read = readPublication(twice)
  assert.ok(typeof read !== 'string')
  assert.equal(read.name, 'words')
  assert.doesNotMatch(read.body.toString(), /evil/)
})

test('any body is read, or refused in a sentence', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 64 }),
      (bytes) => typeof readPublication(Buffer.from(bytes)) === 'string',
    ),
  )
})

test('a crate with a secret in it, or in what is said of it, never reaches the registry', async (t) => {
  const { world, bodies, asked, put } = await openCargo(t, { grants })
  bodies.set(place, '{}')
  const { inspection, opened } = markerInspection('the-marker')
  world.setInspection(inspection)
  const secret = await put(place, publication(about, 'a crate with the-marker'))
  assert.match(secret.body, /a secret in Words-1\.1\.0\.crate/)
  const beside = await put(place, publication({ ...about, readme: 'the-marker' }, 'x'))
  assert.match(beside.body, /a secret in its metadata/)
  assert.deepEqual(asked(), [])
  assert.equal(opened[0], 'packages pkg:cargo/Words@1.1.0')
})

test('a person’s yes to a crate is good for the same file with the same metadata alone', async (t) => {
  const { world, bodies, put } = await openCargo(t, { grants })
  bodies.set(place, '{}')
  const { inspection, same } = markerInspection('the-marker')
  world.setInspection(inspection)
  for (const readme of ['one', 'one', 'two'])
    assert.notEqual(
      (await put(place, publication({ ...about, readme: `the-marker ${readme}` }, 'x'))).status,
      200,
    )
  assert.match(same[0] ?? '', /^[0-9a-f]{64}$/)
  assert.equal(same[0], same[1])
  assert.notEqual(same[0], same[2])
})

test('a crate that passes with its own credential in it goes with another one, which the log has first', async (t) => {
  const { world, upstream, bodies, put } = await openCargo(t, { grants })
  bodies.set(place, '{}')
  world.setInspection(leakInspection(world.brokers.endLease))
  assert.equal((await put(place, publication(about, 'the crate'))).status, 200)
  const sent = upstream.seen.filter(({ method }) => method === 'PUT')
  assert.deepEqual(leasesOf(world, sent), [['injected:for-cargo-2'], ['lse_1', 'lse_2']])
})
