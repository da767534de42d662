import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createReply } from './replies.ts'
import { createDatabases } from './sql/databases.ts'
import { meaningOf } from './sql/meaning.ts'
import { shapeOf } from './sql/shape.ts'
import { Unreadable, tokensInTurns, tokensOf } from './sql/tokens.ts'
import { ProtocolFault } from '../read-exactly.ts'
import { packetOf, u16 } from './wire.ts'

const surroundings = { databases: createDatabases(['shop', 'hidden', 'information_schema']), readOnly: true }
const meant = (sql: string) => meaningOf(tokensOf(sql), surroundings)

test('what stands between words changes nothing of what a statement means', () => {
  const gap = fc.constantFrom(' ', '\n', '\t', ' /* x */ ', '/**/', ' -- x\n', '#\n', " /* ' */ ")
  const statement = fc.constantFrom(
    ...[
      ['SELECT', '*', 'FROM', 'hidden', '.', 'k'],
      ['DELETE', 'FROM', '`hidden`', '.', 'k'],
      ['SHOW', 'TABLES', 'IN', 'hidden'],
    ],
    ...[
      ['SELECT', '1', 'INTO', 'OUTFILE', "'x'"],
      ['SET', 'sql_mode', '=', "'ANSI_QUOTES'"],
      ['START', 'TRANSACTION', 'READ', 'WRITE'],
    ],
    ...[
      ['DROP', 'DATABASE', 'hidden'],
      ['WITH', 'x', 'AS', '(', 'SELECT', '1', ')', 'UPDATE', 't', 'SET', 'a', '=', '1'],
    ],
  )
  fc.assert(
    fc.property(
      statement,
      fc.array(gap, { minLength: 20, maxLength: 20 }),
      fc.boolean(),
      (words, gaps, lower) => {
        const written = words
          .map((word, at) => (lower ? word.toLowerCase() : word) + (gaps[at] ?? ' '))
          .join('')
        assert.deepEqual(meant(written), meant(words.join(' ')), written)
      },
    ),
  )
})

test('no text makes the reader fail otherwise than by saying so', () => {
  const piece = fc.oneof(
    fc.string({ maxLength: 6 }),
    fc.constantFrom(
      "'",
      '"',
      '`',
      '\\',
      '/*',
      '*/',
      '/*!',
      '--',
      '#',
      '@',
      '@@',
      ';',
      'SELECT',
      'SET',
      'USE',
      '.',
      'hidden',
      '0x',
      '\n',
      ':=',
    ),
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
      try {
        meant(pieces.join(''))
      } catch (error) {
        assert.ok(error instanceof Unreadable, String(error))
      }
    }),
    { numRuns: 500 },
  )
  for (const text of ["'", '`a', '/* x', 'a\0b', '/* /* */ */'])
    assert.throws(() => tokensOf(text), Unreadable, text)
})

test('a text of megabytes is read in turns, and as few words; one of too many is refused', async () => {
  const rows = `(1, 'it''s', NULL, -1.5e3, _binary '\\'', 0x${'00'.repeat(2_000)}),\n`
  const reading = tokensInTurns(`INSERT INTO t VALUES ${rows.repeat(500)}(?, 2)`)
  let turns = 0
  const count = () => {
    turns++
    counting = setImmediate(count)
  }
  let counting = setImmediate(count)
  const tokens = await reading
  clearImmediate(counting)
  assert.ok(turns > 0)
  assert.ok(tokens.length < 20, String(tokens.length))
  assert.deepEqual(shapeOf(tokens), { shape: 'INSERT INTO t VALUES(?,...)', isWhole: true })
  for (const text of [',', 'a.', '/*!1*/', '`a`,'])
    assert.throws(() => tokensOf(text.repeat(200_000)), Unreadable)
  assert.throws(() => tokensOf(`SELECT \`${'a'.repeat(2_000)}\``), /longer than servers/)
})

