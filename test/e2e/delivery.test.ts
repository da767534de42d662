import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { setStage, type Ran, type Stage } from '../../demo/stage.ts'
import { startPostgres, type Postgres } from './postgres.ts'

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
before(async () => {
  postgres = await startPostgres({ passwords: true })
  postgres?.sql("CREATE ROLE maker LOGIN CREATEROLE PASSWORD 'maker-pw-4711'")
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
  const database = `  db:
    kind: tcp
    url: tcp://db.internal:${postgres?.port ?? 5432}
    dial: 127.0.0.1:${postgres?.port ?? 5432}
    credential: { postgres-role: { admin: secret:maker } }
    deliver: { env: { PGUSER: "{username}", PGPASSFILE: "{home}/.pgpass" }, files: { .pgpass: "*:*:*:{username}:{password}" } }
`
  const trust = 'trust: { issuer: ci, repository_id: "1296269", event: push }'
  stage = await setStage({
    policy: (text) =>
      `${text.replace(/^connections:\n/m, `connections:\n${connection}${database}`)}  sql:\n    ${trust}\n    grants: [ "tcp:connect db", "tcp:credential db" ]\n  db:\n    ${trust}\n    grants: [ "tcp:credential orders" ]\n  bare:\n    ${trust}\n    isolation: none\n    grants: [ "tcp:credential orders" ]\n`,
    upArguments: ['--heartbeat-seconds', '1'],
  })
  await stage.operate(['secret', 'set', 'admin'], 'admin-key-4711')
  await stage.operate(['secret', 'set', 'maker'], 'maker:maker-pw-4711')
})
after(async () => {
  await stage[Symbol.asyncDispose]()
  api.close()
  postgres?.[Symbol.dispose]()
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

/** Every file of Mayfly's own data that has this text. */
function filesWith(text: string, folder = stage.dataFolder): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile())
    .map((one) => join(one.parentPath, one.name))
    .filter((file) => readFileSync(file).includes(text))
}

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
  for (const folder of left()) assert.deepEqual(filesWith(password, join('/dev/shm', folder)), [])
  assert.deepEqual(filesWith(password), [])
  assert.deepEqual(filesWith(password, stage.workspace), [])
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

test('psql logs in with a role that is made for its step, and dropped with it', async (t) => {
  if (postgres === undefined) return t.skip('no PostgreSQL on this machine')
  const { port, psql } = postgres
  const ask = `${psql} -h db.internal -p ${port} -d postgres -Atc 'select current_user = session_user, current_user'`
  const another = stage.jobEnvironment({ event_name: 'push', run_id: '4712' })
  const command = ['run', '--role', 'sql', '--', 'sh', '-c', `echo "$PGUSER"; ${ask}`]
  const ran = await stage.runJob(command, another)
  assert.match(ran.stdout, /^(\*\*\*|\S+)\nt\|\1\n$/, ran.stderr)
  const roles = () => postgres?.sql("select count(*) from pg_roles where rolname like 'mayfly%'")
  await eventually('dropped', () => roles() === '0')
})
