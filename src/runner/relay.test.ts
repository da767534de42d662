import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpServer, type IncomingMessage } from 'node:http'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { connectUri, createProofSigner, createProofVerifier } from '../identity/index.ts'
import { limits, systemClock } from '../lib/index.ts'
import type { StepGrant } from './api-facts.ts'
import type { Way } from './doors.ts'
import { createRelay, type Relay } from './relay.ts'
import { hostileAnswers, oddAnswers } from '../lib/hostile-answers.fixture.ts'

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((next) => setTimeout(next, 5))
}

interface World {
  readonly relay: Relay
  readonly told: string[]
  /** CONNECT requests that came to the gateway. */
  readonly asked: IncomingMessage[]
  /** Sockets that the gateway holds. */
  readonly held: Set<Socket>
  readonly registryCalls: () => number
  readonly step: StepGrant
  dial(): Promise<Socket>
}

type Answer = (request: IncomingMessage, socket: Socket) => void

const accept: Answer = (_request, socket) => {
  socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
  socket.pipe(socket)
}
const refuse =
  (text: string): Answer =>
  (_request, socket) =>
    void socket.end(
      `HTTP/1.1 403 Forbidden\r\nContent-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`,
    )

/** A relay before a STUB of the gateway, which answers CONNECT as it is told. */
async function openWorld(
  t: TestContext,
  answer: Answer,
  options: { beforeRegistry?: () => Promise<void>; holdsSecret?: (address: string) => boolean } = {},
): Promise<World> {
  const asked: IncomingMessage[] = []
  const held = new Set<Socket>()
  const gateway = createHttpServer()
  gateway.on('connect', (request: IncomingMessage, socket: Socket) => {
    asked.push(request)
    socket.on('error', () => undefined).on('end', () => socket.end())
    answer(request, socket)
  })
  gateway.on('connection', (socket) => {
    held.add(socket)
    socket.once('close', () => held.delete(socket))
  })
  const listener = createServer()
  await Promise.all(
    [gateway, listener].map((one) => new Promise<void>((done) => one.listen(0, '127.0.0.1', done))),
  )
  const step: StepGrant = {
    step_id: 'stp_1',
    run_id: 'run_1',
    access_token: 'the.step.token',
    expires_in: 300,
    heartbeat_seconds: 10,
    ca_certificate: '',
    grants: [],
    gateway: `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`,
    connections: [
      { name: 'npm', kind: 'npm', url: 'https://npm.test', authority: 'npm.test:443' },
      { name: 'git', kind: 'git', url: 'https://git.test', authority: 'git.test:443' },
      {
        ...{ name: 'pypi', kind: 'pypi', url: 'https://pypi.test', authority: 'pypi.test:443' },
        storage: ['files.test:443'],
      },
    ],
  }
  let registryCalls = 0
  const told: string[] = []
  const relay = createRelay({
    step,
    signer: await createProofSigner({ clock: systemClock }),
    tell: (line) => told.push(line),
    holdsSecret: options.holdsSecret ?? (() => false),
    beforeRegistry: async () => {
      registryCalls++
      await options.beforeRegistry?.()
    },
  })
  relay.serve(listener, { to: 'proxy' })
  const sockets = new Set<Socket>()
  t.after(() => {
    relay.close()
    gateway.close()
    for (const socket of [...sockets, ...held]) socket.destroy()
  })
  return {
    relay,
    told,
    asked,
    held,
    step,
    registryCalls: () => registryCalls,
    async dial() {
      const socket = connect((listener.address() as AddressInfo).port, '127.0.0.1')
      sockets.add(socket)
      socket.on('error', () => undefined)
      await once(socket, 'connect')
      return socket
    },
  }
}

async function readAll(socket: Socket): Promise<string> {
  let text = ''
  socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  await once(socket, 'close')
  return text
}

