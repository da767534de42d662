import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { createTestAuthority } from '../../../test/certificates.ts'
import { startMariaDb, type MariaDb } from '../../../test/e2e/mariadb.ts'
import type { MayflyError } from '../../lib/index.ts'
import { accountName } from '../account-name.ts'
import { coded, connectionAt, field, heldOf, requestFor, toolsWith } from '../issuer.fixture.ts'
import type { Minted, MintRequest } from '../issuer.ts'
import { startRelay } from '../relay.fixture.ts'
import { mysqlRole } from './index.ts'
import { quoteText } from './quote.ts'

let mariaDb: MariaDb
let authority: string
const folder = mkdtempSync(join(tmpdir(), 'mayfly-accounts-'))
const missing = 'MariaDB is not installed (scripts/setup tests)'
const weird = "we`ird'; \\ ünï"
const tools = toolsWith({
  admin: "admin:p:a'ss",
  wrong: 'admin:wrong',
  weak: 'weak:weak',
  malformed: 'nothing',
})

before(async () => {
  const made = await createTestAuthority(folder)
  authority = readFileSync(made.file, 'utf8')
  const started = await startMariaDb(await made.issue('db', ['db.test']))
  if (started === undefined) return
  mariaDb = started
  const quoted = (name: string) => `\`${name.replaceAll('`', '``')}\``
  for (const line of [
    "CREATE USER admin@'%' IDENTIFIED BY 'p:a''ss'",
    "GRANT CREATE USER, CONNECTION ADMIN ON *.* TO admin@'%'",
    "GRANT UPDATE ON mysql.* TO admin@'%'",
    "CREATE USER weak@'%' IDENTIFIED BY 'weak'",
    'CREATE DATABASE my_app',
    'CREATE DATABASE myXapp',
    `CREATE DATABASE ${quoted(weird)}`,
    'CREATE TABLE my_app.things (id int)',
    'CREATE TABLE myXapp.things (id int)',
    `CREATE TABLE ${quoted(weird)}.${quoted('ta`ble')} (id int)`,
    "GRANT SELECT, INSERT ON `my\\_app`.* TO admin@'%' WITH GRANT OPTION",
    "GRANT SELECT ON `myXapp`.* TO admin@'%' WITH GRANT OPTION",
    `GRANT SELECT ON ${quoted(weird)}.${quoted('ta`ble')} TO admin@'%' WITH GRANT OPTION`,
    'CREATE ROLE `rea``der`',
    "GRANT `rea``der` TO admin@'%' WITH ADMIN OPTION",
    'GRANT INSERT ON my_app.things TO `rea``der`',
  ])
    mariaDb.sql(line)
})
after(() => {
  mariaDb?.[Symbol.dispose]()
  rmSync(folder, { recursive: true, force: true })
})

type Config = Partial<MintRequest<'mysql-role'>['config']>
function request(config: Config = {}, more: Partial<MintRequest<'mysql-role'>> = {}) {
  const connection = more.connection ?? connectionAt(mariaDb.port)
  const usual = {
    admin: 'secret:admin',
    grants: [{ privileges: ['SELECT'], on: 'my_app.*' }],
    roles: [],
    host: '%',
    connections: 2,
  }
  return requestFor<'mysql-role'>(connection, { ...usual, ...config }, more)
}

async function mint(asked = request()) {
  const plan = mysqlRole.plan(asked)
  const made = await mysqlRole.mint(asked, plan, tools)
  return { made, held: heldOf(asked, plan, made), user: field(made, 'username') }
}

const loginOf = (made: Minted) => [
  '--no-defaults',
  '--default-character-set=utf8mb4',
  '-N',
  '-B',
  '-h',
  '127.0.0.1',
  '-P',
  String(mariaDb.port),
  '-u',
  field(made, 'username'),
]
function sqlAs(made: Minted, sql: string) {
  const env = { MYSQL_PWD: field(made, 'password') }
  return spawnSync(mariaDb.client, [...loginOf(made), '-e', sql], { encoding: 'utf8', env })
}

const accountsLike = (user: string) => mariaDb.sql(`SELECT count(*) FROM mysql.user WHERE user = '${user}'`)

