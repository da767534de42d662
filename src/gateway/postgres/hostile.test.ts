import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { after, before, test, type TestContext } from 'node:test'
import { connect as tlsConnect } from 'node:tls'
import type { Postgres } from '../../../test/e2e/postgres.ts'
import { host, openShop, startShop } from './postgres.fixture.ts'
import { Raw, answers, begin, bind, execute, parse, query, raw, sync } from './raw-client.fixture.ts'
import { cString, int32, message, startup } from './wire.ts'

let postgres: Postgres | undefined
before(async () => {
  postgres = await startShop()
})
after(() => postgres?.[Symbol.dispose]())
const missing = 'PostgreSQL is not here (apt-get install postgresql-15)'

const reader = ['postgres:read orders/shop@public']

test('the first message: lengths, versions, parameters, and what comes too soon', async (t) => {
  if (postgres === undefined) return t.skip(missing)
  const shop = await openShop(t, postgres, reader)
  const refused = {
    'a negative length': Buffer.concat([int32(-1), int32(3 << 16)]),
    'a length that is too short': Buffer.concat([int32(7), int32(3 << 16)]),
    'a huge length': Buffer.concat([int32(0x7fff_ffff), int32(3 << 16)]),
    'parameters without an end': startup(3 << 16, cString('user'), cString('x')),
    'a parameter twice': startup(3 << 16, ...['user', 'x', 'user', 'y'].map(cString), Buffer.of(0)),
    'a parameter that is no UTF-8': startup(3 << 16, Buffer.from('user\0\xff\0\0', 'latin1')),
    'bytes behind the parameters': startup(3 << 16, cString('user'), cString('x'), Buffer.from('\0x')),
    'TLS asked for with a statement behind it': Buffer.concat([startup(80_877_103), begin()]),
    'TLS asked for twice': Buffer.concat([startup(80_877_103, Buffer.of(1))]),
    HTTP: Buffer.from('GET / HTTP/1.1\r\n\r\n'),
  }
  for (const [what, bytes] of Object.entries(refused))
    assert.deepEqual(await (await raw(t, shop, bytes)).until('Z'), ['.'], what)
  for (const version of [2 << 16, 4 << 16, 1234, -1])
    assert.deepEqual(
      await (await raw(t, shop, begin({}, version))).until('Z'),
      ['E 0A000', '.'],
      `version ${version}`,
    )
  for (const [parameters, code] of [
    [{ replication: 'database' }, '42501'],
    [{ client_encoding: 'SJIS' }, '42501'],
    [{ standard_conforming_strings: 'off' }, '42501'],
    [{ options: '-c standard_conforming_strings=off' }, '42501'],
    [{ options: '-cclient_encoding=gbk' }, '42501'],
    [{ options: '--session-authorization=ci' }, '42501'],
    [{ options: '-c\\ role=ci' }, '42501'],
    [{ options: '-d 5' }, '42501'],
    [{ role: 'ci' }, '42501'],
    [{ database: 'other' }, '42501'],
    [{ default_transaction_read_only: 'off' }, '42501'],
  ] as const)
    assert.deepEqual(
      await (await raw(t, shop, begin(parameters))).until('Z'),
      [`E ${code}`, '.'],
      JSON.stringify(parameters),
    )
  const held = await raw(t, shop, begin({ options: '-c search_path=public', application_name: 'x' }))
  assert.ok((await held.until('Z')).includes('ZI'))
  held.send(query('SET search_path = hidden'))
  assert.deepEqual(await held.until('Z'), ['E 42501', 'ZI'])
  // What is newer than we are is told what we speak, and a key that is as long as its protocol has it.
  const newer = await raw(t, shop, begin({ '_pq_.novelty': 'on' }, (3 << 16) | 9))
  assert.equal((await newer.until('Z'))[0], 'v')
})