const sendConnect = (socket: Socket, authority: string, headers = '') =>
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nhost: ${authority}\r\n${headers}\r\n`)

test('CONNECT goes on with the step’s token and a proof for this very host', async (t) => {
  const world = await openWorld(t, accept)
  const socket = await world.dial()
  sendConnect(socket, 'git.test:443', 'proxy-authorization: Basic b3du\r\nx-own: own\r\n')
  assert.match(String((await once(socket, 'data'))[0]), /^HTTP\/1\.1 200/)
  socket.write('both ways')
  assert.equal(String((await once(socket, 'data'))[0]), 'both ways')
  const [request] = world.asked
  assert.equal(request?.url, 'git.test:443')
  assert.equal(request.headers['proxy-authorization'], 'DPoP the.step.token')
  assert.equal(request.headers['x-own'], undefined)
  const proof = await createProofVerifier({ clock: systemClock }).verify(request.headers['dpop'] as string, {
    method: 'CONNECT',
    uri: connectUri(world.step.gateway, 'git.test:443'),
    accessToken: 'the.step.token',
  })
  assert.ok(proof.ok, JSON.stringify(proof))
})

test('asked for a nonce it comes again with it, once', async (t) => {
  const proofs: string[] = []
  const world = await openWorld(t, (request, socket) => {
    proofs.push(request.headers['dpop'] as string)
    if (proofs.length > 1) return accept(request, socket)
    socket.end(
      'HTTP/1.1 407 Proxy Authentication Required\r\nDPoP-Nonce: nonce.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
    )
  })
  const socket = await world.dial()
  sendConnect(socket, 'git.test:443')
  assert.match(String((await once(socket, 'data'))[0]), /^HTTP\/1\.1 200/)
  const nonces = proofs.map((proof) => {
    const claims = JSON.parse(Buffer.from(proof.split('.')[1] ?? '', 'base64url').toString()) as {
      nonce?: string
    }
    return claims.nonce
  })
  assert.deepEqual(nonces, [undefined, 'nonce.1'])
  assert.deepEqual(world.told, [])
})

test('a gateway that is content with no nonce is not asked for ever', async (t) => {
  let count = 0
  const world = await openWorld(t, (_request, socket) => {
    count++
    socket.end(
      'HTTP/1.1 407 Proxy Authentication Required\r\nDPoP-Nonce: again\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
    )
  })
  const socket = await world.dial()
  sendConnect(socket, 'git.test:443')
  assert.match(await readAll(socket), /takes no nonce/)
  assert.equal(count, 2)
})

test('bytes that come with the CONNECT, on either side, are not lost', async (t) => {
  const world = await openWorld(t, (_request, socket) => {
    socket.write('HTTP/1.1 200 Connection established\r\n\r\nearly')
    socket.pipe(socket)
  })
  const socket = await world.dial()
  socket.write('CONNECT git.test:443 HTTP/1.1\r\nhost: x\r\n\r\nhasty')
  let text = ''
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()))
  await until(() => text.includes('hasty'))
  assert.match(text, /\r\n\r\nearlyhasty$/)
})

test('a refusal reaches the tool, and the developer once', async (t) => {
  let requests = 0
  const world = await openWorld(t, (request, socket) =>
    refuse(`mayfly: refused: ${request.url}: not granted (req_${requests++})\n`)(request, socket),
  )
  for (let i = 0; i < 3; i++) {
    const socket = await world.dial()
    sendConnect(socket, 'git.test:443')
    const answer = await readAll(socket)
    assert.match(answer, /^HTTP\/1\.1 403 Forbidden[\s\S]*not granted \(req_/)
  }
  const other = await world.dial()
  sendConnect(other, 'deb.test:443')
  await readAll(other)
  assert.deepEqual(
    world.told.map((line) => line.replace(/\(req_.*/, '')),
    ['mayfly: refused: git.test:443: not granted ', 'mayfly: refused: deb.test:443: not granted '],
  )
})

test('an endless refusal is cut, and a gateway that is gone is said so', async (t) => {
  const world = await openWorld(t, (_request, socket) => {
    socket.write('HTTP/1.1 403 Forbidden\r\n\r\n')
    const flood = () => socket.destroyed || socket.write('x'.repeat(10_000), () => setImmediate(flood))
    flood()
  })
  const socket = await world.dial()
  sendConnect(socket, 'git.test:443')
  assert.ok((await readAll(socket)).length < 10_000)
  const gone = await openWorld(t, (_request, held) => void held.destroy())
  const second = await gone.dial()
  sendConnect(second, 'git.test:443')
  assert.match(await readAll(second), /^HTTP\/1\.1 403[\s\S]*the gateway .* does not answer/)
})

test('close cuts every connection and the listener', async (t) => {
  const world = await openWorld(t, accept)
  const [first, second] = [await world.dial(), await world.dial()]
  for (const socket of [first, second]) {
    sendConnect(socket, 'git.test:443')
    await once(socket, 'data')
  }
  world.relay.close()
  await Promise.all([once(first.resume(), 'close'), once(second.resume(), 'close')])
  await until(() => world.held.size === 0)
  await assert.rejects(world.dial())
})

test('a tunnel that is opened after close is cut at once', async (t) => {
  let waiting: Socket | undefined
  const world = await openWorld(t, (_request, socket) => void (waiting = socket.resume()))
  const pending = await world.dial()
  sendConnect(pending, 'slow.test:443')
  await until(() => waiting !== undefined)
  world.relay.close()
  await once(pending.resume(), 'close')
  waiting?.write('HTTP/1.1 200 Connection established\r\n\r\n')
  await until(() => world.held.size === 0)
})

// Was so once: a CONNECT without an answer yet is not among the sockets that close cuts; it keeps the supervisor up to 30 s.
test('close gives up what is being opened', async (t) => {
  let waiting: Socket | undefined
  const world = await openWorld(t, (_request, socket) => void (waiting = socket.resume()))
  const pending = await world.dial()
  sendConnect(pending, 'slow.test:443')
  await until(() => waiting !== undefined)
  world.relay.close()
  const gone = await Promise.race([
    until(() => world.held.size === 0).then(() => true),
    new Promise<false>((give) => setTimeout(() => give(false), 2000).unref()),
  ])
  assert.ok(gone, 'the connection to the gateway stays')
})

test('one side’s end is the other’s', async (t) => {
  const held: Socket[] = []
  const world = await openWorld(t, (request, socket) => {
    held.push(socket)
    accept(request, socket)
  })
  const first = await world.dial()
  sendConnect(first, 'git.test:443')
  await once(first, 'data')
  first.destroy()
  await until(() => world.held.size === 0)
  const second = await world.dial()
  sendConnect(second, 'git.test:443')
  await once(second, 'data')
  held.at(-1)?.destroy()
  await once(second.resume(), 'close')
})

test('a client that leaves before its tunnel is open leaves no tunnel behind', async (t) => {
  let open: (() => void) | undefined
  const world = await openWorld(t, (request, socket) => {
    open = () => accept(request, socket)
  })
  const socket = await world.dial()
  sendConnect(socket, 'git.test:443')
  await until(() => open !== undefined)
  socket.destroy()
  await new Promise((next) => setTimeout(next, 50))
  open?.()
  const gone = await Promise.race([
    until(() => world.held.size === 0).then(() => true),
    new Promise<false>((give) => setTimeout(() => give(false), 2000).unref()),
  ])
  world.relay.close()
  assert.ok(gone, 'the tunnel to the gateway stays open')
})

test('the lockfile is handed over before the files of a registry are reached by their own host', async (t) => {
  const world = await openWorld(t, accept)
  const files = await world.dial()
  sendConnect(files, 'files.test:443')
  await once(files, 'data')
  assert.equal(world.registryCalls(), 1)
})

test('the lockfile is handed over before a registry is reached, and for nothing else', async (t) => {
  let handed: (() => void) | undefined
  const world = await openWorld(t, accept, { beforeRegistry: () => new Promise((done) => (handed = done)) })
  const git = await world.dial()
  sendConnect(git, 'git.test:443')
  await once(git, 'data')
  assert.equal(world.registryCalls(), 0)
  const npm = await world.dial()
  sendConnect(npm, 'NPM.test:443')
  await until(() => handed !== undefined)
  assert.equal(world.asked.length, 1)
  handed?.()
  await once(npm, 'data')
  assert.equal(world.asked.length, 2)
})

/** A STUB gateway whose tunnels lead to an HTTP server of the test. */
function tunnelTo(
  t: TestContext,
  handle: (request: IncomingMessage, body: string, socket: Socket) => string,
): Answer {
  const server = createHttpServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const text = handle(request, Buffer.concat(chunks).toString(), request.socket)
      if (text !== '') response.socket?.end(text)
    })
  })
  t.after(() => server.closeAllConnections())
  return (_request, socket) => {
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
    server.emit('connection', socket)
  }
}

test('a plain http:// request goes through a tunnel of its own, in origin form, without the proxy’s headers', async (t) => {
  let seen: IncomingMessage | undefined
  let sent = ''
  const world = await openWorld(
    t,
    tunnelTo(t, (request, body) => {
      ;[seen, sent] = [request, body]
      return 'HTTP/1.1 201 Created\r\ncontent-length: 2\r\nx-from: upstream\r\n\r\nok'
    }),
  )
  const socket = await world.dial()
  socket.write(
    'POST http://deb.test/pool/a?b=c HTTP/1.1\r\nhost: deb.test\r\nproxy-authorization: Basic b3du\r\nproxy-connection: keep-alive\r\ncontent-length: 4\r\nconnection: close\r\n\r\nbody',
  )
  const answer = await readAll(socket)
  assert.match(answer, /^HTTP\/1\.1 201 Created[\s\S]*x-from: upstream[\s\S]*ok$/)
  assert.equal(world.asked[0]?.url, 'deb.test:80')
  assert.deepEqual(
    [seen?.method, seen?.url, seen?.headers.host, sent],
    ['POST', '/pool/a?b=c', 'deb.test', 'body'],
  )
  assert.equal(seen?.headers['proxy-authorization'], undefined)
  assert.equal(seen?.headers['proxy-connection'], undefined)
})

test('an odd spelling of a plain URL reaches the gateway as what it means', async (t) => {
  const world = await openWorld(t, refuse('mayfly: refused\n'))
  for (const [url, authority] of [
    ['http://deb.test:8080/', 'deb.test:8080'],
    ['http://DEB.test/', 'deb.test:80'],
    ['http://0x7f.1/', '127.0.0.1:80'],
    ['http://2852039166/latest/meta-data', '169.254.169.254:80'],
    ['http://[::ffff:7f00:1]/', '[::ffff:7f00:1]:80'],
    ['http://user:pass@rpm.test/', 'rpm.test:80'],
  ] as const) {
    const socket = await world.dial()
    socket.write(`GET ${url} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`)
    assert.match(await readAll(socket), /^HTTP\/1\.1 403[\s\S]*mayfly: refused/)
    assert.equal(world.asked.at(-1)?.url, authority)
  }
})

test('what is no proxy request is refused here', async (t) => {
  const world = await openWorld(t, accept)
  for (const target of ['/', '/etc/passwd', 'https://git.test/', 'ftp://git.test/', 'file:///etc/passwd']) {
    const socket = await world.dial()
    socket.write(`GET ${target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`)
    assert.match(await readAll(socket), /^HTTP\/1\.1 400[\s\S]*this is a proxy/, target)
  }
  assert.equal(world.asked.length, 0)
})

// Was so once: the answer is piped without looking for its end by an error: the tool waits for ever.
test('a plain answer that breaks off is broken off for the tool', async (t) => {
  const world = await openWorld(
    t,
    tunnelTo(t, (_request, _body, socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf', () =>
        setImmediate(() => socket.destroy()),
      )
      return ''
    }),
  )
  const socket = await world.dial()
  socket.write('GET http://deb.test/ HTTP/1.1\r\nhost: deb.test\r\n\r\n')
  const ended = await Promise.race([
    readAll(socket),
    new Promise<undefined>((give) => setTimeout(() => give(undefined), 2000).unref()),
  ])
  world.relay.close()
  assert.match(ended ?? 'it still waits', /half$/)
})

test('requests that are smuggled behind another do not leave the relay as one', async (t) => {
  const world = await openWorld(
    t,
    tunnelTo(t, () => 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'),
  )
  for (const head of [
    'content-length: 5\r\ntransfer-encoding: chunked\r\n',
    'content-length: 5\r\ncontent-length: 6\r\n',
    'x: y\r\n folded\r\n',
  ]) {
    const socket = await world.dial()
    socket.write(
      `POST http://deb.test/ HTTP/1.1\r\nhost: deb.test\r\n${head}\r\n0\r\n\r\nGET http://other.test/ HTTP/1.1\r\n\r\n`,
    )
    assert.doesNotMatch(await readAll(socket), /200 OK/)
  }
  assert.equal(world.asked.length, 0)
})

