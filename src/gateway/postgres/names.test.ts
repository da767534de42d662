import assert from 'node:assert/strict'
import { after, before, test, type TestContext } from 'node:test'
import type { Postgres } from '../../../test/e2e/postgres.ts'
import type { ConsentAsked } from '../consent.ts'
import { login, openShop, startShop, type Shop } from './postgres.fixture.ts'
import { answers, bind, execute, parse, query, raw, sync, type Raw } from './raw-client.fixture.ts'
import { message } from './wire.ts'

let postgres: Postgres | undefined
before(async () => {
  postgres = await startShop()
})
after(() => postgres?.[Symbol.dispose]())
const missing = 'PostgreSQL is not here (apt-get install postgresql-15)'

/** Writing needs a person’s yes; what the person is shown is kept, and the answer is no until `says` has another. */
async function openAsking(t: TestContext, server: Postgres) {
  const shown: unknown[] = []
  const says = { yes: false }
  const approvers = {
    async ask({ detail }: ConsentAsked) {
      shown.push(detail['statement'])
      const yes = { ok: true as const, approval: 'apr_1', by: ['anna'] }
      return says.yes ? yes : { ok: false as const, why: 'anna says no' }
    },
    stepEnded: async () => undefined,
  }
  const write = {
    grant: 'postgres:write orders/shop@public',
    approval: 'always',
    approvers: 'managers',
  } as const
  const shop = await openShop(t, server, ['postgres:read orders/shop@public', write], {}, { approvers })
  return { shop, shown, says }
}

async function session(t: TestContext, shop: Shop): Promise<Raw> {
  const client = await raw(t, shop)
  await client.until('Z')
  return client
}

/** What it answers to so many Syncs and queries. */
async function told(client: Raw, turns: number): Promise<string[]> {
  const all: string[] = []
  for (let turn = 0; turn < turns; turn++) all.push(...answers(await client.until('Z')))
  return all
}

test('what a name stood for before the server passed something over is not done under another’s name', async (t) => {
  if (postgres === undefined) return t.skip(missing)
  const { shop, shown } = await openAsking(t, postgres)
  const client = await session(t, shop)
  const bad = parse('bad', 'SELECT * FROM nobody')
  const insert = "INSERT INTO items VALUES (77, 'unasked') RETURNING id"
  // The unnamed statement is the first one still.
  client.send(parse('', insert), sync, bad, parse('', 'SELECT 1'), sync, bind('', ''), execute(), sync)
  assert.deepEqual(await told(client, 3), ['1', 'ZI', 'E 42P01', 'ZI', '2', 'E 42501', 'ZI'])
  assert.deepEqual(shown.splice(0), ['INSERT INTO items VALUES (?, ...) RETURNING id'])
  // A portal outlives what ended before it was bound.
  client.send(parse('s', insert), sync)
  client.send(parse('b', 'BEGIN'), bind('', 'b'), execute(), bind('p', 's'), sync)
  assert.deepEqual(await told(client, 2), ['1', 'ZI', '1', '2', 'C', '2', 'ZT'])
  client.send(query('FETCH ALL FROM p'), query('ROLLBACK'))
  assert.deepEqual(await told(client, 2), ['E 42501', 'ZE', 'C', 'ZI'])
  // It was closed behind what failed, so it was not.
  client.send(query('BEGIN'), bind('p', 's'), sync, query('SAVEPOINT a'))
  await told(client, 3)
  client.send(bad, message('C', Buffer.from('Pp\0')), sync, query('ROLLBACK TO a; FETCH ALL FROM p'))
  assert.deepEqual(await told(client, 2), ['E 42P01', 'ZE', 'E 42501', 'ZE'])
  client.send(query('ROLLBACK'))
  await told(client, 1)
  // The same with another portal that is bound in its place.
  client.send(parse('one', 'SELECT 1'), parse('back', 'ROLLBACK TO a'), sync, query('BEGIN'))
  client.send(bind('', 's'), sync, parse('save', 'SAVEPOINT a'), bind('x', 'save'), execute('x'), sync)
  await told(client, 4)
  client.send(bad, bind('', 'one'), sync, bind('y', 'back'), execute('y'), execute(''), sync)
  assert.deepEqual(await told(client, 2), ['E 42P01', 'ZE', '2', 'C', 'E 42501', 'ZE'])
  assert.deepEqual(shown.splice(0), ['INSERT INTO items VALUES (?, ...) RETURNING id'])
  assert.equal(postgres.sql('SELECT count(*) FROM items WHERE id = 77', 'shop'), '0')
})

test('a pipeline that prepares anew what it does has each of its statements judged by its own name', async (t) => {
  if (postgres === undefined) return t.skip(missing)
  const { shop, shown, says } = await openAsking(t, postgres)
  says.yes = true
  const client = await session(t, shop)
  const turn = (sql: string) => [parse('', sql), bind('', ''), execute()]
  client.send(...turn('UPDATE items SET id = id'), ...turn('SELECT 1'), sync, ...turn('SELECT 2'), sync)
  assert.deepEqual(await told(client, 2), ['1', '2', 'C', '1', '2', 'C', 'ZI', '1', '2', 'C', 'ZI'])
  assert.deepEqual(shown, ['UPDATE items SET id = id'])
})

