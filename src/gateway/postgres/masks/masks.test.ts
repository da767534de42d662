import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import pg from 'pg'
import type { Postgres } from '../../../../test/e2e/postgres.ts'
import { until } from '../../gateway.fixture.ts'
import { openShop, startShop, login, type Shop } from '../postgres.fixture.ts'

let postgres: Postgres | undefined
before(async () => {
  postgres = await startShop()
  postgres?.sql(
    `SET ROLE ${login.user};
     CREATE TABLE people (id int PRIMARY KEY, name varchar(40) NOT NULL, email text UNIQUE, born date, note text,
       folded text GENERATED ALWAYS AS (lower(email)) STORED);
     INSERT INTO people VALUES (1, 'Ann', 'Secret-Ann@x.org', '1970-01-01', NULL), (2, 'Bob', NULL, '1980-01-01', 'hello');
     CREATE TABLE logins (id int, who int, CHECK (id < 100));
     INSERT INTO logins VALUES (1, 1);
     CREATE TABLE staff () INHERITS (people); INSERT INTO staff VALUES (3, 'Cy', 'secret-cy@x.org', '1990-01-01', 'x');
     CREATE TABLE events (at date, card text) PARTITION BY RANGE (at);
     CREATE TABLE events_now PARTITION OF events FOR VALUES FROM ('2000-01-01') TO ('2100-01-01');
     INSERT INTO events VALUES ('2020-01-01', 'secret-card');
     CREATE VIEW shown AS SELECT p.id AS number, p.email AS address, l.who FROM people p JOIN logins l ON l.who = p.id;
     CREATE VIEW again AS SELECT address AS third FROM shown;
     CREATE VIEW names AS SELECT id, name FROM people;
     CREATE VIEW derived AS SELECT id, upper(email) AS loud FROM people;
     CREATE VIEW whole AS SELECT id, people FROM people;
     CREATE MATERIALIZED VIEW kept AS SELECT email FROM people;
     CREATE FUNCTION tell(people) RETURNS text LANGUAGE sql AS 'SELECT $1.email';
     CREATE FUNCTION steal() RETURNS SETOF text LANGUAGE sql AS 'SELECT email FROM people';
     ANALYZE people`,
    'shop',
  )
})
after(() => postgres?.[Symbol.dispose]())
const missing = 'PostgreSQL is not here (apt-get install postgresql-15)'

const mask = ['public.people.EMAIL', 'people.born', '*.card']
const all = ['read', 'write', 'ddl', 'admin'].map((verb) => `postgres:${verb} orders/shop` as const)
const secret = /secret|1970|1980|1990/i

const client = async (shop: Shop) => {
  const opened = new pg.Client({ host: '127.0.0.1', port: shop.port, user: 'x', database: 'shop' })
  await opened.connect()
  return opened
}

