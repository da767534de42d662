import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { test } from 'node:test'
import { limits, systemClock } from '../lib/index.ts'
import { packLockfiles } from '../lockfiles/index.ts'
import { createGateway } from './index.ts'
import { createEgressGuard } from './egress/index.ts'
import {
  advertisement,
  compileRules,
  gitHost,
  npmHost,
  openWorld,
  readAll,
  request,
  until,
  usualConnections,
  usualGrants,
} from './gateway.fixture.ts'
import { startUpstream } from './upstream.fixture.ts'
import { stubAudit, stubBroker } from './stubs.fixture.ts'
import { commit, pushHead, zero } from './git/git.fixture.ts'
import { flushPacket, packetLine } from './git/pkt-line.ts'

const dev = [zero, commit('a'), 'refs/heads/dev-1'] as const
const push = (...updates: (readonly [string, string, string])[]) =>
  Buffer.concat([pushHead(updates), Buffer.from('PACK and more')])
const receive = '/octo/app.git/git-receive-pack'

test('what the client sends as its own credential does not reach upstream', async (t) => {
  const world = await openWorld(t)
  const headers = {
    authorization: 'Basic b3duOnRva2Vu',
    'proxy-authorization': 'DPoP own',
    cookie: 'session=own',
    'x-api-key': 'own',
    'x-forwarded-for': '1.2.3.4',
    'private-token': 'own',
    'x-gitlab-token': 'own',
    dpop: 'own',
    forwarded: 'for=own',
    referer: 'https://own',
    origin: 'https://own',
    'x-http-method-override': 'DELETE',
    accept: 'text/plain',
    'git-protocol': 'version=2',
  }
  assert.equal((await world.ask(request('GET', advertisement, { headers }))).status, 200)
  assert.equal((await world.ask(request('POST', receive, { headers, body: push(dev) }))).status, 200)
  assert.equal(world.upstream.seen.length, 2)
  for (const seen of world.upstream.seen) {
    assert.doesNotMatch(JSON.stringify(seen.headers), /own|b3du/)
    assert.equal(seen.headers.authorization, `Basic ${Buffer.from('injected:for-git').toString('base64')}`)
    const known = [
      'accept-encoding',
      'accept',
      'authorization',
      'connection',
      'content-length',
      'git-protocol',
      'host',
      'transfer-encoding',
    ]
    assert.deepEqual(
      Object.keys(seen.headers).filter((name) => !known.includes(name)),
      [],
    )
  }
})

test('the injected credential and the upstream’s cookies do not come back', async (t) => {
  const world = await openWorld(t)
  world.upstream.handle = (_request, response) =>
    void response
      .writeHead(200, {
        'set-cookie': 'a=b',
        'www-authenticate': 'Basic',
        'strict-transport-security': 'max-age=1',
        'alt-svc': 'h3=":443"',
        'x-kept': 'yes',
      })
      .end('ok')
  const { head, status } = await world.ask(request('GET', advertisement))
  assert.equal(status, 200)
  assert.match(head, /x-kept: yes/i)
  assert.doesNotMatch(head, /set-cookie|www-authenticate|strict-transport|alt-svc|injected/i)
})

test('a Host header other than the tunnel’s is refused', async (t) => {
  const world = await openWorld(t)
  for (const host of [
    'npm.test',
    'evil.test',
    'git.test:444',
    'git.test.',
    'git.test@evil.test',
    '',
    'git.test, evil.test',
    '127.0.0.1',
  ])
    assert.equal((await world.ask(request('GET', advertisement, { host }))).status, 421, host)
  assert.equal((await world.ask(`GET ${advertisement} HTTP/1.1\r\nconnection: close\r\n\r\n`)).status, 400)
  assert.equal(world.upstream.begun.length, 0)
  assert.equal((await world.ask(request('GET', advertisement, { host: 'GIT.test:443' }))).status, 200)
})

