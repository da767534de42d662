import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { advertisement, gitHost, openWorld, until } from './gateway.fixture.ts'

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
