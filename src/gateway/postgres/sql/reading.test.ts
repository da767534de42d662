import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import fc from 'fast-check'
import { anyCharacter } from '../../../lib/any-character.fixture.ts'
import { needsOf, type Surroundings } from './needs.ts'
import { loadLibrary, readSql } from './read.ts'
import { createSqlReader } from './reader-of-sql.ts'
import type { Reading, Unread } from './reading.ts'

let library: Awaited<ReturnType<typeof loadLibrary>>
before(async () => {
  library = await loadLibrary()
})

const usual: Surroundings = { path: new Set(['public']), catalogFirst: true, readOnly: false, role: 'app' }

function needs(reading: Reading | Unread, surroundings: Partial<Surroundings> = {}): string[] {
  if ('error' in reading) return [`unread: ${reading.error}`]
  const all = needsOf(reading.uses, { ...usual, ...surroundings })
  return [
    ...new Set(all.map(({ verb, schema, whole }) => `${verb} ${schema ?? (whole === true ? '!' : '*')}`)),
  ].toSorted()
}

const of = (sql: string, surroundings?: Partial<Surroundings>) => needs(readSql(library, sql), surroundings)

/** `!`: the database as such; `*`: any schema. */
const cases: Readonly<Record<string, readonly string[]>> = {
  'SELECT 1': [],
  '': [],
  'SELECT * FROM t': ['read public'],
  'TABLE a.t': ['read a'],
  'SELECT (SELECT max(x) FROM b.u) FROM a.t JOIN c.v USING (id) WHERE EXISTS (SELECT 1 FROM d.w)': [
    'read a',
    'read b',
    'read c',
    'read d',
  ],
  'SELECT 1 FROM a.t UNION ALL SELECT 2 FROM b.t ORDER BY 1': ['read a', 'read b'],
  'SELECT * FROM a.t FOR UPDATE': ['write a'],
  'SELECT * INTO b.t FROM a.t': ['ddl b', 'read a'],
  'INSERT INTO a.t SELECT * FROM b.t RETURNING (SELECT x FROM c.t)': ['read b', 'read c', 'write a'],
  'UPDATE a.t SET x = (SELECT y FROM b.t) FROM c.t WHERE true': ['read b', 'read c', 'write a'],
  'DELETE FROM a.t USING b.t': ['read b', 'write a'],
  'MERGE INTO a.t USING b.t ON true WHEN MATCHED THEN DELETE': ['read b', 'write a'],
  'COPY a.t FROM STDIN': ['write a'],
  'COPY a.t TO STDOUT': ['read a'],
  'COPY (DELETE FROM a.t RETURNING *) TO STDOUT': ['write a'],
  "COPY a.t TO PROGRAM 'x'": ['admin !', 'read a'],
  "COPY a.t FROM '/x'": ['admin !', 'write a'],
  'TRUNCATE a.t, b.t': ['write a', 'write b'],
  'LOCK a.t': ['write a'],
  'EXPLAIN ANALYZE UPDATE a.t SET x = 1': ['write a'],
  'DECLARE c CURSOR FOR SELECT * FROM a.t': ['read a'],
  'PREPARE p AS DELETE FROM a.t': ['write a'],
  'SELECT 1; DROP TABLE a.t; SELECT * FROM b.t': ['ddl a', 'read b'],
  // A name of a WITH is one only where it is in sight.
  'WITH t AS (SELECT 1) SELECT * FROM t': [],
  'WITH t AS (SELECT * FROM t) SELECT * FROM t': ['read public'],
  'WITH RECURSIVE t AS (SELECT 1 UNION SELECT * FROM t) SELECT * FROM t': [],
  'WITH a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a': ['read public'],
  'SELECT * FROM (WITH t AS (SELECT 1) SELECT * FROM t) q, t': ['read public'],
  'WITH t AS (SELECT 1) SELECT * FROM a.t': ['read a'],
  'WITH t AS (SELECT 1) DELETE FROM t': ['write public'],
  'WITH x AS (INSERT INTO a.t VALUES (1) RETURNING *) SELECT * FROM x': ['write a'],
  'WITH t AS (SELECT 1) INSERT INTO u SELECT * FROM t': ['write public'],
  // The catalog tells everybody what there is, but not everything.
  'SELECT * FROM pg_class JOIN pg_catalog.pg_namespace n ON true JOIN information_schema.tables ON true': [],
  'SELECT * FROM pg_authid': ['admin !'],
  'SELECT * FROM pg_catalog.pg_shadow': ['admin !'],
  'SELECT * FROM pg_stats': ['admin !'],
  "UPDATE pg_settings SET setting = 'off'": ['admin !'],
  'SELECT * FROM pg_stat_statements': ['read public'],
  'SELECT * FROM pg_toast.pg_toast_1': ['read pg_toast'],
  // Functions.
  "SELECT lower('X'), count(*), now(), pg_catalog.pg_table_is_visible(1), coalesce(1, 2)": [],
  "SELECT nextval('a.s'), setval('\"B c\".s', 1), currval('c.s')": ['read c', 'write B c', 'write a'],
  // By its number it may be any of the database.
  'SELECT nextval(16400)': ['write !'],
  "SELECT nextval('16400')": ['write !'],
  "SELECT nextval('16400'::regclass)": ['write !'],
  "SELECT nextval(' 16400 ')": ['write !'],
  'SELECT nextval(0x4010)': ['write !'],
  'SELECT setval(4000000000, 9)': ['write !'],
  "SELECT setval('-', 9)": ['write !'],
  "SELECT setval('16400', 9), currval(16400)": ['read !', 'write !'],
  'CREATE TABLE a.t (x int DEFAULT nextval(16400))': ['ddl a', 'write !'],
  "SELECT nextval('s')": ['write public'],
  'SELECT nextval(x) FROM a.t': ['read a', 'write !'],
  'SELECT lo_get(1)': ['read !'],
  'SELECT lo_unlink(1)': ['write !'],
  'SELECT x.lo_get FROM unnest(ARRAY[1::oid]) x': ['read !'],
  "SELECT pg_notify('a', 'b')": ['write *'],
  'SELECT query FROM pg_stat_activity': ['admin !'],
  'SELECT * FROM pg_stat_get_activity(NULL)': ['admin !'],
  'SELECT own(1)': ['write public'],
  'SELECT a.own(x) FROM b.t': ['read b', 'write a'],
  'SELECT * FROM own(1)': ['write public'],
  'SELECT 1 OPERATOR(a.+) 2': ['write a'],
  'SELECT * FROM b.t ORDER BY x USING OPERATOR(a.<)': ['read b', 'write a'],
  'SELECT 1 = ANY (SELECT x FROM b.t)': ['read b'],
  'SELECT 1 OPERATOR(a.=) ANY (SELECT x FROM b.t)': ['read b', 'write a'],
  "SELECT pg_read_file('/x')": ['admin !'],
  "SELECT x.pg_read_file FROM unnest(ARRAY['/x']) x": ['admin !'],
  "SELECT ('/x'::text).pg_read_file": ['admin !'],
  'SELECT (\'/x\'::text)."pg_ls_dir"': ['admin !'],
  "SELECT query_to_xml('DELETE FROM a.t', true, true, '')": ['admin !'],
  "SELECT ts_stat('SELECT 1')": ['admin !'],
  "SELECT public.dblink('x', 'y')": ['admin !'],
  "SELECT lo_import('/x')": ['admin !'],
  'SELECT pg_terminate_backend(1)': ['admin !'],
  'SELECT pg_catalog.made_up_later()': ['admin !'],
  'CREATE INDEX ON a.t (a.own(x))': ['ddl a', 'write a'],
  'CREATE TRIGGER g BEFORE INSERT ON a.t EXECUTE FUNCTION b.own()': ['ddl a', 'write b'],
  // What no schema holds, and what cannot be read beforehand.
  'DO $$ BEGIN END $$': ['admin !'],
  'CALL a.p()': ['admin !'],
  "LOAD 'x'": ['admin !'],
  'SET ROLE x': ['admin !'],
  'SET ROLE NONE': [],
  'SET "ROLE" = x': ['admin !'],
  'SET SESSION AUTHORIZATION x': ['admin !'],
  'RESET SESSION AUTHORIZATION': [],
  'CREATE FUNCTION a.f() RETURNS int LANGUAGE sql RETURN 1': ['admin !'],
  'CREATE EXTENSION dblink': ['admin !'],
  "ALTER ROLE x SET search_path = 'y'": ['admin !'],
  'ALTER TABLE a.t OWNER TO x': ['admin !', 'ddl a'],
  'GRANT SELECT ON a.t TO x': ['admin !'],
  "PREPARE TRANSACTION 'x'": ['admin !'],
  "COMMIT PREPARED 'x'": ['admin !'],
  VACUUM: ['admin !'],
  'VACUUM ANALYZE a.t': ['write a'],
  'CREATE SCHEMA a': ['ddl a'],
  'CREATE SCHEMA AUTHORIZATION x': ['admin !'],
  'DROP TABLE a.t, u': ['ddl a', 'ddl public'],
  // It reaches what depends on it in other schemas.
  'DROP SCHEMA a CASCADE': ['ddl !', 'ddl a'],
  'DROP TABLE a.t CASCADE': ['ddl !', 'ddl a'],
  'DROP TABLE a.t RESTRICT': ['ddl a'],
  'TRUNCATE a.t CASCADE': ['write !', 'write a'],
  'ALTER TABLE a.t DROP COLUMN x CASCADE': ['ddl !', 'ddl a'],
  'ALTER DOMAIN a.d DROP CONSTRAINT x CASCADE': ['ddl !', 'ddl a'],
  CLUSTER: ['admin !'],
  'CLUSTER a.t USING i': ['ddl a'],
  'DROP EXTENSION x': ['admin !'],
  'DROP FUNCTION a.f(int)': ['ddl a'],
  "COMMENT ON COLUMN a.t.x IS 'y'": ['ddl a'],
  'DROP TRIGGER g ON a.t': ['ddl a'],
  'ALTER TABLE a.t SET SCHEMA b': ['ddl a', 'ddl b'],
  'ALTER SCHEMA a RENAME TO b': ['ddl a', 'ddl b'],
  'ALTER TABLE a.t ADD FOREIGN KEY (x) REFERENCES b.u (y)': ['ddl a', 'ddl b'],
  'CREATE VIEW a.v AS SELECT * FROM b.t': ['ddl a', 'read b'],
  'CREATE TABLE a.t AS SELECT * FROM b.t': ['ddl a', 'read b'],
  'CREATE TABLE a.t (LIKE b.u)': ['ddl a', 'ddl b'],
  'CREATE RULE r AS ON INSERT TO a.t DO ALSO DELETE FROM b.t': ['ddl a', 'write b'],
  'CREATE TEMP TABLE t AS SELECT * FROM a.t': ['read a'],
  'INSERT INTO pg_temp.t VALUES (1)': [],
  "NOTIFY a, 'x'": ['write *'],
  'LISTEN a': [],
  // What would change how the server reads statements.
  "SET client_encoding = 'SJIS'": ['admin !'],
  "SET NAMES 'UTF8'": [],
  "SET CLIENT_ENCODING TO 'utf-8'": [],
  'SET "Client_Encoding" TO gbk': ['admin !'],
  'SET standard_conforming_strings = off': ['admin !'],
  'SET LOCAL standard_conforming_strings TO on': [],
  "SELECT set_config('standard_conforming_strings', 'off', false)": ['admin !'],
  "SELECT set_config('statement_timeout', '5s', false)": [],
  // A cast may make another value of a constant.
  "SELECT set_config('rolexxxx'::varchar(4), 'x', false)": ['admin !'],
  "SELECT set_config('search_pathx'::char(11), 'a', false)": ['admin !'],
  "SELECT set_config('search_path', 'ax'::varchar(1), false)": ['admin !'],
  "SELECT set_config('statement_timeout'::text, '5s', false)": [],
  "SELECT nextval('a.sx'::varchar(3))": ['write !'],
  "SELECT nextval('a.s'::regclass)": ['write a'],
  // What is on the path holds functions that are found under any name.
  'SET search_path = a, "$user", pg_catalog': ['read a'],
  "SELECT set_config('search_path', 'a, b', true)": ['read a', 'read b'],
  'SET constructor = 1': [],
  'SET "__proto__" = 1': [],
  "SELECT set_config(x, 'y', false) FROM a.t": ['admin !', 'read a'],
  // As pg_dump says it.
  "SELECT set_config(name, 'view', false) FROM pg_settings WHERE name = 'restrict_nonsystem_relation_kind'":
    [],
  "SELECT set_config(name, 'off', false) FROM pg_settings WHERE name = 'standard_conforming_strings'": [
    'admin !',
  ],
  "SELECT set_config(name, 'off', false) FROM pg_settings WHERE name = 'a' OR name = 'b'": ['admin !'],
  "SELECT set_config(name, 'off', false) FROM pg_settings WHERE name <> 'a'": ['admin !'],
  "SELECT set_config(name, 'off', false), set_config('role', 'x', false) FROM pg_settings WHERE name = 'a'": [
    'admin !',
  ],
  'SELECT count(*) FROM pg_subscription WHERE subdbid = 5': [],
  "SELECT count(*) FROM pg_subscription WHERE subconninfo LIKE 'a%'": ['admin !'],
  "SELECT count(*) FROM pg_subscription WHERE pg_subscription::text LIKE 'a%'": ['admin !'],
  'SELECT subconninfo FROM pg_subscription': ['admin !'],
  'LOCK a.t IN ACCESS SHARE MODE': ['read a'],
  'BEGIN READ WRITE': ['write *'],
  'RESET transaction_read_only': ['write *'],
  'SET transaction_read_only TO DEFAULT': ['write *'],
  'SET LOCAL default_transaction_read_only = DEFAULT': ['write *'],
  'SELECT * FROM information_schema.user_mapping_options': ['admin !'],
  'SELECT * FROM information_schema._pg_user_mappings': ['admin !'],
  'SET default_transaction_read_only = off': ['write *'],
  'SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE': ['write *'],
  'BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY': [],
  'SET statement_timeout = 0': [],
}

