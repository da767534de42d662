import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createTestAuthority } from '../../../test/certificates.ts'
import { startMariaDb } from '../../../test/e2e/mariadb.ts'
import { fakeServer, rawClient, shopWorld } from './mysql.fixture.ts'
import { okPacket, packetOf, u16, u32 } from './wire.ts'

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
      ['mysql:write orders/shop', { statement: 'DELETE FROM items WHERE name = ?' }],
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

  await t.test(
    'what a statement is about is not hidden by how it is written, or by what was set before',
    async (t) => {
      server.sql(
        `DELIMITER //\nCREATE FUNCTION shop.wr() RETURNS INT BEGIN INSERT INTO shop.items VALUES (99, 'written'); RETURN 7; END//`,
      )
      const { port } = await shopWorld(t, server, ['mysql:read orders/shop'])
      const { createConnection } = (await import('mysql2/promise')).default
      const client = await createConnection({ host: '127.0.0.1', port, user: 'any', database: 'shop' })
      t.after(() => client.destroy())
      const refused = async (sql: string) => assert.rejects(client.query(sql), /mayfly: refused/, sql)
      await refused('SELECT 1--\u00a0 FROM (SELECT 1 AS `\u00a0`) z UNION SELECT v FROM hidden.keys_')
      await refused("SET NAMES utf8, sql_mode='ANSI_QUOTES'")
      await refused('SET NAMES utf8, tx_read_only=0')
      await refused("SELECT `load_file`('/etc/hostname')")
      await refused('SHOW GRANTS')
      await refused('SELECT * FROM mysql.user')
      // What a variable holds only the server knows: it is asked once it is set, and before the client goes on.
      await client.query("SET @quotes = 'ANSI_QUOTES', @before = @@sql_mode")
      await assert.rejects(client.query('SET sql_mode = @quotes'), /set back/)
      await assert.rejects(client.execute('SET sql_mode = @quotes'), /set back/)
      await assert.rejects(
        client.query("SET sql_mode = CONCAT(@@sql_mode, ',NO_BACKSLASH_ESCAPES')"),
        /set back/,
      )
      await client.query('SET sql_mode = @before')
      const { error: jdbc } = await client
        .query("set autocommit=1, session_track_schema=1, sql_mode = concat(@@sql_mode,',STRICT_ALL_TABLES')")
        .then(
          () => ({ error: undefined }),
          (error: unknown) => ({ error }),
        )
      assert.equal(jdbc, undefined)
      const [[row]] = (await client.query(
        'SELECT "x" AS x, @@sql_mode LIKE "%STRICT_ALL%" AS y',
      )) as never as [[unknown]]
      assert.deepEqual(row, { x: 'x', y: 1 })
      await assert.rejects(client.query('SELECT wr()'), /READ ONLY/)
      // A database that is made after the session began.
      server.sql('CREATE DATABASE later; CREATE TABLE later.t (v TEXT)')
      await refused('SELECT * FROM later.t')
      await client.query('SELECT i.id FROM items i JOIN items k ON i.id = k.id')
      const all = await shopWorld(t, server, ['mysql:read orders/*'])
      assert.match((await all.sql('SELECT User FROM mysql.user')).err, /mysql:connect alone reads it/)
    },
  )

  await t.test('statements by number, sessions that begin anew, and clients that compress', async (t) => {
    const asked: unknown[] = []
    const approvers = {
      async ask({ operations }: { operations: readonly string[] }) {
        asked.push(operations)
        return { ok: false as const, why: 'no' }
      },
      stepEnded: async () => undefined,
    }
    const write = { grant: 'mysql:write orders/shop', approval: 'always', approvers: 'managers' } as const
    const { port } = await shopWorld(t, server, [write], approvers)
    await using client = await rawClient(port)
    // Being in a database is nothing to ask a person for.
    assert.deepEqual([await client.query('USE shop'), asked], ['OK', []])
    await client.prepare("INSERT INTO items VALUES (77, 'unasked')")
    assert.match(await client.execute(0xffffffff), /refused/)
    assert.deepEqual(asked, [['mysql:write orders/shop']])
    assert.match(await client.execute(4_000), /no statement of this number/)
    assert.equal(server.sql('SELECT COUNT(*) FROM shop.items WHERE id = 77').trim(), '0')
    // It stays about the database in which it was prepared.
    const both = await shopWorld(t, server, [write, 'mysql:write orders/hidden'], approvers)
    await using other = await rawClient(both.port)
    await other.prepare("INSERT INTO items VALUES (78, 'unasked')")
    assert.equal(await other.query('USE hidden'), 'OK')
    assert.match(await other.execute(0xffffffff), /refused/)
    assert.equal(asked.length, 2)
    const reader = await shopWorld(t, server, ['mysql:read orders/shop'])
    await using again = await rawClient(reader.port)
    assert.equal(await again.command(31), 'OK')
    assert.equal(
      await again.query("SELECT CONCAT(@@tx_read_only, DATABASE(), @@sql_mode LIKE '%ANSI%')"),
      'ONshop0',
    )
    assert.match(await again.query('SELECT * FROM hidden.keys_'), /refused/)
    await assert.rejects(rawClient(reader.port, 0x20), /compresses/)
  })

  await t.test('packets of more than a segment pass, with TLS and without', async (t) => {
    const { world, port } = await shopWorld(t, server, ['mysql:write orders/shop'])
    const { createConnection } = (await import('mysql2/promise')).default
    for (const more of [
      {},
      { ssl: { ca: world.ca, servername: 'db.test', verifyIdentity: false } as never },
    ]) {
      const client = await createConnection({
        host: '127.0.0.1',
        port,
        user: 'any',
        database: 'shop',
        ...more,
      })
      t.after(() => client.destroy())
      for (const bytes of [70_000, 3_000_000]) {
        const [[row]] = (await client.execute('SELECT LENGTH(?) AS n', ['x'.repeat(bytes)])) as never as [
          [{ n: number }],
        ]
        assert.equal(row.n, bytes)
        const [[same]] = (await client.query(`SELECT LENGTH('${'x'.repeat(bytes)}') AS n`)) as never as [
          [{ n: number }],
        ]
        assert.equal(same.n, bytes)
      }
      await assert.rejects(client.query(`SELECT '${'x'.repeat(4_300_000)}'`), /too long to be judged/)
      await client.query('SELECT 1')
    }
    await using raw = await rawClient(port)
    await raw.prepare('UPDATE items SET name = LENGTH(?) WHERE id = 2')
    raw.send(24, u32(0xffffffff), u16(0), Buffer.alloc(300_000, 'x'))
    assert.equal(await raw.execute(0xffffffff, Buffer.of(0, 1, 0xfc, 0)), 'OK')
    assert.equal(await raw.query('SELECT name FROM items WHERE id = 2'), '300000')
  })

  await t.test('a dump as its tool makes it is read in again', async (t) => {
    const { tool } = await shopWorld(t, server, ['mysql:ddl orders/shop'])
    const dump = await tool('mariadb-dump', ['--skip-ssl', '--hex-blob', 'shop', 'items'])
    assert.equal(dump.code, 0, dump.err)
    const back = await tool('mariadb', ['--skip-ssl', 'shop'], dump.out)
    assert.equal(back.code, 0, back.err)
  })
})

