import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setStage, type Ran, type Stage } from '../../demo/stage.ts'
import { startMariaDb, type MariaDb } from './mariadb.ts'
import { startPostgres, type Postgres } from './postgres.ts'
import { startSshd, type Sshd } from './sshd.ts'

/** The tools of a step log in as docs/credentials.md says, by the host's own name, with accounts that are made for it. */
let stage: Stage
let postgres: Postgres | undefined
let mariaDb: MariaDb | undefined
let sshd: Sshd | undefined
const folder = mkdtempSync(join(tmpdir(), 'mayfly-ca-'))

before(async () => {
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, 'ca')])
  const authority = readFileSync(join(folder, 'ca.pub'), 'utf8')
  ;[postgres, mariaDb, sshd] = await Promise.all([
    startPostgres({ passwords: true }),
    startMariaDb(),
    startSshd(authority, 'deployers\n'),
  ])
  postgres?.sql(
    "CREATE ROLE admin LOGIN CREATEROLE PASSWORD 'admin-pw-1'; CREATE ROLE reader; CREATE TABLE things AS SELECT 42 AS n; GRANT SELECT ON things TO reader",
  )
  mariaDb?.sql(
    "CREATE DATABASE shop; CREATE TABLE shop.things AS SELECT 43 AS n; CREATE USER admin@'%' IDENTIFIED BY 'admin-pw-2'; GRANT CREATE USER, CONNECTION ADMIN ON *.* TO admin@'%'; GRANT SELECT ON shop.* TO admin@'%' WITH GRANT OPTION",
  )
  const connections = `  orders:
    kind: tcp
    url: tcp://orders.internal:5432
    dial: 127.0.0.1:${postgres?.port ?? 1}
    credential: { postgres-role: { admin: secret:orders/admin, grants: [reader] } }
    deliver:
      env: { PGUSER: "{username}", PGPASSFILE: "{home}/.pgpass" }
      files: { .pgpass: "*:*:*:{username}:{password}\\n" }
  shop:
    kind: tcp
    url: tcp://shop.internal:3306
    dial: 127.0.0.1:${mariaDb?.port ?? 1}
    credential: { mysql-role: { admin: secret:shop/admin, grants: [{ privileges: [SELECT], on: shop.* }] } }
    deliver:
      files: { .my.cnf: "[client]\\nuser={username}\\npassword={password}\\n" }
  host:
    kind: tcp
    url: tcp://host.internal:22
    dial: 127.0.0.1:${sshd?.port ?? 1}
    credential: { ssh-certificate: { ca: secret:ssh-ca, principals: [deployers], krl: hosts } }
    deliver:
      files:
        .ssh/id_ed25519: "{private_key}"
        .ssh/id_ed25519-cert.pub: "{certificate}\\n"
        .ssh/known_hosts: "host.internal ${sshd?.hostKey ?? ''}\\n"
`
  // A step begins with all that its role hands it, or not at all: what is not here is not asked for.
  const here = Object.entries({ orders: postgres, shop: mariaDb, host: sshd }).filter(
    ([, peer]) => peer !== undefined,
  )
  const grants = here.flatMap(([one]) => [`"tcp:connect ${one}"`, `"tcp:credential ${one}"`])
  const role = `  deploy:
    trust: { issuer: ci, repository_id: "1296269", event: push }
    grants: [ ${grants.join(', ')} ]
`
  stage = await setStage({
    policy: (text) => `${text.replace(/^connections:\n/m, `connections:\n${connections}`)}${role}`,
    upArguments: ['--heartbeat-seconds', '1'],
  })
  await stage.operate(['secret', 'set', 'orders/admin'], 'admin:admin-pw-1')
  await stage.operate(['secret', 'set', 'shop/admin'], 'admin:admin-pw-2')
  await stage.operate(['secret', 'set', 'ssh-ca'], readFileSync(join(folder, 'ca'), 'utf8'))
})
after(async () => {
  await stage[Symbol.asyncDispose]()
  for (const one of [postgres, mariaDb, sshd]) one?.[Symbol.dispose]()
  rmSync(folder, { recursive: true, force: true })
})

const inStep = (script: string): Promise<Ran> =>
  stage.runJob(
    ['run', '--role', 'deploy', '--', 'bash', '-c', script],
    stage.jobEnvironment({ event_name: 'push' }),
  )

async function eventually(what: string, look: () => boolean): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    if (look()) return
    await new Promise((next) => setTimeout(next, 25))
  }
  assert.fail(`never: ${what}`)
}

test('psql, with .pgpass: a role of its own, which is gone when the step has ended', async (t) => {
  if (postgres === undefined) return t.skip('PostgreSQL is not installed (scripts/setup tests)')
  const { sql } = postgres
  const ran = await inStep(
    `psql -X -A -t -h orders.internal postgres -c "SELECT n, session_user FROM things" && psql -X -h orders.internal postgres -c 'CREATE ROLE evil'`,
  )
  assert.match(ran.stdout, /^42\|\*\*\*$/m, ran.stderr)
  assert.match(ran.stderr, /permission denied to create role/)
  await eventually('dropped', () => sql("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'mayfly%'") === '0')
})

test('mariadb, with .my.cnf: an account of its own, which is gone when the step has ended', async (t) => {
  if (mariaDb === undefined) return t.skip('MariaDB is not installed (scripts/setup tests)')
  const { sql, client } = mariaDb
  const ran = await inStep(
    `${client} --defaults-file="$HOME/.my.cnf" -N -h shop.internal -e 'SELECT n FROM shop.things; SELECT * FROM mysql.user'`,
  )
  assert.match(ran.stdout, /^43$/m, ran.stderr)
  assert.match(ran.stderr, /SELECT command denied/)
  await eventually('dropped', () => sql("SELECT count(*) FROM mysql.user WHERE user LIKE 'mayfly%'") === '0')
})

test('ssh, with a certificate: the host lets the step in, and its list refuses the certificate when the step has ended', async (t) => {
  if (sshd === undefined) return t.skip('no sshd, or nobody to run it as (scripts/setup tests)')
  const ran = await inStep(
    `ssh -F none -i "$HOME/.ssh/id_ed25519" -o UserKnownHostsFile="$HOME/.ssh/known_hosts" -o BatchMode=yes ${sshd.user}@host.internal 'echo deployed'`,
  )
  assert.equal(ran.stdout.trim(), 'deployed', ran.stderr)
  assert.match(sshd.log(), /ID mayfly run=\S+ step=\S+ role=deploy lease=lse_/)
  const list = await fetch(`${stage.server}/v1/krl/hosts`)
  assert.equal(list.status, 200)
  const bytes = Buffer.from(await list.arrayBuffer())
  const serial = BigInt(/\(serial (\d+)\)/.exec(sshd.log())?.[1] ?? 0)
  const wanted = Buffer.alloc(8)
  wanted.writeBigUInt64BE(serial)
  assert.ok(bytes.includes(wanted))
})
