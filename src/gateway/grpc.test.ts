import assert from 'node:assert/strict'
import { readFileSync, mkdtempSync, rmSync } from 'node:fs'
import { createSecureServer, type ServerHttp2Stream } from 'node:http2'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import * as grpc from '@grpc/grpc-js'
import { createTestAuthority } from '../../test/certificates.ts'
import { compileRules, openWorld, type World } from './gateway.fixture.ts'
import { askHttp2, http2Client } from './requests/http2.fixture.ts'

const host = 'grpc.test'
const authority = `${host}:443`
const injected = Buffer.from('injected:for-api').toString('base64')

const text = {
  serialize: (value: string) => Buffer.from(value),
  deserialize: (bytes: Buffer) => bytes.toString(),
}
const method = (path: string, streams: boolean): grpc.MethodDefinition<string, string> => ({
  path,
  requestStream: streams,
  responseStream: streams,
  requestSerialize: text.serialize,
  requestDeserialize: text.deserialize,
  responseSerialize: text.serialize,
  responseDeserialize: text.deserialize,
})
const methods = {
  say: method('/octo.Echo/Say', false),
  talk: method('/octo.Echo/Talk', true),
  other: method('/octo.Secret/Read', false),
}

async function certificate(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-grpc-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const issuer = await createTestAuthority(folder)
  const { cert, key } = await issuer.issue('grpc', [host])
  return { ca: readFileSync(issuer.file, 'utf8'), cert: readFileSync(cert), key: readFileSync(key) }
}

async function worldOf(t: TestContext, port: number, ca: string): Promise<World> {
  const world = await openWorld(t)
  const api = {
    kind: 'http',
    url: `https://${host}`,
    dial: `127.0.0.1:${port}`,
    ca,
    credential: { bearer: 'secret:api' },
  }
  const { targets, policy } = compileRules({ api }, ['http:post api/octo.Echo/*'])
  world.setTargets(targets, policy)
  return world
}

/** A real gRPC server behind the gateway, and a real client in the step's place. */
async function echoWorld(t: TestContext) {
  const { ca, cert, key } = await certificate(t)
  const seen: grpc.Metadata[] = []
  const server = new grpc.Server()
  server.addService(methods, {
    say(call: grpc.ServerUnaryCall<string, string>, done: grpc.sendUnaryData<string>) {
      seen.push(call.metadata)
      const trailers = new grpc.Metadata()
      trailers.set('x-late', 'kept')
      trailers.set('set-late', 'dropped')
      if (call.request === 'fail')
        return done({ code: 5, details: 'no such thing: 100 % gone', metadata: trailers })
      if (call.request === 'leak') trailers.set('x-late', injected)
      done(null, call.request.toUpperCase(), trailers)
    },
    talk(call: grpc.ServerDuplexStream<string, string>) {
      call.sendMetadata(new grpc.Metadata())
      call.on(
        'data',
        (word: string) => void call.write(word === 'leak' ? `it is ${injected}` : word.toUpperCase()),
      )
      call.on('end', () => call.end())
    },
    other: () => assert.fail('it must not be reached'),
  })
  const credentials = grpc.ServerCredentials.createSsl(null, [{ private_key: key, cert_chain: cert }])
  const port = await new Promise<number>((done, fail) =>
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) =>
      error === null ? done(bound) : fail(error),
    ),
  )
  t.after(() => server.forceShutdown())
  const world = await worldOf(t, port, ca)
  return { world, seen, client: await clientOf(t, world) }
}

/** Its connections go through a tunnel of the step, as those of a step do. */
async function clientOf(t: TestContext, world: World): Promise<grpc.Client> {
  const door = createServer((socket) => {
    world.connect(authority).then(
      (tunnel) => socket.pipe(tunnel.socket).pipe(socket),
      () => socket.destroy(),
    )
    socket.on('error', () => socket.destroy())
  })
  await new Promise<void>((done) => door.listen(0, '127.0.0.1', done))
  const { port } = door.address() as AddressInfo
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createSsl(Buffer.from(world.ca)), {
    'grpc.ssl_target_name_override': host,
    'grpc.default_authority': host,
    'grpc.enable_http_proxy': 0,
  })
  t.after(() => {
    client.close()
    door.close()
  })
  return client
}

function call(client: grpc.Client, { path }: { path: string }, word: string, metadata = new grpc.Metadata()) {
  return new Promise<{ said?: string | undefined; error: grpc.ServiceError | null; trailers: grpc.Metadata }>(
    (resolve) => {
      let said: string | undefined
      let error: grpc.ServiceError | null = null
      const asked = client.makeUnaryRequest(
        path,
        text.serialize,
        text.deserialize,
        word,
        metadata,
        (why, answer) => {
          error = why
          said = answer
        },
      )
      asked.on('status', ({ metadata: trailers }) => setImmediate(() => resolve({ said, error, trailers })))
    },
  )
}

test('a call that is granted goes through with our credential; status and trailers come back', async (t) => {
  const { world, seen, client } = await echoWorld(t)
  const metadata = new grpc.Metadata()
  metadata.set('authorization', 'Bearer mine')
  metadata.set('x-trace', 'kept')
  const good = await call(client, methods.say, 'hello', metadata)
  assert.deepEqual([good.error, good.said], [null, 'HELLO'])
  assert.deepEqual(good.trailers.getMap()['x-late'], 'kept')
  assert.equal(good.trailers.get('set-late').length, 0)
  assert.deepEqual(seen[0]?.get('authorization'), [`Basic ${injected}`])
  assert.deepEqual(seen[0]?.get('x-trace'), ['kept'])
  const failed = await call(client, methods.say, 'fail')
  assert.deepEqual([failed.error?.code, failed.error?.details], [5, 'no such thing: 100 % gone'])
  assert.match(JSON.stringify(world.audit.ofType('access.granted')), /http:post/)
})

