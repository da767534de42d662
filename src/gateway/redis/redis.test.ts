import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { connect as tlsConnect } from 'node:tls'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { meaningOf } from './commands.ts'
import { commandText, noRedis, openClient, redisWorld, startRedis } from './redis.fixture.ts'
import { createReplyFrames } from './reply-frames.ts'
import { readCommands } from './request-reader.ts'

const run = promisify(execFile)

test(
  'redis: keys are granted or refused in the order of their commands, by the real server and client',
  { skip: noRedis },
  async (t) => {
    const server = await startRedis(t)
    const grants = ['redis:write cache/session:*', 'redis:read cache/shared:*', 'redis:publish cache/news']
    const { world, port } = await redisWorld(t, server, grants)
    const cli = async (...words: string[]) => {
      const { stdout } = await run('redis-cli', ['-p', String(port), ...words], { timeout: 20_000 })
      return stdout.trim()
    }

    await t.test('redis-cli works as it is, and logs in with what it likes', async () => {
      assert.equal(await cli('set', 'session:1', 'one'), 'OK')
      assert.equal(await cli('get', 'session:1'), 'one')
      assert.equal(
        await cli('--user', 'somebody', '--pass', 'else', '--no-auth-warning', 'get', 'session:1'),
        'one',
      )
      assert.equal(await cli('-3', 'hset', 'session:h', 'a', '1'), '1')
      assert.equal(await cli('publish', 'news', 'x'), '0')
      assert.match(
        await cli('set', 'shared:1', 'x'),
        /^NOPERM mayfly: refused: redis:write cache\/shared:1: .*add to its grants .*"redis:write cache\/shared:1"/,
      )
      for (const words of [
        ...[['get', 'other'], ['keys', '*'], ['flushall'], ['config', 'get', '*'], ['eval', 'return 1', '0']],
        ...[
          ['sort', 'session:l', 'by', 'other_*'],
          ['copy', 'session:1', 'other'],
          ['mget', 'session:1', 'other'],
        ],
        ...[
          ['monitor'],
          ['client', 'reply', 'off'],
          ['select', '1'],
          ['acl', 'list'],
          ['nonsense', 'session:1'],
        ],
        ...[
          ['sort', 'session:l', 'store', 'other'],
          ['georadius', 'session:g', '1', '1', '1', 'km', 'STORE', 'other'],
        ],
        ...[
          ['rename', 'session:1', 'other'],
          ['zunionstore', 'session:z', '2', 'session:a', 'other'],
        ],
      ])
        assert.match(await cli(...words), /^NOPERM mayfly: refused/, words.join(' '))
      assert.equal(await cli('get', 'session:1'), 'one')
    })

    await t.test(
      'answers keep their order, and a transaction with a refused command does nothing',
      async () => {
        const client = await openClient(t, port)
        client.send(['SET', 'session:a', '1'], ['GET', 'other'], ['GET', 'session:a'], ['FLUSHALL'], ['PING'])
        const lines = await client.lines(6)
        assert.deepEqual([lines[0], ...lines.slice(2, 4), lines[5]], ['+OK', '$1', '1', '+PONG'])
        assert.match(lines[1] ?? '', /^-NOPERM /)
        assert.match(lines[4] ?? '', /^-NOPERM /)
        client.send(
          ['MULTI'],
          ['SET', 'session:a', '2'],
          ['SET', 'other', '2'],
          ['EXEC'],
          ['GET', 'session:a'],
        )
        const of = await client.lines(6)
        assert.deepEqual([of[0], of[1], ...of.slice(4)], ['+OK', '+QUEUED', '$1', '1'])
        assert.match(of[2] ?? '', /^-NOPERM /)
        assert.match(of[3] ?? '', /^-EXECABORT /)
      },
    )

    await t.test('what is no array of bulk strings ends the connection, and runs nothing', async () => {
      for (const text of [
        ...[
          'SET session:x inline\r\n',
          'POST / HTTP/1.1\r\nHost: x\r\n\r\n',
          '*1\r\n+PING\r\n',
          '*-2\r\n',
          '*00\r\n',
        ],
        ...['*1\r\n$+4\r\nPING\r\n', '*01\r\n$4\r\nPING\r\n', '*1\r\n$3\r\nPING\r\n', '*1\r\n$4\nPING\r\n'],
        ...['*2147483648\r\n', '*1\r\n$536870912\r\n', '*99999999999999\r\n', '\r*0\r\n'],
      ]) {
        const client = await openClient(t, port)
        client.socket.write(
          `${commandText(['SET', 'session:first', 'x'])}${text}${commandText(['SET', 'session:x', '1'])}`,
        )
        await once(client.socket, 'close')
        assert.match(client.text(), /^\+OK\r\n-ERR mayfly: refused: redis cache: /, text)
      }
      assert.equal(await cli('exists', 'session:x'), '0')
    })

    await t.test('a value of megabytes passes, one over the limit does not', async () => {
      const value = 'v'.repeat(3_000_000)
      const client = await openClient(t, port)
      client.send(['SET', 'session:big', value], ['STRLEN', 'session:big'], ['GET', 'session:big'])
      const lines = await client.lines(4)
      assert.deepEqual([lines[1], lines[3]], [':3000000', value])
    })

    await t.test('what is granted is recorded once for a grant, and how much was done with it', async () => {
      await world.gateway.recordDownloads(world.step)
      const granted = world.audit.ofType('access.granted').flatMap(({ data }) => data['grants'] as string[])
      assert.equal(granted.filter((one) => one === 'redis:publish cache/news').length, 1)
      const done = world.audit
        .ofType('operations.done')
        .flatMap(({ data }) => data['operations'] as unknown[])
      assert.ok(JSON.stringify(done).includes('"operation":"redis:write cache","facts":{"commands":'))
      assert.ok(!JSON.stringify(world.audit.events).includes('for-cache'))
    })

    await t.test('the end of the step cuts it', async () => {
      const client = await openClient(t, port)
      client.send(['BLPOP', 'session:queue', '0'])
      await new Promise((next) => setTimeout(next, 50))
      const closed = once(client.socket, 'close')
      world.brokers.end(world.step)
      await closed
    })
  },
)

