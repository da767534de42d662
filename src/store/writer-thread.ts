import { parentPort, workerData } from 'node:worker_threads'
import { connect, createPreparer } from './connection.ts'
import { isStorageFailure, toSent, type SentError } from './failures.ts'

/**
 * The thread that writes. SQLite holds up whoever calls it until the disk has answered: here that is nobody but those who
 * wait for the disk anyway, while the thread that serves requests goes on.
 */

export interface Statement {
  readonly sql: string
  readonly parameters: readonly unknown[]
}

export interface Result {
  readonly rows: readonly unknown[]
  readonly changes: number | bigint
  readonly lastInsertRowid: number | bigint
}

/** `run`: one statement, of a transaction that its sender begins and ends. `commit`: a whole one. */
export type Order = { readonly id: number } & (
  | { readonly kind: 'run'; readonly statement: Statement }
  | { readonly kind: 'commit'; readonly groups: readonly (readonly Statement[])[] }
  | { readonly kind: 'close' }
)

export type Answer = { readonly id: number } & (
  | { readonly result: Result }
  /** For each group why nothing of it was written, if so. */
  | { readonly outcomes: readonly (SentError | undefined)[] }
  | { readonly error: SentError }
)

const port = parentPort
if (port === null) throw new Error('this is a thread of the store, and does nothing alone')
const { file } = workerData as { file: string }
const database = connect(file)
const prepare = createPreparer(database)
const nothing: Result = { rows: [], changes: 0, lastInsertRowid: 0 }

port.on('message', (order: Order) => port.postMessage(answer(order)))

function answer(order: Order): Answer {
  const { id } = order
  try {
    if (order.kind === 'run') return { id, result: run(order.statement) }
    if (order.kind === 'commit') return { id, outcomes: commit(order.groups) }
    database.close()
    port?.unref()
    return { id, result: nothing }
  } catch (error) {
    return { id, error: toSent(error) }
  }
}

function run({ sql, parameters }: Statement): Result {
  // On a full disk SQLite has rolled back by itself; a second rollback would fail and hide why.
  if (sql === 'rollback' && !database.isTransaction) return nothing
  const statement = prepare(sql)
  if (!statement.reader) return { ...nothing, ...statement.run(parameters) }
  return { ...nothing, rows: statement.all(parameters) }
}

/** All groups in one commit, each all or nothing on its own. Throws if the disk fails: then none is written. */
function commit(groups: readonly (readonly Statement[])[]): (SentError | undefined)[] {
  execute('begin')
  try {
    const outcomes = groups.map(attempt)
    execute('commit')
    return outcomes
  } catch (error) {
    execute('rollback')
    throw error
  }
}

// One that fails takes back its own changes only; the others of the batch are not its hostages.
function attempt(group: readonly Statement[]): SentError | undefined {
  execute('savepoint one')
  try {
    for (const statement of group) run(statement)
    execute('release one')
    return undefined
  } catch (error) {
    if (isStorageFailure(error)) throw error
    execute('rollback to one')
    execute('release one')
    return toSent(error)
  }
}

function execute(sql: string): void {
  run({ sql, parameters: [] })
}