test('messages: lengths, types that nobody knows, statements before a login, and those that do not end where they say', async (t) => {
  if (postgres === undefined) return t.skip(missing)
  const shop = await openShop(t, postgres, reader)
  const cut = {
    'a length that is negative': Buffer.concat([Buffer.from('Q'), int32(-5)]),
    'a length that does not count itself': Buffer.concat([Buffer.from('Q'), int32(3)]),
    'a gigabyte and more': Buffer.concat([Buffer.from('Q'), int32(0x4000_0005)]),
    'a large message of a small type': Buffer.concat([Buffer.from('E'), int32(20_000)]),
    'a type that nobody knows': message('?', Buffer.from('x')),
    'a password': message('p', cString('x')),
    'a query without an end': message('Q', Buffer.from('SELECT 1')),
    'a query that ends before its message': message('Q', Buffer.from('SELECT 1\0DROP TABLE items\0')),
  }
  for (const [what, bytes] of Object.entries(cut)) {
    const client = await raw(t, shop)
    await client.until('Z')
    client.send(bytes)
    assert.deepEqual(await client.until('Z'), ['E 08P01', '.'], what)
  }
  // What is sent before the login stands is judged as all else.
  const early = await raw(t, shop, Buffer.concat([begin(), query('DELETE FROM items'), query('SELECT 1')]))
  const all = answers([...(await early.until('Z')), ...(await early.until('Z')), ...(await early.until('Z'))])
  assert.deepEqual(all, ['ZI', 'E 42501', 'ZI', 'C', 'ZI'])
  early.send(message('F', int32(1), Buffer.alloc(6)), message('Q', Buffer.from('SELECT \xff\0', 'latin1')))
  assert.deepEqual(
    [...(await early.until('Z')), ...(await early.until('Z'))],
    ['E 42501', 'ZI', 'E 22021', 'ZI'],
  )
  early.send(query(`SELECT '${'x'.repeat(1_100_000)}'`), query('SELECT 1'))
  assert.deepEqual(answers([...(await early.until('Z')), ...(await early.until('Z'))]), [
    'E 54000',
    'ZI',
    'C',
    'ZI',
  ])
  assert.equal(postgres.sql('SELECT count(*) FROM items', 'shop'), '2')
})

test('a pipeline: one refused statement fails all that came with it, and none of it is done', async (t) => {
  if (postgres === undefined) return t.skip(missing)
  const shop = await openShop(t, postgres, [
    'postgres:write orders/shop@public',
    'postgres:read orders/shop@hidden',
  ])
  const client = await raw(t, shop)
  await client.until('Z')
  const insert = parse('', "INSERT INTO items VALUES (9, 'nine')")
  const steal = parse('', 'DELETE FROM hidden.keys')
  client.send(insert, bind('', ''), execute(), steal, bind('', ''), execute(), sync)
  assert.deepEqual(await client.until('Z'), ['1', '2', 'C', 'E 42501', 'ZI'])
  assert.equal(postgres.sql('SELECT count(*) FROM items WHERE id = 9', 'shop'), '0')
  // Names of statements are as the server has them, whatever was refused or failed.
  client.send(parse('a', 'SELECT 1'), parse('a', 'SELECT 2'), sync)
  assert.deepEqual(await client.until('Z'), ['1', 'E 42P05', 'ZI'])
  client.send(bind('', 'a'), execute(), sync)
  assert.deepEqual(answers(await client.until('Z')), ['2', 'C', 'ZI'])
  client.send(bind('', 'nobody'), execute(), sync, execute('nobody'), sync)
  assert.deepEqual(
    [...(await client.until('Z')), ...(await client.until('Z'))],
    ['E 26000', 'ZI', 'E 34000', 'ZI'],
  )
  client.send(message('C', cString('Sa')), bind('', 'a'), sync)
  assert.deepEqual(await client.until('Z'), ['3', 'E 26000', 'ZI'])
  // A statement means what the path says when it is done, not when it was prepared.
  client.send(parse('k', 'UPDATE items SET id = id'), sync)
  assert.deepEqual(await client.until('Z'), ['1', 'ZI'])
  client.send(query('SET search_path = hidden, public'))
  assert.deepEqual(answers(await client.until('Z')), ['C', 'ZI'])
  client.send(bind('', 'k'), execute(), sync)
  assert.deepEqual(await client.until('Z'), ['E 42501', 'ZI'])
  // By a path that is rolled back a name may still be in either.
  client.send(query('RESET search_path'), query('UPDATE items SET id = id'))
  assert.deepEqual(answers([...(await client.until('Z')), ...(await client.until('Z'))]), [
    'C',
    'ZI',
    'E 42501',
    'ZI',
  ])
})

