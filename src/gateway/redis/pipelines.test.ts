import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import { commandText, noRedis, openClient, redisWorld, startRedis } from './redis.fixture.ts'

const run = promisify(execFile)

test('redis: what clients send by the thousand', { skip: noRedis }, async (t) => {
  const server = await startRedis(t)
  const grants = ['redis:write cache/app:*', 'redis:subscribe cache/app:*']
  const { world, port } = await redisWorld(t, server, grants)

  await t.test(
    'others are served while thousands of keys are judged, and no key is in the record',
    async () => {
      const client = await openClient(t, port)
      const keys = Array.from({ length: 10_000 }, (_, i) => `app:secret-${i}`)
      let [turns, isOver] = [0, false]
      client.send(['MGET', ...keys])
      const counting = (async () => {
        for (; !isOver; turns++) await setImmediate()
      })()
      await client.lines(1)
      const before = turns
      isOver = true
      await counting
      // Reading a quarter of a megabyte takes some turns itself: each is a piece of 64 KB.
      assert.ok(before > 8, `${before} turns`)
      assert.deepEqual(
        world.gateway.activity(world.step.id).granted.filter(({ what }) => what.includes('secret')),
        [],
      )
      assert.ok(!JSON.stringify(world.audit.events).includes('secret-'))
    },
  )

  await t.test(
    'answers that are kept behind one that waits are bounded, and all come in their order',
    async () => {
      const [client, other] = [await openClient(t, port), await openClient(t, port)]
      const count = 12_000
      const refused = () =>
        world.gateway.activity(world.step.id).denied.find(({ what }) => what === 'redis cache')
      client.send(['BLPOP', 'app:queue', '0'])
      client.socket.write(commandText(['SYNC']).repeat(count))
      for (let [seen, same] = [-1, 0]; same < 20; await setTimeout(5)) {
        const now = refused()?.count ?? 0
        same = now > 0 && now === seen ? same + 1 : 0
        seen = now
      }
      assert.ok((refused()?.count ?? 0) < count, 'it stops to read')
      other.send(['RPUSH', 'app:queue', 'x'])
      client.send(['ECHO', 'end'])
      const answer = '*2\r\n$9\r\napp:queue\r\n$1\r\nx\r\n'
      while (!client.text().endsWith('end\r\n')) await once(client.socket, 'data')
      assert.ok(client.text().startsWith(`${answer}-NOPERM `))
      assert.equal(client.text().split('-NOPERM ').length, count + 1)
    },
  )

  await t.test(
    'a command that is too long is answered though the client reads only once it has written it',
    async () => {
      const client = await openClient(t, port)
      client.send(['SET', 'app:first', 'x'])
      const ended = once(client.socket, 'end')
      const sent = new Promise((resolve) => {
        client.socket.write(commandText(['SET', 'app:big', 'v'.repeat(40_000_000)]), 'latin1', resolve)
      })
      await sent
      await ended
      assert.match(
        client.text(),
        /^\+OK\r\n-ERR mayfly: refused: redis cache: a length is over the limit of 16777216 /,
      )
    },
  )

  await t.test('what every server passes over in silence is passed over', async () => {
    const client = await openClient(t, port)
    client.socket.write('\r\n*0\r\n')
    client.send(['SET', 'app:e', '1'])
    for (const piece of ['*', '-', '1\r', '\n', '\r', '\n']) {
      client.socket.write(piece)
      await setImmediate()
    }
    client.send(['GET', 'app:e'])
    assert.deepEqual(await client.lines(3), ['+OK', '$1', '1'])
    const piped = run('redis-cli', ['-p', String(port), '--pipe'], { timeout: 20_000 })
    piped.child.stdin?.end(commandText(['SET', 'app:p', '1']) + commandText(['INCR', 'app:p']))
    assert.match((await piped).stdout, /errors: 0, replies: 2/)
  })
})

