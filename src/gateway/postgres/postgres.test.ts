import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import pg from 'pg'
import { createTestAuthority, type TestAuthority } from '../../../test/certificates.ts'
import type { Postgres } from '../../../test/e2e/postgres.ts'
import { until } from '../gateway.fixture.ts'
import { host, login, openShop, startShop } from './postgres.fixture.ts'
import { createScram } from './scram.ts'

let postgres: Postgres | undefined
let folder: string
let authority: TestAuthority
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mayfly-postgres-test-'))
  authority = await createTestAuthority(join(folder, 'ca'))
  postgres = await startShop({ tls: await authority.issue('db', [host]) })
})
after(() => {
  postgres?.[Symbol.dispose]()
  rmSync(folder, { recursive: true, force: true })
})
const missing = 'PostgreSQL is not here (apt-get install postgresql-15)'

test('psql logs in with nothing, reads what it is granted, and nothing else; the log has statements without their values', async (t) => {
  if (postgres === undefined) return t.skip(missing)
  const shop = await openShop(t, postgres, ['postgres:read orders/shop@public'])
  const read = await shop.psql("SELECT name FROM items WHERE name <> 'a value' ORDER BY id")
  assert.deepEqual(read, { code: 0, out: 'one\ntwo', err: '' })
  // What is refused fails as a statement does: the session goes on.
  const refused = await shop.psql(['SELECT key FROM hidden.keys', 'SELECT 1'])
  assert.match(refused.err, /^ERROR: {2}mayfly: refused: postgres:read orders\/shop@hidden/)
  assert.match(refused.err, /add to its grants in mayfly.yaml: "postgres:read orders\/shop@hidden"/)
  assert.equal(refused.out, '1')
  const env = { PGSSLMODE: 'disable' }
  assert.match(
    (await shop.psql('SELECT 1', { database: 'other', env })).err,
    /FATAL.*postgres:read orders\/other/,
  )
  const statements = shop.world.audit.ofType('access.granted').flatMap(({ data }) => data['statement'] ?? [])
  assert.deepEqual(statements, ['SELECT name FROM items WHERE name <> ? ORDER BY id'])
  assert.deepEqual(
    shop.world.audit.ofType('access.denied').map(({ data }) => data['what']),
    ['postgres:read orders/shop@hidden (SELECT key FROM hidden.keys)', 'postgres:read orders/other'],
  )
  await until(() => shop.done().length >= 2)
  const { facts } = shop.done()[0] as { facts: Record<string, unknown> }
  assert.deepEqual([facts['done'], facts['rows']], [1, 2])
  assert.ok(!JSON.stringify(shop.world.audit.events).includes('a value'))
})

test('what was done is recorded as what it needed, each statement by its verb and schema', async (t) => {
  if (postgres === undefined) return t.skip(missing)
  const shop = await openShop(t, postgres, [
    'postgres:ddl orders/shop@public',
    'postgres:read orders/shop@hidden',
  ])
  await shop.psql([
    'SELECT 1',
    'CREATE TABLE made AS SELECT * FROM hidden.keys',
    'INSERT INTO made VALUES (5)',
    'PREPARE p AS DELETE FROM made; EXECUTE p',
    'DROP TABLE made',
  ])
  const did = () =>
    shop.done().map(({ operation, facts }) => [operation, facts as Record<string, unknown>] as const)
  await until(() => did().length >= 5)
  assert.deepEqual(
    did().map(([operation, { statement, beside }]) => [operation, statement, beside]),
    [
      ['postgres:read orders/shop', 'SELECT ?', undefined],
      [
        'postgres:ddl orders/shop@public',
        'CREATE TABLE made AS SELECT * FROM hidden.keys',
        'postgres:read orders/shop@hidden',
      ],
      ['postgres:write orders/shop@public', 'INSERT INTO made VALUES (?)', undefined],
      [
        'postgres:write orders/shop@public',
        'PREPARE p AS DELETE FROM made; EXECUTE p ("p" is PREPARE p AS DELETE FROM made; EXECUTE p)',
        undefined,
      ],
      ['postgres:ddl orders/shop@public', 'DROP TABLE made', undefined],
    ],
  )
})