test(
  'redis: subscriptions, and another database only for whoever may do anything',
  { skip: noRedis },
  async (t) => {
    const server = await startRedis(t)
    const { port } = await redisWorld(t, server, ['redis:subscribe cache/news', 'redis:admin cache'], {
      database: 3,
    })
    const [listener, speaker] = [await openClient(t, port), await openClient(t, port)]
    listener.send(['SUBSCRIBE', 'news'])
    assert.equal((await listener.lines(6))[2], 'subscribe')
    speaker.send(
      ['PUBLISH', 'news', 'hello'],
      ['SET', 'k', 'v'],
      ['SELECT', '3'],
      ['SELECT', '1'],
      ['GET', 'k'],
    )
    assert.deepEqual(await speaker.lines(5), [':1', '+OK', '+OK', '+OK', '$-1'])
    assert.deepEqual((await listener.lines(7)).slice(2), ['message', '$4', 'news', '$5', 'hello'])
  },
)

test(
  'redis: a person sees which command they say yes to, and a no is for this once; whoever left a database may come back',
  { skip: noRedis },
  async (t) => {
    const shown: unknown[] = []
    const approvers = {
      async ask({ operations, detail }: { operations: readonly string[]; detail: unknown }) {
        shown.push([...operations, detail])
        return shown.length === 1
          ? { ok: false as const, why: 'denied by anna' }
          : { ok: true as const, approval: 'apr_1', by: ['anna'] }
      },
      stepEnded: async () => undefined,
    }
    const admin = { grant: 'redis:admin cache', approval: 'always', approvers: 'managers' } as const
    const { port } = await redisWorld(t, await startRedis(t), ['redis:write cache/k', admin], {}, approvers)
    const client = await openClient(t, port)
    client.send(
      ['SET', 'k', 'here'],
      ['CONFIG', 'SET', 'maxmemory', '0'],
      ['CONFIG', 'SET', 'maxmemory', '0'],
    )
    const lines = await client.lines(3)
    assert.match(lines[1] ?? '', /^-NOPERM .*denied by anna/)
    assert.deepEqual([lines[0], lines[2]], ['+OK', '+OK'])
    client.send(['SELECT', '5'], ['GET', 'k'], ['SELECT', '0'], ['GET', 'k'])
    assert.deepEqual(await client.lines(5), ['+OK', '$-1', '+OK', '$4', 'here'])
    assert.deepEqual(shown, [
      ['redis:admin cache', { command: 'CONFIG SET' }],
      ['redis:admin cache', { command: 'CONFIG SET' }],
      ['redis:admin cache', { command: 'SELECT' }],
    ])
  },
)

