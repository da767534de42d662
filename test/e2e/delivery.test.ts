import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { setStage, type Ran, type Stage } from '../../demo/stage.ts'
import { filesWith } from './files.ts'
import { startMariaDb, type MariaDb } from './mariadb.ts'
import { startPostgres, type Postgres } from './postgres.ts'
import { startSshd, type Sshd } from './sshd.ts'

/** An API that makes accounts, and forgets them when it is told so: what it has is what lives. */
const accounts = new Map<string, string>()
let made = 0
const api = createServer((request, response) => {
  void (async () => {
    const answer = (status: number, body: unknown = {}) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    if (request.headers.authorization !== 'Bearer admin-key-4711') return answer(401)
    const id = /^\/accounts\/(\w+)$/.exec(request.url ?? '')?.[1]
    if (request.method === 'DELETE') return answer(accounts.delete(id ?? '') ? 200 : 404)
    await json(request)
    const username = `account${++made}`
    accounts.set(username, `pw-${createHash('sha256').update(username).digest('hex').slice(0, 24)}`)
    answer(201, { id: username, username, password: accounts.get(username), expires_in: 600 })
  })()
})

let stage: Stage
let postgres: Postgres | undefined
let mariaDb: MariaDb | undefined
let sshd: Sshd | undefined
const folder = mkdtempSync(join(tmpdir(), 'mayfly-ca-'))

/** Starts what the tools of a step log in to, as docs/credentials.md says. */
async function startPeers(): Promise<void> {
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
}

/** Their connections, and a role that has an account on each that is here. */
function peersInPolicy(): { connections: string; role: string } {
  const connections = `  db:
    kind: tcp
    url: tcp://db.internal:5432
    dial: 127.0.0.1:${postgres?.port ?? 1}
    credential: { postgres-role: { admin: secret:db/admin, grants: [reader] } }
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
  const here = Object.entries({ db: postgres, shop: mariaDb, host: sshd }).filter(
    ([, peer]) => peer !== undefined,
  )
  const grants = here.flatMap(([one]) => [`"tcp:connect ${one}"`, `"tcp:credential ${one}"`])
  return { connections, role: `  deploy:\n    ${trust}\n    grants: [ ${grants.join(', ')} ]\n` }
}

const trust = 'trust: { issuer: ci, repository_id: "1296269", event: push }'
before(async () => {
  await startPeers()
  await new Promise<void>((done) => api.listen(0, '127.0.0.1', done))
  const url = `http://127.0.0.1:${(api.address() as AddressInfo).port}`
  const headers = '{ Authorization: "Bearer {secret.admin}" }'
  const connection = `  orders:
    kind: tcp
    url: tcp://orders.internal:5432
    dial: 127.0.0.1:1
    credential:
      http-issuer:
        admin: { admin: secret:admin }
        mint: { method: POST, url: "${url}/accounts", headers: ${headers}, json: { ttl: "{lease.ttl}" } }
        extract: { id: $.id, username: $.username, password: $.password, expires_in: $.expires_in }
        revoke: { method: DELETE, url: "${url}/accounts/{id}", headers: ${headers} }
    deliver:
      env: { PGUSER: "{username}", PGPASSWORD: "{password}", DATABASE_URL: "postgres://{username}:{password}@orders.internal/orders", WHERE_USER: "{home}" }
      files: { .pgpass: "*:*:*:{username}:{password}\\n", keys/orders.json: '{ "password": "{password}" }' }
`
  const peers = peersInPolicy()
  stage = await setStage({
    policy: (text) =>
      `${text.replace(/^connections:\n/m, `connections:\n${connection}${peers.connections}`)}${peers.role}  db:\n    ${trust}\n    grants: [ "tcp:credential orders" ]\n  bare:\n    ${trust}\n    isolation: none\n    grants: [ "tcp:credential orders" ]\n`,
    upArguments: ['--heartbeat-seconds', '1'],
  })
  await stage.operate(['secret', 'set', 'admin'], 'admin-key-4711')
  await stage.operate(['secret', 'set', 'db/admin'], 'admin:admin-pw-1')
  await stage.operate(['secret', 'set', 'shop/admin'], 'admin:admin-pw-2')
  await stage.operate(['secret', 'set', 'ssh-ca'], readFileSync(join(folder, 'ca'), 'utf8'))
})
after(async () => {
  await stage[Symbol.asyncDispose]()
  api.close()
  for (const one of [postgres, mariaDb, sshd]) one?.[Symbol.dispose]()
  rmSync(folder, { recursive: true, force: true })
})

const run = (args: readonly string[], env: Record<string, string> = {}): Promise<Ran> =>
  stage.runJob(['run', ...args], { ...stage.jobEnvironment({ event_name: 'push' }), ...env })