for (const [sql, expected] of Object.entries(cases))
  test(`needs: ${sql === '' ? 'nothing' : sql}`, () => assert.deepEqual(of(sql), expected))

test('a name without a schema may be in each one that has been on the path; on none it is nobody’s', () => {
  const path = new Set(['a', 'b'])
  assert.deepEqual(of('SELECT * FROM t', { path }), ['read a', 'read b'])
  assert.deepEqual(of('SELECT * FROM t', { path: new Set() }), ['read !'])
  assert.deepEqual(of('SELECT * FROM pg_class', { path, catalogFirst: false }), ['read a', 'read b'])
  const paths = (sql: string) => {
    const reading = readSql(library, sql)
    return 'error' in reading ? reading : [reading.path, reading.hidesCatalog ?? false]
  }
  assert.deepEqual(paths('SET search_path TO a, "B c", \'d, e\''), [['a', 'B c', 'd, e'], false])
  assert.deepEqual(paths("SELECT set_config('search_path', 'a, \"B c\",D', true)"), [
    ['a', 'B c', 'd'],
    false,
  ])
  assert.deepEqual(paths("SET SCHEMA 'x'"), [['x'], false])
  assert.deepEqual(paths('SET search_path = a, pg_catalog'), [['a', 'pg_catalog'], true])
  assert.deepEqual(paths('RESET search_path'), [[], false])
})