test('smuggled requests do not get past us', async (t) => {
  const world = await openWorld(t)
  const hidden = `GET /octo/other.git/info/refs?service=git-upload-pack HTTP/1.1\r\nhost: ${gitHost}\r\n\r\n`
  const post = (head: string, body: string) =>
    `POST ${receive} HTTP/1.1\r\nhost: ${gitHost}\r\n${head}\r\n${body}`
  const cases = {
    'CL and TE': post(
      `content-length: ${hidden.length}\r\ntransfer-encoding: chunked\r\n`,
      `0\r\n\r\n${hidden}`,
    ),
    'two CL': post('content-length: 0\r\ncontent-length: 5\r\n', hidden),
    'CL list': post('content-length: 0, 5\r\n', hidden),
    'CL sign': post('content-length: +5\r\n', hidden),
    'TE twice': post('transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n', `0\r\n\r\n${hidden}`),
    'TE odd': post('transfer-encoding: xchunked\r\n', `0\r\n\r\n${hidden}`),
    'TE spaced': post('transfer-encoding : chunked\r\n', `0\r\n\r\n${hidden}`),
    'obs-fold': `GET ${advertisement} HTTP/1.1\r\nhost: ${gitHost}\r\nx-a: b\r\n content-length: 5\r\n\r\n${hidden}`,
    'two Hosts': `GET ${advertisement} HTTP/1.1\r\nhost: ${gitHost}\r\nhost: evil.test\r\nconnection: close\r\n\r\n`,
    'two Hosts, the other first': `GET ${advertisement} HTTP/1.1\r\nHost: evil.test\r\nhost: ${gitHost}\r\nconnection: close\r\n\r\n`,
    'one Host twice': `GET ${advertisement} HTTP/1.1\r\nhost: ${gitHost}\r\nhOsT: ${gitHost}\r\nconnection: close\r\n\r\n`,
    'bare LF': `GET ${advertisement} HTTP/1.1\nhost: ${gitHost}\n\n`,
    'bare CR': `GET ${advertisement} HTTP/1.1\r\nhost: ${gitHost}\r\nx-a: b\rx: y\r\n\r\n`,
    'NUL in a header': `GET ${advertisement} HTTP/1.1\r\nhost: ${gitHost}\r\nx-a: b\0c\r\n\r\n`,
    'absolute form': `GET https://evil.test${advertisement} HTTP/1.1\r\nhost: ${gitHost}\r\nconnection: close\r\n\r\n`,
    'absolute form, own host': `GET https://${gitHost}${advertisement} HTTP/1.1\r\nhost: ${gitHost}\r\nconnection: close\r\n\r\n`,
    'authority form': `CONNECT evil.test:443 HTTP/1.1\r\nhost: ${gitHost}\r\n\r\n`,
    'asterisk form': `OPTIONS * HTTP/1.1\r\nhost: ${gitHost}\r\nconnection: close\r\n\r\n`,
    'chunk extension overflow': post('transfer-encoding: chunked\r\n', `FFFFFFFFFFFFFFFFF\r\n${hidden}`),
    'head too large': `GET ${advertisement} HTTP/1.1\r\nhost: ${gitHost}\r\nx: ${'a'.repeat(limits.requestHeadBytes)}\r\n\r\n`,
  }
  for (const [name, text] of Object.entries(cases)) {
    const { status } = await world.ask(text)
    assert.notEqual(status, 200, name)
  }
  assert.deepEqual(world.upstream.begun, [])
})

test('requests that follow each other on one connection are each decided', async (t) => {
  const world = await openWorld(t)
  const first = request('GET', advertisement).toString().replace('connection: close\r\n', '')
  const { body } = await world.ask(
    `${first}${request('GET', '/octo/other.git/info/refs?service=git-upload-pack').toString()}`,
  )
  assert.match(body, /hello/)
  assert.match(body, /403 Forbidden/)
  assert.deepEqual(
    world.upstream.seen.map(({ url }) => url),
    [advertisement],
  )
})