test('a command is read alike however its bytes come', async () => {
  const words = fc.array(fc.string({ unit: 'binary-ascii', maxLength: 20 }), { minLength: 1, maxLength: 5 })
  await fc.assert(
    fc.asyncProperty(
      fc.array(words, { maxLength: 6 }),
      fc.infiniteStream(fc.integer({ min: 1, max: 30 })),
      async (commands, sizes) => {
        const bytes = Buffer.from(commands.map(commandText).join(''), 'latin1')
        const stream = new PassThrough()
        let at = 0
        while (at < bytes.length) {
          const size = sizes.next().value
          stream.write(bytes.subarray(at, at + size))
          at += size
        }
        stream.end()
        const read: string[][] = []
        for await (const command of readCommands(stream))
          read.push(command.words.map((word) => word.toString('latin1')))
        assert.deepEqual(read, commands)
      },
    ),
    { numRuns: 100 },
  )
})

test('the end of an answer is found however its bytes come', () => {
  const leaf = fc.constantFrom(
    '+OK\r\n',
    ':12\r\n',
    '$-1\r\n',
    '$0\r\n\r\n',
    '$5\r\n*3\r\nx\r\n',
    '_\r\n',
    '-ERR a long message of an error\r\n',
    '$?\r\n;3\r\n*1\r\r\n;1\r\nx\r\n;0\r\n',
  )
  const { reply } = fc.letrec<{ reply: string }>((tie) => ({
    reply: fc.oneof(
      { depthSize: 'small' },
      leaf,
      fc.array(tie('reply'), { maxLength: 4 }).map((values) => `*${values.length}\r\n${values.join('')}`),
      fc
        .array(fc.tuple(tie('reply'), tie('reply')), { maxLength: 3 })
        .map((pairs) => `%${pairs.length}\r\n${pairs.flat().join('')}`),
      fc.array(tie('reply'), { maxLength: 3 }).map((values) => `*?\r\n${values.join('')}.\r\n`),
      fc.nat({ max: 90 }).map((depth) => `${'*1\r\n'.repeat(depth)}:1\r\n`),
      fc.tuple(leaf, leaf, tie('reply')).map(([key, value, about]) => `|1\r\n${key}${value}${about}`),
    ),
  }))
  fc.assert(
    fc.property(fc.array(reply, { maxLength: 6 }), fc.integer({ min: 1, max: 40 }), (replies, size) => {
      const bytes = Buffer.from(replies.join(''))
      const frames = createReplyFrames()
      const ends: number[] = []
      for (let at = 0; at < bytes.length; at += size)
        ends.push(...frames(bytes.subarray(at, at + size)).map(({ end }) => at + end))
      let total = 0
      assert.deepEqual(
        ends,
        replies.map((one) => (total += one.length)),
      )
    }),
    { numRuns: 200 },
  )
})

test('no words make the judge fail, and what it does not know is for whoever may do anything', () => {
  const names = fc.constantFrom(
    'sort',
    'xread',
    'xreadgroup',
    'zunion',
    'blmpop',
    'georadius',
    'client',
    'object',
    'copy',
    'hello',
    'mset',
  )
  fc.assert(
    fc.property(names, fc.array(fc.uint8Array({ maxLength: 12 }), { maxLength: 8 }), (name, rest) => {
      assert.ok(meaningOf([Buffer.from(name), ...rest.map((one) => Buffer.from(one))]).is)
    }),
    { numRuns: 300 },
  )
  const never = (...words: string[]) => meaningOf(words.map((word) => Buffer.from(word))).is === 'never'
  assert.ok(never('CONFIG', 'get', 'requirepass') && never('config', 'GET', 'maxmemory', 'require*'))
  assert.ok(!never('config', 'get', 'maxmemory'))
  for (const name of [
    'eval',
    'migrate',
    'debug',
    'function',
    'shutdown',
    'replicaof',
    'swapdb',
    'move',
    'GETT',
    '',
  ])
    assert.equal(meaningOf([Buffer.from(name), Buffer.from('k')]).is, 'admin', name)
})

test(
  'redis: a client may begin with TLS, and is shown the host that it asked for',
  { skip: noRedis },
  async (t) => {
    const { world, port } = await redisWorld(t, await startRedis(t), ['redis:read cache/*'])
    const secure = tlsConnect({ port, host: '127.0.0.1', servername: 'cache.test', ca: world.ca })
    t.after(() => secure.destroy())
    secure.write(commandText(['PING']))
    assert.equal(String((await once(secure, 'data'))[0]), '+PONG\r\n')
    const other = tlsConnect({ port, host: '127.0.0.1', servername: 'other.test', ca: world.ca })
    await assert.rejects(once(other, 'secureConnect'))
  },
)
