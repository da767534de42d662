import type { Duplex } from 'node:stream'
import { limits, messageOf } from '../../lib/index.ts'
import { speaksTls } from '../../connections/index.ts'
import type { Permit } from '../exchange.ts'
import { createPermitted, type Permitted } from '../permitted.ts'
import { loginOf, type StreamExchange, type StreamHandler } from '../stream-exchange.ts'
import {
  agreed,
  clientHelloIn,
  flag,
  greetClient,
  greetingIn,
  tlsRequestBytes,
  type ClientHello,
  type Greeting,
} from './handshake.ts'
import { createLimitedJudge, createUnlimitedJudge, type Judge } from './judge.ts'
import { headOf, LoginRefused, logIn, type Asked } from './log-in.ts'
import { relay } from './relay.ts'
import { createServerSide } from './server-side.ts'
import { ProtocolFault } from '../read-exactly.ts'
import { errorPacket, okPacket, packetOf, readPacket } from './wire.ts'

/** What a step has on one connection, for all of its sessions there. */
interface OfStep {
  readonly permitted: Permitted
  readonly threads: Set<number>
}

/** 1142, 42000: what an account may not; 2013, HY000: the other side is gone. */
const refusedCode = 1142
const lostCode = 2013
const maxHello = 65_536

/**
 * MariaDB and MySQL: the client logs in with whatever it likes; the gateway has logged in for it. Statements are judged by the
 * databases that they are about before the server sees them; where the role may not write there, the server keeps the session
 * read-only. Only `mysql:connect` lets statements pass unjudged.
 */
export function createMysqlHandler(): StreamHandler {
  const steps = new WeakMap<object, Map<string, OfStep>>()

  function ofStep({ ofStep: step, connection }: StreamExchange): OfStep {
    const all = steps.get(step) ?? new Map<string, OfStep>()
    steps.set(step, all)
    const known = all.get(connection.name) ?? { permitted: createPermitted(), threads: new Set<number>() }
    all.set(connection.name, known)
    return known
  }

  return async (stream) => {
    const { socket } = stream
    try {
      await serve(stream, ofStep(stream))
    } catch (error) {
      const message = stream.deny(`mysql ${stream.connection.name}`, messageOf(error))
      socket.end(errorPacket(0, lostCode, 'HY000', message))
    }
  }
}

async function serve(stream: StreamExchange, { permitted, threads }: OfStep): Promise<void> {
  const { socket, connection } = stream
  const permission = await permitToOpen(stream)
  if (!permission.allow) return void socket.end(errorPacket(0, refusedCode, '42000', permission.message))
  const plain = await stream.dial(permission)
  const greeting = await greetingOf(plain)
  const { client, hello, sequence } = await greet(stream, greeting)
  const refuse = (message: string) => void client.end(errorPacket(sequence, refusedCode, '42000', message))
  if ((hello.flags & (flag.compress | flag.compressZstd)) !== 0)
    return refuse(
      stream.deny(
        `mysql ${connection.name}`,
        'the client compresses, which is not offered: turn it off there',
      ),
    )
  const isLimited = !stream.would(
    { action: 'mysql:connect', connection: connection.name, path: '' },
    { granted: true },
  )
  const flags = agreed(hello.flags, greeting.capabilities, isLimited)
  const database = hello.database === '' ? (connection.settings?.default_database ?? '') : hello.database
  try {
    // The database is asked for by name later, once it is known that it may be.
    const upstream = await open(stream, permission, plain, greeting, {
      flags,
      charset: isLimited ? utf8 : hello.charset,
      database: isLimited ? '' : database,
    })
    const judge = isLimited
      ? await limit(stream, upstream, flags, database, permitted, threads)
      : createUnlimitedJudge()
    if (typeof judge === 'string') return refuse(judge)
    threads.add(greeting.thread)
    client.write(okPacket(sequence))
    await relay(stream, {
      client,
      upstream,
      judge,
      isLimited,
      deprecateEof: (flags & flag.deprecateEof) !== 0,
    })
  } catch (error) {
    if (!(error instanceof LoginRefused))
      return refuse(stream.deny(`mysql ${connection.name}`, messageOf(error)))
    stream.deny(`mysql ${connection.name}`, `the server refuses the log-in: ${error.message}`)
    client.end(error.packet(sequence))
  } finally {
    threads.delete(greeting.thread)
  }
}

