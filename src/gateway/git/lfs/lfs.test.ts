import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test, type TestContext } from 'node:test'
import fc from 'fast-check'
import {
  compileRules,
  openWorld,
  request,
  usualConnections,
  type Answer,
  type World,
} from '../../gateway.fixture.ts'
import { markerInspection } from '../../look.fixture.ts'
import { startUpstream, type Upstream } from '../../upstream.fixture.ts'
import { coded } from '../git.fixture.ts'
import { readBatch } from './batch-request.ts'
import { readHeaders } from './held.ts'

const lfs = '/octo/app.git/info/lfs'
const oidOf = (text: string) => createHash('sha256').update(text).digest('hex')
const content = 'large '.repeat(1000)
const oid = oidOf(content)
const object = { oid, size: content.length }

interface Lfs {
  readonly world: World
  readonly storage: Upstream
  /** Asks for `object`, and is told that the server has it there. */
  batch(operation: string, actions: unknown, more?: Record<string, unknown>): Promise<Answer>
  ask(method: string, path: string, body?: string, as?: World['step']): Promise<Answer>
}

async function openLfs(
  t: TestContext,
  options: { grants?: readonly string[]; names?: boolean } = {},
): Promise<Lfs> {
  const { grants = ['git:read git/octo/app', 'git:push git/octo/app@refs/tags/v*'], names = true } = options
  const world = await openWorld(t)
  const storage = await startUpstream(t, 'localhost')
  const usual = usualConnections(world.upstream)
  const git = {
    ...(usual['git'] as object),
    ca: `${world.upstream.ca}\n${storage.ca}`,
    ...(names ? { storage: [`localhost:${storage.port}`] } : {}),
  }
  const { targets, policy } = compileRules({ git }, grants)
  world.setTargets(targets, policy)
  const ask: Lfs['ask'] = (method, path, body, as) =>
    world.ask(request(method, path, body === undefined ? {} : { body }), as === undefined ? {} : { as })
  return {
    world,
    storage,
    ask,
    batch(operation, actions, more = {}) {
      world.upstream.handle = (_request, response) =>
        void response
          .writeHead(200, { 'content-type': 'application/vnd.git-lfs+json' })
          .end(JSON.stringify({ objects: [{ ...object, actions, ...more }] }))
      return ask(
        'POST',
        `${lfs}/objects/batch`,
        JSON.stringify({ operation, transfers: ['tus', 'basic', 'ssh'], objects: [object] }),
      )
    },
  }
}

const presigned = (storage: Upstream, name = 'o') => ({
  href: `https://localhost:${storage.port}/${name}?X-Amz-Signature=s3cret`,
  header: { Authorization: 'RemoteAuth s3cret', Host: 'evil.example', 'x-amz-meta': 'a' },
})

test('a step gets paths of ours, and what the server needs to be shown is shown by the gateway', async (t) => {
  const { world, storage, batch, ask } = await openLfs(t)
  storage.handle = (_request, response) => void response.writeHead(200).end(content)
  const { status, body } = await batch('download', {
    download: presigned(storage),
    other: presigned(storage),
  })
  assert.equal(status, 200)
  assert.doesNotMatch(body, /s3cret|localhost/)
  assert.deepEqual(JSON.parse(body), {
    transfer: 'basic',
    objects: [
      {
        ...object,
        authenticated: true,
        actions: { download: { href: `https://git.test${lfs}/mayfly/${oid}/download` } },
      },
    ],
    hash_algo: 'sha256',
  })
  const sent = JSON.parse(String(world.upstream.seen[0]?.body)) as { transfers: string[] }
  assert.deepEqual(sent.transfers, ['basic'])
  const answer = await ask('GET', `${lfs}/mayfly/${oid}/download`)
  assert.equal(answer.status, 200)
  assert.ok(answer.body.includes(content))
  const [seen] = storage.seen
  assert.equal(seen?.url, '/o?X-Amz-Signature=s3cret')
  assert.deepEqual(
    [seen?.headers.authorization, seen?.headers['x-amz-meta'], seen?.headers.host],
    ['RemoteAuth s3cret', 'a', `localhost:${storage.port}`],
  )
  const entry = world.audit.ofType('access.granted').at(-1)?.data as { git?: unknown }
  assert.deepEqual(entry.git, { phase: 'lfs-download', objects: [object] })
})

test('another step, another object, another time: nothing is at that path', async (t) => {
  const { world, storage, batch, ask } = await openLfs(t)
  const download = `${lfs}/mayfly/${oid}/download`
  assert.equal((await ask('GET', download)).status, 404)
  await batch('download', { download: presigned(storage) })
  const other = world.brokers.open(world.signer.jkt)
  assert.equal((await ask('GET', download, undefined, other)).status, 404)
  assert.equal((await ask('GET', `${lfs}/mayfly/${oidOf('x')}/download`)).status, 404)
  assert.equal((await ask('PUT', `${lfs}/mayfly/${oid}/upload`, content)).status, 404)
  await batch('download', { download: { ...presigned(storage), expires_in: -1 } })
  assert.equal((await ask('GET', download)).status, 404)
  assert.equal(storage.seen.length, 0)
})

