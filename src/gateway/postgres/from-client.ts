import type { Outcome } from './from-server.ts'
import type { Pending } from './pending.ts'
import type { SessionNames } from './session-names.ts'
import type { SocketOutput } from './socket-output.ts'
import { isFault, type Judge, type Soon, type Statement } from './statement.ts'
import type { Seen, Splitter } from './splitter.ts'
import { ProtocolFault } from '../read-exactly.ts'
import { bounds, cString, errorResponse, message, namesOf, typesIn, valueIn, type Fault } from './wire.ts'

/** Fails at the server as a refused statement is to fail, so that transaction and pipeline are what the client takes them for. */
const failing = 'refused_by_mayfly'

/** A portal’s and a statement’s name, before the values. */
const namesBytes = 1_024
const data: ReadonlySet<string> = new Set(['d', 'c', 'f'])
const small: ReadonlySet<string> = new Set(['C', 'D', 'E', 'H', 'S', 'X', 'c', 'f'])
const large: ReadonlySet<string> = new Set(['B', 'F', 'P', 'Q', 'd'])

export interface FromClient {
  /** Of a message’s body, as much as it takes to judge it; for the splitter. */
  readonly wanted: (type: string, length: number) => number | undefined
  /** What the client sent, judged and passed on. Throws `ProtocolFault`. */
  take(seen: Seen): Soon<void>
}