test('where the server holds a session from writing, a function that nobody knows reads', () => {
  assert.deepEqual(of('SELECT a.own(1), own(2)', { readOnly: true }), ['read a', 'read public'])
  assert.deepEqual(of('DELETE FROM a.t', { readOnly: true }), ['write a'])
  for (const sql of [
    "SET ROLE 'app'",
    'SET ROLE App',
    "SELECT set_config('role', 'app', false)",
    'RESET ROLE',
  ])
    assert.deepEqual(of(sql), [], sql)
  for (const sql of ['SET ROLE "App"', 'SET SESSION AUTHORIZATION app', 'SET LOCAL ROLE mallory'])
    assert.deepEqual(of(sql), ['admin !'], sql)
})

test('the record has no literal and no comment', () => {
  const shape = (sql: string) => (readSql(library, sql) as Reading).shape
  assert.equal(
    shape(
      "SELECT 'a', E'b\\'b', $$c$$, $t$d$t$, 12, 1.5e3, .5, U&'e', x'1f', b'01', $1 /* f */ FROM \"T\".u -- g",
    ),
    'SELECT ?, ..., $1 FROM "T".u',
  )
  assert.equal(
    shape("INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')"),
    'INSERT INTO t VALUES (?, ...), ...',
  )
  assert.equal(shape("CREATE ROLE x PASSWORD 'geheim'"), 'CREATE ROLE x PASSWORD ?')
  assert.equal(shape("SELECT 'äöü€', x FROM t WHERE y = 'ende'"), 'SELECT ?, x FROM t WHERE y = ?')
  const many = readSql(library, `${'DROP TABLE a.t; '.repeat(1_000)}DROP TABLE b.t`) as Reading
  assert.deepEqual([many.isWhole, many.shape.length < 7_000], [false, true])
  assert.equal(shape(`SELECT '${'geheim'.repeat(10_000)}'`), 'SELECT ... (60009 bytes)')
})