test('an object that is another than its name never comes whole', async (t) => {
  const { world, storage, batch, ask } = await openLfs(t)
  storage.handle = (_request, response) => void response.writeHead(200).end(`${content.slice(1)}!`)
  await batch('download', { download: presigned(storage) })
  const answer = await ask('GET', `${lfs}/mayfly/${oid}/download`)
  assert.ok(!answer.body.includes('!'))
  assert.match(JSON.stringify(world.audit.ofType('access.denied').at(-1)), /sha256 differs/)
})

test('an upload goes whole if it is what its name says, and never else', async (t) => {
  const { storage, batch, ask } = await openLfs(t)
  const path = `${lfs}/mayfly/${oid}/upload`
  await batch('upload', { upload: presigned(storage), verify: presigned(storage, 'verify') })
  const evil = await ask('PUT', path, `${content.slice(1)}!`)
  assert.equal(evil.status, 422)
  assert.match(evil.body, /sha256 differs/)
  assert.match((await ask('PUT', path, 'short')).body, /it is of 5 bytes, not of 6000/)
  assert.equal(storage.seen.length, 0)
  assert.equal((await ask('PUT', path, content)).status, 200)
  assert.equal(storage.seen[0]?.body.toString(), content)
  assert.equal((await ask('POST', `${lfs}/mayfly/${oid}/verify`, '{"oid":"a lie"}')).status, 200)
  assert.deepEqual(JSON.parse(String(storage.seen[1]?.body)), object)
  assert.equal(storage.seen[1]?.headers.authorization, 'RemoteAuth s3cret')
})

test('a host that the connection does not name gets nothing, and the refusal says which', async (t) => {
  const { storage, batch, ask } = await openLfs(t, { names: false })
  for (const [operation, method] of [
    ['download', 'GET'],
    ['upload', 'PUT'],
  ] as const) {
    await batch(operation, { [operation]: presigned(storage) })
    const answer = await ask(
      method,
      `${lfs}/mayfly/${oid}/${operation}`,
      method === 'PUT' ? content : undefined,
    )
    assert.equal(answer.status, 403)
    assert.ok(answer.body.includes(`storage: [\\"localhost:${storage.port}\\"]`), answer.body)
  }
  assert.equal(storage.accepted(), 0)
})

test('on the connection itself our credential goes along, unless the server has a word of its own', async (t) => {
  const { world, batch, ask } = await openLfs(t)
  const here = { href: 'https://git.test/objects/1' }
  const ours = `Basic ${Buffer.from('injected:for-git').toString('base64')}`
  for (const [action, more, shown] of [
    [here, {}, ours],
    [{ ...here, header: { AUTHORIZATION: 'Bearer own' } }, {}, 'Bearer own'],
    [here, { authenticated: true }, undefined],
  ] as const) {
    await batch('download', { download: action }, more)
    world.upstream.handle = (_request, response) => void response.writeHead(200).end(content)
    assert.equal((await ask('GET', `${lfs}/mayfly/${oid}/download`)).status, 200)
    assert.equal(world.upstream.seen.at(-1)?.headers.authorization, shown)
  }
})

test('a redirect is followed to a named host, without what the first one was shown', async (t) => {
  const { world, storage, batch, ask } = await openLfs(t)
  storage.handle = (_request, response) => void response.writeHead(200).end(content)
  await batch('download', {
    download: {
      href: 'https://git.test/objects/1',
      header: { 'x-key': 's3cret', authorization: 'Bearer s3cret' },
    },
  })
  const to = (location: string) => {
    world.upstream.handle = (_request, response) => void response.writeHead(302, { location }).end()
  }
  to(`https://localhost:${storage.port}/here`)
  assert.equal((await ask('GET', `${lfs}/mayfly/${oid}/download`)).status, 200)
  assert.doesNotMatch(JSON.stringify(storage.seen[0]?.headers), /s3cret/)
  to('https://evil.example/')
  assert.equal((await ask('GET', `${lfs}/mayfly/${oid}/download`)).status, 403)
})

