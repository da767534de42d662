import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as netConnect, createServer, type AddressInfo, type Socket } from 'node:net'
import { test } from 'node:test'
import { connectUri, createProofNonces, createProofSigner } from '../identity/index.ts'
import { systemClock } from '../lib/index.ts'
import type { lookup as dnsLookup } from 'node:dns'
import type { Destination } from './egress/index.ts'
import { createEgressGuard } from './egress/index.ts'
import {
  advertisement,
  compileRules,
  gitHost,
  openWorld,
  readAll,
  request,
  until,
  usualConnections,
  usualGrants,
} from './gateway.fixture.ts'

const authority = `${gitHost}:443`

test('a step token with its proof opens the tunnel, and the credential is added on the way', async (t) => {
  const world = await openWorld(t)
  const answer = await world.ask(request('GET', advertisement))
  assert.deepEqual([answer.status, answer.body.includes('upstream says hello')], [200, true])
  assert.equal(
    world.upstream.seen[0]?.headers.authorization,
    `Basic ${Buffer.from('injected:for-git').toString('base64')}`,
  )
  assert.equal(world.upstream.seen[0]?.headers.host, gitHost)
  assert.equal(world.audit.ofType('access.granted').length, 1)
})

test('a proof without our nonce is told the nonce, and with it the tunnel opens', async (t) => {
  const world = await openWorld(t, { nonces: createProofNonces({ clock: systemClock }) })
  const { token, signer, gateway } = world
  const dial = async () => {
    const proof = await signer.sign({
      method: 'CONNECT',
      uri: connectUri(gateway.url, authority),
      accessToken: token,
    })
    const socket = netConnect(Number(new URL(gateway.url).port), '127.0.0.1')
    t.after(() => socket.destroy())
    socket.write(
      `CONNECT ${authority} HTTP/1.1\r\nHost: x\r\nProxy-Authorization: DPoP ${token}\r\nDPoP: ${proof}\r\n\r\n`,
    )
    return String(((await once(socket, 'data')) as [Buffer])[0])
  }
  const refused = await dial()
  assert.match(refused, /^HTTP\/1\.1 407 .*\r\n/)
  assert.match(refused, /Proxy-Authenticate: DPoP algs="ES256", error="use_dpop_nonce"\r\n/)
  signer.learnNonce(/\r\nDPoP-Nonce: (\S+)\r\n/.exec(refused)?.[1])
  assert.match(await dial(), /^HTTP\/1\.1 200 /)
})

test('whoever is not the step gets 407 and why, and upstream hears nothing', async (t) => {
  const world = await openWorld(t)
  const { token, signer, step, gateway } = world
  const other = await createProofSigner({ clock: systemClock })
  const uri = connectUri(gateway.url, authority)
  const proofBy = (by: typeof signer, proof: { method?: string; uri?: string; accessToken?: string }) =>
    by.sign({ method: 'CONNECT', uri, accessToken: token, ...proof })
  const expired = world.tokenOf(step, { expiresSeconds: Math.floor(systemClock.nowMs() / 1000) - 60 })
  const session = world.tokenOf(step, { step: undefined })
  const forged = `${token.slice(0, -4)}${token.endsWith('AAAA') ? 'BBBB' : 'AAAA'}`
  const unsigned = `${Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')}.${token.split('.')[1]}.`
  const bound = world.tokenOf(step, { jkt: other.jkt })
  const cases: [string, RegExp, Record<string, string>][] = [
    ['no token', /takes a DPoP-bound step token/, { 'proxy-authorization': '' }],
    ['Bearer', /takes a DPoP-bound step token/, { 'proxy-authorization': `Bearer ${token}` }],
    ['Basic', /takes a DPoP-bound step token/, { 'proxy-authorization': 'Basic dTpw' }],
    ['scheme only', /takes a DPoP-bound step token/, { 'proxy-authorization': 'DPoP' }],
    [
      'expired',
      /step token is expired/,
      { 'proxy-authorization': `DPoP ${expired}`, dpop: await proofBy(signer, { accessToken: expired }) },
    ],
    [
      'forged',
      /step token is invalid/,
      { 'proxy-authorization': `DPoP ${forged}`, dpop: await proofBy(signer, { accessToken: forged }) },
    ],
    [
      'alg none',
      /step token is invalid/,
      { 'proxy-authorization': `DPoP ${unsigned}`, dpop: await proofBy(signer, { accessToken: unsigned }) },
    ],
    [
      'session token',
      /this is a session token/,
      { 'proxy-authorization': `DPoP ${session}`, dpop: await proofBy(signer, { accessToken: session }) },
    ],
    ['no proof', /DPoP header is missing/, { dpop: '' }],
    [
      'another key',
      /by another key/,
      { 'proxy-authorization': `DPoP ${token}`, dpop: await proofBy(other, {}) },
    ],
    [
      'token of another key',
      /by another key/,
      { 'proxy-authorization': `DPoP ${bound}`, dpop: await proofBy(signer, { accessToken: bound }) },
    ],
    [
      'wrong htu host',
      /the proof is for/,
      {
        'proxy-authorization': `DPoP ${token}`,
        dpop: await proofBy(signer, { uri: connectUri(gateway.url, 'npm.test:443') }),
      },
    ],
    [
      'wrong htu gateway',
      /the proof is for/,
      {
        'proxy-authorization': `DPoP ${token}`,
        dpop: await proofBy(signer, { uri: connectUri('http://elsewhere:1', authority) }),
      },
    ],
    [
      'wrong htm',
      /the proof is for GET/,
      { 'proxy-authorization': `DPoP ${token}`, dpop: await proofBy(signer, { method: 'GET' }) },
    ],
    [
      'wrong ath',
      /not bound to this token/,
      { 'proxy-authorization': `DPoP ${token}`, dpop: await proofBy(signer, { accessToken: 'another' }) },
    ],
    ['junk proof', /does not verify/, { dpop: 'a.b.c' }],
  ]
  for (const [name, why, headers] of cases) {
    const tunnel = await world.connect(authority, headers)
    assert.equal(tunnel.status, 407, name)
    assert.match(await tunnel.rest(), why, name)
    assert.match(tunnel.head, /Proxy-Authenticate: DPoP/)
  }
  assert.equal(world.upstream.accepted(), 0)
  assert.equal(gateway.openSockets(), 0)
})