test('what cannot be read is an error as PostgreSQL says it; what is nested too deeply is refused, and what follows is read', async () => {
  const reader = createSqlReader()
  assert.deepEqual(await reader.read('SELEC 1'), { error: 'syntax error at or near "SELEC"', code: '42601' })
  for (const sql of [
    `SELECT ${'('.repeat(50_000)}1${')'.repeat(50_000)}`,
    `SELECT 1${'+1'.repeat(50_000)}`,
    `SELECT ${'(SELECT '.repeat(20_000)}1${')'.repeat(20_000)}`,
    `SELECT 1${' UNION SELECT 1'.repeat(20_000)}`,
  ])
    assert.ok('error' in (await reader.read(sql)), sql.slice(0, 40))
  // As deep as a short text can be.
  for (const sql of [
    `SELECT ${'('.repeat(990)}1${')'.repeat(990)}`,
    `SELECT 1${'+1'.repeat(990)}`,
    `SELECT ${'-'.repeat(1)}${' -'.repeat(990)}1`,
    `SELECT ${'(SELECT '.repeat(200)}1${')'.repeat(200)}`,
    `SELECT 1${'::a'.repeat(660)}`,
    // Read twice at each level it would take days.
    `${'WITH a AS ('.repeat(60)}SELECT 1${') SELECT 1'.repeat(60)}`,
    `${'SELECT 1 FROM (WITH a AS (SELECT 1) '.repeat(40)}SELECT 1${') a'.repeat(40)}`,
    `${'SELECT 1 WHERE EXISTS (WITH RECURSIVE a AS (SELECT 1) '.repeat(30)}SELECT 1${')'.repeat(30)}`,
  ])
    assert.deepEqual(
      needs(await reader.read(sql)).filter((one) => !one.startsWith('unread')),
      [],
    )
  const values = Array.from({ length: 20_000 }, (_, at) => `(${at}, 'x')`).join(', ')
  assert.deepEqual(needs(await reader.read(`INSERT INTO a.t VALUES ${values}`)), ['write a'])
})

