import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { compileRules, gitHost, openWorld, usualConnections } from './gateway.fixture.ts'

async function startEcho(t: TestContext): Promise<{ port: number; accepted: () => number }> {
  const sockets = new Set<Socket>()
  let accepted = 0
  const server = createServer((socket) => {
    accepted++
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.pipe(socket)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, accepted: () => accepted }
}

test('tcp: bytes pass to a connection that is granted, recorded first, and end with the step', async (t) => {
  const world = await openWorld(t)
  const echo = await startEcho(t)
  const cache = { kind: 'tcp', url: 'tcp://cache.test:6379', dial: `127.0.0.1:${echo.port}` }
  const rules = compileRules({ cache }, ['tcp:connect cache'])
  world.setTargets(rules.targets, rules.policy)
  const tunnel = await world.connect('cache.test:6379')
  assert.equal(tunnel.status, 200)
  tunnel.socket.write('PING')
  assert.equal(String((await once(tunnel.socket, 'data'))[0]), 'PING')
  assert.deepEqual(
    world.audit.ofType('access.granted').map(({ data }) => data['operations']),
    [[{ action: 'tcp:connect', connection: 'cache', path: '' }]],
  )
  const closed = once(tunnel.socket, 'close')
  world.brokers.end(world.step)
  await closed
})

test('tcp: what no grant allows is not dialled', async (t) => {
  const world = await openWorld(t)
  const echo = await startEcho(t)
  const cache = { kind: 'tcp', url: 'tcp://cache.test:6379', dial: `127.0.0.1:${echo.port}` }
  // The policy in force is the one before.
  world.setTargets(compileRules({ cache }, ['tcp:connect cache']).targets)
  const tunnel = await world.connect('cache.test:6379')
  await tunnel.rest()
  assert.equal(echo.accepted(), 0)
  assert.match(
    String(world.audit.ofType('access.denied')[0]?.data['reason']),
    /add "tcp:connect cache"|tcp:connect cache/,
  )
})

test('of two connections on one host the one with the longer path is meant, with its own credential', async (t) => {
  const world = await openWorld(t)
  const { git } = usualConnections(world.upstream)
  const inner = { ...(git as object), url: `https://${gitHost}/inner` }
  const rules = compileRules({ git, inner }, ['git:read git/octo/app', 'git:read inner/octo/app'])
  world.setTargets(rules.targets, rules.policy)
  for (const base of ['', '/inner'])
    await world.ask(
      `GET ${base}/octo/app/info/refs?service=git-upload-pack HTTP/1.1\r\nHost: ${gitHost}\r\nConnection: close\r\n\r\n`,
    )
  const basic = (name: string) => `Basic ${Buffer.from(`injected:for-${name}`).toString('base64')}`
  assert.deepEqual(
    world.upstream.seen.map(({ url, headers }) => [url, headers.authorization]),
    [
      ['/octo/app/info/refs?service=git-upload-pack', basic('git')],
      ['/inner/octo/app/info/refs?service=git-upload-pack', basic('inner')],
    ],
  )
})