test('why a plain request was refused stands in the status line, too: apt shows nothing else', async (t) => {
  const ask = async (answer: Answer) => {
    const world = await openWorld(t, answer)
    const socket = await world.dial()
    socket.write('GET http://deb.test/ HTTP/1.1\r\nhost: deb.test\r\nconnection: close\r\n\r\n')
    return (await readAll(socket)).split('\r\n')[0]
  }
  const answers = (status: string) => tunnelTo(t, () => `HTTP/1.1 ${status}\r\ncontent-length: 0\r\n\r\n`)
  assert.equal(await ask(answers('403 mayfly: why (req_1)')), 'HTTP/1.1 403 mayfly: why (req_1)')
  assert.equal(await ask(answers(`403 ${'x'.repeat(301)}`)), 'HTTP/1.1 403 Forbidden')
  assert.equal(await ask(answers('403 \u00e4')), 'HTTP/1.1 403 Forbidden')
  assert.equal(
    await ask(refuse('mayfly: refused: deb.test:80: the role’s word (req_1)\n')),
    "HTTP/1.1 403 mayfly: refused: deb.test:80: the role's word (req_1)",
  )
})

test('whatever a plain host answers ends no more than its request', async (t) => {
  let bytes = ''
  let ends = false
  const world = await openWorld(t, (_request, socket) => {
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
    socket.once('data', () => (ends ? socket.end(bytes, 'latin1') : socket.write(bytes, 'latin1')))
  })
  const ask = async () => {
    const socket = await world.dial()
    socket.write('GET http://deb.test/ HTTP/1.1\r\nhost: deb.test\r\nconnection: close\r\n\r\n')
    return readAll(socket)
  }
  for (const [name, answer] of Object.entries({ ...hostileAnswers, ...oddAnswers })) {
    bytes = answer.bytes
    ends = answer.close === true
    const got = await ask()
    if (name in hostileAnswers) {
      assert.ok(got === '' || /^HTTP\/1\.1 (?:200|502)/.test(got), `${name}: ${got}`)
      assert.doesNotMatch(got, /hello\r\n0\r\n\r\n$/, name)
    }
    bytes = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'
    assert.match(await ask(), /^HTTP\/1\.1 200[\s\S]*hello$/, `after ${name}`)
  }
  await until(() => world.held.size === 0)
})

