import type { Duplex } from 'node:stream'
import { askFirst } from '../log-in.ts'
import type { SqlReader } from '../sql/reader-of-sql.ts'
import { Masks, type MaskedTable } from './masks.ts'

/**
 * Looks up which columns the patterns `SCHEMA.TABLE.COLUMN` or `TABLE.COLUMN` are: with those of the tables that inherit from them, or
 * they from them, with columns that are generated from them, and with the views that show them. Undefined if there are none.
 */
export async function readMasks(
  socket: Duplex,
  patterns: readonly string[],
  sql: SqlReader,
): Promise<Masks | undefined> {
  const tables = (await askFirst(socket, columnsQuery(patterns))).map((row) => JSON.parse(row) as Row)
  if (tables.length === 0) return undefined
  const views = (await askFirst(socket, viewsQuery(tables.map(({ oid }) => oid)))).map(
    (row) => JSON.parse(row) as View,
  )
  const known = new Map(tables.map((row) => [row.oid, tableOf(row)]))
  const waiting = new Map(views.map((view) => [view.oid, view]))
  // A view comes after those that it is made of.
  while (waiting.size > 0) {
    const ready = [...waiting.values()].filter(({ over }) => !over.some((oid) => waiting.has(oid)))
    for (const view of ready.length === 0 ? [...waiting.values()] : ready) {
      waiting.delete(view.oid)
      const shown = ready.length === 0 ? undefined : await shownBy(view, new Masks([...known.values()]), sql)
      const before = known.get(view.oid)
      if (shown === undefined) known.set(view.oid, { ...tableOf(view), isClosed: true })
      else if (shown.length > 0 || before !== undefined)
        known.set(view.oid, tableOf(view, [...shown, ...(before?.masked.values() ?? [])]))
    }
  }
  return new Masks([...known.values()])
}

interface Row {
  readonly oid: number
  readonly schema: string
  readonly name: string
  /** Number, name, whether it is masked. */
  readonly columns: readonly (readonly [number, string, boolean])[]
}

interface View extends Row {
  /** Null for one that is too long. */
  readonly sql: string | null
  readonly over: readonly number[]
}

/** Undefined where it does anything else with them. */
async function shownBy(view: View, masks: Masks, sql: SqlReader): Promise<string[] | undefined> {
  const reading = view.sql === null ? undefined : await sql.read(view.sql)
  if (reading === undefined || 'error' in reading) return undefined
  const [query] = reading.touched
  return query === undefined || masks.problemIn(query) !== undefined ? undefined : masks.shownBy(query)
}

function tableOf({ oid, schema, name, columns }: Row, shown: readonly string[] = []): MaskedTable {
  const isMasked = ([, column, masked]: Row['columns'][number]) => masked || shown.includes(column)
  return {
    ...{ oid, schema, name, isClosed: false },
    masked: new Map(columns.filter(isMasked).map(([number, column]) => [number, column])),
    open: new Set(columns.filter((one) => !isMasked(one)).map(([, column]) => column)),
  }
}

const maxViewChars = 50_000

function columnsQuery(patterns: readonly string[]): string {
  return `
WITH RECURSIVE col AS (
  SELECT c.oid AS rel, n.nspname AS schema, c.relname AS name, a.attnum AS num, a.attname AS col, a.attgenerated <> '' AS made
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
  WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm') AND a.attnum > 0 AND NOT a.attisdropped
    AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
), family AS (
  SELECT rel, col FROM col WHERE ${patterns.map(condition).join(' OR ')}
  UNION
  SELECT k.rel, k.col FROM family f
  JOIN pg_catalog.pg_inherits i ON f.rel IN (i.inhrelid, i.inhparent)
  JOIN col k ON k.rel IN (i.inhrelid, i.inhparent) AND k.col = f.col
), masked AS (
  SELECT rel, col FROM family
  UNION
  SELECT k.rel, k.col FROM col k
  JOIN pg_catalog.pg_attrdef d ON k.made AND d.adrelid = k.rel AND d.adnum = k.num
  JOIN pg_catalog.pg_depend p ON p.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND p.refobjid = k.rel
    AND (p.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND p.objid = k.rel AND p.objsubid = k.num
      OR p.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND p.objid = d.oid)
  JOIN col s ON s.rel = k.rel AND s.num = p.refobjsubid AND s.num <> k.num
  JOIN family f ON f.rel = s.rel AND f.col = s.col
)
SELECT pg_catalog.json_build_object('oid', rel::pg_catalog.int8, 'schema', schema, 'name', name, 'columns',
  pg_catalog.json_agg(pg_catalog.json_build_array(num, col, (rel, col) IN (SELECT rel, col FROM masked))))
FROM col WHERE rel IN (SELECT rel FROM masked) GROUP BY rel, schema, name`
}

function viewsQuery(oids: readonly number[]): string {
  return `
WITH RECURSIVE dep AS (
  SELECT r.ev_class AS view, d.refobjid AS rel FROM pg_catalog.pg_rewrite r
  JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = r.oid
    AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid <> r.ev_class
  WHERE r.ev_type = '1'
), reach AS (
  SELECT view FROM dep WHERE rel IN (${oids.join(', ')})
  UNION
  SELECT d.view FROM dep d JOIN reach ON d.rel = reach.view
)
SELECT pg_catalog.json_build_object('oid', c.oid::pg_catalog.int8, 'schema', n.nspname, 'name', c.relname,
  'columns', (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(a.attnum, a.attname, false))
    FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
  'over', (SELECT pg_catalog.json_agg(DISTINCT rel::pg_catalog.int8) FROM dep WHERE view = c.oid),
  'sql', CASE WHEN pg_catalog.length(pg_catalog.pg_get_viewdef(c.oid)) < ${maxViewChars} THEN pg_catalog.pg_get_viewdef(c.oid) END)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid IN (SELECT view FROM reach)`
}

/** Whatever the case: a name that PostgreSQL folds may be written as people speak it. */
function condition(pattern: string): string {
  const [column = '', table = '', schema = '*'] = pattern.split('.').toReversed()
  const parts = [
    ['schema', schema],
    ['name', table],
    ['col', column],
  ] as const
  return `(${parts.map(([field, part]) => `${field} ~* '^(?:${expression(part)})$'`).join(' AND ')})`
}

/**
 * As a regular expression of PostgreSQL's within a literal of SQL: nothing in it is special but what stands here. `%XX` is a byte of
 * UTF-8.
 */
function expression(part: string): string {
  const texts = part.split('*').map((text) => decodeURIComponent(text))
  return texts.map((text) => text.replaceAll(/[^A-Za-z0-9_]/gu, escaped)).join('.*')
}

function escaped(char: string): string {
  return `\\U${(char.codePointAt(0) ?? 0).toString(16).padStart(8, '0')}`
}