test('redis: each answer is for its question, whatever comes between', { skip: noRedis }, async (t) => {
  const server = await startRedis(t)
  const grants = ['redis:write cache/app:*', 'redis:subscribe cache/app:*', 'redis:publish cache/app:*']
  const { port } = await redisWorld(t, server, grants)
  const speaker = await openClient(t, port)
  speaker.send(['SET', 'app:a', 'av'], ['RPUSH', 'app:l', 'message', 'x', 'y'])
  await speaker.lines(2)
  /** What a client is told by an answer for each of these, and what it was refused as `refused`. */
  const told = async (count: number, ...commands: readonly string[]) => {
    const client = await openClient(t, port)
    client.send(...commands.map((one) => one.split(' ').filter((word) => word !== '')), ['ECHO', 'end'])
    const lines = await client.lines(count + 2)
    client.socket.destroy()
    return lines.map((line) => (line.startsWith('-NOPERM mayfly') ? 'refused' : line))
  }

  await t.test('names that every object has are no commands', async () => {
    for (const name of ['CONSTRUCTOR', '__PROTO__', 'toString', 'hasOwnProperty'])
      assert.deepEqual(await told(1, `${name} x`), ['refused', '$3', 'end'], name)
    assert.equal((await told(1, 'XREAD constructor 1 STREAMS app:s 0'))[0], 'refused')
  })

  await t.test('a protocol that there is none of is answered by the server', async () => {
    assert.match((await told(1, 'HELLO abc'))[0] ?? '', /^-(?:NOPROTO|ERR) /)
  })

  await t.test(
    'a transaction with a refused command does nothing, for a subscriber by RESP3, too',
    async () => {
      const client = await openClient(t, port)
      client.send(['HELLO', '3'], ['SUBSCRIBE', 'app:c'])
      while (!client.text().includes('app:c')) await setImmediate()
      await client.lines(1)
      client.send(['MULTI'], ['SET', 'app:m', '1'], ['SET', 'hidden', '1'], ['SET', 'app:m', '2'], ['EXEC'])
      const [multi, first, refused, second, exec] = await client.lines(5)
      assert.deepEqual([multi, first, second], ['+OK', '+QUEUED', '+QUEUED'])
      assert.match(refused ?? '', /^-NOPERM mayfly/)
      assert.match(exec ?? '', /^-EXECABORT /)
      client.send(['GET', 'app:m'], ['GET', 'hidden'], ['GET', 'app:a'])
      const lines = await client.lines(4)
      assert.deepEqual([lines[0], ...lines.slice(2)], ['_', '$2', 'av'])
      assert.match(lines[1] ?? '', /^-NOPERM mayfly/)
    },
  )

  await t.test(
    'subscriptions in a transaction, where nobody could tell what answers what, are refused',
    async () => {
      const lines = await told(4, 'MULTI', 'SUBSCRIBE app:c', 'GET hidden', 'EXEC', 'GET app:a')
      assert.deepEqual(lines.slice(0, 3), ['+OK', 'refused', 'refused'])
      assert.match(lines[3] ?? '', /^-EXECABORT /)
      assert.deepEqual(lines.slice(4, 6), ['$2', 'av'])
    },
  )

  await t.test('a subscription that fails, or none, leaves the order as it was', async () => {
    const [failed, ...rest] = await told(5, 'SUBSCRIBE', 'GET hidden', 'GET app:a', 'GET hidden')
    assert.match(failed ?? '', /^-ERR wrong number/)
    assert.deepEqual(rest, ['refused', '$2', 'av', 'refused', '$3', 'end'])
    const none = ['*3', '$11', 'unsubscribe', '$-1', ':0']
    assert.deepEqual(await told(6, 'UNSUBSCRIBE', 'GET hidden'), [...none, 'refused', '$3', 'end'])
  })

  await t.test(
    'who has subscribed and left again is told what lists hold, though it looks like a message',
    async () => {
      const client = await openClient(t, port)
      client.send(['SUBSCRIBE', 'app:c', 'app:d'])
      await client.lines(12)
      speaker.send(['PUBLISH', 'app:c', 'hello'])
      assert.deepEqual((await client.lines(7)).slice(2), ['message', '$5', 'app:c', '$5', 'hello'])
      client.send(
        ['GET', 'hidden'],
        ['PING'],
        ['UNSUBSCRIBE'],
        ['GET', 'hidden'],
        ['LRANGE', 'app:l', '0', '-1'],
      )
      client.send(['GET', 'hidden'], ['ECHO', 'end'])
      const lines = await client.lines(29)
      const refused = lines.flatMap((line, at) => (line.startsWith('-NOPERM mayfly') ? [at] : []))
      assert.deepEqual(refused, [0, 18, 26])
      assert.deepEqual(lines.slice(-2), ['$3', 'end'])
    },
  )
})

test('redis: a server that is not there is no refusal', async (t) => {
  const { port } = await redisWorld(t, 1, ['redis:write cache/app:*'])
  const client = await openClient(t, port)
  client.send(['GET', 'app:a'])
  assert.match((await client.lines(1))[0] ?? '', /^-ERR .*does not answer/)
})

test(
  'redis: a password that its server does not take is named by its secret',
  { skip: noRedis },
  async (t) => {
    const credential = { basic: 'secret:elsewhere' }
    const { port } = await redisWorld(t, await startRedis(t, 'another'), ['redis:write cache/app:*'], {
      credential,
    })
    const client = await openClient(t, port)
    client.send(['GET', 'app:a'])
    assert.match((await client.lines(1))[0] ?? '', /^-ERR .*WRONGPASS.*mayfly secret set elsewhere/)
  },
)