test('whatever the gateway answers to CONNECT is one refusal', async (t) => {
  const ask = async ([name, { bytes }]: [string, { bytes: string }]) => {
    const world = await openWorld(t, (_request, socket) => void socket.end(bytes, 'latin1'))
    const socket = await world.dial()
    sendConnect(socket, 'git.test:443')
    assert.match(await readAll(socket), /^HTTP\/1\.1 (?:403|200)/, name)
    await until(() => world.held.size === 0)
    assert.ok(world.told.length <= 1, name)
  }
  await Promise.all(Object.entries(hostileAnswers).map(ask))
})

test('what was refused a moment ago is answered here, in the same words, and then without words', async (t) => {
  const world = await openWorld(t, refuse('mayfly: refused: not granted (req_1)\n'))
  const answers: string[] = []
  for (let i = 0; i < 10; i++) {
    const socket = await world.dial()
    sendConnect(socket, 'git.test:443')
    answers.push(await readAll(socket))
  }
  assert.equal(world.asked.length, 1)
  assert.equal(world.told.length, 1)
  assert.ok(answers.slice(0, 8).every((one) => /^HTTP\/1\.1 403[\s\S]*not granted \(req_1\)/.test(one)))
  assert.equal(answers.at(-1), '')
  const other = await world.dial()
  sendConnect(other, 'other.test:443')
  assert.match(await readAll(other), /not granted/)
  assert.equal(world.asked.length, 2)
})