test('a proof serves once', async (t) => {
  const world = await openWorld(t)
  const proof = await world.signer.sign({
    method: 'CONNECT',
    uri: connectUri(world.gateway.url, authority),
    accessToken: world.token,
  })
  const headers = { 'proxy-authorization': `DPoP ${world.token}`, dpop: proof }
  assert.equal((await world.connect(authority, headers)).status, 200)
  const again = await world.connect(authority, headers)
  assert.equal(again.status, 407)
  assert.match(await again.rest(), /used before/)
})

test('two proofs in one request are no proof', async (t) => {
  const world = await openWorld(t)
  const sign = () =>
    world.signer.sign({
      method: 'CONNECT',
      uri: connectUri(world.gateway.url, authority),
      accessToken: world.token,
    })
  const tunnel = await world.connect(authority, {
    'proxy-authorization': `DPoP ${world.token}`,
    dpop: await sign(),
    DPoP: await sign(),
  })
  assert.equal(tunnel.status, 407)
})

test('the token of a step that has ended opens nothing', async (t) => {
  const world = await openWorld(t)
  world.brokers.end(world.step)
  const tunnel = await world.connect(authority)
  assert.equal(tunnel.status, 407)
  assert.match(await tunnel.rest(), /the step has ended/)
})

test('anything but CONNECT is refused', async (t) => {
  const world = await openWorld(t)
  const { port } = new URL(world.gateway.url)
  for (const line of [
    'GET / HTTP/1.1',
    'GET https://git.test/ HTTP/1.1',
    'POST /connect/git.test:443 HTTP/1.1',
    'OPTIONS * HTTP/1.1',
  ]) {
    const socket = netConnect(Number(port), '127.0.0.1')
    t.after(() => socket.destroy())
    socket.write(`${line}\r\nhost: x\r\nconnection: close\r\n\r\n`)
    assert.match((await readAll(socket)).toString(), /^HTTP\/1\.1 405 [\s\S]*CONNECT only/)
  }
})