test('TLS: a client that asks for it gets the run’s own, and holds the host’s name against it', async (t) => {
  if (postgres === undefined) return t.skip(missing)
  const shop = await openShop(t, postgres, ['postgres:read orders/shop@public'])
  const ca = join(folder, 'ca.pem')
  writeFileSync(ca, shop.world.ca)
  const verify = { PGSSLMODE: 'verify-full', PGSSLROOTCERT: ca, PGHOSTADDR: '127.0.0.1' }
  const good = await shop.psql('SELECT count(*) FROM items', { env: { ...verify, PGHOST: host } })
  assert.deepEqual(good, { code: 0, out: '2', err: '' })
  const bad = await shop.psql('SELECT 1', { env: { ...verify, PGHOST: 'another.test' } })
  assert.match(bad.err, /does not match host name|EOF detected/)
})

test('a session that is not limited: pgbench and pg_dump as they are, COPY both ways, and a large result', async (t) => {
  if (postgres === undefined) return t.skip(missing)
  const shop = await openShop(t, postgres, ['postgres:connect orders'])
  const bench = await shop.run('pgbench', ['-i', '-s', '1', '-q', 'other'])
  assert.equal(bench.code, 0, bench.err)
  for (const protocol of ['simple', 'extended', 'prepared']) {
    const ran = await shop.run('pgbench', ['-n', '-M', protocol, '-c', '2', '-t', '50', 'other'])
    assert.match(ran.out, /transactions actually processed: 100\/100/, ran.err)
  }
  const dump = await shop.run('pg_dump', ['shop'])
  assert.match(dump.out, /hidden-value/)
  const large = await shop.psql("SELECT repeat('x', 1000) FROM generate_series(1, 20000)")
  assert.equal(large.out.length, 20_000 * 1_001 - 1)
  const copied = await shop.psql('\\copy (SELECT 1) to stdout')
  assert.equal(copied.out, '1')
})

test('a migration: what a grant of ddl lets through, and what waits for admin', async (t) => {
  if (postgres === undefined) return t.skip(missing)
  const shop = await openShop(t, postgres, ['postgres:ddl orders/shop@public'])
  const file = join(folder, 'data')
  writeFileSync(file, '3\tthree\n4\tfour\n')
  const migrated = await shop.psql([
    'BEGIN',
    'CREATE TABLE more (id int PRIMARY KEY, name text)',
    'CREATE INDEX ON more (lower(name))',
    `\\copy more from ${file}`,
    'INSERT INTO more SELECT id, name FROM items ON CONFLICT DO NOTHING',
    'COMMIT',
    'SELECT count(*) FROM more',
    'DROP TABLE more',
  ])
  assert.deepEqual([migrated.err, migrated.out.split('\n').at(-2)], ['', '4'])
  for (const sql of [
    'CREATE ROLE mallory',
    "COPY items TO PROGRAM 'cat'",
    "COPY items FROM '/etc/passwd'",
    'DO $$ BEGIN END $$',
    'SET ROLE ci',
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT ('/etc/passwd'::text).pg_read_file",
    'CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$SELECT 1$$',
    'SET standard_conforming_strings = off',
    "SET client_encoding = 'SJIS'",
    "SELECT set_config('standard' || '_conforming_strings', 'off', false)",
    'CREATE TABLE hidden.more (id int)',
    'SELECT 1; SELECT * FROM hidden.keys',
    'WITH x AS (DELETE FROM hidden.keys RETURNING *) SELECT 1',
    'EXPLAIN ANALYZE DELETE FROM hidden.keys',
    'SELECT 1 INTO hidden.one',
    "PREPARE TRANSACTION 'x'",
  ])
    assert.match((await shop.psql(sql)).err, /mayfly: refused: postgres:/, sql)
  assert.equal(postgres.sql('SELECT count(*) FROM hidden.keys', 'shop'), '1')
})

