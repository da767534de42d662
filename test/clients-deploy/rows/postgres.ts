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

const asked = `jdbc:postgresql://${host}/shop?user=me&sslmode=verify-full&sslrootcert=`

/** Flyway has no program of its own in the registry: its interface is called as its plugins for Maven and Gradle call it. */
const flyway = `
import org.flywaydb.core.Flyway;
public class Migrate {
  public static void main(String[] with) {
    var flyway = Flyway.configure().dataSource("${asked}" + System.getenv("PGSSLROOTCERT"), "me", "mine")
      .locations("filesystem:sql").baselineOnMigrate(true).baselineVersion("0").load();
    System.out.println("migrated " + flyway.migrate().migrationsExecuted + " " + flyway.validateWithResult().validationSuccessful);
  }
}`

const jdbc = `
import java.sql.*;
public class Ask {
  public static void main(String[] with) throws Exception {
    try (var db = DriverManager.getConnection("${asked}" + System.getenv("PGSSLROOTCERT"))) {
      db.setAutoCommit(false);
      try (var rows = db.prepareStatement("SELECT id, name FROM items WHERE id > ? ORDER BY id")) {
        rows.setFetchSize(100); rows.setInt(1, 500); int count = 0;
        for (var row = rows.executeQuery(); row.next(); count++) row.getString(2);
        System.out.println("rows " + count);
      }
      try (var many = db.prepareStatement("INSERT INTO items VALUES (?, ?)")) {
        for (int i = 2000; i < 3000; i++) { many.setInt(1, i); many.setString(2, "by JDBC"); many.addBatch(); }
        System.out.println("batch " + many.executeBatch().length);
      }
      db.rollback();
      try { db.createStatement().executeQuery("SELECT * FROM hr.salaries"); }
      catch (SQLException refused) { System.out.println(refused.getSQLState() + " " + refused.getMessage().contains("postgres:read orders/shop@hr")); }
      db.rollback();
      System.out.println("types " + db.getMetaData().getTables(null, "public", "items", null).next());
    }
  }
}`

const changelog = `--liquibase formatted sql
--changeset me:1
CREATE TABLE crates (id int PRIMARY KEY, note text);
--changeset me:2
INSERT INTO crates VALUES (1, 'one');
--rollback DELETE FROM crates;
`

const asyncpg = `
import asyncio, asyncpg, os, ssl
async def main():
    db = await asyncpg.connect(host='${host}', user='me', database='shop', ssl=ssl.create_default_context(cafile=os.environ['PGSSLROOTCERT']))
    print(await db.fetchval('SELECT count(*) FROM items WHERE id = ANY($1::int[])', [1, 2, 3]))
    async with db.transaction():
        print(len([one async for one in db.cursor('SELECT * FROM items WHERE id <= $1', 250, prefetch=100)]))
        await db.execute('CREATE TABLE boxes (id int, note text)')
        print(await db.copy_records_to_table('boxes', records=[(i, 'x') for i in range(5000)]))
        await db.executemany('INSERT INTO boxes VALUES ($1, $2)', [(i, 'y') for i in range(100)])
        print(await db.fetchval('SELECT count(*) FROM boxes'))
        await db.execute('DROP TABLE boxes')
    try: await db.fetch('SELECT * FROM hr.salaries')
    except asyncpg.InsufficientPrivilegeError as refused: print('refused', 'postgres:read orders/shop@hr' in str(refused))
    await db.close()
asyncio.run(main())`

