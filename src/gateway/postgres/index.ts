import { MayflyError, limits, messageOf } from '../../lib/index.ts'
import type { Permit } from '../exchange.ts'
import { loginOf, type StreamExchange, type StreamHandler } from '../stream-exchange.ts'
import { createTally } from '../tally.ts'
import { createCancelKeys, type CancelKeys } from './cancel.ts'
import { GreetingRefused, greet, type Greeting } from './greet.ts'
import { isPinned } from './as-read-here.ts'
import { createLimitedJudge, type LimitedSession } from './limited.ts'
import { LoginRefused, askFirst, logIn, reach, type Upstream } from './log-in.ts'
import { nameInGrant } from '../name-in-grant.ts'
import type { Outcome } from './from-server.ts'
import { limited, passed, type Parameters } from './parameters.ts'
import { createPermitted, type Permitted } from '../permitted.ts'
import { relay } from './relay.ts'
import { readMasks } from './masks/read-masks.ts'
import type { Masks } from './masks/masks.ts'
import { createSqlReader, type SqlReader } from './sql/reader-of-sql.ts'
import type { DoneAs, Statement } from './statement.ts'
import { createUnlimitedJudge } from './unlimited.ts'
import { errorResponse, int32, message, cString, type Fault } from './wire.ts'

/** What a step has on one connection, for all of its sessions there. */
interface OfStep {
  readonly keys: CancelKeys
  readonly permitted: Permitted
}

type Session = Extract<Greeting, { wants: 'session' }>

/**
 * PostgreSQL: the step's client logs in with nothing, and is logged in upstream by what the connection has. Statements are judged by
 * PostgreSQL's own parser before the server sees them; only `postgres:connect` lets them pass unjudged. Replication is refused.
 */
export function createPostgresHandler(): StreamHandler {
  const sql = createSqlReader()
  const steps = new WeakMap<object, Map<string, OfStep>>()

  function ofStep({ ofStep: step, connection }: StreamExchange): OfStep {
    const all = steps.get(step) ?? new Map<string, OfStep>()
    steps.set(step, all)
    const known = all.get(connection.name) ?? { keys: createCancelKeys(), permitted: createPermitted() }
    all.set(connection.name, known)
    return known
  }

  async function serve(stream: StreamExchange): Promise<void> {
    const greeting = await greeted(stream)
    const { keys, permitted } = ofStep(stream)
    if (greeting.wants === 'cancel') {
      await keys.cancel(stream, greeting.key)
      // Within TLS with its last word (close_notify): libpq 17 takes it for failed without.
      return void greeting.socket.end()
    }
    const { socket } = greeting
    const refuse = (fault: Fault) =>
      void socket.end(Buffer.concat([greeting.negotiation, errorResponse(fault)]))
    const begun = await begin(stream, greeting, sql)
    if ('severity' in begun) return refuse(begun)
    const { upstream, login, isLimited, readOnly, surroundings, masks, database } = begun
    const judge = isLimited
      ? createLimitedJudge({
          ...{ stream, database, user: login, readOnly, masks, sql, permitted },
          ...surroundings,
          encoding: upstream.settings.get('server_encoding'),
        })
      : createUnlimitedJudge(sql)
    for (const [name, value] of upstream.settings) judge.reported(name, value)
    const { cancelKey: theirs } = upstream
    const cancelKey = theirs === undefined ? undefined : keys.add(theirs, begun.permit, greeting.keyBytes)
    socket.write(Buffer.concat([greeting.negotiation, welcome(upstream, cancelKey?.key)]))
    const action = isLimited ? 'read' : 'connect'
    const usual = `postgres:${action} ${stream.connection.name}/${nameInGrant(database)}`
    const tally = createTally(stream, usual)
    const calls = isLimited ? notCalled : undefined
    const counted = (statements: readonly Statement[], outcome: Outcome) => {
      // A portal may be of one of several statements of its name: what came of it is told of the last one.
      const last = statements.at(-1)
      if (last === undefined) return
      const as: DoneAs | undefined = 'doneAs' in judge ? judge.doneAs?.(last) : undefined
      tally.count(as?.statement ?? last.shape, outcome, as)
    }
    try {
      const cut = await relay({ client: socket, server: upstream.socket, judge, calls, masks, counted })
      if (cut !== undefined) stream.deny(`postgres ${stream.connection.name}`, cut)
    } finally {
      cancelKey?.forget()
      tally.flush()
    }
  }

  return async (stream) => {
    try {
      await serve(stream)
    } catch (error) {
      stream.deny(`postgres ${stream.connection.name}`, messageOf(error))
      if (error instanceof GreetingRefused) error.socket.end(errorResponse(error.fault))
      else stream.socket.destroy()
    }
  }
}

/** A client that says nothing is not waited for. */
async function greeted(stream: StreamExchange): Promise<Greeting> {
  const timer = setTimeout(() => stream.socket.destroy(), limits.tunnelHeadMs)
  try {
    return await greet(stream)
  } finally {
    clearTimeout(timer)
  }
}

interface Begun {
  readonly upstream: Upstream
  readonly permit: Permit
  readonly login: string
  readonly database: string
  readonly isLimited: boolean
  readonly readOnly: boolean
  readonly surroundings: Began
  readonly masks: Masks | undefined
}