test('a text of the longest is judged in steps that its length is a reason for, however its parts belong together', async () => {
  const reader = createSqlReader()
  const many = (count: number, part: (at: number) => string, between = ', ') =>
    Array.from({ length: count }, (_, at) => part(at)).join(between)
  const path = new Set(Array.from({ length: 1_000 }, (_, at) => `s${at}`))
  // Each name in each of a thousand schemas comes to a thousand needs.
  const name = (at: number) => `_${at.toString(36)}`
  const names = await reader.read(`SELECT 1 FROM ${many(40_000, name)}`)
  assert.ok('uses' in names && names.uses.length === 1)
  assert.equal(needs(names, { path }).length, 1_000)
  for (const sql of [
    many(69_000, () => 'SELECT 1', ' UNION '),
    many(5_000, (at) => `(SELECT ${at})`, ' UNION ALL '),
    `SELECT ${many(50_000, () => '(1)', '+')}`,
    `WITH ${many(20_000, (at) => `${name(at)} AS (SELECT 1)`)} SELECT 1`,
    `SELECT 1 FROM (SELECT ${many(20_000, (at) => `${name(at)}.*`)} FROM ${many(20_000, name)}) y`,
    `SELECT 1 FROM ${many(20_000, (at) => `${name(at)}.t`)}`,
    `SELECT ${many(20_000, (at) => `pg${name(at)}()`)}`,
    many(5_000, (at) => `PREPARE ${name(at)} AS SELECT 1`, ';'),
    `SET search_path = ${many(20_000, name)}`,
  ]) {
    const reading = await reader.read(sql)
    // PostgreSQL's parser takes each of them.
    const known =
      'error' in reading ? reading.code === '54001' : reading.uses.length + reading.path.length <= 1
    assert.ok(known, `${sql.slice(0, 40)} ${'error' in reading ? reading.error : reading.uses.length}`)
  }
  // The thread that read them goes on.
  assert.deepEqual(needs(await reader.read(`SELECT 1 FROM a.t -- ${'x'.repeat(3_000)}`)), ['read a'])
})

test('whatever a text is, it is read or it is an error', () => {
  const word = fc.constantFrom(
    ...[
      'SELECT',
      'FROM',
      'WITH',
      't',
      'AS',
      '(',
      ')',
      ',',
      '.',
      'a',
      'INSERT INTO',
      'VALUES',
      'SET',
      '=',
      "'x'",
      '1',
    ],
    ...[
      'DROP TABLE',
      'CREATE',
      'VIEW',
      '*',
      ';',
      'UNION',
      'FOR UPDATE',
      '$1',
      '::',
      'text',
      '"q"',
      'JOIN',
      'ON',
      'true',
    ],
  )
  fc.assert(
    fc.property(
      fc.oneof(
        fc.array(word, { maxLength: 20 }).map((all) => all.join(' ')),
        fc.string({ unit: anyCharacter }),
      ),
      (sql) => {
        const reading = readSql(library, sql.toWellFormed().replaceAll('\0', ''))
        assert.ok('error' in reading || Array.isArray(needs(reading)))
      },
    ),
    { numRuns: 400 },
  )
})
