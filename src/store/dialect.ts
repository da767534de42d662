import {
  CompiledQuery,
  SqliteAdapter,
  SqliteDialect,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type Kysely,
  type QueryResult,
} from 'kysely'
import type { DatabaseSync } from 'node:sqlite'
import { createPreparer } from './connection.ts'
import type { Writer } from './writer.ts'

/** Kysely over a connection of this thread, for reads. */
export function readingDialect(database: DatabaseSync): Dialect {
  return new SqliteDialect({
    database: { prepare: createPreparer(database), close: () => database.close() },
  })
}

/** Kysely over the thread that writes. It has one connection, so one transaction at a time is the caller's to keep. */
export function writingDialect(writer: Writer): Dialect {
  return {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => writingDriver(writer),
    createIntrospector: (db: Kysely<unknown>) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  }
}

function writingDriver(writer: Writer): Driver {
  const connection = writingConnection(writer)
  const execute = async (sql: string) => void (await connection.executeQuery(CompiledQuery.raw(sql)))
  return {
    init: async () => undefined,
    acquireConnection: async () => connection,
    beginTransaction: () => execute('begin'),
    commitTransaction: () => execute('commit'),
    rollbackTransaction: () => execute('rollback'),
    releaseConnection: async () => undefined,
    destroy: async () => undefined,
  }
}

function writingConnection(writer: Writer): DatabaseConnection {
  return {
    async executeQuery<Row>({ sql, parameters }: CompiledQuery): Promise<QueryResult<Row>> {
      const { rows, changes, lastInsertRowid } = await writer.run({ sql, parameters })
      return {
        rows: rows as Row[],
        numAffectedRows: BigInt(changes),
        insertId: BigInt(lastInsertRowid),
      }
    },
    streamQuery() {
      throw new Error('the store streams nothing')
    },
  }
}