test('a path with two readings is refused', async (t) => {
  const world = await openWorld(t, { grants: ['git:read git/*', 'git:push git/*@refs/*', 'npm:install npm'] })
  const tail = 'info/refs?service=git-upload-pack'
  const paths = [
    `/octo/../secret/app.git/${tail}`,
    `/octo/./app.git/${tail}`,
    `/octo//app.git/${tail}`,
    `//octo/app.git/${tail}`,
    `/octo/%2e%2e/app.git/${tail}`,
    `/octo%2fapp.git/${tail}`,
    `/octo\\app.git/${tail}`,
    `/octo/app.git;x/${tail}`,
    `/octo/app.git/${tail}#x`,
    `/octo/app.git.git/${tail}`,
    `/octo/app.git/${tail}&x=y`,
    `/octo/app.git/info/refs?x=y&service=git-upload-pack`,
    '/octo/app.git/info/refs?service=git-upload-pack%00',
    '/octo/app.git/info/refs?service=git-upload-archive',
    '/octo/app.git/info/refs?Service=git-upload-pack',
    '/octo/app.git/info/refs?service=git-upload-pack?x',
    '/octo/app.git/info/refs/?service=git-upload-pack',
    '/octo/app.git/info/refs',
    '/octo/app.git/HEAD',
    '/octo/app.git/objects/info/packs',
    `/octo/app.git/objects/${'a'.repeat(2)}/${'b'.repeat(38)}`,
    '/octo/app.git/git-upload-archive',
    '/',
    '/api/v4/user',
    '/octo/app.git',
    '/octo/app',
    '/info/refs?service=git-upload-pack',
    '/.git/info/refs?service=git-upload-pack',
    '/octo/app.git/git-receive-pack',
    '/octo/app.git/git-upload-pack',
    `/${'a'.repeat(3000)}/${tail}`,
    '/octo/ä.git/info/refs?service=git-upload-pack',
  ]
  for (const path of paths) {
    const { status } = await world.ask(request('GET', Buffer.from(path).toString('latin1')))
    // 0: not even a request line, so the connection is closed.
    assert.ok([0, 400, 403].includes(status), `${path}: ${status}`)
  }
  for (const [method, path] of [
    ['HEAD', advertisement],
    ['POST', advertisement],
    ['PUT', advertisement],
    ['DELETE', '/octo/app.git'],
    ['PATCH', receive],
    ['TRACE', advertisement],
    ['GET', receive],
    ['POST', `${receive}?x=y`],
  ] as const) {
    const { status } = await world.ask(request(method, path))
    assert.ok(status === 403 || status === 400, `${method} ${path}: ${status}`)
  }
  assert.deepEqual(world.upstream.begun, [])
})

