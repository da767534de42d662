import assert from 'node:assert/strict'
import type { lookup as dnsLookup } from 'node:dns'
import { createServer, type AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { MayflyError, classifyAddress, type ErrorCode } from '../../lib/index.ts'
import type { Connection } from '../../connections/index.ts'
import { createEgressGuard } from './guard.ts'

const coded =
  (code: ErrorCode, message = /./) =>
  (error: unknown) =>
    error instanceof MayflyError && error.code === code && message.test(error.message)

/** A resolver that gives these answers, one list per call, the last one for ever; and what it was asked. */
function resolver(...answers: (readonly string[] | Error)[]) {
  const asked: string[] = []
  const lookup = (
    hostname: string,
    _options: object,
    callback: (error: Error | null, addresses: unknown) => void,
  ) => {
    const answer = answers[Math.min(asked.length, answers.length - 1)] ?? []
    asked.push(hostname)
    setImmediate(() => {
      if (answer instanceof Error) return callback(answer, [])
      callback(
        null,
        answer.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      )
    })
  }
  return { asked, lookup: lookup as unknown as typeof dnsLookup }
}

async function listen(t: TestContext): Promise<{ port: number; accepted: () => number }> {
  let accepted = 0
  const server = createServer((socket) => {
    accepted++
    socket.on('error', () => undefined).resume()
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  t.after(() => server.close())
  return { port: (server.address() as AddressInfo).port, accepted: () => accepted }
}

function connectionTo(host: string, port: number, dial?: { address: string; port: number }): Connection {
  return {
    name: 'inner',
    kind: 'git',
    tls: true,
    host,
    port,
    basePath: '',
    url: `https://${host}`,
    credential: undefined,
    dial,
    ca: undefined,
    opaque: false,
  }
}

const inside = [
  '127.0.0.1',
  '127.1.2.3',
  '10.0.0.1',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.1.1',
  '169.254.169.254',
  '168.63.129.16',
  '100.64.0.1',
  '0.0.0.0',
  '255.255.255.255',
  '224.0.0.1',
  '::1',
  '::',
  'fe80::1',
  'fc00::1',
  'fd00:ec2::254',
  'ff02::1',
  '::ffff:127.0.0.1',
  '::ffff:10.0.0.1',
  '::ffff:a9fe:a9fe',
  '64:ff9b::7f00:1',
  '2002:7f00:1::',
  '::127.0.0.1',
]

test('an egress host at a private or local address is refused, and nothing is dialled', async () => {
  for (const address of inside) {
    const { lookup, asked } = resolver([address])
    await assert.rejects(
      createEgressGuard({ lookup }).dial({ host: 'deb.example.org', port: 443 }),
      coded('denied', /private or local|private address: a role may name it under egress/),
      address,
    )
    assert.equal(asked.length, 1)
  }
})

test('what a dial may is recorded after its address has passed and before it is dialled; without the record it is not', async (t) => {
  let reached = 0
  const server = createServer((socket) => {
    reached++
    socket.destroy()
  }).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await new Promise((done) => server.once('listening', done))
  const { port } = server.address() as AddressInfo
  const at = (address: string) => createEgressGuard({ lookup: resolver([address]).lookup })
  let recorded = 0
  const record = async () => {
    recorded++
    throw new MayflyError('audit_unavailable', 'the log is down')
  }
  const connection = { name: 'c' } as Connection
  for (const [to, address] of [
    [{ host: 'localhost', port, connection }, '127.0.0.1'],
    [{ host: '127.0.0.1', port, connection }, '127.0.0.1'],
  ] as const)
    await assert.rejects(at(address).dial(to, record), coded('audit_unavailable'))
  assert.deepEqual([recorded, reached], [2, 0])
  await assert.rejects(at('10.0.0.1').dial({ host: 'deb.example.org', port }, record), coded('denied'))
  await assert.rejects(at('10.0.0.1').dial({ host: '10.0.0.1', port }, record), coded('denied'))
  assert.equal(recorded, 2)
})

test('an egress host that is itself such an address is refused without being resolved', async () => {
  for (const host of inside) {
    const { lookup, asked } = resolver(['8.8.8.8'])
    await assert.rejects(createEgressGuard({ lookup }).dial({ host, port: 443 }), coded('denied'), host)
    assert.equal(asked.length, 0)
  }
})

test('a host that is named as private may be at a private address, never at a loopback, link-local or metadata one', async () => {
  for (const address of inside) {
    const { lookup, asked } = resolver([address])
    const to = { host: 'nexus.corp.example', port: 1, private: true }
    const isLocal = classifyAddress(address) === 'local'
    // A private one leads nowhere here: it was dialled, since it was not refused.
    if (!isLocal && !/^(?:fd|fc)/.test(address)) continue
    await assert.rejects(
      createEgressGuard({ lookup }).dial(to),
      isLocal ? coded('denied', /only a connection/) : coded('upstream_unreachable'),
      address,
    )
    assert.equal(asked.length, 1)
    if (isLocal)
      await assert.rejects(createEgressGuard().dial({ ...to, host: address }), coded('denied'), address)
  }
})

test('a host that is named as private and answers with a local address, too, is dialled at the other only', async () => {
  const { lookup, asked } = resolver(['127.0.0.1', '169.254.169.254', 'fd12:3456::1'])
  await assert.rejects(
    createEgressGuard({ lookup }).dial({ host: 'nexus.corp.example', port: 1, private: true }),
    coded('upstream_unreachable', /fd12:3456::1|ENETUNREACH|EHOSTUNREACH/),
  )
  assert.equal(asked.length, 1)
})

test('of several answers only those that may be dialled are dialled', async (t) => {
  const { port, accepted } = await listen(t)
  // The one that is left, in a private range, leads nowhere; loopback would have answered at once.
  const { lookup, asked } = resolver(['127.0.0.1', '::ffff:127.0.0.1', 'fd12:3456::1'])
  const connection = connectionTo('git.corp.example', port)
  await assert.rejects(
    createEgressGuard({ lookup }).dial({ host: 'git.corp.example', port, connection }),
    coded('upstream_unreachable'),
  )
  assert.deepEqual([asked.length, accepted()], [1, 0])
})

test('the resolver is asked once, so a second answer gains nothing', async (t) => {
  const { port, accepted } = await listen(t)
  const refused = resolver(['169.254.169.254'], ['8.8.8.8'])
  await assert.rejects(createEgressGuard(refused).dial({ host: 'rebind.example', port }), coded('denied'))
  assert.deepEqual(refused.asked, ['rebind.example'])
  const { lookup, asked } = resolver(['127.0.0.1'], ['10.255.255.1'])
  const socket = await createEgressGuard({ lookup }).dial({
    host: 'localhost',
    port,
    connection: connectionTo('localhost', port),
  })
  assert.deepEqual([asked.length, socket.remoteAddress, socket.remotePort], [1, '127.0.0.1', port])
  socket.destroy()
  assert.ok(accepted() <= 1)
})

test('a name without an address, and a resolver that fails, are told apart from a refusal', async () => {
  await assert.rejects(
    createEgressGuard(resolver([])).dial({ host: 'x.example', port: 443 }),
    coded('denied', /no address/),
  )
  await assert.rejects(
    createEgressGuard(resolver(new Error('ENOTFOUND x.example'))).dial({ host: 'x.example', port: 443 }),
    coded('upstream_unreachable', /ENOTFOUND/),
  )
})

test('a resolver’s answer that is no address is dialled by nobody', async () => {
  for (const junk of ['localhost', '2130706433', '0x7f.1', '127.1', ' 8.8.8.8', '8.8.8.8%eth0', ''])
    await assert.rejects(
      createEgressGuard(resolver([junk])).dial({ host: 'x.example', port: 443 }),
      coded('denied'),
      junk,
    )
})

test('a connection that names an address is dialled there, whatever DNS says', async (t) => {
  const { port } = await listen(t)
  const { lookup, asked } = resolver(['8.8.8.8'])
  const connection = connectionTo('git.private.example', 443, { address: '127.0.0.1', port })
  const socket = await createEgressGuard({ lookup }).dial({
    host: 'git.private.example',
    port: 443,
    connection,
  })
  assert.deepEqual([socket.remoteAddress, socket.remotePort, asked.length], ['127.0.0.1', port, 0])
  socket.destroy()
})

test('a connection whose host is an address names that address', async (t) => {
  const { port } = await listen(t)
  const socket = await createEgressGuard().dial({
    host: '127.0.0.1',
    port,
    connection: connectionTo('127.0.0.1', port),
  })
  assert.equal(socket.remoteAddress, '127.0.0.1')
  socket.destroy()
})

test('a connection’s name does not lead to loopback or metadata', async () => {
  for (const address of ['127.0.0.1', '169.254.169.254', '::1', '::ffff:169.254.169.254', '0.0.0.0'])
    await assert.rejects(
      createEgressGuard(resolver([address])).dial({
        host: 'git.corp.example',
        port: 443,
        connection: connectionTo('git.corp.example', 443),
      }),
      coded('denied'),
      address,
    )
})

test('a port where nobody listens is unreachable, and names the connection', async (t) => {
  const { port } = await listen(t)
  const server = createServer()
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const closed = (server.address() as AddressInfo).port
  await new Promise((done) => server.close(done))
  assert.notEqual(port, closed)
  const connection = connectionTo('git.example', 443, { address: '127.0.0.1', port: closed })
  await assert.rejects(
    createEgressGuard().dial({ host: 'git.example', port: 443, connection }),
    coded('upstream_unreachable', /connection "inner".*ECONNREFUSED/),
  )
})
