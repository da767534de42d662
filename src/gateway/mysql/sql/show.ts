import { plainName } from './databases.ts'
import type { Token } from './tokens.ts'

/** What SHOW may be asked for; SHOW CREATE below. Accounts, other sessions' statements and the server's logs are not among it. */
const shown: ReadonlySet<string> = new Set(
  (
    'TABLES COLUMNS FIELDS INDEX INDEXES KEYS DATABASES SCHEMAS TABLE TRIGGERS EVENTS FUNCTION PROCEDURE PACKAGE VARIABLES STATUS ' +
    'WARNINGS ERRORS COUNT CHARACTER CHARSET COLLATION ENGINES PLUGINS PRIVILEGES OPEN PROFILE PROFILES'
  ).split(' '),
)
const scopes: ReadonlySet<string> = new Set(['FULL', 'EXTENDED', 'GLOBAL', 'SESSION', 'LOCAL', 'STORAGE'])
const created: ReadonlySet<string> = new Set(
  'TABLE VIEW DATABASE SCHEMA SEQUENCE TRIGGER FUNCTION PROCEDURE EVENT PACKAGE'.split(' '),
)

/** Why a SHOW is not passed; undefined if it is. */
export function showRefused(tokens: readonly Token[]): string | undefined {
  const words = tokens.map(({ is, text }) => (is === 'word' ? text : ''))
  let at = 1
  while (scopes.has(words[at] ?? '')) at++
  const what = words[at] ?? ''
  const isKnown = what === 'CREATE' ? created.has(words[at + 1] ?? '') : shown.has(what)
  if (isKnown) return undefined
  const name = what === 'CREATE' ? `CREATE ${words[at + 1] ?? ''}` : what
  return `SHOW ${name.slice(0, 60)} shows more than databases: it is done by mysql:connect alone`
}

/** Of information_schema: what describes databases, settings and the rights of the account itself. */
const described: ReadonlySet<string> = new Set(
  (
    'SCHEMATA TABLES COLUMNS STATISTICS KEY_COLUMN_USAGE TABLE_CONSTRAINTS REFERENTIAL_CONSTRAINTS CHECK_CONSTRAINTS VIEWS ROUTINES ' +
    'PARAMETERS TRIGGERS EVENTS PARTITIONS SEQUENCES PERIODS KEYWORDS ENGINES PLUGINS FILES TABLESPACES CHARACTER_SETS COLLATIONS ' +
    'COLLATION_CHARACTER_SET_APPLICABILITY SQL_FUNCTIONS SYSTEM_VARIABLES SESSION_VARIABLES GLOBAL_VARIABLES SESSION_STATUS ' +
    'GLOBAL_STATUS PROFILING OPTIMIZER_TRACE GEOMETRY_COLUMNS SPATIAL_REF_SYS ST_GEOMETRY_COLUMNS ST_SPATIAL_REFERENCE_SYSTEMS ' +
    'ST_UNITS_OF_MEASURE SCHEMA_PRIVILEGES TABLE_PRIVILEGES COLUMN_PRIVILEGES USER_PRIVILEGES APPLICABLE_ROLES ENABLED_ROLES ' +
    'VIEW_TABLE_USAGE VIEW_ROUTINE_USAGE TABLES_EXTENSIONS COLUMNS_EXTENSIONS SCHEMATA_EXTENSIONS TABLE_CONSTRAINTS_EXTENSIONS'
  ).split(' '),
)

/** Why what is asked of information_schema is not passed: it has other sessions' statements, and values of other databases. */
export function schemaRefused(tokens: readonly Token[]): string | undefined {
  for (const [at, { is, text, written }] of tokens.entries()) {
    if (is !== 'word' && is !== 'name') continue
    if (tokens[at + 1]?.text !== '.' || plainName(written ?? text) !== 'INFORMATION_SCHEMA') continue
    const view = tokens[at + 2]
    const name = plainName(view?.written ?? view?.text ?? '')
    if (!described.has(name))
      return `information_schema.${name.slice(0, 60)} shows more than databases: it is read by mysql:connect alone`
  }
  return undefined
}