test('without the grant nothing goes upstream, and the answer names it', async (t) => {
  const world = await openWorld(t)
  const answer = await world.ask(request('GET', '/octo/other.git/info/refs?service=git-upload-pack'))
  assert.deepEqual([answer.status, world.upstream.begun], [403, []])
  assert.match(answer.body, /add to its grants in mayfly\.yaml: "git:read git\/octo\/other" \(req_/)
  await until(() => world.audit.ofType('access.denied').length === 1)
})

test('a push is granted ref by ref, all or none', async (t) => {
  const world = await openWorld(t)
  const both = await world.ask(
    request('POST', receive, { body: push(dev, [zero, commit('b'), 'refs/heads/main']) }),
  )
  assert.equal(both.status, 200)
  assert.match(both.body, /ng refs\/heads\/main not granted/)
  assert.match(both.body, /ng refs\/heads\/dev-1 not pushed/)
  assert.deepEqual(world.upstream.begun, [])
  const body = push(dev)
  assert.equal((await world.ask(request('POST', receive, { body }))).status, 200)
  assert.deepEqual(
    world.upstream.seen.map((one) => one.body),
    [body],
  )
})

test('a compressed push, a signed push and half a push are refused', async (t) => {
  const world = await openWorld(t)
  assert.equal(
    (await world.ask(request('POST', receive, { body: push(dev), headers: { 'content-encoding': 'gzip' } })))
      .status,
    415,
  )
  assert.equal(
    (
      await world.ask(
        request('POST', receive, { body: Buffer.concat([packetLine('push-cert\0'), flushPacket]) }),
      )
    ).status,
    400,
  )
  assert.equal((await world.ask(request('POST', receive, { body: push(dev).subarray(0, 40) }))).status, 400)
  assert.deepEqual(world.upstream.begun, [])
})

// Was so once: the probe is decided for any ref, and the whole body goes upstream: what stands behind the flush too.
test('the probe before a push carries nothing behind it', async (t) => {
  const world = await openWorld(t)
  await world.ask(
    request('POST', receive, {
      body: Buffer.concat([flushPacket, push([zero, commit('b'), 'refs/heads/main'])]),
    }),
  )
  assert.ok(
    world.upstream.seen.every(({ body }) => body.equals(flushPacket)),
    'upstream was sent a ref that nobody decided on',
  )
})

test('what cannot be recorded does not happen', async (t) => {
  const world = await openWorld(t)
  world.audit.before = () => {
    throw new Error('the log is down')
  }
  for (const bytes of [request('GET', advertisement), request('POST', receive, { body: push(dev) })]) {
    const answer = await world.ask(bytes)
    assert.match(answer.body, /the log is down|not granted/)
  }
  assert.equal(world.upstream.accepted(), 0)
})

test('a denial is recorded however much the step asked for', async (t) => {
  const world = await openWorld(t)
  const long = `refs/heads/${'a'.repeat(60_000)}`
  const many = Array.from(
    { length: 1000 },
    (_, i) => [zero, commit('b'), `refs/heads/some-long-name-of-a-branch-${i}`] as const,
  )
  // No ref is as long as this, so no grant could be named.
  assert.match(
    (await world.ask(request('POST', receive, { body: push([zero, commit('b'), long]) }))).body,
    /not a ref update/,
  )
  assert.match((await world.ask(request('POST', receive, { body: push(...many) }))).body, /not granted/)
  await until(() => world.audit.ofType('access.denied').length === 2)
})

// Was so once: the entry holds every ref twice, so a push of some hundreds is refused for the size of its entry.
test('a push of a thousand granted refs passes and is recorded', async (t) => {
  const world = await openWorld(t)
  const many = Array.from({ length: 1000 }, (_, i) => [zero, commit('b'), `refs/heads/dev-${i}`] as const)
  const answer = await world.ask(request('POST', receive, { body: push(...many) }))
  assert.ok(answer.body.includes('hello'), 'it was refused')
  assert.equal(world.audit.ofType('access.granted').length, 1)
})

test('the end of the step cuts a download at once, on both sides', async (t) => {
  const world = await openWorld(t)
  let upstreamClosed = false
  world.upstream.handle = (incoming, response) => {
    incoming.socket.once('close', () => (upstreamClosed = true))
    response.writeHead(200)
    response.write(Buffer.alloc(1000))
  }
  const tls = await world.secure()
  tls.write(request('GET', advertisement))
  await once(tls, 'data')
  world.brokers.end(world.step)
  assert.equal(world.gateway.openSockets(), 0)
  await once(tls.resume(), 'close')
  await until(() => upstreamClosed && world.upstream.openSockets() === 0)
})

test('the end of the step cuts a push in the middle', async (t) => {
  const world = await openWorld(t)
  let aborted = false
  let received = 0
  world.upstream.onHead = (incoming) => {
    incoming.on('data', (chunk: Buffer) => (received += chunk.length))
    incoming.on('close', () => (aborted = !incoming.complete))
  }
  const tls = await world.secure()
  const whole = request('POST', receive, { body: Buffer.concat([push(dev), Buffer.alloc(100_000)]) })
  tls.write(whole.subarray(0, -50_000))
  await until(() => received > 0)
  world.brokers.end(world.step)
  await once(tls.resume(), 'close')
  await until(() => aborted && world.upstream.openSockets() === 0)
  assert.equal(world.gateway.openSockets(), 0)
})

// Was so once: nothing looks at the step again once its entry is durable.
test('a step that ends while its entry is written gets nothing', async (t) => {
  const world = await openWorld(t)
  let release = () => undefined as void
  const held = new Promise<void>((done) => (release = done))
  let writing = false
  world.audit.before = (event) => {
    if (event.type !== 'access.granted') return
    writing = true
    return held
  }
  const tls = await world.secure()
  tls.write(request('GET', advertisement))
  await until(() => writing)
  world.brokers.end(world.step)
  release()
  // Another step's request, sent afterwards, tells when the first must have arrived.
  world.audit.before = undefined
  const other = world.brokers.open(world.signer.jkt)
  await world.ask(request('GET', advertisement), { as: other })
  assert.equal(world.upstream.seen.length, 1, 'the credential was used after the end of the step')
})

// Was so once: a socket that is being dialled when the step ends is used all the same: the agent that was destroyed takes it.
test('a step that ends while its upstream is dialled gets nothing', async (t) => {
  let release = () => undefined as void
  const held = new Promise<void>((done) => (release = done))
  let dialling = 0
  const real = createEgressGuard()
  const world = await openWorld(t, {
    guard: {
      async dial(to) {
        if (++dialling === 1) await held
        return real.dial(to)
      },
    },
  })
  const tls = await world.secure()
  tls.write(request('GET', advertisement))
  await until(() => dialling === 1)
  world.brokers.end(world.step)
  release()
  const other = world.brokers.open(world.signer.jkt)
  await world.ask(request('GET', advertisement), { as: other })
  await new Promise((next) => setTimeout(next, 100))
  assert.equal(world.upstream.seen.length, 1, 'the credential was used after the end of the step')
})

test('the end of the step while its certificate is made leaves nothing open', async (t) => {
  const world = await openWorld(t)
  const opening = world.connect(`${gitHost}:443`)
  await until(() => world.gateway.openSockets() === 1)
  world.brokers.end(world.step)
  await (await opening).rest()
  await until(() => world.gateway.openSockets() === 0)
})

test('two steps share no upstream socket', async (t) => {
  const world = await openWorld(t)
  const other = world.brokers.open(world.signer.jkt)
  for (const as of [world.step, world.step, other, world.step, other])
    assert.equal((await world.ask(request('GET', advertisement), { as })).status, 200)
  const [a, b, c, d, e] = world.upstream.seen.map(({ socket }) => socket)
  assert.ok(a === b && a === d && c === e && a !== c, [a, b, c, d, e].join())
  world.brokers.end(world.step)
  assert.equal((await world.ask(request('GET', advertisement), { as: other })).status, 200)
  await until(() => world.upstream.openSockets() === 1)
})

// Was so once: a step's agent is found by the connection's name, so after a change of the configuration the new credential goes
// to the old address.
test('after a change of a connection its credential goes to the new address only', async (t) => {
  const world = await openWorld(t)
  assert.equal((await world.ask(request('GET', advertisement))).status, 200)
  const moved = await startUpstream(t, gitHost)
  const { targets, policy } = compileRules(usualConnections(moved), usualGrants)
  world.setTargets(targets, policy)
  assert.equal((await world.ask(request('GET', advertisement))).status, 200)
  assert.deepEqual([world.upstream.seen.length, moved.seen.length], [1, 1])
})

test('an upstream that refuses the credential is a 502 that says what to do', async (t) => {
  const world = await openWorld(t)
  for (const status of [401, 403]) {
    world.upstream.handle = (_request, response) =>
      void response.writeHead(status, { 'www-authenticate': 'Basic realm="x"' }).end('no')
    const answer = await world.ask(request('GET', advertisement))
    assert.equal(answer.status, 502)
    assert.match(
      answer.body,
      /refused the credential of connection "git" \(40[13]\): an operator must (?:renew|see to) its secret/,
    )
    assert.doesNotMatch(answer.head, /www-authenticate/i)
  }
})

test('an upstream under another CA gets no credential', async (t) => {
  const world = await openWorld(t)
  const other = await startUpstream(t, gitHost)
  const { targets, policy } = compileRules(
    usualConnections({ ...world.upstream, port: other.port }),
    usualGrants,
  )
  world.setTargets(targets, policy)
  const answer = await world.ask(request('GET', advertisement))
  assert.equal(answer.status, 502)
  assert.match(answer.body, /connection "git".*does not answer/)
  assert.deepEqual(other.begun, [])
})

test('an upstream whose certificate is of another host gets no credential', async (t) => {
  const world = await openWorld(t)
  const { npm, ...rest } = usualConnections(world.upstream)
  const { targets, policy } = compileRules(
    { ...rest, other: { ...(npm as object), kind: 'git', url: 'https://other.test' } },
    ['git:read other/octo/app', 'git:read git/octo/app'],
  )
  world.setTargets(targets, policy)
  const answer = await world.ask(request('GET', advertisement, { host: 'other.test' }), {
    authority: 'other.test:443',
  })
  assert.deepEqual([answer.status, world.upstream.begun], [502, []])
})

test('an upstream that resets in the middle of the body is a failure or a cut connection, not a whole answer', async (t) => {
  const world = await openWorld(t)
  world.upstream.handle = (incoming, response) => {
    response.writeHead(200, { 'content-length': '1000' })
    response.write('half', () => setImmediate(() => incoming.socket.destroy()))
  }
  const answer = await world.ask(request('GET', advertisement))
  assert.ok(answer.status === 502 || answer.body.length < 1000)
  world.upstream.handle = (incoming, response) => {
    response.writeHead(200)
    response.write('half', () => setImmediate(() => incoming.socket.destroy()))
  }
  assert.doesNotMatch((await world.ask(request('GET', advertisement))).body, /0\r\n\r\n$/)
})

test('an upstream that resets before it answers is a 502', async (t) => {
  const world = await openWorld(t)
  world.upstream.handle = (incoming) => incoming.socket.destroy()
  assert.equal((await world.ask(request('GET', advertisement))).status, 502)
})

test('an upstream that never answers is let go with the step', async (t) => {
  const world = await openWorld(t)
  world.upstream.handle = () => undefined
  const tls = await world.secure()
  tls.write(request('GET', advertisement))
  await until(() => world.upstream.seen.length === 1)
  world.brokers.end(world.step)
  await once(tls.resume(), 'close')
  await until(() => world.upstream.openSockets() === 0)
})

// Was so once: nobody tells upstream that the client is gone; a step fills its 64 sockets, and then a queue, with such requests.
test('a client that leaves takes its upstream request with it', async (t) => {
  const world = await openWorld(t)
  world.upstream.handle = () => undefined
  const tls = await world.secure()
  tls.write(request('GET', advertisement))
  await until(() => world.upstream.seen.length === 1)
  tls.destroy()
  const gone = await Promise.race([
    until(() => world.upstream.openSockets() === 0).then(() => true),
    new Promise<false>((give) => setTimeout(() => give(false), 2000).unref()),
  ])
  world.brokers.end(world.step)
  assert.ok(gone, 'the upstream request goes on')
})

// Was so once: an upstream that answers 101 leaves the request without an end.
test('an upstream that switches protocols is a failure, not a wait', async (t) => {
  const world = await openWorld(t)
  world.upstream.handle = (incoming) =>
    void incoming.socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n',
    )
  const tls = await world.secure()
  tls.write(request('GET', advertisement))
  const answered = await Promise.race([
    readAll(tls).then(String),
    new Promise<string>((give) => setTimeout(() => give('nothing'), 2000).unref()),
  ])
  world.brokers.end(world.step)
  assert.match(answered, /502/)
})

