import assert from 'node:assert/strict'
import { readFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setStage, type Ran, type Stage } from '../../../demo/stage.ts'
import { createTestAuthority } from '../../certificates.ts'
import { inStep, workspaceOf } from '../../clients/servers/python-step.ts'
import { extendPolicy, suite } from '../../clients/suite.ts'
import { startPostgres, type Postgres } from '../../e2e/postgres.ts'

interface World extends AsyncDisposable {
  readonly stage: Stage
  readonly postgres: Postgres
}

const host = 'db.example.org'

/** Roles are made for each step, members of `app`, who owns the database. */
async function open(): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-deploy-postgres-'))
  const authority = await createTestAuthority(join(folder, 'ca'))
  const postgres = await startPostgres({ passwords: true, tls: await authority.issue('db', [host]) })
  if (postgres === undefined) throw new Error('PostgreSQL does not start')
  postgres.sql("CREATE ROLE maker LOGIN CREATEROLE PASSWORD 'maker-4711'; CREATE ROLE app")
  for (const database of ['shop', 'private']) postgres.sql(`CREATE DATABASE ${database} OWNER app`)
  postgres.sql(
    `ALTER SCHEMA public OWNER TO app; SET ROLE app;
     CREATE TABLE items (id int PRIMARY KEY, name text); INSERT INTO items SELECT i, 'item ' || i FROM generate_series(1, 1000) i;
     CREATE SCHEMA hr; CREATE TABLE hr.salaries (amount int); INSERT INTO hr.salaries VALUES (4711)`,
    'shop',
  )
  const orders = {
    ...{
      kind: 'postgres',
      url: `postgres://${host}`,
      dial: `127.0.0.1:${postgres.port}`,
      default_database: 'shop',
    },
    ca: readFileSync(authority.file, 'utf8'),
    credential: { 'postgres-role': { admin: 'secret:pg-maker', grants: ['app'], owner: 'app' } },
  }
  const stage = await setStage({
    policy: (text) =>
      extendPolicy(text, {
        connections: { orders },
        grants: {
          build: ['postgres:read orders/shop@public'],
          release: ['postgres:ddl orders/shop@public', 'postgres:connect orders/private'],
        },
      }),
  })
  await stage.operate(['secret', 'set', 'pg-maker'], 'maker:maker-4711')
  return {
    ...{ stage, postgres },
    async [Symbol.asyncDispose]() {
      await stage[Symbol.asyncDispose]()
      postgres[Symbol.dispose]()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const step = (
  world: World,
  role: string,
  script: string,
  tools: readonly string[] = [],
  files: Readonly<Record<string, string>> = {},
): Promise<Ran> => inStep(world, role, tools, workspaceOf(world, files), script)

async function works(...asked: Parameters<typeof step>): Promise<string> {
  const ran = await step(...asked)
  assert.equal(ran.exitCode, 0, `${ran.stdout}${ran.stderr}`)
  return ran.stdout
}

/** Roles that were made for steps and are there yet. */
const minted = ({ postgres }: World) =>
  Number(postgres.sql("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'mayfly%'"))

async function eventually(what: string, look: () => boolean): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    if (look()) return
    await new Promise((next) => setTimeout(next, 100))
  }
  assert.fail(`never: ${what}`)
}

const migration = `
from alembic import op
import sqlalchemy as sa
revision, down_revision = '1', None
def upgrade():
    op.create_table('orders', sa.Column('id', sa.Integer, primary_key=True), sa.Column('note', sa.Text))
    op.create_index('orders_note', 'orders', ['note'])
    op.bulk_insert(sa.table('orders', sa.column('note', sa.Text)), [{'note': 'one'}, {'note': 'two'}])
def downgrade():
    op.drop_table('orders')
`
const environment = `
from alembic import context
from sqlalchemy import create_engine
with create_engine('postgresql+psycopg://${host}/shop?sslmode=verify-full').connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
`

export default suite<World>({
  name: 'postgres',
  needs: ['psql'],
  open,
  rows: [
    {
      name: 'psql: with nothing, TLS that it checks, refused outside of its grants',
      needs: [],
      async run(world) {
        const out = await works(
          world,
          'build',
          `psql -At -c 'SELECT count(*) FROM items'
           psql -At "host=${host} dbname=shop sslmode=verify-full user=me password=mine" -c 'SELECT max(id) FROM items' -c '\\d items' | head -1
           psql -At -c 'SELECT * FROM hr.salaries' 2>&1; psql -At -c 'DELETE FROM items' 2>&1; psql -At private -c 'SELECT 1' 2>&1
           env | grep -i pass; true`,
        )
        assert.match(out, /^1000\n1000\n/)
        for (const grant of [
          'postgres:read orders/shop@hr',
          'postgres:write orders/shop@public',
          'postgres:read orders/private',
        ])
          assert.ok(out.includes(`"${grant}"`), out)
        assert.ok(!out.includes('4711'))
        await eventually('the role of the step is dropped', () => minted(world) === 0)
      },
    },
    {
      name: 'pg_dump and pg_restore, pgbench',
      needs: ['pg_dump', 'pgbench'],
      async run(world) {
        const out = await works(
          world,
          'release',
          `set -e
           pg_dump -Fc -t items -f dump; psql -q -c 'DROP TABLE items'
           pg_restore --no-owner -d private dump; psql -At private -c 'SELECT count(*) FROM items'
           pg_restore --no-owner -t items -f - dump | grep -v 'OWNER TO' | psql -q -o /dev/null -v ON_ERROR_STOP=1
           psql -At -c 'SELECT count(*) FROM items'
           pgbench -q -i private 2>/dev/null; for how in simple prepared; do pgbench -n -M $how -c 4 -t 100 private | grep processed; done`,
        )
        assert.match(out, /^1000\n1000\n.*400\/400\n.*400\/400\n$/s)
      },
    },
    {
      name: 'alembic (psycopg 3)',
      needs: ['alembic'],
      async run(world) {
        const out = await works(
          world,
          'release',
          `set -e; mkdir -p migrations/versions; mv env.py migrations/; mv first.py migrations/versions/
           alembic upgrade head; psql -At -c 'SELECT count(*) FROM orders'; alembic downgrade base; psql -At -c '\\dt orders' 2>&1`,
          ['alembic'],
          {
            'alembic.ini': '[alembic]\nscript_location = migrations\n',
            'env.py': environment,
            'first.py': migration,
          },
        )
        assert.match(out, /^2\n.*no(?:t find| relation)/ims)
      },
    },
    {
      name: 'revoked in the middle of a statement: cut, and its role is dropped',
      needs: [],
      async run(world) {
        const ran = step(world, 'build', 'psql -c "SELECT pg_sleep(60)"; echo psql ended $?; sleep 30')
        const asleep =
          "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND usename LIKE 'mayfly%'"
        await eventually('it runs', () => world.postgres.sql(asleep) === '1')
        const { stdout } = await world.stage.operate([
          'audit',
          'find',
          '--data',
          world.stage.dataFolder,
          '--connection',
          'orders',
          '--json',
        ])
        const { entries } = JSON.parse(stdout) as { entries: { run: string }[] }
        await world.stage.operate(['revoke', '--run', entries.at(-1)?.run ?? ''])
        await eventually('the statement is over', () => world.postgres.sql(asleep) === '0')
        assert.notEqual((await ran).exitCode, 0)
        await eventually('the role of the step is dropped', () => minted(world) === 0)
      },
    },
  ],
})
