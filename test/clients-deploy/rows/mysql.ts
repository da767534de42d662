import assert from 'node:assert/strict'
import { readFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setStage, type Stage } from '../../../demo/stage.ts'
import { createTestAuthority } from '../../certificates.ts'
import { inStep, workspaceOf } from '../../clients/servers/python-step.ts'
import { extendPolicy, suite } from '../../clients/suite.ts'
import { startMariaDb, type MariaDb } from '../../e2e/mariadb.ts'
import { eventually, revokeUserOf } from '../servers/mid-use.ts'

interface World extends AsyncDisposable {
  readonly stage: Stage
  readonly server: MariaDb
}

const host = 'db.example.org'

/** Accounts are made for each step; what they may is more than its role. */
async function open(): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-deploy-mysql-'))
  const authority = await createTestAuthority(join(folder, 'ca'))
  const server = await startMariaDb(await authority.issue('db', [host]))
  if (server === undefined) throw new Error('MariaDB does not start')
  const rights = 'SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER, INDEX, LOCK TABLES'
  server.sql(
    `CREATE DATABASE shop; CREATE DATABASE hr; CREATE TABLE hr.salaries (amount INT); INSERT INTO hr.salaries VALUES (4711);
     CREATE TABLE shop.items (id INT PRIMARY KEY, name TEXT); INSERT INTO shop.items SELECT seq, CONCAT('item ', seq) FROM shop.seq_1_to_1000;
     CREATE USER maker@'%' IDENTIFIED BY 'maker-4711'; GRANT CREATE USER, CONNECTION ADMIN ON *.* TO maker@'%';
     GRANT UPDATE ON mysql.* TO maker@'%'; GRANT ${rights} ON shop.* TO maker@'%' WITH GRANT OPTION;
     GRANT SELECT ON hr.* TO maker@'%' WITH GRANT OPTION`,
  )
  const orders = {
    ...{ kind: 'mysql', url: `mysql://${host}`, dial: `127.0.0.1:${server.port}`, default_database: 'shop' },
    ca: readFileSync(authority.file, 'utf8'),
    credential: {
      'mysql-role': {
        admin: 'secret:my-maker',
        grants: [
          { privileges: rights.split(', '), on: 'shop.*' },
          { privileges: ['SELECT'], on: 'hr.*' },
        ],
      },
    },
  }
  const stage = await setStage({
    policy: (text) =>
      extendPolicy(text, {
        connections: { orders },
        grants: { build: ['mysql:read orders/shop'], release: ['mysql:ddl orders/shop'] },
      }),
  })
  await stage.operate(['secret', 'set', 'my-maker'], 'maker:maker-4711')
  return {
    ...{ stage, server },
    async [Symbol.asyncDispose]() {
      await stage[Symbol.asyncDispose]()
      server[Symbol.dispose]()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function works(
  world: World,
  role: string,
  script: string,
  tools: readonly string[] = [],
  files: Readonly<Record<string, string>> = {},
): Promise<string> {
  const ran = await inStep(world, role, tools, workspaceOf(world, files), script)
  assert.equal(ran.exitCode, 0, `${ran.stdout}${ran.stderr}`)
  return ran.stdout
}

/** Accounts that were made for steps and are there yet. */
const minted = ({ server }: World) =>
  Number(server.sql("SELECT COUNT(*) FROM mysql.user WHERE User LIKE 'mayfly%'"))

const pythonClient = `
import os, ssl, pymysql
trusted = ssl.create_default_context(cafile=os.environ['SSL_CERT_FILE'])
db = pymysql.connect(host='${host}', user='x', password='mine', database='shop', ssl=trusted, autocommit=False)
with db.cursor() as cursor:
    cursor.execute('CREATE TABLE notes (id INT AUTO_INCREMENT PRIMARY KEY, note TEXT)')
    cursor.executemany('INSERT INTO notes (note) VALUES (%s)', [('one',), ("two's",)])
db.commit()
with db.cursor() as cursor:
    cursor.execute('SELECT note FROM notes WHERE id > %s ORDER BY id', (0,))
    print(cursor.fetchall())
    try:
        cursor.execute('SELECT amount FROM hr.salaries')
    except pymysql.err.OperationalError as error:
        print(error.args[0], 'mysql:read orders/hr' in error.args[1])
    cursor.execute('DROP TABLE notes')
`

export default suite<World>({
  name: 'mysql',
  needs: ['mariadbd', 'mariadb'],
  open,
  rows: [
    {
      name: 'mariadb: with nothing, and refused outside of its grants',
      needs: [],
      async run(world) {
        const before = world.server.log().length
        const out = await works(
          world,
          'build',
          `q() { mariadb -h ${host} -N "$@" 2>&1; }
           q shop -e 'SELECT COUNT(*) FROM items'
           q --ssl --ssl-ca=$SSL_CERT_FILE --ssl-verify-server-cert -u me -pmine shop -e "SELECT COUNT(*) FROM items"
           q shop -e 'SELECT * FROM hr.salaries'; q shop -e 'DELETE FROM items'; q -e 'SELECT 1' hr; env | grep -i passw; true`,
        )
        assert.match(out, /^1000\n1000\n/)
        for (const grant of ['mysql:read orders/hr', 'mysql:write orders/shop'])
          assert.ok(out.includes(`"${grant}"`), out)
        assert.ok(!out.includes('4711'))
        const seen = world.server.log().slice(before)
        assert.match(seen, /SELECT COUNT/)
        for (const line of seen.split('\n')) assert.doesNotMatch(line, /salaries|DELETE FROM items/)
        await eventually('the account of the step is dropped', () => minted(world) === 0)
      },
    },
    {
      name: 'mariadb-dump, and the dump back',
      needs: ['mariadb-dump'],
      async run(world) {
        const out = await works(
          world,
          'release',
          `set -e; mariadb-dump -h ${host} --single-transaction shop items >dump.sql; wc -l <dump.sql
           mariadb -h ${host} shop -e 'DROP TABLE items'; mariadb -h ${host} shop <dump.sql
           mariadb -h ${host} -N shop -e 'SELECT COUNT(*), MAX(name) FROM items'`,
        )
        assert.match(out, /\n1000\titem 999\n$/)
      },
    },
    {
      name: 'PyMySQL, by TLS that it checks',
      needs: ['pymysql'],
      async run(world) {
        const out = await works(world, 'release', 'pymysql client.py', ['pymysql'], {
          'client.py': pythonClient,
        })
        assert.equal(out, `(('one',), ("two's",))\n1142 True\n`)
      },
    },
    {
      name: 'revoked in the middle of a statement: cut, and its account is dropped',
      needs: [],
      async run(world) {
        const { server, stage } = world
        const ran = inStep(
          world,
          'build',
          [],
          workspaceOf(world),
          `mariadb -h ${host} shop -e 'SELECT SLEEP(60)'; echo ended $?; sleep 30`,
        )
        const asleep = () =>
          server.sql("SELECT COUNT(*) FROM information_schema.processlist WHERE user LIKE 'mayfly%'") !== '0'
        await eventually('it runs', asleep)
        await revokeUserOf(stage, 'orders')
        await eventually('the statement is over', () => !asleep())
        assert.notEqual((await ran).exitCode, 0)
        await eventually('the account of the step is dropped', () => minted(world) === 0)
      },
    },
  ],
})