async function eventually(what: string, look: () => boolean): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    if (look()) return
    await new Promise((next) => setTimeout(next, 25))
  }
  assert.fail(`never: ${what}`)
}

const hashOf = (text: string) => createHash('sha256').update(text).digest('hex')
const left = () => readdirSync('/dev/shm').filter((name) => name.startsWith('mayfly-credentials-'))

test('a step uses what it is handed, shows nothing of it, hands nothing of it on, and it is dead when the step has ended', async () => {
  const folder = join(stage.folder, 'ci')
  mkdirSync(folder)
  const [env, output] = [join(folder, 'env'), join(folder, 'output')]
  for (const file of [env, output]) writeFileSync(file, '')
  const pipeline = join(stage.folder, 'pipeline.yaml')
  writeFileSync(
    pipeline,
    `defaults: { role: db }
steps:
  - name: use
    outputs: [db]
    artifacts: [leaked]
    run: |
      printf %s "$PGPASSWORD" | sha256sum; cut -d: -f5 ~/.pgpass | tr -d '\\n' | sha256sum
      cat ~/.pgpass ~/keys/orders.json; echo "$DATABASE_URL $WHERE_USER"; printf %s "$PGPASSWORD" | base64; env | grep PG
      echo "DB=$PGPASSWORD" >> "$GITHUB_ENV"; echo "db=$PGPASSWORD" | tee "$MAYFLY_OUTPUT" >> "$GITHUB_OUTPUT"
      ls -A; cat ~/.pgpass > leaked
  - name: later
    needs: [use]
    run: cat leaked; echo "later $NEEDS_USE_DB $DB"
`,
  )
  const ran = await stage.runJob(['run', '-f', pipeline, '--jobs', '1'], {
    ...stage.jobEnvironment({ event_name: 'push' }),
    GITHUB_ACTIONS: 'true',
    GITHUB_ENV: env,
    GITHUB_OUTPUT: output,
  })
  const password = `pw-${hashOf('account1').slice(0, 24)}`
  const hash = hashOf(password)
  assert.equal(ran.stdout.split(`${hash}  -`).length, 3, `${ran.stdout}${ran.stderr}`)
  assert.equal(ran.exitCode, 0, ran.stderr)
  assert.match(ran.stdout, /later \*\*\* \*\*\*/)
  assert.match(ran.stdout, /\*:\*:\*:account1:\*\*\*\n\{ "password": "\*\*\*" \}/)
  assert.match(ran.stdout, /postgres:\/\/account1:\*\*\*@orders\.internal\/orders \/home\/step/)
  for (const text of [ran.stdout, ran.stderr, readFileSync(env, 'utf8'), readFileSync(output, 'utf8')])
    assert.doesNotMatch(
      text,
      new RegExp(`${password}|${Buffer.from(password).toString('base64').slice(0, 20)}`),
    )
  await eventually('revoked', () => accounts.size === 0)
  // Others' tests may have folders there.
  for (const folder of left()) assert.deepEqual(filesWith(join('/dev/shm', folder), password), [])
  assert.deepEqual(filesWith(stage.dataFolder, password), [])
  assert.deepEqual(filesWith(stage.workspace, password), [])
})

test('without a sandbox the files are in a folder of their own, which is gone afterwards', async () => {
  const before = made
  const ran = await run([
    '--role',
    'bare',
    '--isolation',
    'none',
    '--',
    'sh',
    '-c',
    'stat -c %a "$WHERE_USER" "$WHERE_USER/.pgpass"; echo "$WHERE_USER"',
  ])
  const [mode, fileMode, home = ''] = ran.stdout.split('\n')
  assert.deepEqual([mode, fileMode], ['700', '600'], ran.stderr)
  assert.equal(existsSync(home), false)
  await eventually('revoked', () => accounts.size === 0)
  assert.equal(made, before + 1)
})

// The tools of a step log in as docs/credentials.md says, by the host's own name, with accounts that are made for it.
let runs = 0
const inStep = (script: string): Promise<Ran> =>
  stage.runJob(
    ['run', '--role', 'deploy', '--', 'bash', '-c', script],
    // Each a run of its own: their roles may not share a workspace.
    stage.jobEnvironment({ event_name: 'push', run_id: `48${runs++}` }),
  )

test('psql, with .pgpass: a role of its own, which is gone when the step has ended', async (t) => {
  if (postgres === undefined) return t.skip('PostgreSQL is not installed (scripts/setup tests)')
  const { sql } = postgres
  const ran = await inStep(
    `psql -X -A -t -h db.internal postgres -c "SELECT n, session_user, session_user = current_user FROM things" && psql -X -h db.internal postgres -c 'CREATE ROLE evil'`,
  )
  assert.match(ran.stdout, /^42\|\*\*\*\|t$/m, ran.stderr)
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
