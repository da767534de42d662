/** An entry of the audit log, as it is told. */
export interface LogEntry {
  readonly index: number
  readonly id: string
  readonly time: string
  readonly type: string
  readonly subject: string
  readonly run?: string
  readonly data: Data
}

export type Data = Readonly<Record<string, unknown>>

/** By the type of an entry: its lines. The first one goes on where the entry's index and time end. */
export type Tellers = Readonly<Record<string, (data: Data, entry: LogEntry) => string[]>>
