import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mysqlRole, postgresRole } from './database-account-schema.ts'

const admin = 'secret:admin'
const problem = (schema: typeof mysqlRole | typeof postgresRole, config: object) =>
  schema.safeParse({ admin, ...config }).error?.issues[0]?.message ?? 'none'

test('a role’s names are any that PostgreSQL keeps whole; who gets what it leaves has no more than it had', () => {
  for (const name of [`we"ird'; \\`, 'ünïcode', 'x'.repeat(63), 'orders-migrator'])
    assert.equal(problem(postgresRole, { grants: [name], database: name }), 'none')
  for (const name of ['', 'x'.repeat(64), 'ü'.repeat(32), 'a\0', 'a\nb', '\ud800'])
    assert.notEqual(problem(postgresRole, { grants: [name] }), 'none')
  assert.equal(problem(postgresRole, { grants: ['app'], owner: 'app' }), 'none')
  assert.match(problem(postgresRole, { grants: ['app'], owner: 'root' }), /one of `grants`/)
  assert.notEqual(problem(postgresRole, { ttl: '25h' }), 'none')
  assert.notEqual(problem(postgresRole, { connections: 0 }), 'none')
})

test('an account is granted names and privileges, and none with which a step could make what outlives it', () => {
  const granted = (on: string, ...privileges: string[]) =>
    problem(mysqlRole, { grants: [{ privileges, on }] })
  for (const on of ['*.*', 'my_app.*', 'my-app.orders', 'we`ird.ta`ble'])
    assert.equal(granted(on, 'SELECT'), 'none')
  for (const privilege of ['ALL PRIVILEGES', 'CREATE TEMPORARY TABLES', 'SHOW VIEW', 'BACKUP_ADMIN'])
    assert.equal(granted('shop.*', privilege), 'none', privilege)
  for (const privilege of ['CREAT', 'SELECTS', 'CREATE TABLE', 'LOCK TABLE'])
    assert.match(granted('shop.*', privilege), /no privilege of MariaDB or MySQL/, privilege)
  for (const on of ['*.orders', 'shop', 'a.b.c', '.x', 'a.', 'a\0.b'])
    assert.notEqual(granted(on, 'SELECT'), 'none', on)
  for (const privilege of ['GRANT OPTION', 'CREATE USER', 'SUPER', 'PROXY', 'CREATE ROLE'])
    assert.match(granted('shop.*', privilege), /outlives the step/, privilege)
  assert.match(granted('*.*', 'ALL'), /outlives the step/)
  for (const privilege of ['select', 'SELECT, SUPER', 'SELECT  ON', 'SELECT ON x.* TO root; --', ''])
    assert.notEqual(granted('shop.*', privilege), 'none', privilege)
  assert.notEqual(problem(mysqlRole, { host: `%' ; --` }), 'none')
})
