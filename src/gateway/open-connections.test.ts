import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import type { Step } from '../broker/index.ts'
import { systemClock } from '../lib/index.ts'
import { advertisement, compileRules, gitHost, openWorld, until } from './gateway.fixture.ts'
import { createOpenConnections } from './open-connections.ts'

test('what a step has open is known by connection, host and requests, until it closes', async (t) => {
  const world = await openWorld(t)
  const [one, other] = [await world.secure(), await world.secure()]
  const request = `GET ${advertisement} HTTP/1.1\r\nHost: ${gitHost}\r\n\r\n`
  for (let sent = 1; sent <= 2; sent++) {
    one.write(request)
    await until(() => world.gateway.connections()[0]?.requests === sent)
  }
  await once(one, 'data')
  const seen = world.gateway.connections()
  assert.deepEqual(
    seen.map(({ step, connection, host, port, requests }) => [step.id, connection, host, port, requests]),
    [
      [world.step.id, 'git', gitHost, 443, 2],
      [world.step.id, 'git', gitHost, 443, 0],
    ],
  )
  const [first] = seen
  assert.ok(first !== undefined && first.bytesUp > 2 * request.length && first.bytesDown > 0)
  const closed = once(one, 'close')
  assert.equal(world.gateway.killConnection(first.id)?.requests, 2)
  await closed
  await until(() => world.gateway.connections().length === 1)
  assert.equal(world.gateway.killConnection(first.id), undefined)
  world.brokers.end(world.step)
  await once(other, 'close')
  await until(() => world.gateway.connections().length === 0)
})

test('a lease that ends cuts what is open there, also a second connection of the host; all else goes on', async (t) => {
  const world = await openWorld(t)
  const place = { dial: `127.0.0.1:${world.upstream.port}`, ca: world.upstream.ca }
  const api = (name: string) => ({
    kind: 'http',
    url: `https://${gitHost}/${name}`,
    ...place,
    credential: { bearer: `secret:${name}` },
  })
  const { targets, policy } = compileRules({ one: api('one'), two: api('two') }, [
    'http:get one/*',
    'http:get two/*',
  ])
  world.setTargets(targets, policy)
  // Downloads that never end.
  world.upstream.handle = (_request, response) => void response.write('begun')
  const download = async (path: string, as = world.step) => {
    const socket = await world.secure({ as })
    socket.write(`GET ${path} HTTP/1.1\r\nHost: ${gitHost}\r\n\r\n`)
    await once(socket, 'data')
    return socket
  }
  const another = world.brokers.open(world.step.session.jkt)
  const [one, two, theirs] = [
    await download('/one/x'),
    await download('/two/x'),
    await download('/two/x', another),
  ]
  assert.equal(world.upstream.openSockets(), 3)
  const closed = once(two, 'close')
  world.brokers.endLease(world.step, 'two')
  await closed
  // The host is not asked on for it either.
  await until(() => world.upstream.openSockets() === 2)
  assert.deepEqual([one.destroyed, theirs.destroyed], [false, false])
  const first = once(one, 'close')
  world.brokers.endLease(world.step, 'one')
  await first
  await until(() => world.gateway.connections().length === 1)
  assert.equal(theirs.destroyed, false)
})

test('where an answer is spared, all else that is under way there for the connection is cut', () => {
  const open = createOpenConnections(systemClock)
  const socket = new Socket()
  const step = { id: 'stp_1' } as Step
  open.opened(socket, step, { connection: 'git', host: gitHost, port: 443 })
  const [judged, download, other, later] = Array.from({ length: 4 }, () => new PassThrough())
  assert.ok(judged !== undefined && download !== undefined && other !== undefined && later !== undefined)
  open.request(socket, 'git', judged)
  open.request(socket, 'git', download)
  open.request(socket, 'api', other)
  open.spare(judged)
  open.cut(step.id, 'git')
  const all = [socket, judged, download, other]
  assert.deepEqual(
    all.map(({ destroyed }) => destroyed),
    [false, false, true, false],
  )
  // Once it is at its end nothing is spared any more.
  judged.emit('close')
  open.request(socket, 'git', later)
  open.cut(step.id, 'git')
  assert.equal(socket.destroyed, true)
})