test('a name that is given again stands for both until the server says which, and what is bound is done by Execute alone', async (t) => {
  if (postgres === undefined) return t.skip(missing)
  const shop = await openShop(t, postgres, [
    'postgres:write orders/shop@public',
    'postgres:read orders/shop@hidden',
  ])
  const client = await raw(t, shop)
  await client.until('Z')
  client.send(parse('a', 'UPDATE items SET id = id'), sync, query('SET search_path = hidden'))
  await client.until('Z')
  await client.until('Z')
  // The server refuses the second Parse, and would do the first statement, on another table.
  client.send(parse('a', 'SELECT 1'), sync, bind('', 'a'), execute(), sync)
  assert.deepEqual(
    [...(await client.until('Z')), ...(await client.until('Z'))],
    ['E 42P05', 'ZI', 'E 42501', 'ZI'],
  )
  client.send(message('C', cString('Sa')), parse('a', 'SELECT 1'), sync, bind('', 'a'), execute(), sync)
  assert.deepEqual(answers([...(await client.until('Z')), ...(await client.until('Z'))]), [
    ...['3', '1', 'ZI'],
    ...['2', 'C', 'ZI'],
  ])
  const before = shop.world.audit.ofType('access.granted').length
  client.send(query('BEGIN'), parse('s', 'SELECT 5 FROM public.items'), bind('p', 's'), sync)
  await client.until('Z')
  await client.until('Z')
  client.send(query('FETCH ALL FROM p'))
  assert.deepEqual(answers(await client.until('Z')), ['E 42501', 'ZE'])
  client.send(query('ROLLBACK'), query('BEGIN'), query('DECLARE c CURSOR FOR SELECT 6 FROM public.items'))
  for (let i = 0; i < 3; i++) await client.until('Z')
  client.send(query('FETCH 1 FROM c'))
  assert.deepEqual(answers(await client.until('Z')), ['C', 'ZT'])
  const shapes = shop.world.audit.ofType('access.granted').map(({ data }) => data['statement'])
  assert.ok(shapes.slice(before).includes('DECLARE c CURSOR FOR SELECT ? FROM public.items'))
})

test('options within options, and a path that is not granted, begin no session', async (t) => {
  if (postgres === undefined) return t.skip(missing)
  const shop = await openShop(t, postgres, reader)
  for (const options of [
    '-c options=-crole=postgres',
    '-c user=postgres',
    '-c Replication=database',
    '-c search_path=hidden',
    '--search-path=public,hidden',
  ]) {
    const client = await raw(t, shop, begin({ options }))
    assert.deepEqual((await client.until('Z')).slice(0, 1), ['E 42501'], options)
  }
  const client = await raw(t, shop, begin({ options: '-c search_path=public' }))
  assert.equal((await client.until('Z')).at(-1), 'ZI')
})

test('a path that comes as a parameter is one that the session has had, wherever it comes from', async (t) => {
  if (postgres === undefined) return t.skip(missing)
  const shop = await openShop(t, postgres, reader)
  const client = await raw(t, shop)
  await client.until('Z')
  const types = (...all: number[]) => Buffer.concat([Buffer.of(0, all.length), ...all.map(int32)])
  const setting = "SELECT set_config('search_path', $1, false)"
  const prepare = (sql: string, type: number) => message('P', cString('p'), cString(sql), types(type))
  const bound = (value: string) => {
    const bytes = Buffer.from(value)
    const values = Buffer.concat([Buffer.of(0, 0, 0, 1), int32(bytes.length), bytes, Buffer.of(0, 0)])
    return message('B', cString(''), cString('p'), values)
  }
  // As what it is declared the server may read another schema.
  for (const [sql, type] of [
    [setting, 18],
    [setting.replace('$1', '$1::text'), 0],
    [setting.replace('$1', 'lower($1)'), 0],
    ['PREPARE q AS SELECT set_config($$search_path$$, $1, false)', 0],
  ] as const) {
    client.send(prepare(sql, type), sync)
    assert.deepEqual(await client.until('Z'), ['E 42501', 'ZI'], sql)
  }
  client.send(prepare(setting, 25), bound('public'), execute(), sync, query('SELECT 1 FROM items'))
  assert.deepEqual(answers([...(await client.until('Z')), ...(await client.until('Z'))]).slice(-2), [
    'C',
    'ZI',
  ])
  for (const value of ['hidden', 'public, hidden', 'public, pg_catalog', '"public']) {
    client.send(bound(value), execute(), sync)
    assert.deepEqual(await client.until('Z'), ['E 42501', 'ZI'], value)
  }
  client.send(query("EXECUTE p('hidden')"))
  assert.deepEqual(await client.until('Z'), ['E 42501', 'ZI'])
})

