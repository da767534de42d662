import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { test, type TestContext } from 'node:test'
import { createTestAuthority } from '../../../test/certificates.ts'
import { startMariaDb, type MariaDb } from '../../../test/e2e/mariadb.ts'
import { openDoor } from '../door.fixture.ts'
import { compileRules, openWorld } from '../gateway.fixture.ts'
import type { GatewayDeps } from '../index.ts'
import type { GrantEntry } from '../../config/index.ts'

const run = promisify(execFile)

/** A gateway in front of the server, and what a client on this machine says by it. */
async function shopWorld(
  t: TestContext,
  server: MariaDb,
  grants: readonly GrantEntry[],
  approvers?: GatewayDeps['approvers'],
  more: { readonly ca?: string } = {},
) {
  const world = await openWorld(t, approvers === undefined ? {} : { approvers })
  const orders = {
    ...{ kind: 'mysql', url: 'mysql://db.test', dial: `127.0.0.1:${server.port}` },
    ...{ credential: { basic: 'secret:orders' } },
    ...more,
  }
  const rules = compileRules({ orders }, grants)
  world.setTargets(rules.targets, rules.policy)
  const port = await openDoor(t, world, 'db.test:3306')
  const tool = async (name: string, args: readonly string[], input = '') => {
    const asked = run(
      name,
      ['--no-defaults', '-h', '127.0.0.1', '-P', String(port), '-u', 'whoever', ...args],
      {
        timeout: 30_000,
        maxBuffer: 50_000_000,
      },
    )
    asked.child.stdin?.end(input)
    return asked.then(
      ({ stdout, stderr }) => ({ code: 0, out: stdout.trim(), err: stderr }),
      ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({
        code,
        out: stdout.trim(),
        err: stderr,
      }),
    )
  }
  const sql = (text: string, database = 'shop', ...more: string[]) =>
    tool('mariadb', ['--skip-ssl', '-N', '-B', ...more, '-e', text, ...(database === '' ? [] : [database])])
  return { world, sql, tool, port }
}