test('plain columns of a result are masked, in tables, their family and the views that show them; NULL stays NULL', async (t) => {
  if (postgres === undefined) return t.skip(missing)
  const shop = await openShop(t, postgres, all, { mask })
  const shown = {
    'SELECT * FROM ONLY people ORDER BY id': '1|Ann|masked|||masked\n2|Bob|||hello|',
    'SELECT p.email AS x, p.* FROM people p WHERE id = 3': 'masked|3|Cy|masked||x|masked',
    'TABLE staff': '3|Cy|masked||x|masked',
    'SELECT people.email, count(*) FROM people JOIN logins ON who = people.id GROUP BY people.id': 'masked|1',
    'SELECT email FROM people WHERE id IN (SELECT who FROM logins) FOR UPDATE': 'masked',
    'SELECT * FROM logins l FULL JOIN ONLY people ON who = people.id':
      '1|1|1|Ann|masked|||masked\n||2|Bob|||hello|',
    'SELECT card FROM events': 'masked',
    'SELECT card FROM events_now': 'masked',
    'SELECT * FROM shown': '1|masked|1',
    'SELECT third FROM again': 'masked',
    'SELECT email FROM kept': 'masked\n\nmasked',
    'SELECT * FROM names ORDER BY 1 LIMIT 1': '1|Ann',
    'SELECT count(*), max(name) FROM people': '3|Cy',
    'SELECT x.id FROM (SELECT id FROM people) x ORDER BY x.id LIMIT 1': '1',
    "UPDATE people SET email = 'new@x.org', note = name WHERE id = 2 RETURNING note": 'Bob\nUPDATE 1',
    "INSERT INTO people (id, name, email) VALUES (9, 'Di', 'di@x.org')": 'INSERT 0 1',
    'DELETE FROM people WHERE id = 9': 'DELETE 1',
    'UPDATE people SET email = NULL WHERE id = 2': 'UPDATE 1',
    'COPY people (id, name) TO STDOUT': '1\tAnn\n2\tBob',
    'EXPLAIN (COSTS OFF) SELECT id FROM ONLY people': 'Seq Scan on people',
  }
  const ran = await shop.psql(Object.keys(shown).flatMap((sql) => [sql, '\\echo --']))
  assert.equal(ran.err, '')
  const came = ran.out.split(/(?:^|\n)--(?:\n|$)/)
  for (const [at, [sql, expected]] of Object.entries(shown).entries())
    assert.deepEqual(came[at]?.split('\n').toSorted(), expected.split('\n').toSorted(), sql)
  await until(() => shop.done().some(({ facts }) => (facts as { masked?: number }).masked === 4))
})

test('drivers: text and binary, prepared once and executed without asking what comes, in parts, and rows as they are otherwise', async (t) => {
  if (postgres === undefined) return t.skip(missing)
  const shop = await openShop(t, postgres, all, { mask })
  const session = await client(shop)
  try {
    for (const binary of [false, true])
      for (let time = 0; time < 2; time++) {
        const text = 'SELECT email, born, id, name FROM ONLY people WHERE id <> $1 ORDER BY people.id'
        const { rows } = await session.query({
          name: `q${binary}`,
          text,
          values: [9],
          binary,
        } as pg.QueryConfig)
        assert.deepEqual(rows, [
          { email: 'masked', born: null, id: 1, name: 'Ann' },
          { email: null, born: null, id: 2, name: 'Bob' },
        ])
      }
    await assert.rejects(session.query('SELECT lower($1 || email) FROM people', ['x']), /mayfly: refused/)
    assert.deepEqual((await session.query('SELECT 1 AS one')).rows, [{ one: 1 }])
  } finally {
    await session.end()
  }
})

