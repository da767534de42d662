import { Reader } from './reader.ts'
import { tooComplex, type Reading, type Unread } from './reading.ts'
import { shapeOf } from './shape.ts'
import { isTree, list, tree } from './tree.ts'

type Library = typeof import('libpg-query')

let library: Promise<Library> | undefined

/** PostgreSQL 18's own parser (libpg_query) in WebAssembly; loaded with the first statement. */
export function loadLibrary(): Promise<Library> {
  library ??= import('libpg-query').then(async (module) => {
    await module.loadModule()
    return module
  })
  return library
}

/** A tree has about ten parts for each character of the shortest text, and each is looked at once, or a few times. */
const visitsPerChar = 100

/**
 * What a text of SQL is about. Throws what the parser does when a text is nested deeper than its stack: it is not to be asked again
 * then. Nothing else is thrown.
 */
export function readSql({ parseSync, scanSync }: Library, sql: string): Reading | Unread {
  const reader = new Reader(10_000 + visitsPerChar * sql.length)
  // The library takes no empty text, the server does.
  if (sql === '') return reader.reading({ shape: '', isWhole: true })
  let parsed: unknown
  try {
    parsed = parseSync(sql)
  } catch (error) {
    if (error instanceof Error && error.name === 'SqlError') return { error: error.message, code: '42601' }
    throw error
  }
  try {
    for (const one of list(tree(parsed)['stmts'])) {
      const statement = tree(one)['stmt']
      if (isTree(statement)) reader.statement(statement)
    }
  } catch {
    // `TooComplex`, or a tree that is deeper than the stack here.
    return tooComplex
  }
  return reader.reading(shapeOf(sql, scanSync))
}
