import type { Reading } from './sql/reading.ts'

/** Names that a text is judged by: those of schemas, cursors and prepared statements; with masks of tables and columns as well. */
export function namesIn(
  { uses, path, touched, executes, fetches, ...makes }: Reading,
  withColumns: boolean,
): string[] {
  const made = [...makes.prepares, ...makes.declares].map(({ name }) => name)
  const schemas = [...uses.map(({ schema = '' }) => schema), ...path, ...executes, ...fetches, ...made]
  if (!withColumns) return schemas
  const named = touched.flatMap(({ relations, columns, stars, names }) => [
    ...relations.flatMap(({ name, aliases }) => [name, ...aliases]),
    ...columns.flatMap(({ parts, as = '' }) => [...parts, as]),
    ...stars.map(({ of = '' }) => of),
    ...names,
  ])
  return [...schemas, ...named]
}

export function isBeyondAscii(name: string): boolean {
  return /[^\p{ASCII}]/u.test(name)
}

/**
 * By these the server reads a statement otherwise than it was read here, does it as somebody else, or writes: they stay, whatever
 * a function of the database does.
 */
export function isPinned(
  name: string,
  value: string,
  { user, readOnly }: { readonly user: string; readonly readOnly: boolean },
): boolean {
  if (name === 'client_encoding') return value === 'UTF8'
  if (name === 'standard_conforming_strings') return value === 'on'
  // Reported from PostgreSQL 14 on.
  if (name === 'default_transaction_read_only') return !readOnly || value === 'on'
  return name !== 'session_authorization' || value === user
}