test('a method that is not granted is refused as gRPC refuses, with the grant to add', async (t) => {
  const { world, client } = await echoWorld(t)
  const { error } = await call(client, methods.other, 'x')
  assert.equal(error?.code, grpc.status.PERMISSION_DENIED)
  assert.match(
    error.details,
    /^mayfly: refused: http:post api\/octo\.Secret\/Read: .*"http:post api\/octo\.Secret\/Read/s,
  )
  assert.match(JSON.stringify(world.audit.ofType('access.denied')), /octo\.Secret/)
})

test('both sides of a call speak at the same time', async (t) => {
  const { client } = await echoWorld(t)
  const talk = client.makeBidiStreamRequest(methods.talk.path, text.serialize, text.deserialize)
  const heard: string[] = []
  const words = ['one', 'two', 'three', 'x'.repeat(200_000)]
  const status = new Promise<grpc.StatusObject>((done) => talk.on('status', done))
  talk.on('error', () => undefined)
  // The next word is said only when the last one was heard.
  talk.on('data', (word: string) => {
    heard.push(word)
    const next = words[heard.length]
    if (next === undefined) talk.end()
    else talk.write(next)
  })
  talk.write(words[0] ?? '')
  assert.equal((await status).code, grpc.status.OK)
  assert.deepEqual(
    heard,
    words.map((word) => word.toUpperCase()),
  )
})

test('our credential in a message or a trailer ends the call', async (t) => {
  const { world, client } = await echoWorld(t)
  const talk = client.makeBidiStreamRequest(methods.talk.path, text.serialize, text.deserialize)
  const heard: string[] = []
  talk.on('data', (word: string) => heard.push(word))
  talk.on('error', () => undefined)
  const cut = new Promise<grpc.StatusObject>((done) => talk.on('status', done))
  talk.write('leak')
  assert.notEqual((await cut).code, grpc.status.OK)
  assert.deepEqual(heard, [])
  const { error, trailers } = await call(client, methods.say, 'leak')
  assert.notEqual(error, null)
  assert.doesNotMatch(JSON.stringify(trailers.toJSON()), new RegExp(injected))
  assert.match(JSON.stringify(world.audit.ofType('access.denied')), /the answer holds the credential/)
})

/** A host that speaks HTTP/2 as `answer` says. */
async function rawHost(t: TestContext, answer: (stream: ServerHttp2Stream, nth: number) => void) {
  const { ca, cert, key } = await certificate(t)
  let sessions = 0
  let nth = 0
  const server = createSecureServer({ cert, key })
  const open = new Set<{ destroy(): void }>()
  server.on('session', (session) => {
    sessions++
    open.add(session)
  })
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.on('error', () => undefined)
    stream.resume()
    answer(stream, nth++)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  t.after(() => {
    for (const session of open) session.destroy()
    server.close()
  })
  const world = await worldOf(t, (server.address() as AddressInfo).port, ca)
  const client = await http2Client(t, world, authority)
  const ask = () =>
    askHttp2(client, {
      ':method': 'POST',
      ':path': '/octo.Echo/Say',
      'content-type': 'application/grpc',
      te: 'trailers',
    })
  return { world, ask, sessions: () => sessions }
}

const head = { ':status': 200, 'content-type': 'application/grpc' }

test('calls of a step share one connection to the host; what it refused unseen is asked once more, and no more', async (t) => {
  const { ask, sessions } = await rawHost(t, (stream, nth) => {
    if (nth === 1 || nth >= 3) return stream.close(7)
    stream.respond({ ...head, 'grpc-status': '0' }, { endStream: true })
  })
  assert.equal((await ask()).headers['grpc-status'], '0')
  assert.equal((await ask()).headers['grpc-status'], '0')
  const refused = await ask()
  assert.deepEqual([refused.status, refused.headers['grpc-status']], [200, '14'])
  assert.match(String(refused.headers['grpc-message']), /it refuses each stream before it looks at it/)
  assert.equal(sessions(), 1)
})

test('after GOAWAY the next call has a connection of its own', async (t) => {
  const { ask, sessions } = await rawHost(t, (stream) => {
    stream.respond({ ...head, 'grpc-status': '0' }, { endStream: true })
    stream.session?.goaway(0)
  })
  assert.equal((await ask()).headers['grpc-status'], '0')
  assert.equal((await ask()).headers['grpc-status'], '0')
  assert.equal(sessions(), 2)
})

test('what a host does wrong is one clear answer, or a stream that is reset: never a whole answer', async (t) => {
  const { ask } = await rawHost(t, (stream, nth) => {
    if (nth === 0) return stream.respond({ ...head, 'grpc-encoding': 'gzip' }, { endStream: true })
    if (nth === 1) return stream.respond({ ...head, 'x-reflected': injected }, { endStream: true })
    if (nth === 2) {
      for (let i = 0; i < 40; i++) stream.additionalHeaders({ ':status': 103 })
      return stream.respond(head, { endStream: true })
    }
    stream.respond({ ...head, 'content-length': '100' })
    stream.write('the first half')
    setImmediate(() => stream.close(0))
  })
  const message = async () => decodeURIComponent(String((await ask()).headers['grpc-message']))
  assert.match(await message(), /its messages are compressed \(gzip\)/)
  assert.match(await message(), /the answer holds the credential/)
  assert.match(await message(), /interim answers \(1xx\) without end/)
  assert.notEqual((await ask().catch(() => ({ reset: 2 }))).reset, 0)
})