test('whoever is asked for a yes sees what EXECUTE and Bind stand for, however it was prepared', async (t) => {
  if (postgres === undefined) return t.skip(missing)
  const { shop, shown } = await openAsking(t, postgres)
  const client = await session(t, shop)
  const refused = async (...sent: readonly Buffer[]) => {
    client.send(...sent)
    assert.ok((await told(client, 1)).includes('E 42501'))
    return shown.splice(0)
  }
  client.send(parse('x', 'DELETE FROM items WHERE id = 1'), sync)
  await told(client, 1)
  const behind = 'EXECUTE x ("x" is DELETE FROM items WHERE id = ?)'
  assert.deepEqual(await refused(query('EXECUTE x')), [behind])
  assert.deepEqual(await refused(query('EXPLAIN ANALYZE EXECUTE x')), [`EXPLAIN ANALYZE ${behind}`])
  assert.deepEqual(await refused(parse('', 'EXECUTE x'), bind('', ''), execute(), sync), [behind])
  assert.deepEqual(await refused(bind('', 'x'), execute(), sync), ['DELETE FROM items WHERE id = ?'])
  const denied = shop.world.audit.ofType('access.denied').map(({ data }) => data['statement'])
  assert.ok(denied.length > 0)
  // Prepared by a statement: its text is shown, with what else is in it.
  client.send(query('SELECT 1'))
  await told(client, 1)
  const prepared = await refused(query('PREPARE y AS UPDATE items SET id = id'))
  assert.deepEqual(prepared, ['PREPARE y AS UPDATE items SET id = id'])
  // What is too long to be shown nobody is asked about.
  client.send(parse('long', `DELETE FROM items WHERE name IN (${'name, '.repeat(2_000)}'')`), sync)
  await told(client, 1)
  assert.deepEqual(await refused(query('EXECUTE long')), [])
  assert.deepEqual(await refused(bind('', 'long'), execute(), sync), [])
})

test('FETCH needs what its cursor needed, as long as policy is so', async (t) => {
  if (postgres === undefined) return t.skip(missing)
  postgres.sql(
    `SET ROLE ${login.user}; CREATE OR REPLACE FUNCTION rows_of() RETURNS refcursor LANGUAGE plpgsql
     AS $$ DECLARE c refcursor := 'mine'; BEGIN OPEN c FOR SELECT 1; RETURN c; END $$`,
    'shop',
  )
  const shop = await openShop(t, postgres, ['postgres:read orders/shop@public'])
  const client = await session(t, shop)
  const ask = async (sql: string) => {
    client.send(query(sql))
    return (await told(client, 1))[0]
  }
  await ask('BEGIN')
  await ask('DECLARE c CURSOR FOR SELECT name FROM items')
  await ask('DECLARE h CURSOR WITH HOLD FOR SELECT name FROM items')
  await ask('SELECT rows_of()')
  assert.equal(await ask('FETCH 1 FROM c'), 'C')
  assert.equal(await ask('FETCH 1 FROM mine'), 'C')
  await ask('COMMIT')
  assert.equal(await ask('FETCH 1 FROM h'), 'C')
  await ask('BEGIN')
  await ask('DECLARE c CURSOR FOR SELECT name FROM items')
  await ask('SAVEPOINT a')
  shop.grant('postgres:read orders/shop@other')
  for (const sql of ['FETCH 1 FROM c', 'MOVE 1 FROM c', 'FETCH 1 FROM h', 'SELECT 1; FETCH ALL FROM h']) {
    assert.equal(await ask(sql), 'E 42501', sql)
    await ask('ROLLBACK TO a')
  }
  client.send(parse('f', 'FETCH 1 FROM h'), sync)
  assert.deepEqual(await told(client, 1), ['E 42501', 'ZE'])
})

test('names that are not in UTF-8 stand for nothing: two of them could be one here, and two at the server', async (t) => {
  if (postgres === undefined) return t.skip(missing)
  const shop = await openShop(t, postgres, ['postgres:read orders/shop@public'])
  const client = await session(t, shop)
  const name = Buffer.from('a\xff\0', 'latin1')
  const sql = Buffer.from('SELECT 1\0\0\0')
  for (const [type, ...body] of [
    ['P', name, sql],
    ['B', name, Buffer.alloc(7)],
    ['B', Buffer.of(0), name, Buffer.alloc(6)],
    ['E', name, Buffer.alloc(4)],
    ['C', Buffer.from('P'), name],
    ['C', Buffer.from('S'), name],
    ['D', Buffer.from('S'), name],
  ] as const) {
    client.send(message(type, ...body), sync)
    assert.deepEqual(await told(client, 1), ['E 22021', 'ZI'], type)
  }
  client.send(parse('ä', 'SELECT 1'), bind('ö', 'ä'), execute('ö'), sync)
  assert.deepEqual(await told(client, 1), ['1', '2', 'C', 'ZI'])
})