const refused = [
  "SELECT 1 FROM people WHERE email LIKE 'S%'",
  'SELECT lower(email) FROM people',
  'SELECT email::text FROM people',
  "SELECT email || '' FROM people",
  'SELECT email COLLATE "C" FROM people',
  'SELECT max(email) FROM people',
  'SELECT string_agg(people.email, chr(10)) FROM people',
  'SELECT row_to_json(people) FROM people',
  'SELECT people FROM people',
  'SELECT p::text FROM public.people p',
  'SELECT public.people FROM public.people',
  'SELECT to_jsonb(p.*) FROM people p',
  'SELECT ROW(p.*) FROM people p',
  'SELECT (p).email FROM people p',
  'SELECT email(p) FROM people p',
  'SELECT p.row_to_json FROM people p',
  'SELECT p.tell FROM people p',
  'SELECT tell(p) FROM people p',
  'SELECT * FROM steal()',
  'SELECT x FROM (SELECT email AS x FROM people) s',
  'SELECT s.x FROM people p, LATERAL (SELECT p.email AS x) s',
  'SELECT s.* FROM people p, LATERAL (SELECT p.*) s',
  '(SELECT email FROM people)',
  'SELECT (SELECT email FROM people LIMIT 1)',
  'SELECT ARRAY(SELECT email FROM people)',
  'SELECT ARRAY[email] FROM people',
  'WITH w AS (SELECT * FROM people) SELECT * FROM w',
  'WITH w(a, b, c) AS (TABLE people) SELECT c FROM w',
  "SELECT email FROM people UNION SELECT 'x'",
  'SELECT c FROM people AS p (a, b, c)',
  'SELECT j.c FROM (people JOIN logins ON true) AS j (a, b, c)',
  'SELECT j.row_to_json FROM (people CROSS JOIN logins) AS j',
  "SELECT 1 FROM people NATURAL JOIN (SELECT 'x' AS email) s",
  "SELECT * FROM people FULL JOIN (SELECT 'x' AS email) s USING (email)",
  'SELECT id FROM people ORDER BY email',
  'SELECT id, email FROM people ORDER BY 2',
  'SELECT email AS e FROM people ORDER BY e',
  'SELECT * FROM people ORDER BY 3',
  'SELECT DISTINCT email FROM people',
  'SELECT count(*) FROM people GROUP BY email',
  'SELECT email AS e, count(*) FROM people GROUP BY (1)',
  'SELECT email AS e, count(*) FROM people GROUP BY GROUPING SETS ((e))',
  'SELECT rank() OVER (ORDER BY email) FROM people',
  'SELECT count(*) FILTER (WHERE people.email > $$m$$) FROM people',
  'SELECT id FROM people GROUP BY id HAVING min(email) > $$m$$',
  'SELECT id FROM people LIMIT (SELECT length(email) FROM people LIMIT 1)',
  'SELECT folded || $$x$$ FROM people',
  'SELECT upper(email) FROM staff',
  'SELECT upper(card) FROM events_now',
  'SELECT loud FROM derived',
  'SELECT people FROM whole',
  'SELECT id FROM derived',
  'SELECT upper(address) FROM shown',
  'SELECT upper(third) FROM again',
  'COPY people TO STDOUT',
  'COPY people (id, email) TO STDOUT',
  'COPY (SELECT email FROM people) TO STDOUT',
  'COPY (TABLE people) TO STDOUT',
  'BEGIN; DECLARE c CURSOR FOR SELECT email FROM people; FETCH c',
  'PREPARE p AS SELECT email FROM people; EXECUTE p',
  'CREATE TABLE copied AS SELECT * FROM people',
  'CREATE TEMP TABLE copied AS TABLE people',
  'SELECT email INTO copied FROM people',
  'INSERT INTO logins (id) SELECT length(email) FROM people',
  'INSERT INTO people (id, name) SELECT id + 10, email FROM people',
  'UPDATE people SET name = email',
  'UPDATE people SET note = p.email FROM people p RETURNING people.note',
  'UPDATE people SET id = id RETURNING email',
  'UPDATE people SET id = id RETURNING *',
  'UPDATE people SET id = id RETURNING old',
  'UPDATE people SET id = id RETURNING WITH (OLD AS o) o.row_to_json',
  'DELETE FROM people WHERE email > $$m$$ RETURNING id',
  "INSERT INTO people (id, name, email) VALUES (1, 'x', 'y') ON CONFLICT (email) DO NOTHING",
  "INSERT INTO people (id, name) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET note = people.email",
  'MERGE INTO logins USING people ON true WHEN MATCHED THEN UPDATE SET id = length(people.email)',
  'MERGE INTO people p USING logins ON p.email = $$x$$ WHEN MATCHED THEN DELETE',
  'EXPLAIN ANALYZE SELECT * FROM people WHERE email = $$x$$',
  'SELECT most_common_vals FROM pg_stats',
  'SELECT * FROM pg_catalog.pg_statistic',
  'CREATE VIEW mine AS SELECT email FROM people',
  'CREATE RULE r AS ON INSERT TO logins DO ALSO SELECT * FROM people',
  'CREATE INDEX ON people (lower(email))',
  'CREATE STATISTICS s ON lower(email), id FROM people',
  'CREATE TABLE child () INHERITS (people)',
  'ALTER TABLE people RENAME TO others',
  'ALTER TABLE people RENAME COLUMN email TO plain',
  'ALTER TABLE people SET SCHEMA hidden',
  'ALTER TABLE people ALTER COLUMN name TYPE text USING email',
  'ALTER TABLE people ADD COLUMN extra text GENERATED ALWAYS AS (email) STORED',
  'ALTER SCHEMA public RENAME TO others',
  'CREATE FUNCTION mine() RETURNS text LANGUAGE sql AS $$SELECT email FROM people$$',
  'DO $$BEGIN RAISE NOTICE $x$%$x$, (SELECT email FROM people LIMIT 1); END$$',
  "SELECT query_to_xml('SELECT email FROM people', true, true, '')",
  'SELECT * FROM people, json_each_text(row_to_json(people))',
  'SELECT xmlelement(name x, p.email) FROM people p',
  'SELECT CASE WHEN email IS NULL THEN 1 END FROM people',
  'SELECT email IS NULL FROM people',
  'SELECT people IS NULL FROM people',
  'SELECT 1 FROM people p WHERE p = p',
  'SELECT id FROM people ORDER BY people',
  'TABLE pg_toast.pg_toast_1',
  'SET ROLE ci',
]