const tarball = Buffer.from('the tarball')
const integrity = (bytes: Buffer, algorithm = 'sha512') =>
  `${algorithm}-${createHash(algorithm).update(bytes).digest('base64')}`
const npm = { authority: `${npmHost}:443` }
const npmGet = (path: string, method = 'GET') =>
  request(method, path, { host: npmHost, ...(method === 'GET' ? {} : { body: '{}' }) })

function lockOf(packages: Record<string, { version: string; integrity?: string; name?: string }>): string {
  return JSON.stringify({
    lockfileVersion: 3,
    packages: Object.fromEntries(
      Object.entries(packages).map(([name, one]) => [`node_modules/${name}`, one]),
    ),
  })
}

function bundleOf(packages: Parameters<typeof lockOf>[0]): string {
  return packLockfiles([{ path: 'package-lock.json', text: lockOf(packages) }])
}

/** The npm connection at an upstream whose certificate is of its host. */
async function npmWorld(t: Parameters<typeof openWorld>[0], packages: Parameters<typeof lockOf>[0]) {
  const world = await openWorld(t)
  const upstream = await startUpstream(t, npmHost)
  upstream.handle = (incoming, response) =>
    void response
      .writeHead(200)
      .end(
        incoming.url?.endsWith('.tgz') === true
          ? tarball
          : JSON.stringify({ name: decodeURIComponent(incoming.url?.slice(1) ?? ''), versions: {} }),
      )
  const { targets, policy } = compileRules(
    { ...usualConnections(upstream), git: usualConnections(world.upstream)['git'] },
    usualGrants,
  )
  world.setTargets(targets, policy)
  await world.gateway.pinLockfiles(world.step, bundleOf(packages))
  return { world, upstream, get: (path: string, method?: string) => world.ask(npmGet(path, method), npm) }
}