test('mysql: statements are judged by their databases, before a real server sees them', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-mysql-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const authority = await createTestAuthority(folder)
  const byTls = { ca: readFileSync(authority.file, 'utf8') }
  const server = await startMariaDb(await authority.issue('db', ['db.test']))
  if (server === undefined || !existsSync('/usr/bin/mariadb')) return t.skip('MariaDB is not installed')
  t.after(() => server[Symbol.dispose]())
  server.sql(
    `CREATE USER injected@'%' IDENTIFIED BY 'for-orders'; GRANT ALL ON *.* TO injected@'%';
     CREATE DATABASE shop; CREATE DATABASE hidden; CREATE TABLE shop.items (id INT PRIMARY KEY, name TEXT);
     INSERT INTO shop.items VALUES (1, 'one'), (2, 'two'); CREATE TABLE hidden.keys_ (v TEXT); INSERT INTO hidden.keys_ VALUES ('hidden-value')`,
  )
  const seen = () => server.log()

  await t.test(
    'a role that reads has what it was granted, and a session that the server keeps read-only',
    async (t) => {
      const { sql, world, tool } = await shopWorld(t, server, ['mysql:read orders/shop'], undefined, byTls)
      assert.equal((await sql('SELECT id, name FROM items ORDER BY id')).out, '1\tone\n2\ttwo')
      assert.equal(
        (await sql('SHOW TABLES; SELECT COUNT(*) FROM shop.items i WHERE i.id > 0')).out,
        'items\n2',
      )
      assert.equal((await sql('SELECT @@session.tx_read_only')).out, '1')
      const many = await sql(`SELECT REPEAT('x', 1000) FROM seq_1_to_20000`)
      assert.equal(many.out.length, 20_000 * 1_001 - 1)
      const before = seen()
      for (const text of [
        ...[
          'SELECT * FROM hidden.keys_',
          'SELECT * FROM `hidden` . keys_',
          'SELECT * FROM Hidden/**/.keys_',
          'USE hidden',
        ],
        ...[
          'DELETE FROM items',
          'INSERT INTO items VALUES (3, 3)',
          'WITH x AS (SELECT 1) DELETE FROM items',
          'SELECT * FROM items FOR UPDATE',
        ],
        ...[
          'SET SESSION TRANSACTION READ WRITE',
          'START TRANSACTION READ WRITE',
          'SET GLOBAL read_only = 0',
          "SET sql_mode = 'ANSI_QUOTES'",
        ],
        ...[
          'SET NAMES gbk',
          "SET @a = 'ANSI_QUOTES', sql_mode = @a",
          'BEGIN NOT ATOMIC DELETE FROM items; END',
          'CALL x()',
          "PREPARE s FROM 'DELETE FROM items'",
        ],
        ...[
          "EXECUTE IMMEDIATE 'DELETE FROM items'",
          'SELECT 1 /*!99999 INTO OUTFILE "/tmp/x" */',
          "SELECT 'x' INTO OUTFILE '/tmp/mayfly-x'",
          "SELECT LOAD_FILE('/etc/passwd')",
        ],
        ...[
          'DROP TABLE items',
          'CREATE TABLE t (a INT)',
          'GRANT ALL ON *.* TO x',
          'FLUSH TABLES',
          'SHOW TABLES FROM hidden',
          'KILL 1',
          'SET STATEMENT max_statement_time=1 FOR DELETE FROM items',
        ],
        ...[
          "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE items",
          'DO RELEASE_LOCK(1)',
          'HANDLER items OPEN',
          'SET @a = (SELECT v FROM hidden.keys_)',
          'SET @a = (SELECT COUNT(*) FROM `HIDDEN`.keys_)',
        ],
      ]) {
        const { code, err, out } = await sql(text)
        assert.notEqual(code, 0, `${text}: ${out}`)
        assert.match(err, /mayfly: refused: mysql/, text)
      }
      const after = seen().slice(before.length)
      for (const word of ['hidden.keys_', 'DELETE', 'OUTFILE', 'GRANT', 'IMMEDIATE'])
        assert.ok(!after.includes(word), word)
      const dump = await tool('mariadb-dump', ['--skip-ssl', '--single-transaction', 'shop'])
      assert.equal(dump.code, 0, dump.err)
      assert.match(dump.out, /INSERT INTO `items` VALUES/)
      await world.gateway.recordDownloads(world.step)
      const events = JSON.stringify(world.audit.events)
      assert.ok(events.includes('SELECT COUNT(*)FROM shop.items i WHERE i.id > ?'), events.slice(-3000))
      assert.ok(!events.includes('for-orders') && !events.includes('ANSI_QUOTES'))
    },
  )

  await t.test('writing and defining are grants of their own, of each database', async (t) => {
    const { sql, tool } = await shopWorld(t, server, ['mysql:ddl orders/shop', 'mysql:read orders/hidden'])
    assert.equal(
      (await sql("INSERT INTO items VALUES (3, 'it''s; \\\\'); SELECT name FROM items WHERE id = 3")).out,
      "it's; \\\\",
    )
    assert.equal(
      (
        await sql(
          'CREATE TABLE t (a INT); INSERT INTO t SELECT id FROM items; SELECT COUNT(*) FROM t; DROP TABLE t',
        )
      ).out,
      '3',
    )
    assert.equal((await sql('SELECT v FROM hidden.keys_', '')).out, 'hidden-value')
    assert.notEqual((await sql('INSERT INTO hidden.keys_ VALUES (1)')).code, 0)
    for (const text of [
      ...[
        'CREATE DATABASE other',
        'CREATE TABLE f (a INT) ENGINE=CONNECT',
        'CREATE FUNCTION f() RETURNS INT RETURN 1',
        'DROP DATABASE hidden',
      ],
      ...[
        'CREATE DEFINER=root@localhost VIEW v AS SELECT 1',
        'CREATE TRIGGER x BEFORE INSERT ON items FOR EACH ROW SET @a=1',
        'RENAME TABLE items TO hidden.items',
      ],
    ])
      assert.match((await sql(text)).err, /mayfly: refused: mysql/, text)
    const script = await tool(
      'mariadb',
      ['--skip-ssl', 'shop'],
      `/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;\nREPLACE INTO items VALUES (4, 'four');\n/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;\n`,
    )
    assert.equal(script.code, 0, script.err)
  })

  await t.test('a person sees all of what they say yes to, each time that it is done', async (t) => {
    const shown: unknown[] = []
    const approvers = {
      async ask({ operations, detail }: { operations: readonly string[]; detail: unknown }) {
        shown.push([...operations, detail])
        return { ok: true as const, approval: 'apr_1', by: ['anna'] }
      },
      stepEnded: async () => undefined,
    }
    const write = { grant: 'mysql:write orders/shop', approval: 'always', approvers: 'managers' } as const
    const { port } = await shopWorld(t, server, ['mysql:read orders/shop', write], approvers)
    const { createConnection } = (await import('mysql2/promise')).default
    const client = await createConnection({ host: '127.0.0.1', port, user: 'any', database: 'shop' })
    t.after(() => client.destroy())
    await client.query('SELECT name FROM items WHERE id = 1')
    for (const name of ['a', 'one']) await client.execute('UPDATE items SET name = ? WHERE id = 1', [name])
    await client.query("/*!50000 DELETE FROM items WHERE name = 'none' */")
    const update = ['mysql:write orders/shop', { statement: 'UPDATE items SET name = ? WHERE id = ?' }]
    assert.deepEqual(shown, [
      update,
      update,
      ['mysql:write orders/shop', { statement: '/*! DELETE FROM items WHERE name = ? */' }],
    ])
    const long = `UPDATE items SET name = 'x' WHERE ${'id = id AND '.repeat(300)} id = 1`
    await assert.rejects(client.query(long), /too long to be shown to one/)
    assert.equal(shown.length, 3)
  })

  await t.test(
    'by TLS of the run and of the server, with prepared statements and a driver; the end of the step cuts it',
    async (t) => {
      const { world, port } = await shopWorld(t, server, ['mysql:write orders/shop'], undefined, byTls)
      const { createConnection } = (await import('mysql2/promise')).default
      const client = await createConnection({
        ...{ host: '127.0.0.1', port, user: 'any', password: 'thing', database: 'shop' },
        ssl: { ca: world.ca, servername: 'db.test', verifyIdentity: false } as never,
      })
      const [rows] = await client.execute('SELECT name FROM items WHERE id = ?', [1])
      assert.deepEqual(rows, [{ name: 'one' }])
      await client.execute('UPDATE items SET name = ? WHERE id = ?', ['eins', 1])
      await assert.rejects(client.execute('SELECT * FROM hidden.keys_'), /mayfly: refused/)
      await assert.rejects(client.query('SELECT 1; SELECT 2'), /more than one statement|mayfly/)
      await assert.rejects(client.changeUser({ user: 'root' }), /mayfly: refused/)
      const [after] = await client.query('SELECT name FROM items WHERE id = 1')
      assert.deepEqual(after, [{ name: 'eins' }])
      const running = client.query('SELECT SLEEP(20)')
      await new Promise((next) => setTimeout(next, 300))
      world.brokers.end(world.step)
      await assert.rejects(running)
    },
  )
})