/** Permission first, then the login upstream. */
async function begin(
  stream: StreamExchange,
  { parameters }: Session,
  sql: SqlReader,
): Promise<Begun | Fault> {
  const { connection } = stream
  const database = databaseOf(parameters, connection.settings?.default_database)
  if (database === undefined) return fatal('28000', 'mayfly: the client names no user, and no database')
  if (!/^(?:false|off|no|0)?$/i.test(parameters.get('replication') ?? ''))
    return fatal('42501', stream.deny(`postgres ${connection.name}`, 'replication is not carried'))
  const operation = (verb: string) => ({
    action: `postgres:${verb}`,
    connection: connection.name,
    path: nameInGrant(database),
  })
  const isLimited = !stream.would(operation('connect'), { granted: true })
  const readOnly = isLimited && !stream.would(operation('write'), { anyRef: true })
  const asked = isLimited ? limited(parameters, readOnly) : passed(parameters)
  if (typeof asked === 'string') return fatal('42501', stream.deny(`postgres ${connection.name}`, asked))
  const permission = isLimited
    ? await stream.permit(operation('read'), { login: true }, { anyRef: true })
    : await stream.permit(operation('connect'), {})
  if (!permission.allow) return fatal('42501', permission.message)
  try {
    const { upstream, login } = await open(stream, permission, new Map([...asked, ['database', database]]))
    const surroundings = isLimited ? await beganAs(upstream, { user: login, readOnly }) : unknown
    const unread = asksForPath(asked)
      ? surroundings.path.find((schema) => !stream.would({ ...operation('read'), ref: nameInGrant(schema) }))
      : undefined
    if (unread !== undefined) {
      upstream.socket.destroy()
      const what = `postgres:read ${connection.name}/${nameInGrant(database)}@${nameInGrant(unread)}`
      return fatal('42501', stream.deny(what, 'a session begins with this schema on its search_path'))
    }
    const columns = isLimited ? (connection.settings?.mask ?? []) : []
    const masks = columns.length === 0 ? undefined : await readMasks(upstream.socket, columns, sql)
    return { upstream, permit: permission, login, database, isLimited, readOnly, surroundings, masks }
  } catch (error) {
    const { code, hint } = error instanceof LoginRefused ? error.fault : { code: '08006', hint: undefined }
    const why =
      error instanceof LoginRefused ? `PostgreSQL refuses the login: ${error.message}` : messageOf(error)
    return { ...fatal(code, stream.deny(`postgres ${connection.name}`, why)), hint }
  }
}

/** Otherwise it is what role and database have: names in schemas that are not granted are refused when they are used. */
function asksForPath(parameters: Parameters): boolean {
  return [...parameters.keys()].some((name) => name.toLowerCase() === 'search_path')
}

async function open(
  stream: StreamExchange,
  permit: Permit,
  parameters: Parameters,
): Promise<{ upstream: Upstream; login: string }> {
  const login = loginOf(permit, stream.connection)
  const socket = await reach(stream, permit)
  const timer = setTimeout(() => socket.destroy(), limits.databaseMs)
  try {
    return { upstream: await logIn(socket, login, parameters), login: login.username }
  } catch (error) {
    socket.destroy()
    throw error
  } finally {
    clearTimeout(timer)
  }
}

/** What names mean in a session at its beginning, as the role and the database have it set. */
type Began = Pick<LimitedSession, 'role' | 'hasOwnSchema' | 'path'>

const unknown: Began = { role: '', hasOwnSchema: false, path: [] }

async function beganAs(
  { socket, settings }: Upstream,
  session: { user: string; readOnly: boolean },
): Promise<Began> {
  for (const [name, value] of settings)
    if (!isPinned(name, value, session))
      throw new MayflyError(
        'credential_failed',
        `PostgreSQL begins a session with ${name} ${value}, against what it was told`,
      )
  const [role = '', schemas, ...path] = await askFirst(
    socket,
    `SELECT current_user;
     SELECT pg_catalog.count(*) FROM pg_catalog.pg_namespace WHERE nspname = current_user;
     SELECT pg_catalog.unnest(pg_catalog.current_schemas(false))`,
  )
  return { role, hasOwnSchema: schemas !== '0', path }
}

/** That of the connection for a client that names none: its user’s name stands for it then. */
function databaseOf(parameters: Parameters, usual: string | undefined): string | undefined {
  const user = parameters.get('user') ?? ''
  const named = parameters.get('database') ?? ''
  const database = named === '' || named === user ? (usual ?? (named === '' ? user : named)) : named
  return user === '' || database === '' ? undefined : database
}

/** No password is asked for: which step it is the socket says. */
function welcome({ settings }: Upstream, key: Buffer | undefined): Buffer {
  return Buffer.concat([
    message('R', int32(0)),
    ...[...settings].map(([name, value]) => message('S', cString(name), cString(value))),
    ...(key === undefined ? [] : [message('K', key)]),
    message('Z', Buffer.from('I')),
  ])
}

function fatal(code: string, text: string): Fault {
  return { severity: 'FATAL', code, message: text }
}

const notCalled: Fault = {
  severity: 'ERROR',
  code: '42501',
  message: 'mayfly: refused: a call of a function by its number, which cannot be judged: call it with SELECT',
}