const good = { version: '1.0.0', integrity: integrity(tarball) }

test('without a lockfile nothing is installed', async (t) => {
  const world = await openWorld(t)
  const answer = await world.ask(npmGet('/ms'), npm)
  assert.equal(answer.status, 403)
  assert.match(answer.body, /no lockfile/)
  assert.deepEqual(world.upstream.begun, [])
})

test('packages and versions of the lockfile pass, in every spelling that npm uses', async (t) => {
  const { upstream, get } = await npmWorld(t, {
    ms: good,
    'a-b': { ...good, version: '1.0.0-rc.1+build.5' },
    a: { ...good, version: 'b-1.0.0' },
    '@octo/core': good,
    nick: { ...good, name: '@octo/real' },
  })
  for (const path of ['/ms', '/@octo/core', '/@octo%2fcore', '/@octo%2Fcore', '/@octo%2freal'])
    assert.equal((await get(path)).status, 200, path)
  for (const path of [
    '/ms/-/ms-1.0.0.tgz',
    '/a-b/-/a-b-1.0.0-rc.1+build.5.tgz',
    '/a/-/a-b-1.0.0.tgz',
    '/@octo/core/-/core-1.0.0.tgz',
    '/@octo%2fcore/-/core-1.0.0.tgz',
  ]) {
    const answer = await get(path)
    assert.equal(answer.status, 200, path)
    assert.match(answer.body, /the tarball/, path)
  }
  assert.equal(
    upstream.seen[0]?.headers.authorization,
    `Basic ${Buffer.from('injected:for-npm').toString('base64')}`,
  )
})