test('a server gets no password that it could keep, and its last words reach the client', async (t) => {
  const seen: Buffer[] = []
  const asking = await fakeServer(t, 'caching_sha2_password', (socket, body, sequence) => {
    seen.push(body)
    socket.write(packetOf(sequence + 1, Buffer.of(1, 4)))
  })
  const { port, world } = await shopWorld(t, asking, ['mysql:connect orders'], undefined, { tls: 'off' })
  await assert.rejects(rawClient(port), /goes to nobody without TLS/)
  // Its log-in alone: not the request for a key.
  assert.equal(seen.length, 1)
  assert.ok(JSON.stringify(world.audit.events).includes('goes to nobody'))

  const gone = await fakeServer(t, 'mysql_native_password', (socket, body, sequence) => {
    if (body[0] === 14) return void socket.write(okPacket(1))
    socket.write(okPacket(sequence + 1))
    const words = Buffer.from('#HY000The client was disconnected by the server because of inactivity')
    setImmediate(() => socket.end(packetOf(0, Buffer.of(0xff), u16(4031), words)))
  })
  const idle = await shopWorld(t, gone, ['mysql:connect orders'], undefined, { tls: 'off' })
  await using client = await rawClient(idle.port)
  assert.match(await client.answer(), /disconnected by the server/)
  await client.ended

  const old = await fakeServer(t, 'mysql_native_password', (socket, _, sequence) => {
    socket.write(packetOf(sequence + 1, Buffer.of(0xfe)))
  })
  const ofOld = await shopWorld(t, old, ['mysql:connect orders'], undefined, { tls: 'off' })
  await assert.rejects(rawClient(ofOld.port), /by mysql_old_password/)
})
