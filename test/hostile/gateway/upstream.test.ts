import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  advertisement,
  compileRules,
  openWorld,
  request,
  until,
  usualConnections,
  usualGrants,
} from '../../../src/gateway/gateway.fixture.ts'
import { createRunCa } from '../../../src/gateway/run-ca.ts'
import { systemClock } from '../../../src/lib/index.ts'
import { hostileAnswers, oddAnswers } from '../../../src/lib/hostile-answers.fixture.ts'
import { startRawServer } from './raw-server.fixture.ts'

async function openHostile(t: Parameters<typeof openWorld>[0]) {
  const world = await openWorld(t)
  const authority = await createRunCa({
    runId: 'hostile',
    expiresMs: systemClock.nowMs() + 3_600_000,
    clock: systemClock,
  })
  const raw = await startRawServer(t, await authority.contextFor('git.test'))
  const { targets, policy } = compileRules(
    usualConnections({ ...world.upstream, port: raw.port, ca: authority.certificate }),
    usualGrants,
  )
  world.setTargets(targets, policy)
  return { world, raw }
}

const good = { bytes: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello' }

test('whatever an upstream answers is one clean error, everything is released, and the next request works', async (t) => {
  const { world, raw } = await openHostile(t)
  for (const [name, answer] of Object.entries({ ...hostileAnswers, ...oddAnswers })) {
    raw.answer = answer
    const got = await world.ask(request('GET', advertisement))
    if (name in hostileAnswers) {
      // 0: the head was sent already, so the connection is cut.
      assert.ok([0, 200, 502].includes(got.status), `${name}: ${got.status} ${got.body}`)
      if (got.status === 502) assert.match(got.body, /^mayfly: .{20,300}\n$/, name)
      if (got.status === 200) assert.doesNotMatch(`${got.head}${got.body}`, /hello\r\n0\r\n\r\n$/, name)
    }
    raw.answer = good
    assert.equal((await world.ask(request('GET', advertisement))).body, 'hello', `after ${name}`)
  }
  await until(() => world.gateway.openSockets() === 0)
})
