import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { after, before, test } from 'node:test'
import { startPostgres, type Postgres } from '../../../test/e2e/postgres.ts'
import { rotationSchema } from '../../config/index.ts'
import { Secret } from '../../lib/index.ts'
import { name, setup } from '../rotation.fixture.ts'

const now = { by: '"ada"', now: true }

let postgres: Postgres | undefined
before(async () => {
  postgres = await startPostgres({ passwords: true, settings: ['log_statement=all'] })
  postgres?.sql("CREATE ROLE boss LOGIN CREATEROLE PASSWORD 'boss-pass'")
})
after(() => postgres?.[Symbol.dispose]())

test('two users of PostgreSQL take turns: the same memberships, the last one is let in no more', async (t) => {
  if (postgres === undefined) return t.skip('PostgreSQL is not installed (scripts/setup tests)')
  const { port, psql } = postgres
  for (const line of [
    'CREATE ROLE orders_rw',
    'CREATE TABLE orders (id int)',
    'GRANT SELECT, INSERT ON orders TO orders_rw',
    "CREATE ROLE legacy LOGIN PASSWORD 'legacy-pass' IN ROLE orders_rw",
  ])
    postgres.sql(line)
  if (Number(postgres.sql('SHOW server_version_num')) >= 160_000)
    postgres.sql('GRANT orders_rw, legacy TO boss WITH ADMIN OPTION')
  const users = { server: `127.0.0.1:${postgres.port}`, admin: 'secret:boss', users: 'orders' }
  const by = rotationSchema.parse({ every: '30d', by: { 'postgres-users': users } }).by
  const it = await setup(t, by, { value: 'legacy:legacy-pass' })
  await it.vault.set('boss', new Secret('boss:boss-pass'))
  const works = (login: string) => {
    const [user = '', password = ''] = login.split(':')
    const args = [
      '-h',
      '127.0.0.1',
      '-p',
      String(port),
      '-U',
      user,
      '-Atc',
      'SELECT count(*) FROM orders',
      'postgres',
    ]
    return spawnSync(psql, args, { env: { PGPASSWORD: password }, encoding: 'utf8' }).status === 0
  }
  const seen = ['legacy:legacy-pass']
  const server = it.server()
  for (const user of ['orders_a', 'orders_b', 'orders_a']) {
    await server.rotate(name, now)
    await server.sweep()
    assert.equal((await it.rows()).at(-1)?.state, 'promoted', (await it.rows()).at(-1)?.failure ?? '')
    const value = await it.current()
    assert.ok(value.startsWith(`${user}:`))
    assert.ok(works(value) && works(seen.at(-1) ?? ''), 'both work while the old one has leases')
    await it.settle(server)
    assert.deepEqual([(await it.rows()).at(-1)?.state, (await it.rows()).at(-1)?.proof], ['done', 'probed'])
    assert.ok(works(value) && !works(seen.at(-1) ?? ''))
    seen.push(value)
  }
  // Killed before and after each word with the server: the next one does the same again, or goes back.
  for (let at = 0, isOver = false; !isOver; at++) {
    let points = 0
    const doomed = it.server((point) => point === 'write' && points++ === at)
    await it.server().rotate(name, now)
    await doomed.sweep().catch(() => undefined)
    isOver = points <= at
    it.clock.ms += 601_000
    await it.settle(it.server())
    const current = await it.current()
    assert.ok(works(current), `point ${at}`)
    const roles: string = postgres.sql(
      "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'orders__' AND rolcanlogin",
    )
    assert.equal(roles, '1', `point ${at}`)
    seen.push(current)
  }
  for (const value of seen.slice(1))
    assert.ok(!postgres.log().includes(value.split(':')[1] ?? '?'), 'no password in its log')
})

test('a user that may make roles is not touched; and it is not shut out either', async (t) => {
  if (postgres === undefined) return t.skip('PostgreSQL is not installed (scripts/setup tests)')
  postgres.sql("CREATE ROLE other_a LOGIN CREATEROLE PASSWORD 'x'")
  postgres.sql("CREATE ROLE other LOGIN PASSWORD 'other-pass'")
  const users = { server: `127.0.0.1:${postgres.port}`, admin: 'secret:boss', users: 'other' }
  const by = rotationSchema.parse({ every: '30d', by: { 'postgres-users': users } }).by
  const it = await setup(t, by, { value: 'other:other-pass' })
  await it.vault.set('boss', new Secret('boss:boss-pass'))
  const server = it.server()
  await server.rotate(name, now)
  for (let step = 0; step < 6; step++) {
    await server.sweep()
    it.clock.ms += 200_000
  }
  assert.match((await it.rows())[0]?.failure ?? '', /role "other_a" may make roles/)
  assert.equal(postgres.sql("SELECT rolcanlogin FROM pg_roles WHERE rolname = 'other_a'"), 't')
})

test('one that the admin may not end is refused before anything is made, also by a dry run', async (t) => {
  if (postgres === undefined) return t.skip('PostgreSQL is not installed (scripts/setup tests)')
  postgres.sql("CREATE ROLE chief SUPERUSER LOGIN PASSWORD 'chief-pass'")
  const users = { server: `127.0.0.1:${postgres.port}`, admin: 'secret:boss', users: 'chiefs' }
  const by = rotationSchema.parse({ every: '30d', by: { 'postgres-users': users } }).by
  const it = await setup(t, by, { value: 'chief:chief-pass' })
  await it.vault.set('boss', new Secret('boss:boss-pass'))
  const server = it.server()
  const refused =
    /admin may not end "chief", whose value is in use, so nothing is begun: .*(?:superuser|SUPERUSER).* value of a user that it may end/
  const told = await server.dryRun(name)
  assert.equal(told.probe, 'alive')
  assert.match(told.hindered ?? '', refused)
  await server.rotate(name, now)
  await it.settle(server, 2)
  const [row] = await it.rows()
  assert.equal(row?.state, 'failed')
  assert.match(row.failure ?? '', refused)
  assert.equal(postgres.sql("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'chiefs__'"), '0')
  assert.equal(
    postgres.sql("SELECT rolcanlogin FROM pg_roles WHERE rolname = 'chief'"),
    't',
    'it was only tried',
  )
  // The admin’s own login, and a wrong password of the admin.
  await it.vault.set(name, new Secret('boss:boss-pass'))
  assert.match((await server.dryRun(name)).hindered ?? '', /"boss" is the admin itself/)
  await it.vault.set(name, new Secret('chief:chief-pass'))
  await it.vault.set('boss', new Secret('boss:wrong'))
  assert.match((await server.dryRun(name)).hindered ?? '', /password authentication failed/)
})