test('a driver: prepared statements, a refusal within a pipeline and within a transaction, and names that are not known', async (t) => {
  if (postgres === undefined) return t.skip(missing)
  const shop = await openShop(t, postgres, ['postgres:read orders/shop@public'])
  const client = new pg.Client({
    host: '127.0.0.1',
    port: shop.port,
    user: 'anybody',
    password: 'any',
    database: 'shop',
  })
  await client.connect()
  const named = { name: 'one', text: 'SELECT name FROM items WHERE id = $1' }
  assert.deepEqual((await client.query({ ...named, values: [1] })).rows, [{ name: 'one' }])
  assert.deepEqual((await client.query({ ...named, values: [2] })).rows, [{ name: 'two' }])
  const denied = { code: '42501', message: /postgres:read orders\/shop@hidden/ }
  await assert.rejects(client.query('SELECT * FROM hidden.keys WHERE id = $1', [1]), denied)
  await client.query('BEGIN')
  await assert.rejects(client.query('SELECT * FROM hidden.keys WHERE id = $1', [1]), denied)
  await assert.rejects(client.query('SELECT 1'), { code: '25P02' })
  await client.query('ROLLBACK')
  // Its role writes nowhere, so that the server holds it from that, too.
  await assert.rejects(client.query('DELETE FROM items'), { code: '42501' })
  assert.equal((await client.query('SHOW transaction_read_only')).rows[0]?.['transaction_read_only'], 'on')
  await assert.rejects(client.query('EXECUTE nobody'), { code: '26000' })
  await client.query('PREPARE p AS SELECT count(*)::int AS n FROM items')
  assert.deepEqual((await client.query('EXECUTE p')).rows, [{ n: 2 }])
  await assert.rejects(client.query('SELEC 1'), { code: '42601' })
  await client.end()
})

