import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { createTestAuthority } from '../../../test/certificates.ts'
import { startPostgres, type Postgres } from '../../../test/e2e/postgres.ts'
import { delivered, openSession, setup, stepRequest } from '../../broker/broker.fixture.ts'
import { Secret, type LeaseId, type MayflyError } from '../../lib/index.ts'
import { accountName } from '../account-name.ts'
import { coded, connectionAt, field, heldOf, requestFor, toolsWith } from '../issuer.fixture.ts'
import type { Minted, MintRequest } from '../issuer.ts'
import { startRelay } from '../relay.fixture.ts'
import { postgresRole } from './index.ts'

let postgres: Postgres
let authority: string
const folder = mkdtempSync(join(tmpdir(), 'mayfly-roles-'))
const missing = 'PostgreSQL is not installed (scripts/setup tests)'

// Names and passwords as an attacker, or a careless person, would choose them: all are quoted.
const admin = String.raw`ad"min\'; DROP ROLE ci --`
const adminPassword = String.raw`p:a'ss\w"örd`
const reader = String.raw`re"ader'; \ ünïcode`
const tools = toolsWith({
  admin: `${admin}:${adminPassword}`,
  wrong: `${admin}:wrong`,
  weak: 'weak:weak',
  ci: 'ci:x',
  malformed: 'nothing',
})

before(async () => {
  const made = await createTestAuthority(folder)
  authority = readFileSync(made.file, 'utf8')
  const started = await startPostgres({
    passwords: true,
    tls: await made.issue('db', ['db.test']),
    settings: [
      'log_statement=all',
      'max_connections=12',
      'superuser_reserved_connections=3',
      'max_prepared_transactions=4',
    ],
  })
  if (started === undefined) return
  postgres = started
  const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`
  for (const line of [
    `CREATE ROLE ${quoted(admin)} LOGIN CREATEROLE PASSWORD '${adminPassword.replaceAll("'", "''")}'`,
    "CREATE ROLE weak LOGIN PASSWORD 'weak'",
    `CREATE ROLE ${quoted(reader)}`,
    'CREATE ROLE writer',
    'CREATE ROLE maker CREATEROLE',
    'CREATE ROLE through_maker IN ROLE maker',
    'CREATE ROLE standing LOGIN',
    'CREATE DATABASE orders',
    `CREATE DATABASE "we""ird'; \\"`,
  ])
    postgres.sql(line)
  // Until 15 CREATEROLE is enough; and who grants is then no member of what it grants.
  if (Number(postgres.sql('SHOW server_version_num')) >= 160_000)
    postgres.sql(`GRANT ${quoted(reader)}, writer, through_maker TO ${quoted(admin)} WITH ADMIN OPTION`)
  for (const database of ['orders', `we"ird'; \\`]) {
    postgres.sql('CREATE TABLE things (id int)', database)
    postgres.sql(`GRANT SELECT ON things TO ${quoted(reader)}`, database)
    postgres.sql(`GRANT CREATE, USAGE ON SCHEMA public TO ${quoted(reader)}, writer, standing`, database)
  }
  postgres.sql(`ALTER TABLE things OWNER TO ${quoted(admin)}`, 'orders')
})
after(() => {
  postgres?.[Symbol.dispose]()
  rmSync(folder, { recursive: true, force: true })
})

type Config = Partial<MintRequest<'postgres-role'>['config']>
function request(config: Config = {}, more: Partial<MintRequest<'postgres-role'>> = {}) {
  const connection = more.connection ?? connectionAt(postgres.port)
  return requestFor<'postgres-role'>(
    connection,
    { admin: 'secret:admin', grants: [reader], connections: 5, ...config },
    more,
  )
}

async function mint(asked = request()) {
  const plan = postgresRole.plan(asked)
  const made = await postgresRole.mint(asked, plan, tools)
  return { asked, plan, made, held: heldOf(asked, plan, made), user: field(made, 'username') }
}