test('COPY: a statement hidden in its data is data; another message in its place ends the session', async (t) => {
  if (postgres === undefined) return t.skip(missing)
  const shop = await openShop(t, postgres, ['postgres:write orders/shop@public'])
  const client = await raw(t, shop)
  await client.until('Z')
  const inside = Buffer.concat([Buffer.from('7\t'), query('DROP TABLE items'), Buffer.from('\n')])
  client.send(query('COPY items FROM STDIN'))
  assert.deepEqual(await client.until('G'), ['G'])
  client.send(message('d', inside), message('c'))
  assert.deepEqual((await client.until('Z')).at(-1), 'ZI')
  client.send(
    query('COPY items FROM STDIN'),
    message('d', Buffer.from('8\teight\n')),
    message('f', cString('no')),
    query('SELECT 1'),
  )
  assert.deepEqual(answers([...(await client.until('Z')), ...(await client.until('Z'))]), [
    'G',
    'E 57014',
    'ZI',
    'C',
    'ZI',
  ])
  const copy = [parse('', 'COPY items FROM STDIN'), bind('', ''), execute()]
  client.send(...copy, message('d', Buffer.from('8\teight\n')), message('c'), sync)
  assert.deepEqual(await client.until('Z'), ['1', '2', 'G', 'C', 'ZI'])
  // As libpq does it: the first Sync is passed over while the server waits for data.
  client.send(...copy, sync)
  assert.deepEqual(await client.until('G'), ['1', '2', 'G'])
  client.send(message('d', Buffer.from('9\tnine\n')), message('c'), sync, query('SELECT 1'))
  assert.deepEqual(answers([...(await client.until('Z')), ...(await client.until('Z'))]), [
    'C',
    'ZI',
    'C',
    'ZI',
  ])
  client.send(query('COPY items FROM STDIN'))
  await client.until('G')
  client.send(query('SELECT 1'))
  assert.deepEqual(await client.until('Z'), ['E 08P01', '.'])
  assert.equal(postgres.sql('DELETE FROM items WHERE id > 2 RETURNING id', 'shop').split('\n')[0], '8')
})

test('TLS from the first byte, for clients that do it so, and for no other protocol', async (t) => {
  if (postgres === undefined) return t.skip(missing)
  const shop = await openShop(t, postgres, reader)
  const options = { port: shop.port, host: '127.0.0.1', servername: host, ca: shop.world.ca }
  const socket = tlsConnect({ ...options, ALPNProtocols: ['postgresql'] })
  t.after(() => socket.destroy())
  await once(socket, 'secureConnect')
  assert.equal(socket.alpnProtocol, 'postgresql')
  const client = new Raw(socket)
  client.send(begin())
  assert.ok((await client.until('Z')).includes('ZI'))
  const web = tlsConnect({ ...options, ALPNProtocols: ['http/1.1'] })
  const [error] = (await once(web, 'error')) as [Error]
  assert.match(String(error), /no.application.protocol|disconnected|reset/i)
})