test('every odd spelling of a host is refused, or is the host itself', async (t) => {
  const world = await openWorld(t, { egress: ['egress.test:443', '*.wild.test:443'] })
  const same = ['GIT.test:443', 'git.test.:443', 'git.test:0443']
  for (const spelling of same) assert.equal((await world.connect(spelling)).status, 200, spelling)
  const refused = [
    'git.test:444',
    'git.test:80',
    'git.test:0',
    'git.test:65536',
    'git.test:99999',
    'git.test:443x',
    'git.test:-1',
    'git.test:',
    'git.test',
    ':443',
    'git.test..:443',
    '.git.test:443',
    'git%2etest:443',
    'git.test%00.evil:443',
    'git.test#:443',
    'git.test/:443',
    'user@git.test:443',
    'git.test@evil:443',
    'https://git.test:443',
    'g\u0131t.test:443',
    'git。test:443',
    '[git.test]:443',
    'git.test:443:443',
    'evilgit.test:443',
    'git.test.evil:443',
    'wild.test:443',
    'x.wild.test.evil:443',
    'xwild.test:443',
    '-a.wild.test:443',
    '127.0.0.1:443',
    '[::1]:443',
    '[::ffff:127.0.0.1]:443',
    '[::ffff:7f00:1]:443',
    '2130706433:443',
    '0x7f000001:443',
    '0x7f.1:443',
    '0177.0.0.1:443',
    '127.1:443',
    '0:443',
    '169.254.169.254:80',
    '168.63.129.16:80',
    '[fe80::1%25eth0]:443',
    'localhost:443',
    'metadata.google.internal:80',
    '*.wild.test:443',
    '8.8.8.8:443',
    '[2001:4860:4860::8888]:443',
  ]
  for (const spelling of refused) {
    const tunnel = await world.connect(spelling)
    assert.ok(
      tunnel.status === 403 || tunnel.status === 407 || tunnel.status === 400,
      `${spelling}: ${tunnel.status}`,
    )
  }
  assert.equal(world.upstream.accepted(), 0)
})

test('control characters in the CONNECT line never get as far as a host', async (t) => {
  const world = await openWorld(t)
  const { port } = new URL(world.gateway.url)
  for (const odd of [
    'git.test\0.evil:443',
    'git.test\r\nX-Evil: 1\r\n:443',
    'git.test\t:443',
    'git .test:443',
    'git.test:443\u0085',
  ]) {
    const socket = netConnect(Number(port), '127.0.0.1')
    t.after(() => socket.destroy())
    const proof = await world.signer.sign({
      method: 'CONNECT',
      uri: connectUri(world.gateway.url, odd),
      accessToken: world.token,
    })
    socket.on('error', () => undefined)
    socket.write(
      `CONNECT ${odd} HTTP/1.1\r\nhost: x\r\nproxy-authorization: DPoP ${world.token}\r\ndpop: ${proof}\r\n\r\n`,
      'latin1',
    )
    assert.doesNotMatch((await readAll(socket)).toString(), /^HTTP\/1\.1 200/, JSON.stringify(odd))
  }
  assert.equal(world.upstream.accepted(), 0)
})