test('an account reads what it was granted and nothing that only looks so, is cut off as it is revoked, and no log has its password', async (t) => {
  if (mariaDb === undefined) return t.skip(missing)
  const { made, held, user } = await mint()
  assert.match(user, /^mayfly_[0-9a-z]{24}$/)
  assert.equal(sqlAs(made, 'SELECT count(*) FROM my_app.things').stdout.trim(), '0')
  assert.match(sqlAs(made, 'SELECT count(*) FROM myXapp.things').stderr, /denied/)
  assert.match(sqlAs(made, 'INSERT INTO my_app.things VALUES (1)').stderr, /denied/)
  assert.equal(await mysqlRole.probe?.(held, tools), 'alive')
  assert.match(
    mariaDb.sql(`SHOW CREATE USER '${user}'@'%'`),
    /MAX_USER_CONNECTIONS 2 PASSWORD EXPIRE INTERVAL 1 DAY/,
  )
  const session = spawn(mariaDb.client, [...loginOf(made), '-e', 'SELECT SLEEP(60)'], {
    env: { MYSQL_PWD: field(made, 'password') },
    stdio: 'ignore',
  })
  while (
    !mariaDb.sql(`SELECT info FROM information_schema.processlist WHERE user = '${user}'`).includes('SLEEP')
  );
  const ended = once(session, 'exit')
  assert.equal(await mysqlRole.revoke(held, tools), 'revoked')
  assert.notEqual((await ended)[0], 0)
  assert.match(sqlAs(made, 'SELECT 1').stderr, /denied/)
  assert.equal(await mysqlRole.probe?.(held, tools), 'dead')
  assert.equal(await mysqlRole.revoke(held, tools), 'not_found')
  assert.equal(accountsLike(user), '0')
  const log = mariaDb.log()
  assert.match(log, /mysql_native_password USING '\*[0-9A-F]{40}'/)
  assert.ok(!log.includes(field(made, 'password')))
})

test('names are taken as they are, roles are on, and a host that lets nobody in is told apart from an account that is gone', async (t) => {
  if (mariaDb === undefined) return t.skip(missing)
  const on = `${weird}.ta\`ble`
  const { made, held } = await mint(request({ grants: [{ privileges: ['SELECT'], on }], roles: ['rea`der'] }))
  assert.equal(
    sqlAs(made, "SELECT count(*) FROM `we``ird'; \\\\ ünï`.`ta``ble`".replace('\\\\', '\\')).stdout.trim(),
    '0',
  )
  assert.equal(sqlAs(made, 'INSERT INTO my_app.things VALUES (1)').status, 0)
  assert.equal(await mysqlRole.revoke(held, tools), 'revoked')
  const elsewhere = await mint(request({ host: '10.0.0.%' }))
  assert.match(sqlAs(elsewhere.made, 'SELECT 1').stderr, /denied/)
  assert.equal(await mysqlRole.probe?.(elsewhere.held, tools), 'alive')
  assert.equal(await mysqlRole.revoke(elsewhere.held, tools), 'revoked')
  assert.equal(await mysqlRole.probe?.(elsewhere.held, tools), 'dead')
  for (const name of ["a'b", 'a\\b', 'a b', 'a\0', 'ä'])
    assert.throws(() => quoteText(name), coded('bad_input', /no account, host or hash/))
  const forged = { username: 'root', host: '%' }
  await assert.rejects(
    mysqlRole.revoke({ ...held, plan: forged }, tools),
    coded('bad_input', /no account that Mayfly made/),
  )
})

test('what was begun is found by its plan, locked until it was whole; a revocation that was cut goes on', async (t) => {
  if (mariaDb === undefined) return t.skip(missing)
  const relay = await startRelay(t, mariaDb.port)
  for (const cutAfter of ['CREATE USER', 'GRANT SELECT', 'UNLOCK']) {
    relay.cutAfter = cutAfter
    const asked = request({}, { connection: connectionAt(relay.port) })
    const plan = mysqlRole.plan(asked)
    await assert.rejects(mysqlRole.mint(asked, plan, tools), coded('upstream_unreachable', /orders/))
    relay.cutAfter = undefined
    const user = accountName(asked.lease)
    assert.equal(accountsLike(user), '1')
    const locked = /ACCOUNT LOCK/.test(mariaDb.sql(`SHOW CREATE USER '${user}'@'%'`))
    assert.equal(locked, cutAfter !== 'UNLOCK')
    assert.equal(await mysqlRole.probe?.(heldOf(asked, plan), tools), 'alive')
    assert.equal(await mysqlRole.revoke(heldOf(asked, plan), tools), 'revoked')
    assert.equal(accountsLike(user), '0')
  }
  for (const cutAfter of ['ACCOUNT LOCK', 'KILL USER', 'DROP USER']) {
    const { held, user } = await mint(request({}, { connection: connectionAt(relay.port) }))
    relay.cutAfter = cutAfter
    await assert.rejects(mysqlRole.revoke(held, tools), coded('upstream_unreachable', /orders/))
    relay.cutAfter = undefined
    assert.match(await mysqlRole.revoke(held, tools), /^(?:revoked|not_found)$/)
    assert.equal(accountsLike(user), '0')
  }
  // Somebody dropped it, and whoever is logged in would stay so.
  const { made, held, user } = await mint()
  const session = spawn(mariaDb.client, [...loginOf(made), '-e', 'SELECT SLEEP(60)'], {
    env: { MYSQL_PWD: field(made, 'password') },
    stdio: 'ignore',
  })
  while (
    !mariaDb.sql(`SELECT info FROM information_schema.processlist WHERE user = '${user}'`).includes('SLEEP')
  );
  const ended = once(session, 'exit')
  mariaDb.sql(`DROP USER '${user}'@'%'`)
  assert.equal(await mysqlRole.revoke(held, tools), 'not_found')
  assert.notEqual((await ended)[0], 0)
})