test('a statement is cancelled on another connection, notifications come, and the end of lease or step cuts what is open', async (t) => {
  if (postgres === undefined) return t.skip(missing)
  const shop = await openShop(t, postgres, ['postgres:write orders/shop@public'])
  const options = { host: '127.0.0.1', port: shop.port, user: 'x', database: 'shop' }
  const client = new pg.Client(options)
  await client.connect()
  const slow = assert.rejects(client.query('SELECT pg_sleep(60)'), { code: '57014' })
  const { processID, secretKey } = client as unknown as { processID: number; secretKey: number }
  await until(
    () => postgres?.sql("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'") === '1',
  )
  const other = new pg.Client(options)
  other.on('error', () => undefined)
  const { connection } = other as unknown as {
    connection: {
      cancel(id: number, key: number): void
      connect(port: number, host: string): void
      on(event: 'connect', then: () => void): void
    }
  }
  connection.on('connect', () => connection.cancel(processID, secretKey))
  connection.connect(shop.port, '127.0.0.1')
  await slow
  const heard = new Promise<string | undefined>((resolve) =>
    client.on('notification', ({ payload }) => resolve(payload)),
  )
  await client.query('LISTEN news')
  await client.query("NOTIFY news, 'hello'")
  assert.equal(await heard, 'hello')
  const ended = new Promise<void>((resolve) => client.on('error', () => resolve()))
  shop.world.brokers.endLease(shop.world.step, 'orders')
  await ended
  // The next lease has another value.
  const password = (value: string) => postgres?.sql(`ALTER ROLE ${login.user} PASSWORD '${value}'`)
  password(`${login.password}-2`)
  t.after(() => password(login.password))
  const last = new pg.Client(options)
  await last.connect()
  const over = new Promise<void>((resolve) => last.on('error', () => resolve()))
  shop.world.brokers.end(shop.world.step)
  await over
  await until(() => postgres?.sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'injected'") === '0')
})

test('upstream: TLS that is held to the host’s name, SCRAM bound to it, MD5, and a password only within TLS', async (t) => {
  if (postgres === undefined) return t.skip(missing)
  const ca = readFileSync(authority.file, 'utf8')
  const grants = ['postgres:connect orders']
  const secure = await openShop(t, postgres, grants, { ca })
  const plain = await openShop(t, postgres, grants, { tls: 'off' })
  const isTls = 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()'
  assert.deepEqual([(await secure.psql(isTls)).out, (await plain.psql(isTls)).out], ['t', 'f'])
  const other = await openShop(t, postgres, grants, { tls: 'verify' })
  assert.match((await other.psql('SELECT 1')).err, /no CA that is trusted here has signed its certificate/)
  const pair = await authority.issue('db', [host])
  const certificate = new X509Certificate(readFileSync(pair.cert))
  assert.equal(
    createScram(['SCRAM-SHA-256', 'SCRAM-SHA-256-PLUS'], 'x', certificate)?.mechanism,
    'SCRAM-SHA-256-PLUS',
  )
  const hba = postgres.sql('SHOW hba_file')
  const usual = readFileSync(hba, 'utf8')
  try {
    postgres.sql(`SET password_encryption = 'md5'; ALTER ROLE ${login.user} PASSWORD '${login.password}'`)
    for (const [method, ...works] of [
      ['md5', true, true],
      ['password', true, false],
    ] as const) {
      writeFileSync(hba, `host all ${login.user} 127.0.0.1/32 ${method}\n${usual}`)
      postgres.sql('SELECT pg_reload_conf()')
      await until(() => postgres?.sql('SELECT auth_method FROM pg_hba_file_rules LIMIT 1') === method)
      const ran = [await secure.psql('SELECT 1'), await plain.psql('SELECT 1')]
      assert.deepEqual(
        ran.map(({ out }) => out === '1'),
        works,
        method,
      )
    }
  } finally {
    writeFileSync(hba, usual)
    postgres.sql(`SELECT pg_reload_conf(); ALTER ROLE ${login.user} PASSWORD '${login.password}'`)
  }
})

test('a grant that asks for a person’s yes: each time that a statement is done, once for it, and not for preparing it', async (t) => {
  if (postgres === undefined) return t.skip(missing)
  const asked: string[] = []
  const approvers = {
    async ask({
      operations,
      detail,
    }: {
      operations: readonly string[]
      detail: Readonly<Record<string, unknown>>
    }) {
      asked.push(`${operations.join()}: ${String(detail['statement'])}`)
      return asked.length < 5
        ? { ok: true as const, approval: 'apr_1', by: ['anna'] }
        : { ok: false as const, why: 'denied by anna' }
    },
    stepEnded: async () => undefined,
  }
  const write = {
    grant: 'postgres:write orders/shop@public',
    approval: 'always',
    approvers: 'managers',
  } as const
  const shop = await openShop(t, postgres, ['postgres:read orders/shop@public', write], {}, { approvers })
  const client = new pg.Client({ host: '127.0.0.1', port: shop.port, user: 'x', database: 'shop' })
  await client.connect()
  const change = { name: 'change', text: 'UPDATE items SET name = $1 WHERE id = 1' }
  for (let times = 0; times < 2; times++) await client.query({ ...change, values: ['one'] })
  for (let times = 0; times < 2; times++) await client.query("UPDATE items SET name = 'one' WHERE id = 1")
  await client.query('SELECT name FROM items WHERE id = $1', [1])
  const parameters = 'postgres:write orders/shop@public: UPDATE items SET name = $1 WHERE id = ?'
  const literals = 'postgres:write orders/shop@public: UPDATE items SET name = ? WHERE id = ?'
  assert.deepEqual(asked, [parameters, parameters, literals, literals])
  // No grant is missing: none is advised.
  await assert.rejects(client.query({ ...change, values: ['no'] }), {
    ...{ code: '42501', message: /denied by anna/, hint: undefined },
  })
  const hidden = `${"UPDATE items SET name = 'x' WHERE id = 3; ".repeat(300)}DELETE FROM items`
  await assert.rejects(client.query(hidden), { code: '42501', message: /too long to be shown/ })
  assert.equal(asked.length, 5)
  assert.equal(postgres.sql('SELECT name FROM items WHERE id = 1', 'shop'), 'one')
  await client.end()
})