test('a refusal names what to add, never an address that could not be allowed', async (t) => {
  const world = await openWorld(t)
  assert.match(
    await (await world.connect('deb.test:443')).rest(),
    /add to roles\.build\.egress in mayfly\.yaml: "deb\.test:443" \(req_/,
  )
  assert.match(
    await (await world.connect('10.0.0.1:443')).rest(),
    /add to roles\.build\.egress in mayfly\.yaml: \{ host: "10\.0\.0\.1:443", private: true \} \(req_/,
  )
  assert.match(
    await (await world.connect('169.254.169.254:80')).rest(),
    /metadata address is reached by a connection only \(req_/,
  )
  await until(() => world.audit.ofType('access.denied').length === 3)
  assert.deepEqual(
    world.gateway.activity(world.step.id).denied.map(({ what }) => what),
    ['deb.test:443', '10.0.0.1:443', '169.254.169.254:80'],
  )
})

test('a TLS name other than the CONNECT host is refused', async (t) => {
  const world = await openWorld(t)
  for (const servername of ['npm.test', 'evil.test', 'sub.git.test']) {
    const tunnel = await world.connect(authority)
    const tls = world.tls(tunnel, { servername, ca: world.ca, rejectUnauthorized: false })
    await assert.rejects(once(tls, 'secureConnect'), servername)
  }
  assert.equal(world.upstream.accepted(), 0)
})

test('without a TLS name the certificate is of the CONNECT host', async (t) => {
  const world = await openWorld(t)
  const tunnel = await world.connect(authority)
  const tls = world.tls(tunnel, { ca: world.ca, checkServerIdentity: () => undefined })
  await once(tls, 'secureConnect')
  assert.match(tls.getPeerCertificate().subjectaltname ?? '', /^DNS:git\.test$/)
})

test('HTTP/2 is offered before HTTP/1.1, and a client that speaks neither gets nowhere', async (t) => {
  const world = await openWorld(t)
  const offering = async (...ALPNProtocols: string[]) => {
    const tunnel = await world.connect(authority)
    const tls = world.tls(tunnel, { servername: gitHost, ca: world.ca, ALPNProtocols })
    await once(tls, 'secureConnect')
    return tls.alpnProtocol
  }
  assert.equal(await offering('http/1.1', 'h2'), 'h2')
  assert.equal(await offering('http/1.1'), 'http/1.1')
  assert.equal(await offering(), false)
  await assert.rejects(offering('h3', 'postgresql'))
})

test('plain HTTP into a TLS tunnel reaches nothing', async (t) => {
  const world = await openWorld(t)
  const tunnel = await world.connect(authority)
  tunnel.socket.write(request('GET', advertisement))
  assert.doesNotMatch(await tunnel.rest(), /hello/)
  assert.equal(world.upstream.accepted(), 0)
})

test('another run’s CA is not ours', async (t) => {
  const world = await openWorld(t)
  const other = world.brokers.open(world.signer.jkt)
  const theirs = await world.gateway.caCertificate(other.session)
  const tunnel = await world.connect(authority)
  const tls = world.tls(tunnel, { servername: gitHost, ca: theirs })
  await assert.rejects(once(tls, 'secureConnect'))
})

/** A guard that leads egress hosts to a server of the test, so that no address of the world is needed. */
async function egressWorld(
  t: Parameters<typeof openWorld>[0],
  options: {
    dial?: (to: Destination) => Promise<void>
    role?: readonly unknown[]
    /** Else it says again what it hears. */
    serve?: (socket: Socket) => void
  } = {},
) {
  const received: string[] = []
  const server = createServer({ allowHalfOpen: options.serve !== undefined }, (socket) => {
    socket.on('error', () => undefined)
    if (options.serve !== undefined) return options.serve(socket)
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      received.push(chunk)
      socket.write(`echo ${chunk}`)
    })
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  const sockets = new Set<object>()
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  const real = createEgressGuard()
  const dial = async (to: Destination, record?: () => Promise<void>) => {
    await record?.()
    await options.dial?.(to)
    const socket = netConnect(port, '127.0.0.1')
    await once(socket, 'connect')
    return socket
  }
  const world = await openWorld(t, {
    egress: ['egress.test:443'],
    guard: { dial: (to, record) => (to.connection === undefined ? dial(to, record) : real.dial(to, record)) },
    ...(options.role === undefined ? {} : { role: { egress: options.role } }),
  })
  return { world, received, sockets }
}

test('an egress host is recorded, then bytes pass as they are and no credential is added', async (t) => {
  const { world, received } = await egressWorld(t)
  const { socket, status } = await world.connect('egress.test:443')
  assert.equal(status, 200)
  socket.write('bytes')
  assert.equal(String((await once(socket, 'data'))[0]), 'echo bytes')
  assert.deepEqual(received, ['bytes'])
  assert.equal(world.audit.ofType('egress.granted').length, 1)
})

test('a host of the role’s own list is reached, and the entry says which list allowed it and whether as private', async (t) => {
  const dialled: Destination[] = []
  const { world } = await egressWorld(t, {
    dial: async (to) => void dialled.push(to),
    role: ['own.test:443', { host: 'nexus.corp.test:8443', private: true }],
  })
  for (const authority of ['egress.test:443', 'own.test:443', 'nexus.corp.test:8443'])
    assert.equal((await world.connect(authority)).status, 200, authority)
  assert.equal((await world.connect('nexus.corp.test:443')).status, 403)
  const entries = world.audit.ofType('egress.granted').map(({ data }) => data)
  assert.deepEqual(
    entries.map(({ rule, list, private: named }) => [rule, list, named]),
    [
      ['egress.test:443', 'egress', undefined],
      ['own.test:443', 'roles.build.egress', undefined],
      ['nexus.corp.test:8443', 'roles.build.egress', true],
    ],
  )
  // Only the guard knows the address; it is told what the rule says of it.
  assert.deepEqual(
    dialled.map((to) => to.private),
    [undefined, undefined, true],
  )
})

test('an egress host whose address is refused was not granted: the record has the refusal alone', async (t) => {
  const lookup = ((_name: string, _options: object, done: (e: null, found: object[]) => void) =>
    done(null, [{ address: '10.1.2.3', family: 4 }])) as unknown as typeof dnsLookup
  const world = await openWorld(t, { egress: ['egress.test:443'], guard: createEgressGuard({ lookup }) })
  const tunnel = await world.connect('egress.test:443')
  assert.equal(tunnel.status, 502)
  assert.deepEqual(world.audit.ofType('egress.granted'), [])
  await until(() => world.audit.ofType('access.denied').length === 1)
  assert.match(
    JSON.stringify(world.audit.ofType('access.denied')[0]?.data),
    /is at 10\.1\.2\.3, a private address/,
  )
})

test('an egress host that cannot be recorded is not reached', async (t) => {
  let dialled = 0
  const { world } = await egressWorld(t, { dial: async () => void dialled++ })
  world.audit.before = () => {
    throw new Error('the log is down')
  }
  const tunnel = await world.connect('egress.test:443')
  assert.deepEqual([tunnel.status, dialled], [502, 0])
})

test('the end of the step cuts an egress tunnel on both sides, and one that is being dialled', async (t) => {
  let release = () => undefined as void
  const held = new Promise<void>((done) => (release = done))
  let dialling = 0
  const { world, sockets } = await egressWorld(t, {
    dial: async () => {
      if (++dialling === 2) await held
    },
  })
  const open = await world.connect('egress.test:443')
  await until(() => sockets.size === 1)
  const pending = world.connect('egress.test:443')
  await until(() => dialling === 2)
  world.brokers.end(world.step)
  await once(open.socket, 'close')
  await until(() => sockets.size === 0)
  release()
  assert.notEqual((await pending).status, 200)
  await until(() => sockets.size === 0 && world.gateway.openSockets() === 0)
})

// Was so once: the answer half-closes only; whoever does not close his side keeps the socket for ever, without any token.
test('a stranger who was refused does not keep a socket open', async (t) => {
  const world = await openWorld(t)
  const { port } = new URL(world.gateway.url)
  const socket = netConnect({ port: Number(port), host: '127.0.0.1', allowHalfOpen: true })
  t.after(() => socket.destroy())
  socket.on('error', () => undefined)
  socket.write('CONNECT git.test:443 HTTP/1.1\r\nhost: git.test:443\r\n\r\n')
  socket.resume()
  await once(socket, 'end')
  // Writing into a socket that the gateway has let go of fails; into one that it keeps, it does not.
  const failed = new Promise<boolean>((give) => {
    socket.once('error', () => give(true))
    socket.once('close', () => give(true))
    setTimeout(() => give(false), 2000).unref()
  })
  const writing = setInterval(() => socket.write('x'), 50)
  t.after(() => clearInterval(writing))
  assert.ok(await failed, 'the gateway still holds the socket')
})

// Was so once: a client that says nothing, or half a request, is not closed and not timed out any more once closing began.
test('a stranger’s open connection does not keep the gateway from closing', async (t) => {
  const world = await openWorld(t)
  const { port } = new URL(world.gateway.url)
  const socket = netConnect(Number(port), '127.0.0.1')
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  socket.write('CONNECT git.test:443 HTTP/1.1\r\nhost:')
  await new Promise((next) => setTimeout(next, 50))
  const closed = await Promise.race([
    world.gateway.close().then(() => true),
    new Promise<false>((give) => setTimeout(() => give(false), 3000).unref()),
  ])
  socket.destroy()
  assert.ok(closed, 'close() waits for it')
})

test('a change of the configuration counts for the next tunnel', async (t) => {
  const world = await openWorld(t)
  const { npm } = usualConnections(world.upstream)
  const { targets, policy } = compileRules(
    { npm },
    usualGrants.filter((one) => one.startsWith('npm')),
  )
  world.setTargets(targets, policy)
  assert.equal((await world.connect(authority)).status, 403)
})

test('an egress host of any port may speak first, and is heard to its end by whoever has ended before', async (t) => {
  const { world } = await egressWorld(t, {
    role: ['mail.test:25', 'plain.test:80'],
    serve(socket) {
      socket.write('220 ready\r\n')
      let said = ''
      socket.on('data', (chunk: Buffer) => (said += String(chunk)))
      socket.on('end', () => socket.end(`heard ${said}`))
    },
  })
  for (const authority of ['mail.test:25', 'plain.test:80']) {
    const { socket, status } = await world.connect(authority)
    assert.equal(status, 200)
    assert.equal(String((await once(socket, 'data'))[0]), '220 ready\r\n')
    socket.end('quit')
    assert.equal((await readAll(socket)).toString(), 'heard quit')
  }
})