test('what one server reads otherwise than another, or than JavaScript, is not taken for what it seems', () => {
  const named = (sql: string) => {
    const found = meant(sql)
    return 'why' in found ? found.why : [...found.databases, ...(found.asksAnew === true ? ['?'] : [])]
  }
  // A no-break space is a letter to servers: no comment begins, and no word ends.
  for (const space of ['\u00a0', '\u0085', '\u2028', '\ufeff', '\u3000']) {
    const text = `SELECT 1--${space} FROM (SELECT 1 AS \`${space}\`) z UNION SELECT v FROM hidden.keys_`
    assert.deepEqual(named(text), ['hidden'], JSON.stringify(space))
  }
  assert.deepEqual(named('SELECT 1--\u0001 FROM hidden.k'), [])
  // Comments that are code to some: both readings count, and what no server reads is none.
  assert.deepEqual(named('SELECT 1 /*!50600 FROM hidden.k */'), ['hidden'])
  assert.deepEqual(named('SELECT 1 FROM /*M!100100 hidden. */ k'), ['hidden'])
  assert.deepEqual(named('/*M!999999\\- enable the sandbox mode */ /*!40101 SET NAMES utf8mb4 */'), [])
  assert.deepEqual(named('LOCK TABLES t READ /*!32311 LOCAL */'), [])
  assert.match(String(named('SELECT 1 /*!50600 INTO OUTFILE "x" */')), /writes a file/)
  assert.match(
    String(named('/*!50600 USE */ /*!50601 SHOW TABLES FROM */ hidden')),
    /mysql:connect|another statement/,
  )
  for (const text of [
    ...['SELECT /*+ BKA(`*/`) */ v FROM hidden.k # `', 'SELECT 1 /*!401011 x */', 'SELECT 1 /*!40101 -- */'],
    ...['SELECT 1 /*!50600 a*/ /*!50601 b*/ /*!50602 c*/'],
  ])
    assert.throws(() => named(text), Unreadable, text)
  // A database that is not known yet is asked for where one can stand, and not for each alias.
  for (const text of [
    ...['SELECT * FROM later.t', 'SELECT 1 FROM items i JOIN k ON i.a = k.a, later.t', 'TABLE later.t'],
    ...[
      'SELECT later.f(1)',
      'SELECT later.t.a FROM x',
      'SELECT 1 FROM (items, (later.t))',
      'SHOW TABLES IN later',
    ],
    ...['SELECT NEXTVAL(later.s)', 'SELECT NEXT VALUE FOR later.s', 'UPDATE items, later.t SET a = 1'],
    ...['SELECT 1 FROM items USE INDEX FOR ORDER BY (i), later.t', 'SELECT 1 FROM x.select, later.t'],
    ...[
      'INSERT INTO items SELECT * FROM later.t',
      'CREATE TABLE t LIKE later.t',
      'SELECT (SELECT 1 FROM later.t)',
    ],
  ])
    assert.deepEqual(named(text), ['?'], text)
  for (const text of [
    ...[
      'SELECT i.id, COUNT(k.a) FROM items i JOIN k ON f(i.a, k.a) WHERE i.b IN (k.b, i.c) GROUP BY i.a, k.b',
    ],
    ...[
      'INSERT INTO t SELECT 1 FROM x ON DUPLICATE KEY UPDATE a = VALUES(i.a)',
      'UPDATE t AS i SET i.a = i.b + 1',
    ],
  ])
    assert.deepEqual(named(text), [], text)
  assert.deepEqual(named('SELECT * FROM `#mysql50#hidden`.k'), ['#mysql50#hidden', '?'])
  assert.deepEqual(named('SELECT * FROM H\u0130DDEN.k'), ['H\u0130DDEN', '?'])
})

test('settings that change how statements are read are refused, or looked at once they are done', () => {
  const found = (sql: string) => {
    const meaning = meant(sql)
    return 'why' in meaning ? 'refused' : meaning.isOpen === true ? 'open' : 'harmless'
  }
  const all = (wanted: string, texts: readonly string[]) => {
    for (const text of texts) assert.equal(found(text), wanted, text)
  }
  all('harmless', ['SET NAMES utf8mb4 COLLATE utf8mb4_bin, autocommit = 1', "SET CHARACTER SET 'utf8'"])
  all('refused', [
    ...[
      "SET NAMES utf8, sql_mode='ANSI_QUOTES'",
      'SET NAMES utf8, tx_read_only=0',
      'SET NAMES utf8 tx_read_only',
    ],
    ...['SET NAMES utf8, character_set_client=gbk', "SET CHARACTER SET utf8, sql_mode='ANSI_QUOTES'"],
    ...[
      'SET autocommit=1, NAMES gbk',
      'SET \u017fql_mode=@a',
      'SET sql_mode=(SELECT 1)',
      'SET sql_mode=f(1)',
    ],
  ])
  // The timeout of a statement, as MariaDB's drivers have it: what is limited by it is judged.
  const limited = 'SET STATEMENT max_statement_time = 1.5 FOR'
  assert.deepEqual(meant(`${limited} SELECT v FROM hidden.k`), meant('SELECT v FROM hidden.k'))
  assert.deepEqual(meant(`${limited} DELETE FROM t`), meant('DELETE FROM t'))
  all('refused', [
    `SET STATEMENT sql_mode='' FOR SELECT 1`,
    `SET STATEMENT max_statement_time=f(1) FOR SELECT 1`,
  ])
  all('refused', [`${limited} SET sql_mode='ANSI_QUOTES'`, `${limited} CALL x()`])
  // MariaDB Connector/J, and Rails.
  all('open', [
    "set autocommit=1, session_track_schema=1, session_track_system_variables='auto_increment_increment', sql_mode = concat(@@sql_mode,',STRICT_TRANS_TABLES')",
    "SET NAMES utf8mb4, @@SESSION.sql_mode = CONCAT(CONCAT(@@sql_mode, ',STRICT_ALL_TABLES'), ',NO_AUTO_VALUE_ON_ZERO'), @@SESSION.sql_auto_is_null = 0, @@SESSION.wait_timeout = 2147483",
    ...['SET sql_mode=@saved', 'SET character_set_client = @saved', 'SET NAMES DEFAULT'],
  ])
})