/** A door beside the proxy's; what a client of it sees. */
async function openDoor(t: TestContext, relay: Relay, way: Way): Promise<() => Socket> {
  const door = createServer()
  await new Promise<void>((done) => door.listen(0, '127.0.0.1', done))
  relay.serve(door, way)
  const { port } = door.address() as AddressInfo
  return () => {
    const socket = connect(port, '127.0.0.1')
    t.after(() => socket.destroy())
    return socket.on('error', () => undefined)
  }
}

test('what comes on a host’s door goes to that host, whatever the client says', async (t) => {
  const world = await openWorld(t, accept)
  const dial = await openDoor(t, world.relay, { to: 'host', authority: 'git.test:443' })
  const socket = dial()
  const said = 'CONNECT other.test:443 HTTP/1.1\r\nhost: other.test\r\n\r\n'
  socket.end(said)
  assert.equal(await readAll(socket), said)
  assert.deepEqual(
    world.asked.map(({ url }) => url),
    ['git.test:443'],
  )
})

test('a server that speaks first is heard before the client says a word, and the end of one side is no end of the other', async (t) => {
  const world = await openWorld(t, (_request, socket) => {
    socket.removeAllListeners('end').write('HTTP/1.1 200 Connection established\r\n\r\n220 ready\r\n')
    let heard = ''
    socket.on('data', (chunk: Buffer) => (heard += String(chunk)))
    socket.on('end', () => setTimeout(() => socket.end(`heard ${heard}`), 20))
  })
  const dial = await openDoor(t, world.relay, { to: 'host', authority: 'git.test:443' })
  const socket = dial()
  assert.equal(String((await once(socket, 'data'))[0]), '220 ready\r\n')
  socket.end('bye')
  assert.equal(await readAll(socket), 'heard bye')
})