test('what the role does not grant is refused in git-lfs’ own form, and nothing goes upstream', async (t) => {
  const { world, ask } = await openLfs(t, { grants: ['git:read git/octo/app'] })
  for (const [path, body] of [
    [`${lfs}/objects/batch`, { operation: 'upload', objects: [object] }],
    [`${lfs}/locks`, { path: 'a' }],
    [`${lfs}/locks/verify`, {}],
    [`${lfs}/locks/1/unlock`, {}],
  ] as const) {
    const answer = await ask('POST', path, JSON.stringify(body))
    assert.equal(answer.status, 403, path)
    assert.match((JSON.parse(answer.body) as { message: string }).message, /"git:push git\/octo\/app@/)
  }
  for (const [method, path] of [
    ['GET', `${lfs}/objects/${oid}`],
    ['POST', `${lfs}/objects`],
    ['PUT', `${lfs}/objects/batch`],
    ['GET', `${lfs}/locks?refspec=a&token=x`],
    ['DELETE', `${lfs}/locks`],
    ['POST', `${lfs}/locks/1%2f2/unlock`],
    ['GET', '/octo/app.git/info/lfs/../info/refs'],
  ] as const) {
    const { status } = await ask(method, path, method === 'GET' ? undefined : '{}')
    assert.ok(status === 403 || status === 400, `${method} ${path}: ${status}`)
  }
  assert.deepEqual(world.upstream.begun, [])
})

test('what the server says beside is not for the step', async (t) => {
  const { world, ask, batch } = await openLfs(t)
  world.upstream.handle = (_request, response) =>
    void response.writeHead(401, { 'lfs-authenticate': 'Basic realm="x"' }).end('{"message":"s3cret"}')
  const refused = await ask(
    'POST',
    `${lfs}/objects/batch`,
    JSON.stringify({ operation: 'download', objects: [] }),
  )
  assert.equal(refused.status, 403)
  assert.doesNotMatch(`${refused.head}${refused.body}`, /s3cret|lfs-authenticate/i)
  const odd = await batch('download', { download: { href: 'not a URL' } })
  assert.match(odd.body, /download action is none/)
  for (const expiry of [
    { expires_in: Number.MAX_SAFE_INTEGER },
    { expires_in: 'x', expires_at: 'never' },
    {},
  ])
    assert.doesNotMatch(
      (await batch('download', { download: { href: 'https://git.test/o', ...expiry } })).body,
      /expires/,
    )
  const later = await batch('download', {
    download: { href: 'https://git.test/o', expires_at: '2999-01-01T00:00:00Z' },
  })
  assert.match(later.body, /"expires_at":"2999-01-01T00:00:00\.000Z"/)
  const other = await batch('download', undefined, { size: 5 })
  assert.match(other.body, /with another size/)
})

test('a batch of any JSON is understood whole, or refused with a code', () => {
  const plain = fc.record(
    {
      operation: fc.constantFrom('download', 'upload', 'x', 1),
      transfers: fc.oneof(fc.array(fc.constantFrom('basic', 'tus')), fc.anything()),
      ref: fc.oneof(fc.record({ name: fc.string() }), fc.anything()),
      objects: fc.oneof(fc.array(fc.oneof(fc.constant(object), fc.anything())), fc.anything()),
      hash_algo: fc.constantFrom('sha256', 'sha512'),
    },
    { requiredKeys: [] },
  )
  fc.assert(
    fc.property(plain, (value) => {
      try {
        const { body, objects } = readBatch(value)
        const sent = JSON.parse(body) as { transfers: unknown; objects: unknown }
        assert.deepEqual([sent.transfers, sent.objects], [['basic'], objects])
      } catch (error) {
        assert.ok(coded('bad_input')(error), String(error))
      }
    }),
  )
})

test('headers that say how a message is read are not the server’s to give, nor any that end a line', () => {
  assert.deepEqual(readHeaders({ Host: 'a', 'Transfer-Encoding': 'chunked', Range: 'x', 'X-A': 'b' }), {
    'x-a': 'b',
  })
  for (const bad of [{ 'a b': 'c' }, { a: 'b\r\nc: d' }, { a: 1 }, { '': 'a' }, { a: 'é' }, [], 'a'])
    assert.equal(readHeaders(bad), undefined, JSON.stringify(bad))
})

test('an object is looked at as it goes up, and storage does not have all of one that is refused', async (t) => {
  const { world, storage, batch, ask } = await openLfs(t)
  const { inspection, seen, opened } = markerInspection('large')
  world.setInspection(inspection)
  let whole = 0
  // Told of what came to its end.
  storage.handle = (_request, response) => {
    whole++
    response.writeHead(200).end()
  }
  await batch('upload', { upload: presigned(storage) })
  const refused = await ask('PUT', `${lfs}/mayfly/${oid}/upload`, content)
  assert.equal(refused.status, 403)
  assert.match(refused.body, new RegExp(`a secret in LFS object ${oid} of octo/app`))
  assert.deepEqual([whole, opened], [0, [`push LFS object ${oid} of octo/app`]])
  assert.equal(seen.get(`LFS object ${oid} of octo/app`), content)
  world.setInspection(markerInspection('not in it').inspection)
  assert.equal((await ask('PUT', `${lfs}/mayfly/${oid}/upload`, content)).status, 200)
  assert.equal(whole, 1)
})
