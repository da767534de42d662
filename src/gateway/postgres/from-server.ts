import type { Asked, Pending } from './pending.ts'
import type { SessionNames } from './session-names.ts'
import type { SocketOutput } from './socket-output.ts'
import type { Judge, Statement } from './statement.ts'
import type { Seen, Splitter } from './splitter.ts'
import { ProtocolFault } from '../read-exactly.ts'
import { maskingOf, maskRow, maskedRowBytes, descriptionBytes, type Masking } from './masks/rows.ts'
import type { Masks } from './masks/masks.ts'
import { cStrings, withoutValues } from './wire.ts'

const tooLong = `a row with masked columns is longer than ${maskedRowBytes} bytes`

/** A setting that is reported, a command's tag. */
const smallBytes = 65_536

/** So many bytes of rows are counted together. */
const countedBytes = 1_048_576

/** What came of statements, as the record counts it. */
export interface Outcome {
  readonly rows?: number
  readonly bytes?: number
  readonly done?: number
  readonly failed?: number
  /** Values of rows that were replaced. */
  readonly masked?: number
}

export interface FromServer {
  readonly wanted: (type: string, length: number) => number | undefined
  take(seen: Seen): void
  /** Counts what is left of a statement that did not end. */
  over(): void
}

/** The server’s half of a session: which message answers what, and what it came to. */
export function createFromServer<S extends Statement>(deps: {
  readonly judge: Judge<S>
  readonly names: SessionNames<S>
  readonly pending: Pending<S>
  readonly output: SocketOutput
  readonly splitter: () => Splitter
  readonly counted: (statements: readonly S[], outcome: Outcome) => void
  /** The session cannot go on. */
  readonly end: (why: string) => void
  /** Columns whose values the client is not to see. */
  readonly masks: Masks | undefined
}): FromServer {
  const { judge, names, pending, output, masks } = deps
  /** Of the rows that come. */
  let masking: Masking | undefined
  /** What the client is told in place of the error that comes next. */
  let refusal: Buffer | undefined
  /** What the last error was the answer to. */
  let failed: Asked<S> | undefined

  /** Of rows that came, and are not counted yet: there are millions. */
  let uncounted = 0

  function count(outcome: Outcome): void {
    const { head } = pending
    const bytes = uncounted
    uncounted = 0
    if (head?.statements === undefined || head.refusal !== undefined) return
    deps.counted(head.statements, bytes === 0 ? outcome : { ...outcome, bytes })
  }

  function addBytes(length: number): void {
    uncounted += length
    if (uncounted >= countedBytes) count({})
  }

  function fails(): number | undefined {
    count({ failed: 1 })
    failed = pending.head
    refusal = pending.failed()?.refusal
    return refusal === undefined && masks === undefined ? undefined : smallBytes
  }

  /** What takes the place of a refused statement is none: a server that does it does not read SQL as PostgreSQL. */
  function assertRefused(type: string): void {
    const { head } = pending
    if (head?.refusal === undefined || 'ENSA'.includes(type) || (type === 'Z' && failed === head)) return
    throw new ProtocolFault('it takes what stands for a refused statement, and fails in PostgreSQL, for one')
  }

  /** One statement of a simple query, or a portal. */
  function ends(): void {
    masking = undefined
    if (pending.head?.as === 'execute') pending.answered('execute')
    else if (pending.head?.as !== 'query') throw new ProtocolFault('it ends a statement that nobody began')
  }

  const isOurs = () => pending.head?.as === 'describe' && pending.head.isOurs === true

  function describes(): undefined {
    if (pending.head?.as === 'describe') pending.answered('describe')
  }

  /** All of a row that has something to mask. */
  function rowBytes(length: number): number | undefined {
    addBytes(length)
    if (masks === undefined) return undefined
    if (masking === undefined) throw new ProtocolFault('it sends rows that it has not described')
    if (masking.every((one) => one === undefined)) return undefined
    if (length > maskedRowBytes) throw new ProtocolFault(tooLong)
    return length
  }

  const passing: Readonly<Record<string, (length: number) => number | undefined | void>> = {
    '1': () => void pending.answered('parse'),
    '2': () => void pending.answered('bind'),
    '3': () => void pending.answered('close'),
    n: () => (isOurs() ? 0 : void pending.answered('describe')),
    T: () => (masks === undefined ? describes() : descriptionBytes),
    t: () => undefined,
    s: () => (count({}), ends()),
    I: () => (count({ done: 1 }), ends()),
    D: rowBytes,
    d: addBytes,
    c: () => undefined,
    H: () => undefined,
    G: () => pending.copies(),
    V: () => undefined,
    A: () => undefined,
    N: () => (masks === undefined ? undefined : smallBytes),
    E: fails,
    C: () => smallBytes,
    S: () => smallBytes,
    Z: () => 1,
  }

  const handlers: Readonly<Record<string, (seen: Seen) => void>> = {
    C({ head, raw }) {
      const [tag = ''] = cStrings(head, 1)?.texts ?? []
      count({ done: 1, rows: Number(/ (\d{1,15})$/.exec(tag)?.[1] ?? 0) })
      if (tag === 'DEALLOCATE ALL' || tag === 'DISCARD ALL') names.clear()
      if (tag === 'CLOSE CURSOR ALL' || tag === 'DISCARD ALL') names.closeAll()
      ends()
      output.put(raw)
    },
    S({ head, raw }) {
      const [name = '', value = ''] = cStrings(head, 2)?.texts ?? []
      const why = judge.reported(name, value)
      if (why !== undefined) deps.end(why)
      output.put(raw)
    },
    Z({ head, raw }) {
      pending.answered('query', 'call', 'sync')
      if (head[0] === 0x49) names.transactionEnded()
      output.put(raw)
    },
    E({ head }) {
      deps.splitter().dropRest()
      if (refusal !== undefined) output.put(refusal)
      else output.put(withoutValues('E', head))
    },
    N({ head }) {
      deps.splitter().dropRest()
      output.put(withoutValues('N', head))
    },
    n: () => void pending.answered('describe'),
    T({ length, head, raw }) {
      if (head.length < length) throw new ProtocolFault('its description of a row is too long')
      const found = masks === undefined ? undefined : maskingOf(head, masks)
      const isHidden = isOurs()
      // What a statement was described as, its portal may differ from.
      if (isHidden || pending.head?.as === 'query') masking = found
      describes()
      if (!isHidden) output.put(raw)
    },
    D({ head }) {
      const { row, masked } = maskRow(head, masking ?? [])
      count({ masked })
      output.put(row)
    },
  }

  return {
    wanted(type, length) {
      const pass = passing[type]
      if (pass === undefined) throw new ProtocolFault(`it sends ${JSON.stringify(type)} within a session`)
      assertRefused(type)
      const wanted = pass(length)
      return typeof wanted === 'number' ? wanted : undefined
    },
    take: (seen) => handlers[seen.type]?.(seen),
    over: () => count({}),
  }
}