test('what shows accounts, other sessions and files of the server is for mysql:connect', () => {
  for (const text of [
    ...['SHOW GRANTS', 'SHOW CREATE USER CURRENT_USER', 'SHOW FULL PROCESSLIST', 'SHOW ENGINE INNODB STATUS'],
    ...[
      'SHOW BINLOG EVENTS',
      'SHOW EXPLAIN FOR 1',
      'EXPLAIN FOR CONNECTION 1',
      'EXPLAIN FORMAT = JSON FOR CONNECTION 1',
    ],
    ...['SELECT INFO FROM information_schema.PROCESSLIST', 'SELECT * FROM `INFORMATION_SCHEMA` . innodb_trx'],
    ...[
      'SELECT * FROM \u0131nformation_schema.processlist',
      'SELECT * FROM information_schema.COLUMN_STATISTICS',
    ],
    ...[
      "SELECT `load_file`('/etc/hostname')",
      "SELECT l\u00f3ad_file ('/etc/hostname')",
      "SELECT LOAD_FILE('/x')",
    ],
  ])
    assert.ok('why' in meant(text), text)
  for (const text of [
    ...['SHOW FULL TABLES', 'SHOW CREATE TABLE items', 'SHOW SESSION VARIABLES', 'SHOW FUNCTION STATUS'],
    ...['SHOW COUNT(*) WARNINGS', 'SHOW TABLE STATUS', 'SELECT TABLE_NAME FROM information_schema.TABLES'],
  ])
    assert.ok(!('why' in meant(text)), text)
})

test('the end of an answer is found however its bytes come', () => {
  const ok = (status: number) => Buffer.concat([Buffer.of(0, 0, 0), u16(status), u16(0)])
  const eof = (status: number) => Buffer.concat([Buffer.of(0xfe), u16(0), u16(status)])
  const row = (text: string) => Buffer.concat([Buffer.of(text.length), Buffer.from(text)])
  const table = (rows: readonly string[], status: number) => [
    ...[Buffer.of(1), Buffer.alloc(30, 3), eof(2)],
    ...[...rows.map(row), eof(status)],
  ]
  const bytesOf = (bodies: readonly Buffer[]) =>
    Buffer.concat(bodies.map((body, at) => packetOf(at + 1, body)))
  const texts = fc.array(fc.string({ unit: 'grapheme-ascii', maxLength: 40 }), { maxLength: 10 })
  fc.assert(
    fc.property(texts, texts, fc.integer({ min: 1, max: 60 }), (one, other, size) => {
      const bytes = bytesOf([...table(one, 0x0a), ok(0x0a), ...table(other, 2)])
      const reply = createReply('results', false)
      for (let at = 0; at < bytes.length; at += size) {
        const outcome = reply.take(bytes.subarray(at, at + size))
        assert.equal(outcome === undefined, at + size < bytes.length)
        if (outcome !== undefined)
          assert.deepEqual([outcome.rows, outcome.failed], [one.length + other.length, false])
      }
    }),
    { numRuns: 100 },
  )
  const more = createReply('one', false)
  assert.throws(() => more.take(bytesOf([ok(2), ok(2)])), ProtocolFault)
  assert.throws(
    () => createReply('results', false).take(bytesOf([Buffer.from('\u00fbfile', 'latin1')])),
    /asks for a file/,
  )
  assert.deepEqual(
    createReply('prepare', false).take(bytesOf([Buffer.from([0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])]))
      ?.statement,
    7,
  )
})