test('what is refused says what to do', async (t) => {
  if (mariaDb === undefined) return t.skip(missing)
  const refused = (config: Config, message: RegExp) =>
    assert.rejects(mint(request(config)), coded('credential_failed', message))
  await refused({ admin: 'secret:wrong' }, /"wrong" user:password.*mayfly secret set wrong/)
  await refused({ admin: 'secret:weak' }, /weak lacks a right: it needs CREATE USER/)
  await refused({ grants: [{ privileges: ['DELETE'], on: 'my_app.*' }] }, /admin lacks a right/)
  await refused({ grants: [{ privileges: ['SELECT'], on: 'my_app.nothing' }] }, /make it first|lacks a right/)
  await refused({ roles: ['nobody'] }, /make the role first/)
  await assert.rejects(mint(request({ admin: 'secret:malformed' })), coded('bad_input', /user:password/))
  const nobody = request({}, { connection: connectionAt(1) })
  await assert.rejects(mint(nobody), coded('upstream_unreachable', /ECONNREFUSED/))
  const relay = await startRelay(t, mariaDb.port)
  relay.flood = Buffer.concat([Buffer.from([0xff, 0xff, 0xff, 0]), Buffer.alloc(1 << 16)])
  await assert.rejects(
    mint(request({}, { connection: connectionAt(relay.port) })),
    coded('upstream_unreachable', /orders/),
  )
})

test('over a network it is TLS, for the name in the configuration', async (t) => {
  if (mariaDb === undefined) return t.skip(missing)
  const dial = { address: '127.0.0.1', port: mariaDb.port }
  const at = (host: string, ca: string) => request({}, { connection: connectionAt(3306, { host, dial, ca }) })
  const { held } = await mint(at('db.test', authority))
  assert.equal(await mysqlRole.revoke(held, tools), 'revoked')
  await assert.rejects(
    mint(at('other.test', authority)),
    coded('credential_failed', /not for other\.test, but for DNS:db\.test/),
  )
  await assert.rejects(
    mint(at('127.0.0.1', authority)),
    coded('config_invalid', /the name in url and the address as dial/),
  )
  const stranger = await createTestAuthority(join(folder, 'other'))
  await assert.rejects(
    mint(at('db.test', readFileSync(stranger.file, 'utf8'))),
    coded('credential_failed', /none of the CAs that the connection names as ca/),
  )
})

test('two servers that revoke it at once leave nothing, and neither calls it a fault for good', async (t) => {
  if (mariaDb === undefined) return t.skip(missing)
  const { held, user } = await mint()
  const ends = await Promise.allSettled([1, 2, 3].map(() => mysqlRole.revoke(held, tools)))
  for (const end of ends)
    if (end.status === 'rejected')
      assert.equal((end.reason as MayflyError).code, 'upstream_unreachable', String(end.reason))
  assert.match(await mysqlRole.revoke(held, tools), /^(?:revoked|not_found)$/)
  assert.equal(accountsLike(user), '0')
})

test('a replica that is read-only, and a server that is full', async (t) => {
  if (mariaDb === undefined) return t.skip(missing)
  mariaDb.sql('SET GLOBAL read_only = 1')
  await assert.rejects(mint(), coded('credential_failed', /must name the primary/))
  mariaDb.sql('SET GLOBAL read_only = 0; SET GLOBAL max_connections = 10')
  // One more is kept for whoever has CONNECTION ADMIN.
  const filling = Array.from({ length: 11 }, () =>
    spawn(
      mariaDb.client,
      [
        ...['--no-defaults', '-n', '-h', '127.0.0.1', '-P', String(mariaDb.port), '-u', 'root'],
        ...['-e', 'SELECT 1; SELECT SLEEP(60)'],
      ],
      { stdio: ['ignore', 'pipe', 'ignore'] },
    ),
  )
  await Promise.all(filling.map(({ stdout }) => once(stdout, 'data')))
  await assert.rejects(mint(), coded('upstream_unreachable', /raise max_connections/))
  for (const one of filling) one.kill('SIGKILL')
})