test('what the lockfile does not pin is not asked for', async (t) => {
  const { upstream, get, world } = await npmWorld(t, { ms: good, '@octo/core': good })
  const paths = [
    '/lodash',
    '/ms/-/ms-1.0.1.tgz',
    '/ms/-/ms-.tgz',
    '/ms/-/ms.tgz',
    '/ms/-/lodash-1.0.0.tgz',
    '/ms/-/1.0.0.tgz',
    '/lodash/-/ms-1.0.0.tgz',
    '/@octo/other',
    '/@octo%2fother',
    '/core',
    '/core/-/core-1.0.0.tgz',
    '/@octo/core/-/@octo/core-1.0.0.tgz',
    '/@octo%2f..%2fms',
    '/ms%2f-%2fms-1.0.0.tgz%2f..',
    '/MS',
    '/ms/',
    '/lodash/1.0.0',
    '/-/package/lodash/dist-tags',
    '/ms?write=true',
    '/ms/-/ms-1.0.0.tgz?x',
    '/-/all',
    '/-/v1/search?text=ms',
    '/-/ping',
    '/-/whoami',
    '/-/npm/v1/tokens',
    '/-/npm/v1/security/audits',
    '/',
    '/__proto__',
    '/constructor',
    '/@octo',
    '/@octo%2f',
  ]
  for (const path of paths) assert.ok([400, 403].includes((await get(path)).status), path)
  for (const [method, path] of [
    ['PUT', '/ms'],
    ['DELETE', '/ms/-/ms-1.0.0.tgz/-rev/1'],
    ['POST', '/-/npm/v1/security/advisories/bulk'],
    ['POST', '/-/npm/v1/security/audits/quick'],
    ['PUT', '/-/user/org.couchdb.user:x'],
    ['PATCH', '/ms'],
  ] as const)
    assert.ok([400, 403].includes((await get(path, method)).status), `${method} ${path}`)
  assert.equal((await world.ask(request('HEAD', '/ms', { host: npmHost }), npm)).status, 403)
  assert.deepEqual(upstream.begun, [])
})