function psqlAs(made: Minted, sql: string, database = 'orders') {
  return spawnSync(
    postgres.psql,
    [
      '-X',
      '-A',
      '-t',
      '-h',
      '127.0.0.1',
      '-p',
      String(postgres.port),
      '-U',
      field(made, 'username'),
      database,
      '-c',
      sql,
    ],
    { encoding: 'utf8', env: { PGPASSWORD: field(made, 'password'), LC_ALL: 'C' } },
  )
}

const rolesLike = (name: string) => postgres.sql(`SELECT count(*) FROM pg_roles WHERE rolname = '${name}'`)

test('a role reads what it was granted and nothing more, is refused the same moment it is revoked, and no log has its password', async (t) => {
  if (postgres === undefined) return t.skip(missing)
  const { asked, made, held, user } = await mint()
  assert.match(user, /^mayfly_[0-9a-z]{24}$/)
  assert.equal(psqlAs(made, 'SELECT count(*) FROM things').stdout.trim(), '0')
  assert.match(psqlAs(made, 'INSERT INTO things VALUES (1)').stderr, /permission denied/)
  assert.match(psqlAs(made, 'CREATE ROLE x').stderr, /permission denied/)
  assert.equal(
    postgres.sql(
      `SELECT rolconnlimit, rolvaliduntil > now() + '590 s' AND rolvaliduntil < now() + '610 s' FROM pg_roles WHERE rolname = '${user}'`,
    ),
    '5|t',
  )
  assert.equal(await postgresRole.probe?.(held, tools), 'alive')
  const session = spawn(
    postgres.psql,
    ['-X', '-h', '127.0.0.1', '-p', String(postgres.port), '-U', user, 'orders', '-c', 'SELECT pg_sleep(60)'],
    { env: { PGPASSWORD: field(made, 'password'), LC_ALL: 'C' }, stdio: 'ignore' },
  )
  while (postgres.sql(`SELECT count(*) FROM pg_stat_activity WHERE usename = '${user}'`) !== '1');
  const ended = once(session, 'exit')
  assert.equal(await postgresRole.revoke(held, tools), 'revoked')
  assert.notEqual((await ended)[0], 0)
  assert.match(psqlAs(made, 'SELECT 1').stderr, /authentication failed/)
  assert.equal(await postgresRole.probe?.(held, tools), 'dead')
  assert.equal(await postgresRole.revoke(held, tools), 'not_found')
  assert.equal(rolesLike(user), '0')
  const log = postgres.log()
  assert.match(log, /PASSWORD 'SCRAM-SHA-256\$4096:/)
  assert.ok(!log.includes(field(made, 'password')) && !log.includes(adminPassword))
  assert.ok(asked.ttlSeconds === 600 && !JSON.stringify(made.facts).includes(field(made, 'password')))
})

test('what it owns in any database is dropped, or goes to its owner; what others built on it is named, and it is shut out all the same', async (t) => {
  if (postgres === undefined) return t.skip(missing)
  const weird = `we"ird'; \\`
  const dropped = await mint(
    request({
      statements: ['GRANT INSERT ON things TO {role}', 'GRANT CONNECT ON DATABASE orders TO {role}'],
      database: 'orders',
    }),
  )
  for (const database of ['orders', weird])
    assert.equal(psqlAs(dropped.made, 'CREATE TABLE mine (id int)', database).status, 0)
  assert.equal(psqlAs(dropped.made, 'INSERT INTO things VALUES (1)').status, 0)
  assert.equal(await postgresRole.revoke(dropped.held, tools), 'revoked')
  for (const database of ['orders', weird])
    assert.equal(postgres.sql("SELECT count(*) FROM pg_class WHERE relname = 'mine'", database), '0')

  const given = await mint(request({ grants: ['writer'], owner: 'writer' }))
  assert.equal(psqlAs(given.made, 'CREATE TABLE kept (id int)').status, 0)
  assert.equal(await postgresRole.revoke(given.held, tools), 'revoked')
  assert.equal(postgres.sql("SELECT tableowner FROM pg_tables WHERE tablename = 'kept'", 'orders'), 'writer')

  const built = await mint()
  assert.equal(psqlAs(built.made, 'CREATE TABLE base (id int); GRANT SELECT ON base TO standing').status, 0)
  postgres.sql('SET ROLE standing; CREATE VIEW on_top AS SELECT * FROM base', 'orders')
  await assert.rejects(
    postgresRole.revoke(built.held, tools),
    coded('credential_failed', /on_top depends on table base.*2BP01|cannot drop.*on_top/),
  )
  assert.notEqual(psqlAs(built.made, 'SELECT 1').status, 0)
  postgres.sql('DROP VIEW on_top', 'orders')
  assert.equal(await postgresRole.revoke(built.held, tools), 'revoked')

  const owning = await mint()
  postgres.sql(`CREATE DATABASE theirs OWNER ${owning.user}`)
  await assert.rejects(
    postgresRole.revoke(owning.held, tools),
    coded('credential_failed', /cannot be dropped, since there is still: owner of database theirs/),
  )
  assert.equal(await postgresRole.probe?.(owning.held, tools), 'dead')
  postgres.sql('DROP DATABASE theirs')
  assert.equal(await postgresRole.revoke(owning.held, tools), 'revoked')

  const prepared = await mint()
  const sql = "BEGIN; CREATE TABLE half (id int); PREPARE TRANSACTION 'it''s'"
  assert.equal(psqlAs(prepared.made, sql).status, 0)
  await assert.rejects(
    postgresRole.revoke(prepared.held, tools),
    coded('credential_failed', /in database orders a superuser must ROLLBACK PREPARED 'it''s'/),
  )
  postgres.sql("ROLLBACK PREPARED 'it''s'", 'orders')
  assert.equal(await postgresRole.revoke(prepared.held, tools), 'revoked')
})

test('a mint whose answer never came is found by its plan; one that was cut before is not there', async (t) => {
  if (postgres === undefined) return t.skip(missing)
  const relay = await startRelay(t, postgres.port)
  for (const [cutAfter, there] of [
    ['COMMIT', '1'],
    ['CREATE ROLE', '0'],
    ['GRANT', '0'],
  ] as const) {
    relay.cutAfter = cutAfter
    const asked = request({}, { connection: connectionAt(relay.port) })
    const plan = postgresRole.plan(asked)
    await assert.rejects(postgresRole.mint(asked, plan, tools), coded('upstream_unreachable', /orders/))
    const user = accountName(asked.lease)
    assert.equal(rolesLike(user), there)
    relay.cutAfter = undefined
    const held = heldOf(asked, plan)
    if (there === '1') assert.equal(await postgresRole.probe?.(held, tools), 'alive')
    assert.equal(await postgresRole.revoke(held, tools), there === '1' ? 'revoked' : 'not_found')
    assert.equal(await postgresRole.probe?.(held, tools), 'dead')
  }
  // Cut anywhere in a revocation: asked again it goes on to the end.
  for (const cutAfter of ['ALTER ROLE', 'pg_terminate_backend', 'DROP OWNED', 'DROP ROLE']) {
    const { held, user } = await mint(request({}, { connection: connectionAt(relay.port) }))
    relay.cutAfter = cutAfter
    await assert.rejects(postgresRole.revoke(held, tools), coded('upstream_unreachable', /orders/))
    relay.cutAfter = undefined
    assert.match(await postgresRole.revoke(held, tools), /^(?:revoked|not_found)$/)
    assert.equal(rolesLike(user), '0')
  }
})

test('an end that moves, a limit that holds, and two leases that never have one name', async (t) => {
  if (postgres === undefined) return t.skip(missing)
  const { asked, held, made, user } = await mint(request({}, { ttlSeconds: 60 }))
  const until = () =>
    postgres.sql(
      `SELECT round(extract(epoch FROM rolvaliduntil - now()) / 60) FROM pg_roles WHERE rolname = '${user}'`,
    )
  assert.equal(until(), '1')
  const later = await postgresRole.renew?.({ ...asked, ttlSeconds: 300 }, held, tools)
  assert.equal(until(), '5')
  assert.equal(later?.fields['password']?.reveal(), field(made, 'password'))
  await postgresRole.revoke(held, tools)
  const long = 'x'.repeat(80)
  const names = [`lse_${long}a`, `lse_${long}b`, 'lse_short', 'lse_'].map((id) => accountName(id as LeaseId))
  assert.equal(new Set(names).size, 4)
  assert.ok(names.every((name) => name.length === 31))
  await assert.rejects(
    postgresRole.revoke({ ...held, plan: { username: 'ci' } }, tools),
    coded('bad_input', /no account that Mayfly made/),
  )
})

test('two servers that revoke it at once leave nothing, and neither calls it a fault for good', async (t) => {
  if (postgres === undefined) return t.skip(missing)
  const { held, user } = await mint()
  const ends = await Promise.allSettled([1, 2, 3].map(() => postgresRole.revoke(held, tools)))
  for (const end of ends)
    if (end.status === 'rejected')
      assert.equal((end.reason as MayflyError).code, 'upstream_unreachable', String(end.reason))
  assert.match(await postgresRole.revoke(held, tools), /^(?:revoked|not_found)$/)
  assert.equal(rolesLike(user), '0')
})

test('by the broker: what was made and not heard of, and what could not be revoked at first, is gone in the end, and the log says so', async (t) => {
  if (postgres === undefined) return t.skip(missing)
  const relay = await startRelay(t, postgres.port)
  const it = await setup(t, { random: () => 0 })
  await it.vault.set('admin', new Secret(`${admin}:${adminPassword}`))
  const session = await openSession(it.broker, { ttlSeconds: 3_600 })
  const step = await it.broker.openStep(session, stepRequest())
  const { config } = request()
  const orders = connectionAt(relay.port, { credential: { scheme: 'postgres-role', config } })
  const roles = () => postgres.sql("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'mayfly%'")
  const pass = async (seconds: number) => {
    for (let left = seconds; left > 0; left -= 30) {
      it.clock.ms += 30_000
      await it.broker.heartbeat(step)
      await it.broker.sweep()
      await it.broker.idle()
    }
    await delivered(it)
  }
  relay.cutAfter = 'COMMIT'
  await assert.rejects(
    it.broker.lease(step, orders, 'tcp:connect orders'),
    coded('upstream_unreachable', /orders/),
  )
  relay.cutAfter = undefined
  await pass(120)
  assert.equal(roles(), '0')
  await it.broker.lease(step, orders, 'tcp:connect orders')
  assert.equal(roles(), '1')
  relay.cutAfter = 'DROP OWNED'
  await it.broker.endStep(step, { reason: 'finished', activity: { granted: [], denied: [] }, summary: {} })
  await it.broker.idle()
  assert.equal(roles(), '1')
  relay.cutAfter = undefined
  await pass(120)
  assert.equal(roles(), '0')
  const told = it.audit.ofType('lease.revoked').map(({ data }) => [data['means'], data['proof']])
  assert.deepEqual(told.at(-1), ['at_once', 'probed'])
  assert.equal(told.length, 2)
})

test('what is refused says what to do', async (t) => {
  if (postgres === undefined) return t.skip(missing)
  let mayBeMade = false
  const mayMake = () => (mayBeMade = true)
  const refused = async (config: Config, message: RegExp, isBefore = false) => {
    const asked = request(config)
    mayBeMade = false
    await assert.rejects(
      postgresRole.mint(asked, postgresRole.plan(asked), { ...tools, mayMake }),
      coded('credential_failed', message),
    )
    assert.equal(rolesLike(accountName(asked.lease)), '0')
    assert.equal(mayBeMade, !isBefore, 'whether its lease has to be ended')
  }
  await refused({ admin: 'secret:wrong' }, /"wrong" user:password.*mayfly secret set wrong/, true)
  await refused({ admin: 'secret:weak', grants: [] }, /ALTER ROLE weak CREATEROLE/)
  await refused({ database: 'nowhere' }, /name another as `database`/, true)
  await refused({ grants: ['nobody'] }, /"nobody" does not exist: make it first/)
  await refused({ grants: ['through_maker'] }, /"maker" may make roles, which would outlive the step/)
  await refused({ statements: ['GRANT SELECT ON nothing TO {role}'] }, /correct `statements`/)
  for (const name of ['x'.repeat(64), 'ü'.repeat(32), 'a\0b', 'a\nb', '', '\ud800'])
    await assert.rejects(mint(request({ grants: [name] })), coded('bad_input', /no name for PostgreSQL/))
  await assert.rejects(mint(request({ admin: 'secret:malformed' })), coded('bad_input', /user:password/))
  // Set for the admin's own sessions, as one would against long queries or for a reader: ours says what it needs.
  postgres.sql("ALTER ROLE ci SET statement_timeout = '1ms'; ALTER ROLE ci SET search_path = pg_temp")
  const { held } = await mint(request({ admin: 'secret:ci' }))
  await postgresRole.revoke(held, tools)
  postgres.sql('ALTER ROLE ci RESET ALL')
})

test('a server that is full, restarts, is a standby, or is no PostgreSQL', async (t) => {
  if (postgres === undefined) return t.skip(missing)
  const relay = await startRelay(t, postgres.port)
  const filling = Array.from({ length: 9 }, () =>
    spawn(
      postgres.psql,
      [
        '-X',
        '-h',
        '127.0.0.1',
        '-p',
        String(postgres.port),
        '-U',
        'ci',
        'postgres',
        '-c',
        'SELECT pg_sleep(60)',
      ],
      { stdio: 'ignore' },
    ),
  )
  while (
    Number(postgres.sql("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'")) < 9
  );
  await assert.rejects(mint(), coded('upstream_unreachable', /raise max_connections/))
  for (const one of filling) one.kill('SIGKILL')
  postgres.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'")
  const { held, made } = await mint()
  await postgres.restart('standby')
  await assert.rejects(mint(), coded('credential_failed', /read-only.*must name the primary/))
  await assert.rejects(postgresRole.revoke(held, tools), coded('credential_failed', /must name the primary/))
  assert.equal(psqlAs(made, 'SELECT 1').status, 0)
  await postgres.restart()
  assert.equal(await postgresRole.revoke(held, tools), 'revoked')
  relay.flood = Buffer.concat([Buffer.from('N\x7f\xff\xff\xff'), Buffer.alloc(1 << 16)])
  await assert.rejects(
    mint(request({}, { connection: connectionAt(relay.port) })),
    coded('upstream_unreachable', /sent more than \d+ bytes/),
  )
  relay.flood = undefined
  relay.silent = true
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const waiting = mint(request({}, { connection: connectionAt(relay.port) }))
  const told = assert.rejects(waiting, coded('upstream_unreachable', /took longer than 20 s/))
  await relay.taken()
  t.mock.timers.tick(20_000)
  await told
  t.mock.timers.reset()
  const nobody = request({}, { connection: connectionAt(1) })
  await assert.rejects(mint(nobody), coded('upstream_unreachable', /ECONNREFUSED/))
})

test('over a network it is TLS, for the name in the configuration', async (t) => {
  if (postgres === undefined) return t.skip(missing)
  const dial = { address: '127.0.0.1', port: postgres.port }
  const at = (host: string, ca: string | undefined) =>
    request({}, { connection: connectionAt(5432, { host, dial, ca }) })
  const { held } = await mint(at('db.test', authority))
  assert.equal(await postgresRole.revoke(held, tools), 'revoked')
  assert.match(postgres.log(), /SCRAM-SHA-256/)
  for (const [host, ca, message] of [
    ['other.test', authority, /not for other\.test, but for DNS:db\.test/],
    ['127.0.0.1', authority, /not for 127\.0\.0\.1, but for/],
  ] as const)
    await assert.rejects(mint(at(host, ca)), coded('credential_failed', message))
  const stranger = await createTestAuthority(join(folder, 'other'))
  await assert.rejects(
    mint(at('db.test', readFileSync(stranger.file, 'utf8'))),
    coded('credential_failed', /none of the CAs that the connection names as ca/),
  )
})
