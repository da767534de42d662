import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { startMariaDb } from '../../../test/e2e/mariadb.ts'
import { rotationSchema } from '../../config/index.ts'
import { Secret } from '../../lib/index.ts'
import { name, setup } from '../rotation.fixture.ts'

test('two accounts of MariaDB take turns: the same grants, the last one is locked', async (t) => {
  using mariaDb = await startMariaDb()
  if (mariaDb === undefined) return t.skip('MariaDB is not installed (scripts/setup tests)')
  for (const line of [
    'CREATE DATABASE orders',
    'CREATE TABLE orders.things (id int)',
    "CREATE USER boss@'%' IDENTIFIED BY 'boss-pass'",
    "GRANT CREATE USER, CONNECTION ADMIN ON *.* TO boss@'%'",
    "GRANT UPDATE ON mysql.* TO boss@'%'",
    "GRANT SELECT ON orders.* TO boss@'%' WITH GRANT OPTION",
    "CREATE USER legacy@'%' IDENTIFIED BY 'legacy-pass'",
    "GRANT SELECT ON orders.* TO legacy@'%'",
  ])
    mariaDb.sql(line)
  const users = {
    server: `127.0.0.1:${mariaDb.port}`,
    admin: 'secret:boss',
    users: 'orders',
    grants: [{ privileges: ['SELECT'], on: 'orders.*' }],
  }
  const by = rotationSchema.parse({ every: '30d', by: { 'mysql-users': users } }).by
  const it = await setup(t, by, { value: 'legacy:legacy-pass' })
  await it.vault.set('boss', new Secret('boss:boss-pass'))
  const works = (login: string) => {
    const [user = '', password = ''] = login.split(':')
    const args = [
      '-h',
      '127.0.0.1',
      '-P',
      String(mariaDb.port),
      '-u',
      user,
      '-e',
      'SELECT count(*) FROM orders.things',
    ]
    return spawnSync(mariaDb.client, args, { env: { MYSQL_PWD: password }, encoding: 'utf8' }).status === 0
  }
  const server = it.server()
  let last = 'legacy:legacy-pass'
  for (const user of ['orders_a', 'orders_b', 'orders_a']) {
    await server.rotate(name, { by: '"ada"', now: true })
    await server.sweep()
    const row = (await it.rows()).at(-1)
    assert.equal(row?.state, 'promoted', row?.failure ?? '')
    const value = await it.current()
    assert.ok(value.startsWith(`${user}:`))
    assert.ok(works(value) && works(last), 'both work while the old one has leases')
    await it.settle(server)
    const ended = (await it.rows()).at(-1)
    assert.deepEqual([ended?.state, ended?.proof], ['done', 'probed'], ended?.failure ?? '')
    assert.ok(works(value) && !works(last))
    assert.ok(!mariaDb.log().includes(value.split(':')[1] ?? '?'), 'no password in its log')
    last = value
  }
  // What could not be ended is found out before anything is made.
  mariaDb.sql("CREATE USER near@localhost IDENTIFIED BY 'near-pass'")
  await it.vault.set(name, new Secret('near:near-pass'))
  const near = await server.dryRun(name)
  if (near.probe === 'alive')
    assert.match(near.hindered ?? '', /no account 'near'@'%', and what logs in as near/)
  await it.vault.set(name, new Secret(last))
  assert.deepEqual([(await server.dryRun(name)).hindered, works(last)], [null, true])
  mariaDb.sql("REVOKE CONNECTION ADMIN ON *.* FROM boss@'%'")
  assert.match(
    (await server.dryRun(name)).hindered ?? '',
    /boss may not cut the connections of others: GRANT CONNECTION ADMIN/,
  )
  mariaDb.sql("GRANT CONNECTION ADMIN ON *.* TO boss@'%'")
  mariaDb.sql("REVOKE CREATE USER ON *.* FROM boss@'%'")
  mariaDb.sql("REVOKE UPDATE ON mysql.* FROM boss@'%'")
  assert.match((await server.dryRun(name)).hindered ?? '', /may not end "orders_a".* lacks a right/)
  mariaDb.sql("GRANT CREATE USER ON *.* TO boss@'%'")
  mariaDb.sql("GRANT UPDATE ON mysql.* TO boss@'%'")
  // Killed once the server has changed everything: the next one does the same again.
  let questions = 0
  const doomed = it.server((point) => point === 'write' && questions++ === 2)
  await server.rotate(name, { by: '"ada"', now: true })
  await doomed.sweep().catch(() => undefined)
  it.clock.ms += 601_000
  await it.settle(server)
  assert.ok(works(await it.current()) && !works(last))
})
