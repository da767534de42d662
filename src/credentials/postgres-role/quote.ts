import { MayflyError } from '../../lib/index.ts'

/**
 * PostgreSQL cuts a longer name without a word (NAMEDATALEN, 64, in every build that is shipped), and what it is cut to may be
 * another's.
 */
export const maxNameBytes = 63

/** `"name"`. Throws `bad_input` for one that PostgreSQL would not take as it is. */
export function quoteName(name: string): string {
  if (name === '' || Buffer.byteLength(name) > maxNameBytes || !name.isWellFormed() || /\p{Cc}/u.test(name))
    throw new MayflyError(
      'bad_input',
      `${JSON.stringify(name.slice(0, 100))} is no name for PostgreSQL: it has 1 to ${maxNameBytes} bytes and no control characters`,
    )
  return `"${name.replaceAll('"', '""')}"`
}

/** `'text'`, for a session with standard_conforming_strings, where a backslash is itself. */
export function quoteText(text: string): string {
  if (text.includes('\0')) throw new MayflyError('bad_input', 'a text for PostgreSQL has no NUL')
  return `'${text.replaceAll("'", "''")}'`
}
