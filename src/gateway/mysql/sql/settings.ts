import type { Token } from './tokens.ts'

/** What is known of a SET beforehand. */
export type Setting =
  | { readonly why: string }
  /** `isOpen`: how the server reads the next statement shows only once it is done. */
  | { readonly isOpen: boolean }

/** By these a server reads the next statement otherwise than it is read here. */
const reading: ReadonlySet<string> = new Set(['SQL_MODE', 'CHARACTER_SET_CLIENT', 'CHARACTER_SET_CONNECTION'])

const free: ReadonlySet<string> = new Set(
  (
    'AUTOCOMMIT TIME_ZONE WAIT_TIMEOUT INTERACTIVE_TIMEOUT NET_READ_TIMEOUT NET_WRITE_TIMEOUT NET_BUFFER_LENGTH LOCK_WAIT_TIMEOUT ' +
    'INNODB_LOCK_WAIT_TIMEOUT MAX_EXECUTION_TIME MAX_STATEMENT_TIME FOREIGN_KEY_CHECKS UNIQUE_CHECKS SQL_NOTES SQL_QUOTE_SHOW_CREATE ' +
    'SQL_SAFE_UPDATES SQL_SELECT_LIMIT SQL_BIG_SELECTS SQL_AUTO_IS_NULL GROUP_CONCAT_MAX_LEN LC_TIME_NAMES TIMESTAMP INSERT_ID ' +
    'CHARACTER_SET_RESULTS COLLATION_CONNECTION TRANSACTION_ISOLATION TX_ISOLATION OPTIMIZER_SWITCH ' +
    'SESSION_TRACK_SCHEMA SESSION_TRACK_SYSTEM_VARIABLES SESSION_TRACK_STATE_CHANGE SESSION_TRACK_TRANSACTION_INFO ' +
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

/** What a SET does to how statements are read. */
export function settingsIn(tokens: readonly Token[]): Setting {
  const [, first] = tokens
  const scope = ['SESSION', 'LOCAL'].includes(first?.text ?? '') ? 1 : 0
  if (tokens[1 + scope]?.text === 'TRANSACTION')
    return tokens.slice(2 + scope).every(({ text }) => transactionWords.has(text))
      ? { isOpen: false }
      : { why: 'it is no setting of a transaction' }
  let isOpen = false
  for (const one of assignments(tokens.slice(1))) {
    const setting = ofCharset(one) ?? assignment(one)
    if ('why' in setting) return setting
    isOpen ||= setting.isOpen
  }
  return { isOpen }
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

/** NAMES x [COLLATE y], CHARACTER SET x, CHARSET x: one of several settings, too. */
function ofCharset(tokens: readonly Token[]): Setting | undefined {
  const [first, second] = tokens
  if (first?.is !== 'word') return undefined
  const isNames = first.text === 'NAMES'
  const isCharset = first.text === 'CHARSET' || (first.text === 'CHARACTER' && second?.text === 'SET')
  if (!isNames && !isCharset) return undefined
  const [value, collate, collation, ...more] = tokens.slice(first.text === 'CHARACTER' ? 2 : 1)
  const name = value?.text.toUpperCase() ?? ''
  const ends = collate === undefined || (isNames && collate.text === 'COLLATE' && collation !== undefined)
  if (!ends || more.length > 0) return { why: 'what follows the character set is no setting that is known' }
  if (value?.is === 'word' && name === 'DEFAULT') return { isOpen: true }
  return charsets.has(name)
    ? { isOpen: false }
    : { why: `the session speaks UTF-8: ${name.slice(0, 40)} is not passed` }
}

function assignment(tokens: readonly Token[]): Setting {
  const named = tokens.filter(({ is, text }) => is !== 'word' || !['SESSION', 'LOCAL'].includes(text))
  const [target, equals, ...value] = named
  if (target === undefined || (equals?.text !== '=' && equals?.text !== ':='))
    return { why: 'it is no setting that is known' }
  if (target.is === 'variable' && !target.text.startsWith('@@')) return { isOpen: false }
  const name =
    target.is === 'variable' ? settingName(target.text) : target.is === 'word' ? target.text : undefined
  if (name === undefined) return { why: 'it is no setting of the session' }
  if (free.has(name)) return { isOpen: false }
  return reading.has(name)
    ? ofReading(name, value)
    : { why: `the setting ${name.slice(0, 60)} is for mysql:connect alone` }
}

/** Of `@@x`, `@@session.x`; not of what is everybody's. */
function settingName(text: string): string | undefined {
  return /^@@(?:SESSION\.|LOCAL\.)?([A-Z_0-9]+)$/.exec(text)?.[1]
}

/** What may make a value: a dump puts back what it saved, drivers add to what there is. */
const makers: ReadonlySet<string> = new Set(
  'CONCAT CONCAT_WS REPLACE TRIM IFNULL COALESCE DEFAULT'.split(' '),
)

function ofReading(name: string, value: readonly Token[]): Setting {
  const refused = {
    why: `${name} is set to what is known to change nothing of how statements are read, or back to what was saved`,
  }
  const [only, ...more] = value
  if (only === undefined) return refused
  if (more.length === 0 && only.is === 'string' && name === 'SQL_MODE')
    return arePlain(only.text) ? { isOpen: false } : refused
  if (more.length === 0 && (only.is === 'string' || only.is === 'word') && name !== 'SQL_MODE')
    return charsets.has(only.text.toUpperCase()) ? { isOpen: false } : refused
  const isKnown = value.every(
    ({ is, text }) =>
      is === 'string' ||
      is === 'number' ||
      is === 'variable' ||
      (is === 'word' && makers.has(text)) ||
      (is === 'sign' && ['(', ')', ','].includes(text)),
  )
  return isKnown ? { isOpen: true } : refused
}

/** Whether a sql_mode changes nothing of how statements are read. */
export function arePlain(list: string): boolean {
  return list
    .toUpperCase()
    .split(',')
    .every((mode) => mode.trim() === '' || modes.has(mode.trim()))
}

/** The modes of a list that change nothing of how statements are read. */
export function plainModes(list: string): string {
  return list
    .toUpperCase()
    .split(',')
    .filter((mode) => modes.has(mode.trim()))
    .join(',')
}

export function isUtf8(charset: string): boolean {
  return charsets.has(charset.toUpperCase())
}