test('a tarball that is another never comes whole', async (t) => {
  const { upstream, get } = await npmWorld(t, { ms: good })
  for (const headers of [{ 'content-length': String(tarball.length) }, {}]) {
    upstream.handle = (_request, response) => void response.writeHead(200, headers).end('the tarbaII')
    const answer = await get('/ms/-/ms-1.0.0.tgz')
    assert.doesNotMatch(answer.body, /tarbaII|0\r\n\r\n$/)
  }
})

// Was so once: only the status 200 is verified; npm, yarn and curl take any other of the two hundreds for success.
test('a tarball under another status of success is verified or refused', async (t) => {
  const { upstream, get } = await npmWorld(t, { ms: good })
  for (const status of [201, 202, 203, 206, 226]) {
    upstream.handle = (_request, response) => void response.writeHead(status).end('evil')
    assert.doesNotMatch((await get('/ms/-/ms-1.0.0.tgz')).body, /evil/, String(status))
  }
})

// Was so once: the refusal comes after the request went out, as a cut connection instead of a sentence.
test('a digest that can be forged is refused in words, before upstream is asked', async (t) => {
  const { upstream, get } = await npmWorld(t, {
    ms: { version: '1.0.0', integrity: integrity(tarball, 'sha1') },
  })
  const answer = await get('/ms/-/ms-1.0.0.tgz')
  assert.match(answer.body, /pins only by sha1/)
  assert.deepEqual(upstream.begun, [])
})

test('redirects to others, server errors and refused credentials of a registry stay between it and us', async (t) => {
  const { upstream, get } = await npmWorld(t, { ms: good })
  for (const status of [301, 302, 307, 401, 403, 500, 502]) {
    upstream.handle = (_request, response) =>
      void response.writeHead(status, { location: 'https://evil.test/ms' }).end('x')
    const answer = await get('/ms')
    assert.equal(answer.status, status < 400 ? 404 : 502, String(status))
    assert.doesNotMatch(answer.head, /evil/)
  }
})

test('the first lockfile counts, and another step’s is not ours', async (t) => {
  const { world, get } = await npmWorld(t, { ms: good })
  const again = await world.gateway.pinLockfiles(world.step, bundleOf({ ms: good, lodash: good }))
  assert.equal(again.packages, 1)
  assert.equal((await get('/lodash')).status, 403)
  const other = world.brokers.open(world.signer.jkt)
  assert.equal((await world.ask(npmGet('/ms'), { ...npm, as: other })).status, 403)
})

// Was so once: both are recorded as pinned, and the second is told that its own counts.
test('two lockfiles at the same time are one', async (t) => {
  const world = await openWorld(t)
  const [first, second] = await Promise.all([
    world.gateway.pinLockfiles(world.step, bundleOf({ ms: good })),
    world.gateway.pinLockfiles(world.step, bundleOf({ ms: good, lodash: good })),
  ])
  assert.deepEqual(second, first)
  assert.equal(world.audit.ofType('lockfile.pinned').length, 1)
})

test('a lockfile that cannot be recorded pins nothing', async (t) => {
  const world = await openWorld(t)
  world.audit.before = () => {
    throw new Error('the log is down')
  }
  await assert.rejects(world.gateway.pinLockfiles(world.step, bundleOf({ ms: good })))
  world.audit.before = undefined
  assert.match((await world.ask(npmGet('/ms'), npm)).body, /no lockfile/)
})

test('a port that is taken is said so', async (t) => {
  const world = await openWorld(t)
  const { port } = new URL(world.gateway.url)
  const { broker } = stubBroker()
  const second = createGateway({ broker, audit: stubAudit(), clock: systemClock } as never)
  await assert.rejects(second.listen('127.0.0.1', Number(port)), { code: 'port_in_use' })
})

test('a tarball that is not there is a 404 in words, with nothing of upstream’s about its own body', async (t) => {
  const { upstream, get } = await npmWorld(t, { ms: good })
  upstream.handle = (_request, response) =>
    void response.writeHead(404, { 'content-encoding': 'gzip', etag: '"x"' }).end('not gzip')
  const answer = await get('/ms/-/ms-1.0.0.tgz')
  assert.equal(answer.status, 404)
  assert.match(answer.body, /the registry does not have ms@1\.0\.0/)
  assert.doesNotMatch(answer.head, /content-encoding|etag/i)
})