/** A server that says what it likes. */
async function liar(t: TestContext, answer: (socket: Socket) => void): Promise<{ port: number }> {
  const server: Server = createServer((socket) => {
    socket.on('error', () => undefined)
    t.after(() => socket.destroy())
    answer(socket)
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  t.after(() => server.close())
  return { port: (server.address() as AddressInfo).port }
}

const login = Buffer.concat([
  message('R', int32(0)),
  message('K', int32(1), int32(1)),
  message('Z', Buffer.from('I')),
])

test('a server that downgrades the login, breaks the protocol, or says too much, gets no password and no session', async (t) => {
  const cases: Record<string, [Record<string, unknown>, Buffer | ((socket: Socket) => void)]> = {
    'no TLS where it has to be': [{ tls: 'verify' }, Buffer.from('N')],
    'an error in place of TLS': [{ tls: 'verify' }, Buffer.from('E')],
    'bytes before the handshake': [{ tls: 'verify' }, Buffer.concat([Buffer.from('S'), login])],
    'a password in the clear': [{}, message('R', int32(3))],
    Kerberos: [{}, message('R', int32(7))],
    'a mechanism that nobody knows': [{}, message('R', int32(10), cString('PLAIN'), Buffer.of(0))],
    'SCRAM that ends before it has shown that it knows the password': [
      {},
      Buffer.concat([message('R', int32(10), cString('SCRAM-SHA-256'), Buffer.of(0)), login]),
    ],
    'a huge message': [{}, Buffer.concat([Buffer.from('R'), int32(0x7fff_ffff)])],
    'no end of notices': [
      {},
      (socket) => {
        const many = Buffer.concat(Array.from({ length: 2_000 }, () => message('N', Buffer.of(0))))
        socket.write(Buffer.concat([message('R', int32(0)), many]))
      },
    ],
    'it has no process left, and says so in the old form': [
      {},
      Buffer.from('Ecould not fork new process for connection: Cannot allocate memory\n\0'),
    ],
    'the old form without an end': [{}, (socket) => socket.end('Esorry, too many')],
    'another encoding': [
      {},
      Buffer.concat([
        message('R', int32(0)),
        message('S', cString('client_encoding'), cString('SJIS')),
        login.subarray(9),
      ]),
    ],
  }
  for (const [what, [connection, said]] of Object.entries(cases)) {
    let got = Buffer.alloc(0)
    const server = await liar(t, (socket) => {
      socket.on('data', (chunk: Buffer) => (got = Buffer.concat([got, chunk])))
      if (typeof said === 'function') said(socket)
      else socket.write(said)
    })
    const shop = await openShop(t, server, reader, connection)
    const client = await raw(t, shop)
    const [first = '', end] = await client.until('Z')
    assert.match(first, /^E 0/, what)
    assert.equal(end, '.', what)
    assert.ok(!got.includes('for-orders'), what)
    assert.equal(shop.world.audit.ofType('access.denied').length, 1, what)
  }
})

/** It begins a session, answers what the gateway asks, and then as told. */
async function begun(t: TestContext, answer: (got: Buffer) => Buffer, greeting = login) {
  return liar(t, (socket) => {
    socket.once('data', () => {
      socket.write(greeting)
      socket.once('data', () => {
        socket.write(message('Z', Buffer.from('I')))
        socket.on('data', (got: Buffer) => socket.write(answer(got)))
      })
    })
  })
}

test('a server that takes what stands for a refused statement ends the session: the client is not told that it was done', async (t) => {
  const done = [message('C', cString('DROP TABLE')), message('Z', Buffer.from('I'))]
  for (const [sent, accepted] of [
    [[query('DROP TABLE hidden.keys')], done],
    [[query('DROP TABLE hidden.keys')], done.slice(1)],
    [
      [parse('', 'DROP TABLE hidden.keys'), bind('', ''), execute(), sync],
      [message('1'), message('2'), ...done],
    ],
  ] as const) {
    const server = await begun(t, () => Buffer.concat(accepted))
    const client = await raw(t, await openShop(t, server, reader))
    await client.until('Z')
    client.send(...sent)
    assert.deepEqual(await client.until('.'), ['E 08P01', '.'])
  }
})

test('a server that gives no key for cancel requests is one all the same, and so is its client', async (t) => {
  const answer = () => Buffer.concat([message('C', cString('SELECT 0')), message('Z', Buffer.from('I'))])
  const server = await begun(
    t,
    answer,
    Buffer.concat([message('R', int32(0)), message('Z', Buffer.from('I'))]),
  )
  const client = await raw(t, await openShop(t, server, reader))
  assert.deepEqual(await client.until('Z'), ['R', 'ZI'])
  client.send(query('SELECT 1'))
  assert.deepEqual(await client.until('Z'), ['C', 'ZI'])
})

test('a cancel request within TLS ends with its last word', async (t) => {
  const shop = await openShop(t, await begun(t, () => Buffer.alloc(0)), reader)
  // What comes from the gateway, as it is on the wire.
  const seen: Buffer[] = []
  const relay = createServer((socket) => {
    const door = connect(shop.port, '127.0.0.1')
    door.on('data', (chunk: Buffer) => seen.push(chunk))
    socket
      .on('error', () => undefined)
      .pipe(door.on('error', () => undefined))
      .pipe(socket)
  })
  await new Promise<void>((listening) => relay.listen(0, '127.0.0.1', listening))
  t.after(() => relay.close())
  const { port } = relay.address() as AddressInfo
  const socket = tlsConnect({
    ...{ port, host: '127.0.0.1', servername: host, ca: shop.world.ca },
    // Where its records say what they are.
    ...{ maxVersion: 'TLSv1.2', ALPNProtocols: ['postgresql'] },
  })
  t.after(() => socket.destroy())
  await once(socket, 'secureConnect')
  socket.write(startup(80_877_102, int32(1), int32(1)))
  socket.resume()
  await once(socket, 'close')
  const types: number[] = []
  const all = Buffer.concat(seen)
  for (let at = 0; at + 5 <= all.length; at += 5 + all.readUInt16BE(at + 3)) types.push(all[at] ?? 0)
  const alert = 21
  assert.equal(types.at(-1), alert)
})

test('a server that answers out of turn, or is another one all of a sudden, ends the session', async (t) => {
  const parts = [
    message('S', cString('client_encoding'), cString('UTF8')),
    message('S', cString('standard_conforming_strings'), cString('on')),
  ]
  for (const said of [
    message('2'),
    message('C', cString('SELECT 1')),
    message('R', int32(0)),
    message('W', Buffer.alloc(3)),
    message('S', cString('standard_conforming_strings'), cString('off')),
    message('S', cString('session_authorization'), cString('postgres')),
    message('S', cString('default_transaction_read_only'), cString('off')),
    Buffer.concat([Buffer.from('D'), int32(-1)]),
  ]) {
    const server = await liar(t, (socket) => {
      socket.once('data', () => {
        socket.write(Buffer.concat([message('R', int32(0)), ...parts, login.subarray(9)]))
        socket.once('data', () => {
          socket.write(message('Z', Buffer.from('I')))
          socket.once('data', () => socket.write(said))
        })
      })
    })
    const shop = await openShop(t, server, reader)
    const client = await raw(t, shop)
    await client.until('Z')
    client.send(parse('', 'SELECT 1'), message('H'), bind('', ''), execute())
    const rest = await client.until('.')
    assert.equal(rest.at(-1), '.', said.toString('latin1'))
    assert.ok(rest.includes('E 08P01'), said.toString('latin1'))
  }
})

test('a row of any size passes in memory that does not grow: who does not read makes the server wait', async (t) => {
  const rowBytes = 64 * 1024 * 1024
  let taken = 0
  const server = await liar(t, (socket) => {
    socket.once('data', () => {
      socket.write(login)
      socket.once('data', () => {
        socket.write(Buffer.concat([Buffer.from('D'), int32(rowBytes + 4)]))
        const piece = Buffer.alloc(65_536)
        const more = () => {
          while (taken < rowBytes) {
            taken += piece.length
            if (!socket.write(piece)) return void socket.once('drain', more)
          }
          socket.write(Buffer.concat([message('C', cString('SELECT 1')), message('Z', Buffer.from('I'))]))
        }
        more()
      })
    })
  })
  const shop = await openShop(t, server, ['postgres:connect orders'])
  const tunnel = await shop.world.connect(`${host}:5432`)
  const { socket } = tunnel
  socket.write(begin())
  await once(socket, 'readable')
  socket.write(query('SELECT 1'))
  let before = -1
  // Until nothing moves any more: all that is on the way is full.
  while (before !== taken) {
    before = taken
    await new Promise((next) => setTimeout(next, 200))
  }
  assert.ok(taken > 0 && taken < rowBytes / 2, `${taken} bytes were taken of a client that does not read`)
  let read = 0
  for (;;) {
    const chunk = socket.read() as Buffer | null
    read += chunk?.length ?? 0
    if (read > rowBytes) break
    if (chunk === null) await once(socket, 'readable')
  }
  assert.equal(taken, rowBytes)
})