/** The client’s half of a session. */
export function createFromClient<S extends Statement>(deps: {
  readonly judge: Judge<S>
  readonly names: SessionNames<S>
  readonly pending: Pending<S>
  readonly output: SocketOutput
  /** Set once there is one. */
  readonly splitter: () => Splitter
  readonly counted: (statements: readonly S[], outcome: Outcome) => void
  /** Whether calls by number (FunctionCall) may pass: nobody can tell which function that is. */
  readonly calls: Fault | undefined
  /** Before each portal is executed the server is asked what its columns are, whether the client knows or not. */
  readonly describes: boolean
}): FromClient {
  const { judge, names, pending, output } = deps

  function refuse(fault: Fault, as: 'query' | 'parse', name = ''): void {
    const bytes =
      as === 'query'
        ? message('Q', cString(failing))
        : message('P', cString(name), cString(failing), Buffer.alloc(2))
    // Skipped by the server as the rest of its pipeline is; or it fails, and the client is told why.
    pending.ask({ as, refusal: errorResponse(fault) })
    output.put(bytes)
    deps.splitter().dropRest()
  }

  /** Until a simple query is answered nothing may follow it; this may be the data of its COPY, which is another matter. */
  async function turn(): Promise<void> {
    output.flush()
    while (pending.isClosed) {
      if (pending.copiesIn) throw outOfTurn()
      await pending.changed()
    }
  }

  /** What was put goes out before anything is waited for: the server may begin with it. */
  function once<T>(value: Soon<T>, next: (value: T) => Soon<void>): Soon<void> {
    if (!(value instanceof Promise)) return next(value)
    output.flush()
    return value.then(next)
  }

  /** Until it is known what names stand for. */
  function settled(kind: 'prepared' | 'portal' | 'any', name?: string): Soon<void> {
    return names.isInDoubt(pending.turn, kind, name) ? untilSettled(kind, name) : undefined
  }

  async function untilSettled(kind: 'prepared' | 'portal' | 'any', name?: string): Promise<void> {
    output.flush()
    while (!pending.isOver && names.isInDoubt(pending.turn, kind, name)) {
      if (pending.copiesIn) throw outOfTurn()
      await pending.changed()
    }
  }

  function judged(
    sql: Buffer | undefined,
    [bytes, types]: readonly [number, (readonly number[])?],
    when: 'prepared' | 'done',
    next: (statement: S | Fault) => void,
  ): Soon<void> {
    return once(judge.read(sql, bytes, types), (statement) => {
      if (isFault(statement)) return next(statement)
      return once(allowed([statement], when), (refused) => next(refused ?? statement))
    })
  }

  /** It is done: what it makes has a name from now on. */
  function ask(as: 'query' | 'execute', statements: readonly S[]): void {
    const changes = statements.flatMap((one) => {
      const cursors = judge.cursorsOf?.(one) ?? []
      return cursors.length === 0 ? [] : [names.declare(cursors, one, pending.turn)]
    })
    const settle = () => changes.forEach((one) => one.settle())
    pending.ask({ as, statements, ...(changes.length === 0 ? {} : { change: { settle, undo: settle } }) })
  }

  function query({ head, length, raw }: Seen): Soon<void> {
    return judged(textIn(head, length), [length - 1], 'done', (statement) => {
      if (isFault(statement)) return refuse(statement, 'query')
      ask('query', [statement])
      output.put(raw)
    })
  }

  function parse({ head, length, raw }: Seen): Soon<void> {
    const { texts: [name] = [], end: start = 0 } = namesOf(head, 1) ?? {}
    if (name === undefined) return refuse(unnamed, 'parse')
    if (names.isFull()) return refuse(tooMany, 'parse', name)
    const end = head.indexOf(0, start)
    const text = end === -1 ? undefined : head.subarray(start, end)
    return judged(text, [length - start, typesIn(head, end + 1)], 'prepared', (statement) => {
      if (isFault(statement)) return refuse(statement, 'parse', name)
      pending.ask({ as: 'parse', change: names.parse(name, statement, pending.turn) })
      output.put(raw)
    })
  }

  function bind({ head, raw }: Seen): Soon<void> {
    const { texts: [portal, name = ''] = [], end = 0 } = namesOf(head, 2) ?? {}
    if (portal === undefined) return refuse(unnamed, 'parse')
    return once(settled('prepared', name), () => {
      const statements = names.prepared(name)
      if (statements === undefined) return refuse(unknown('prepared statement', name), 'parse')
      const unreadable = boundIn(head, end, statements)
      if (unreadable !== undefined) return refuse(unreadable, 'parse')
      return once(allowed(statements, 'prepared'), (refused) => {
        if (refused !== undefined) return refuse(refused, 'parse')
        pending.ask({ as: 'bind', change: names.bind(portal, statements, pending.turn) })
        output.put(raw)
      })
    })
  }

  function execute({ head, raw }: Seen): Soon<void> {
    const [portal] = namesOf(head, 1)?.texts ?? []
    if (portal === undefined) return refuse(unnamed, 'parse')
    return once(settled('portal', portal), () => {
      const statements = names.portal(portal)
      if (statements === undefined) return refuse(unknown('portal', portal), 'parse')
      return once(allowed(statements, 'done'), (refused) => {
        if (refused !== undefined) return refuse(refused, 'parse')
        if (deps.describes) {
          pending.ask({ as: 'describe', statements, isOurs: true })
          output.put(message('D', Buffer.from('P'), cString(portal)))
        }
        ask('execute', statements)
        output.put(raw)
      })
    })
  }

  /** A value that changes what names mean. */
  function boundIn(head: Buffer, at: number, statements: readonly S[]): Fault | undefined {
    for (const one of statements) {
      const number = judge.parameterOf?.(one)
      const refused = number === undefined ? undefined : judge.bound?.(valueIn(head, at, number))
      if (refused !== undefined) return refused
    }
    return undefined
  }

  function allowed(statements: readonly S[], when: 'prepared' | 'done'): Soon<Fault | undefined> {
    for (const [at, statement] of statements.entries()) {
      const known = judge.usesNames?.(statement) === true ? settled('any') : undefined
      const refused =
        known === undefined
          ? judge.allow(statement, names, when)
          : known.then(() => judge.allow(statement, names, when))
      if (refused instanceof Promise)
        return refused.then((fault) => fault ?? allowed(statements.slice(at + 1), when))
      if (refused !== undefined) return refused
    }
    return undefined
  }

  function call({ raw }: Seen): void {
    if (deps.calls !== undefined) return refuse(deps.calls, 'query')
    pending.ask({ as: 'call' })
    output.put(raw)
  }

  function close({ head, raw }: Seen): void {
    const what = String.fromCharCode(head[0] ?? 0)
    const [name] = namesOf(head, 1, 1)?.texts ?? []
    if (name === undefined) return refuse(unnamed, 'parse')
    pending.ask({ as: 'close', change: names.close(what, name, pending.turn) })
    output.put(raw)
  }

  function describe({ head, raw }: Seen): void {
    if (namesOf(head, 1, 1) === undefined) return refuse(unnamed, 'parse')
    pending.ask({ as: 'describe' })
    output.put(raw)
  }

  function sync({ raw }: Seen): void {
    // The server does not look at it while it waits for data.
    if (!pending.copiesIn) pending.ask({ as: 'sync' })
    output.put(raw)
  }

  function end({ type, raw }: Seen): void {
    if (type !== 'X') {
      pending.copiesIn = false
      pending.copiesEnded++
    }
    output.put(raw)
  }

  const handlers: Readonly<Record<string, (seen: Seen) => Soon<void>>> = {
    Q: query,
    P: parse,
    B: bind,
    E: execute,
    F: call,
    C: close,
    D: describe,
    S: sync,
    H: ({ raw }) => output.put(raw),
    c: end,
    f: end,
    X: end,
  }

  function take(seen: Seen): Soon<void> {
    const { type } = seen
    const handle = handlers[type]
    if (handle === undefined) throw new ProtocolFault(`the client sends ${JSON.stringify(type)}`)
    if (data.has(type) || type === 'X') return handle(seen)
    if (pending.copiesIn && type !== 'S' && type !== 'H') throw outOfTurn()
    // The server passes it over.
    if (pending.skips && type !== 'S') return deps.splitter().dropRest()
    return pending.isClosed ? turn().then(() => take(seen)) : handle(seen)
  }

  return {
    take,
    wanted(type, length) {
      const max = small.has(type) ? bounds.small : large.has(type) ? bounds.large : undefined
      if (max === undefined) throw new ProtocolFault(`the client sends ${JSON.stringify(type)}`)
      if (length > max) throw new ProtocolFault(`the client sends ${type} with ${length} bytes`)
      if (type === 'd') {
        const { head } = pending
        if (head?.statements !== undefined) deps.counted(head.statements, { bytes: length })
        return undefined
      }
      if (type === 'B') return namesBytes
      if (type === 'F') return 4
      return type === 'Q' || type === 'P' ? judge.maxBytes + namesBytes : length
    },
  }
}

function outOfTurn(): ProtocolFault {
  return new ProtocolFault('the client sends another message where the data of a COPY belongs')
}

/** The text of a simple query: all of the message, and a zero byte nowhere but at its end. */
function textIn(head: Buffer, length: number): Buffer | undefined {
  if (head.length < length) return undefined
  if (head.indexOf(0) !== length - 1) throw new ProtocolFault('a query does not end where its message does')
  return head.subarray(0, length - 1)
}

const tooMany: Fault = {
  severity: 'ERROR',
  code: '54000',
  message: 'mayfly: the session has too many prepared statements, or too long ones: close some',
}

const unnamed: Fault = {
  severity: 'ERROR',
  code: '22021',
  message: 'mayfly: a name of a statement or a portal is not in UTF-8, has no end, or is too long',
}

function unknown(what: string, name: string): Fault {
  const code = what === 'portal' ? '34000' : '26000'
  return { severity: 'ERROR', code, message: `${what} "${name}" does not exist` }
}