test(`${refused.length} ways to a masked value, each refused before the server sees it, whatever is granted`, async (t) => {
  if (postgres === undefined) return t.skip(missing)
  const shop = await openShop(t, postgres, all, { mask })
  const session = await client(shop)
  try {
    for (const sql of refused) {
      if (sql.startsWith('BEGIN') || sql.startsWith('(')) continue
      await assert.rejects(session.query(sql), /mayfly: refused: .* are masked/, sql)
    }
    await assert.rejects(session.query('BEGIN; DECLARE c CURSOR FOR SELECT email FROM people'), /are masked/)
    await session.query('ROLLBACK')
    // What a driver prepared is known to SQL, too.
    await session.query({ name: 'shows', text: 'SELECT email FROM people WHERE id = $1', values: [1] })
    for (const sql of [
      'CREATE TABLE copied AS EXECUTE shows(1)',
      'EXECUTE shows(1)',
      'EXPLAIN ANALYZE EXECUTE shows(1)',
    ])
      await assert.rejects(session.query(sql), /are masked/, sql)
    // An error quotes the row that it is about: that is left out.
    for (const sql of [
      'UPDATE people SET name = NULL WHERE id = 1',
      'INSERT INTO people (id, name) VALUES (1, $$x$$)',
    ])
      await assert.rejects(session.query(sql), (error: pg.DatabaseError) => {
        assert.match(error.code ?? '', /^23/)
        assert.equal(error.detail, undefined)
        return !secret.test(JSON.stringify(error))
      })
  } finally {
    await session.end()
  }
  // What cannot tell more of them than it shows is let through.
  assert.equal((await shop.psql('(SELECT email FROM ONLY people WHERE id = 1)')).out, 'masked')
})

test('a database in another encoding, whose server makes other small letters: no name beyond ASCII is judged', async (t) => {
  if (postgres === undefined) return t.skip(missing)
  postgres.sql(
    `CREATE DATABASE latin OWNER ${login.user} ENCODING LATIN1 LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`,
  )
  postgres.sql(
    `SET ROLE ${login.user}; CREATE SCHEMA own; CREATE TABLE own.people (id int, email text, card text)`,
    'latin',
  )
  const shop = await openShop(t, postgres, ['postgres:read orders/latin'], { mask })
  const ran = await shop.psql(
    ['SELECT email FROM own.people', 'SELECT ÄMAIL FROM own.people', "SELECT 'ä' FROM own.people"],
    { database: 'latin' },
  )
  assert.match(ran.err, /^ERROR: {2}mayfly: in a database that is not in UTF-8[^\n]*$/)
})

test('only where there are such columns, and not for postgres:connect', async (t) => {
  if (postgres === undefined) return t.skip(missing)
  const none = await openShop(t, postgres, all, { mask: ['nothing.here'] })
  assert.match((await none.psql('SELECT upper(email) FROM people')).out, /SECRET-ANN/)
  const connected = await openShop(t, postgres, ['postgres:connect orders/shop'], { mask })
  assert.match((await connected.psql('SELECT upper(email) FROM people')).out, /SECRET-ANN/)
})
