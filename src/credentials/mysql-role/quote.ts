import { createHash } from 'node:crypto'
import { MayflyError } from '../../lib/index.ts'

/** A name of a database, table or role in backticks, in which nothing but a backtick means anything. */
export function quoteName(name: string): string {
  if (
    name === '' ||
    Array.from(name).length > 64 ||
    !name.isWellFormed() ||
    /\p{Cc}/u.test(name) ||
    name.endsWith(' ')
  )
    throw new MayflyError(
      'bad_input',
      `${JSON.stringify(name.slice(0, 100))} is no name for MariaDB or MySQL: it has 1 to 64 characters, no control character, and no space at its end`,
    )
  return `\`${name.replaceAll('`', '``')}\``
}

/**
 * What a privilege is on. Before `.*` the name of a database is a pattern to GRANT: `my_app` would be `myXapp`, too, unless
 * its `_` and `%` have backslashes.
 */
export function quoteScope(database: string, table: string): string {
  if (database === '*') return '*.*'
  if (table === '*') return `${quoteName(database.replaceAll(/[\\_%]/g, '\\$&'))}.*`
  return `${quoteName(database)}.${quoteName(table)}`
}

/** A text of letters, digits and `%.:_/*-`, as account names, hosts and hashes have: nothing that any sql_mode reads otherwise. */
export function quoteText(text: string): string {
  if (!/^[A-Za-z0-9%.:_/*-]{0,200}$/.test(text))
    throw new MayflyError('bad_input', `${JSON.stringify(text.slice(0, 100))} is no account, host or hash`)
  return `'${text}'`
}

/** What MariaDB keeps of a password under mysql_native_password: it is given in place of the password. */
export function nativeHash(password: string): string {
  const once = createHash('sha1').update(password).digest()
  return `*${createHash('sha1').update(once).digest('hex').toUpperCase()}`
}