const prismaSchema = `
generator client {
  provider   = "prisma-client-js"
  output     = "./made"
  engineType = "client"
}
datasource db {
  provider = "postgresql"
  url      = "postgresql://not-used"
}
model Basket {
  id   Int    @id @default(autoincrement())
  note String
  @@map("baskets")
}`
const prismaAdapter = `
import { PrismaPg } from '@prisma/adapter-pg'
export const adapter = () => new PrismaPg({ connectionString: 'postgresql://me:mine@${host}/shop?sslmode=verify-full&sslrootcert=' + process.env.PGSSLROOTCERT })`
const prismaClient = `
import { adapter } from './adapter.mjs'
import { PrismaClient } from './made/index.js'
const db = new PrismaClient({ adapter: adapter() })
await db.basket.createMany({ data: [{ note: 'one' }, { note: 'two' }] })
await db.$transaction([db.basket.create({ data: { note: 'three' } }), db.basket.delete({ where: { id: 1 } })])
console.log(await db.basket.count({ where: { note: { contains: 't' } } }), (await db.basket.findFirst({ orderBy: { id: 'desc' } })).note)
await db.$disconnect()`

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
      name: 'flyway, liquibase, and what asks by JDBC',
      needs: ['java', 'javac', 'java-migrations'],
      async run(world) {
        const out = await works(
          world,
          'release',
          `set -e; mkdir sql; mv V1__first.sql V2__second.sql sql/; jars="$(java-migrations)/*"
           java -cp "$jars" Ask.java; java -cp "$jars" Migrate.java; psql -At -c 'SELECT count(*) FROM parcels'
           liquibase() { java -cp "$jars" liquibase.integration.commandline.LiquibaseCommandLine --url "${asked}$PGSSLROOTCERT" --changelog-file changes.sql "$@" 2>&1; }
           liquibase update; liquibase rollback-count --count 1; psql -At -c 'SELECT count(*) FROM crates'
           psql -q -c 'DROP TABLE parcels, crates, databasechangelog, databasechangeloglock, flyway_schema_history'`,
          ['java-migrations'],
          {
            'Migrate.java': flyway,
            'Ask.java': jdbc,
            'changes.sql': changelog,
            'V1__first.sql': 'CREATE TABLE parcels (id int PRIMARY KEY, note text);',
            'V2__second.sql': "INSERT INTO parcels VALUES (1, 'one'); CREATE INDEX ON parcels (note);",
          },
        )
        assert.match(
          out,
          /^rows 500\nbatch 1000\n42501 true\ntypes true\n.*migrated 2 true\n1\n.*Liquibase command 'update' was executed successfully.*\n0\n$/s,
        )
      },
    },
    {
      // `prisma migrate` has a native engine that npm does not bring: the table is made by psql.
      name: 'prisma: generate and its client, by a driver adapter',
      needs: ['node', 'prisma'],
      async run(world) {
        const out = await works(
          world,
          'release',
          `set -e; ln -s "$(prisma)" node_modules; export PRISMA_HIDE_UPDATE_MESSAGE=1 CHECKPOINT_DISABLE=1
           psql -q -c 'CREATE TABLE baskets (id SERIAL PRIMARY KEY, note TEXT NOT NULL)'
           node node_modules/prisma/build/index.js generate --schema schema.prisma; node it.mjs; psql -q -c 'DROP TABLE baskets'`,
          ['prisma', 'node'],
          {
            'schema.prisma': prismaSchema,
            'adapter.mjs': prismaAdapter,
            'it.mjs': prismaClient,
          },
        )
        assert.match(out, /\n2 three\n$/)
      },
    },
    {
      name: 'tern (pgx)',
      needs: ['tern'],
      async run(world) {
        const out = await works(
          world,
          'release',
          `set -e; mkdir migrations; mv 001_first.sql 002_second.sql migrations/
           tern() { command tern "$@" -m migrations --sslmode verify-full --sslrootcert "$PGSSLROOTCERT" --host ${host} --user me --database shop; }
           tern migrate; tern status; psql -At -c 'SELECT count(*) FROM shelves'; tern migrate --destination 0; psql -q -c 'DROP TABLE schema_version'`,
          ['tern'],
          {
            '001_first.sql':
              'CREATE TABLE shelves (id int);\n---- create above / drop below ----\nDROP TABLE shelves;',
            '002_second.sql':
              'INSERT INTO shelves SELECT generate_series(1, 3);\n---- create above / drop below ----\nDELETE FROM shelves;',
          },
        )
        assert.match(out, /up to date.*\n3\n/s)
      },
    },
    {
      name: 'asyncpg: binary, cursors, COPY, and a refusal',
      needs: ['asyncpg'],
      async run(world) {
        const out = await works(world, 'release', 'asyncpg it.py', ['asyncpg'], { 'it.py': asyncpg })
        assert.equal(out, '3\n250\nCOPY 5000\n5100\nrefused True\n')
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