test('a refused door is closed without a word, and the refusal is one line for the developer', async (t) => {
  const world = await openWorld(t, refuse('mayfly: refused: db.test:5432 (req_1)\n'))
  const dial = await openDoor(t, world.relay, { to: 'host', authority: 'db.test:5432' })
  for (let i = 0; i < 3; i++) assert.equal(await readAll(dial()), '')
  assert.deepEqual(world.told, ['mayfly: refused: db.test:5432 (req_1)'])
  assert.equal(world.asked.length, 1)
})

test('the end of the gate closes every door and what is open on it', async (t) => {
  const world = await openWorld(t, accept)
  const dial = await openDoor(t, world.relay, { to: 'host', authority: 'git.test:443' })
  const socket = dial()
  socket.write('x')
  await once(socket, 'data')
  world.relay.close()
  await once(socket.resume(), 'close')
  const late = dial()
  await new Promise((done) => late.once('close', done))
  assert.equal(late.bytesRead, 0)
})

test('all doors together take as many connections as the gateway does', async (t) => {
  const world = await openWorld(t, accept)
  const dials = await Promise.all(
    ['git.test:443', 'git.test:22'].map((authority) => openDoor(t, world.relay, { to: 'host', authority })),
  )
  const opened = Array.from({ length: limits.tunnelsPerStep }, (_, i) => dials[i % 2]?.() as Socket)
  for (const socket of opened) socket.write('x')
  await Promise.all(opened.map((socket) => once(socket, 'data')))
  const more = dials[0]?.() as Socket
  await once(more.resume(), 'close')
  const [first] = opened
  first?.destroy()
  const answers = async () => {
    const again = dials[1]?.() as Socket
    again.write('y')
    let heard = ''
    again.on('data', (chunk: Buffer) => {
      heard = String(chunk)
      again.destroy()
    })
    await new Promise((done) => again.once('close', done))
    return heard
  }
  // Its place is free once the relay has seen its end.
  while ((await answers()) !== 'y') await new Promise((next) => setTimeout(next, 5))
})

test('a service is dialled on the runner’s own localhost, counted, and no gateway hears of it', async (t) => {
  const world = await openWorld(t, accept)
  const service = createServer((socket) => socket.on('error', () => undefined).end('from the service'))
  await new Promise<void>((done) => service.listen(0, '127.0.0.1', done))
  const { port } = service.address() as AddressInfo
  const dial = await openDoor(t, world.relay, { to: 'service', port })
  assert.equal(await readAll(dial()), 'from the service')
  assert.equal(await readAll(dial()), 'from the service')
  assert.deepEqual([...world.relay.services()], [[port, 2]])
  await new Promise((done) => service.close(done))
  assert.equal(await readAll(dial()), '')
  assert.equal(world.asked.length, 0)
  assert.equal(world.told.length, 1)
  assert.match(
    world.told[0] ?? '',
    new RegExp(`^mayfly: service ${port}: nothing answers on the runner’s own localhost:${port}: `),
  )
})

test('a service that listens on ::1 only is found', async (t) => {
  const world = await openWorld(t, accept)
  const service = createServer((socket) => socket.on('error', () => undefined).end('by IPv6'))
  const listening = await new Promise<boolean>((done) => {
    service.once('error', () => done(false))
    service.listen(0, '::1', () => done(true))
  })
  t.after(() => service.close())
  if (!listening) return t.skip('no IPv6 on this machine')
  const dial = await openDoor(t, world.relay, {
    to: 'service',
    port: (service.address() as AddressInfo).port,
  })
  assert.equal(await readAll(dial()), 'by IPv6')
})