/** utf8mb4_general_ci: both servers have it. */
const utf8 = 45

const actions = ['mysql:connect', 'mysql:read', 'mysql:write', 'mysql:ddl']

/** By any grant of the connection: which databases it is about the statements say. */
function permitToOpen(stream: StreamExchange) {
  const connection = stream.connection.name
  const action =
    actions.find((one) => stream.would({ action: one, connection, path: '' }, { anyRef: true })) ??
    'mysql:read'
  return stream.permitAny({ action, connection, path: '' })
}

async function greetingOf(upstream: Duplex): Promise<Greeting> {
  const packet = await within(upstream, readPacket(upstream, maxHello))
  if (packet === undefined)
    throw new ProtocolFault('the server closed the connection before it said who it is')
  return greetingIn(packet.body)
}

/** Nobody is waited for without end before a session stands. */
async function within<T>(socket: Duplex, reading: Promise<T>): Promise<T> {
  const timer = setTimeout(() => socket.destroy(), limits.databaseMs)
  try {
    return await reading
  } finally {
    clearTimeout(timer)
  }
}

interface Greeted {
  readonly client: Duplex
  readonly hello: ClientHello
  /** Of the next packet to the client. */
  readonly sequence: number
}

/** Tells the client what the server has said, and begins TLS where it wants that. */
async function greet(stream: StreamExchange, greeting: Greeting): Promise<Greeted> {
  const { socket } = stream
  socket.write(packetOf(0, greetClient(greeting)))
  const first = await within(socket, readPacket(socket, maxHello))
  if (first === undefined) throw new ProtocolFault('the client left')
  const wantsTls = first.body.length === tlsRequestBytes && (first.body.readUInt32LE(0) & flag.tls) !== 0
  const client = wantsTls ? await stream.secure(socket) : socket
  const second = wantsTls ? await within(client, readPacket(client, maxHello)) : first
  if (second === undefined) throw new ProtocolFault('the client left within TLS')
  const hello = clientHelloIn(second.body)
  if (!hello.waitsForProof) return { client, hello, sequence: second.sequence + 1 }
  // caching_sha2_password: its proof is taken for good, whatever it is.
  client.write(packetOf(second.sequence + 1, Buffer.of(1, 3)))
  return { client, hello, sequence: second.sequence + 2 }
}

async function open(
  stream: StreamExchange,
  permit: Permit,
  plain: Duplex,
  greeting: Greeting,
  asked: Asked,
): Promise<Duplex> {
  const { connection } = stream
  const isSecure = speaksTls(connection)
  if (isSecure && (greeting.capabilities & flag.tls) === 0)
    throw new ProtocolFault(
      'the server speaks no TLS: turn it on there, or say tls: off in a network that nobody else is in',
    )
  let socket = plain
  if (isSecure) {
    plain.write(packetOf(1, headOf(asked, isSecure)))
    socket = await stream.secureUpstream(permit, plain)
  }
  const login = loginOf(permit, connection)
  await within(socket, logIn(socket, greeting, login, asked, { sequence: isSecure ? 2 : 1, isSecure }))
  return socket
}

/** A session that is read alike here and there, and is read-only where the role writes nothing. A text is why there is none. */
async function limit(
  stream: StreamExchange,
  upstream: Duplex,
  flags: number,
  database: string,
  permitted: Permitted,
  threads: ReadonlySet<number>,
): Promise<Judge | string> {
  const connection = stream.connection.name
  const readOnly = !stream.would({ action: 'mysql:write', connection, path: '' }, { anyRef: true })
  const server = createServerSide(upstream, {
    ...{ readOnly, within },
    deprecateEof: (flags & flag.deprecateEof) !== 0,
  })
  await server.lookAgain()
  const judge = createLimitedJudge({ stream, database, server, readOnly, permitted, threads })
  const refused = database === '' ? undefined : await judge.database(database)
  if (refused !== undefined) return refused
  await server.begin(database)
  return judge
}
