import type { Token } from './tokens.ts'

/** User variables that hold what a setting was before, as dumps save it: by their name, the setting's. */
export type SavedSettings = Map<string, string>

/** By these a server reads the next statement otherwise than it is read here. */
const reading: ReadonlySet<string> = new Set(['SQL_MODE', 'CHARACTER_SET_CLIENT', 'CHARACTER_SET_CONNECTION'])

const free: ReadonlySet<string> = new Set(
  (
    'AUTOCOMMIT TIME_ZONE WAIT_TIMEOUT INTERACTIVE_TIMEOUT NET_READ_TIMEOUT NET_WRITE_TIMEOUT NET_BUFFER_LENGTH LOCK_WAIT_TIMEOUT ' +
    'INNODB_LOCK_WAIT_TIMEOUT MAX_EXECUTION_TIME MAX_STATEMENT_TIME FOREIGN_KEY_CHECKS UNIQUE_CHECKS SQL_NOTES SQL_QUOTE_SHOW_CREATE ' +
    'SQL_SAFE_UPDATES SQL_SELECT_LIMIT SQL_BIG_SELECTS SQL_AUTO_IS_NULL GROUP_CONCAT_MAX_LEN LC_TIME_NAMES TIMESTAMP INSERT_ID ' +
    'CHARACTER_SET_RESULTS COLLATION_CONNECTION TRANSACTION_ISOLATION TX_ISOLATION OPTIMIZER_SWITCH ' +
    'INFORMATION_SCHEMA_STATS_EXPIRY SQL_REQUIRE_PRIMARY_KEY EXPLICIT_DEFAULTS_FOR_TIMESTAMP LOW_PRIORITY_UPDATES'
  ).split(' '),
)

/** Modes by which nothing is read otherwise. */
const modes: ReadonlySet<string> = new Set(
  (
    'STRICT_TRANS_TABLES STRICT_ALL_TABLES TRADITIONAL ERROR_FOR_DIVISION_BY_ZERO NO_AUTO_CREATE_USER NO_ENGINE_SUBSTITUTION ' +
    'NO_ZERO_DATE NO_ZERO_IN_DATE ONLY_FULL_GROUP_BY NO_AUTO_VALUE_ON_ZERO ALLOW_INVALID_DATES NO_UNSIGNED_SUBTRACTION ' +
    'PAD_CHAR_TO_FULL_LENGTH TIME_TRUNCATE_FRACTIONAL NO_DIR_IN_CREATE'
  ).split(' '),
)
const charsets: ReadonlySet<string> = new Set(['UTF8', 'UTF8MB3', 'UTF8MB4'])

/** Why a SET is not passed; undefined if it is. What it saves is remembered. */
export function settingsIn(tokens: readonly Token[], saved: SavedSettings): string | undefined {
  const [, first, second] = tokens
  if (
    first?.text === 'NAMES' ||
    (first?.text === 'CHARACTER' && second?.text === 'SET') ||
    first?.text === 'CHARSET'
  ) {
    const value = tokens[first.text === 'CHARACTER' ? 3 : 2]?.text.toUpperCase() ?? ''
    return charsets.has(value) ? undefined : `the session speaks UTF-8: ${value.slice(0, 40)} is not passed`
  }
  const scope = ['SESSION', 'LOCAL'].includes(first?.text ?? '') ? 1 : 0
  if (tokens[1 + scope]?.text === 'TRANSACTION')
    return tokens.slice(2 + scope).every(({ text }) => transactionWords.has(text))
      ? undefined
      : 'it is no setting of a transaction'
  for (const one of assignments(tokens.slice(1))) {
    const why = assignment(one, saved)
    if (why !== undefined) return why
  }
  return undefined
}

const transactionWords: ReadonlySet<string> = new Set(
  'READ ONLY WRITE ISOLATION LEVEL REPEATABLE COMMITTED UNCOMMITTED SERIALIZABLE ,'.split(' '),
)

function assignments(tokens: readonly Token[]): Token[][] {
  const parts: Token[][] = [[]]
  let depth = 0
  for (const token of tokens) {
    if (token.is === 'sign' && token.text === '(') depth++
    if (token.is === 'sign' && token.text === ')') depth--
    if (depth === 0 && token.is === 'sign' && token.text === ',') parts.push([])
    else parts.at(-1)?.push(token)
  }
  return parts
}

function assignment(tokens: readonly Token[], saved: SavedSettings): string | undefined {
  const named = tokens.filter(({ is, text }) => is !== 'word' || !['SESSION', 'LOCAL'].includes(text))
  const [target, equals, ...value] = named
  if (target === undefined || (equals?.text !== '=' && equals?.text !== ':='))
    return 'it is no setting that is known'
  if (target.is === 'variable' && !target.text.startsWith('@@')) {
    const [only, ...more] = value
    const before = only?.is === 'variable' && more.length === 0 ? settingName(only.text) : undefined
    if (before !== undefined && reading.has(before)) saved.set(target.text, before)
    else saved.delete(target.text)
    return undefined
  }
  const name =
    target.is === 'variable' ? settingName(target.text) : target.is === 'word' ? target.text : undefined
  if (name === undefined) return 'it is no setting of the session'
  if (free.has(name)) return undefined
  return reading.has(name)
    ? ofReading(name, value, saved)
    : `the setting ${name.slice(0, 60)} is for mysql:connect alone`
}

/** Of `@@x`, `@@session.x`; not of what is everybody's. */
function settingName(text: string): string | undefined {
  return /^@@(?:SESSION\.|LOCAL\.)?([A-Z_0-9]+)$/.exec(text)?.[1]
}

function ofReading(
  name: string,
  [value, ...more]: readonly Token[],
  saved: SavedSettings,
): string | undefined {
  const refused = `${name} is set to what is known to change nothing of how statements are read, or back to what was saved`
  if (value === undefined || more.length > 0) return refused
  if (value.is === 'variable') return saved.get(value.text) === name ? undefined : refused
  const words = value.text.toUpperCase()
  if (name !== 'SQL_MODE') return charsets.has(words) ? undefined : refused
  if (value.is !== 'string') return refused
  const asked = words.split(',').map((word) => word.trim())
  return asked.every((word) => word === '' || modes.has(word)) ? undefined : refused
}

/** The modes of a list that change nothing of how statements are read. */
export function plainModes(list: string): string {
  return list
    .toUpperCase()
    .split(',')
    .filter((mode) => modes.has(mode.trim()))
    .join(',')
}
