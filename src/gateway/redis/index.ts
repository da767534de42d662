import type { Duplex } from 'node:stream'
import { drained, limits, messageOf } from '../../lib/index.ts'
import { speaksTls } from '../../connections/index.ts'
import type { Permit } from '../exchange.ts'
import { loginOf, type StreamExchange, type StreamHandler } from '../stream-exchange.ts'
import { meaningOf, nameOf, type KeyOperation } from './commands.ts'
import { createWayGiver } from './give-way.ts'
import { createJudge, type Judge } from './judge.ts'
import { logIn } from './log-in.ts'
import { passReplies, type Replies } from './replies.ts'
import { Malformed, readCommands, type Command } from './request-reader.ts'

/**
 * Redis: each command is judged by its keys before the server hears of it, and answered by the server in its order. The client
 * logs in with whatever it likes, or nothing; the gateway has logged in for it.
 */
export function createRedisHandler(): StreamHandler {
  return async (stream) => {
    const client = await clearOf(stream)
    if (client === undefined) return
    const permit = await permitToOpen(stream)
    if (!permit.allow) return void client.end(errorLine(permit.message))
    let upstream: Duplex
    try {
      upstream = await openUpstream(stream, permit)
    } catch (error) {
      const line = stream.deny(`redis ${stream.connection.name}`, messageOf(error))
      return void client.end(errorLine(line, 'ERR'))
    }
    await passCommands(stream, client, upstream)
  }
}

/** The client's bytes: a client that begins with TLS (`rediss://`) gets it. Undefined if it said nothing. */
async function clearOf(stream: StreamExchange): Promise<Duplex | undefined> {
  const { socket } = stream
  const first = await new Promise<Buffer | null>((resolve) => {
    const look = () => {
      const chunk = socket.read() as Buffer | null
      if (chunk === null) return
      socket.off('readable', look)
      resolve(chunk)
    }
    socket.on('readable', look)
    socket.once('close', () => resolve(null))
    socket.once('end', () => resolve(null))
  })
  if (first === null) return undefined
  socket.unshift(first)
  // A TLS record of a handshake (RFC 8446, section 5.1); a command begins with `*`.
  return first[0] === 0x16 ? stream.secure(socket) : socket
}

const actions = ['read', 'write', 'list', 'subscribe', 'publish', 'admin'].map((word) => `redis:${word}`)

/** By any grant of the connection: which keys it is for the commands say. */
function permitToOpen(stream: StreamExchange) {
  const connection = stream.connection.name
  const action =
    actions.find((one) => stream.would({ action: one, connection, path: '' }, { anyRef: true })) ??
    'redis:read'
  return stream.permitAny({ action, connection, path: '' })
}

async function openUpstream(stream: StreamExchange, permit: Permit): Promise<Duplex> {
  const { connection } = stream
  const plain = await stream.dial(permit)
  const upstream = speaksTls(connection) ? await stream.secureUpstream(permit, plain) : plain
  const login = connection.credential === undefined ? undefined : loginOf(permit, connection)
  await logIn(upstream, login, connection)
  return upstream
}

/** What any server answers with an error, in a transaction, too, which it then refuses: in the place of what was refused here. */
const errs = Buffer.from('*1\r\n$3\r\nGET\r\n')

async function passCommands(stream: StreamExchange, client: Duplex, upstream: Duplex): Promise<void> {
  const fault = (why: string) => errorLine(stream.deny(`redis ${stream.connection.name}`, why), 'ERR')
  const replies = passReplies(upstream, client, (why, isCut) => {
    const line = fault(why)
    client.end(isCut ? undefined : line)
    upstream.destroy()
  })
  client.on('error', () => upstream.destroy())
  client.once('close', () => upstream.destroy())
  upstream.once('close', () => client.end())
  const counts = new Map<string, number>()
  const way: Way = { replies, upstream, isInTransaction: false, counts }
  try {
    await passAll(stream, way, client)
    upstream.end()
  } catch (error) {
    if (error instanceof Malformed) await endAfter(fault(error.message), way, client)
    client.end()
    upstream.destroy()
  } finally {
    for (const [operation, commands] of counts)
      stream.done({ operation: `${operation} ${stream.connection.name}`, facts: { commands } })
  }
}

async function passAll(stream: StreamExchange, way: Way, client: Duplex): Promise<void> {
  const judge = createJudge(stream)
  const giveWay = createWayGiver()
  for await (const command of readCommands(client)) {
    await passOne(stream, judge, way, command)
    if (way.upstream.destroyed) return
    await giveWay()
    await drained(way.upstream)
    await way.replies.room()
  }
}

/** A client that goes on writing before it reads has its answer in the end: what it writes is thrown away until it is gone. */
async function endAfter(line: Buffer, { replies, upstream }: Way, client: Duplex): Promise<void> {
  client.resume()
  replies.expect(line)
  upstream.write(errs)
  await replies.answered()
  const timer = setTimeout(() => client.destroy(), limits.redisLingerMs).unref()
  client.once('close', () => clearTimeout(timer))
}

interface Way {
  readonly replies: Replies
  readonly upstream: Duplex
  readonly counts: Map<string, number>
  /** As far as its commands tell; it is believed to last rather too long than too short. */
  isInTransaction: boolean
}

const okay = Buffer.from('+OK\r\n')

async function passOne(
  stream: StreamExchange,
  judge: Judge,
  way: Way,
  { raw, words }: Command,
): Promise<void> {
  const { replies, upstream } = way
  const pass = (bytes: Buffer, instead?: Buffer) => {
    replies.expect(instead)
    write(upstream, bytes)
  }
  const refuse = (message: string) => pass(errs, errorLine(message))
  const never = (why: string) => refuse(stream.deny(`redis ${stream.connection.name}`, why))
  const meaning = meaningOf(words)
  switch (meaning.is) {
    case 'plain':
      way.isInTransaction = isInTransactionAfter(way, words)
      return pass(raw)
    case 'answered':
      return pass(errs, okay)
    case 'hello':
      // Which answer is for which question could not be told any more, nor of subscriptions.
      if (way.isInTransaction) return never('HELLO is not passed in a transaction')
      replies.expectHello()
      return write(upstream, helloOf(meaning.version))
    case 'never':
      return never(meaning.why)
    case 'select': {
      const own = String(stream.connection.settings?.database ?? 0)
      // Whoever was let to another one may come back.
      if (meaning.database === own) return pass(raw)
      const refused = await judge.admin(nameOf(words))
      return refused === undefined ? pass(raw) : refuse(refused)
    }
    case 'admin': {
      const refused = await judge.admin(nameOf(words))
      if (refused !== undefined) return refuse(refused)
      count(way, 'redis:admin')
      return pass(raw)
    }
    case 'operations':
    case 'subscribe': {
      if (meaning.is === 'subscribe' && way.isInTransaction)
        return never('subscriptions are not passed in a transaction')
      const refused = await judge.keys(meaning.operations, nameOf(words))
      if (refused !== undefined) return refuse(refused)
      const [action] = meaning.operations
      if (action !== undefined) count(way, action.action)
      if (meaning.is === 'operations') return pass(raw)
      replies.expectSubscription()
      write(upstream, raw)
      return write(upstream, errs)
    }
  }
}

/** What comes at once goes at once: a pipeline has ten thousand commands of thirty bytes. */
function write(upstream: Duplex, bytes: Buffer): void {
  if (upstream.writableCorked === 0) {
    upstream.cork()
    process.nextTick(() => upstream.uncork())
  }
  upstream.write(bytes)
}

function isInTransactionAfter({ isInTransaction }: Way, words: readonly Buffer[]): boolean {
  const name = nameOf(words)
  if (name === 'MULTI') return true
  // With another word it is an error, and changes nothing.
  return isInTransaction && !(words.length === 1 && (name === 'EXEC' || name === 'DISCARD'))
}

function count({ counts }: Way, action: KeyOperation['action'] | 'redis:admin'): void {
  counts.set(action, (counts.get(action) ?? 0) + 1)
}

/** Without its log-in, and its name with it: the answer tells the client which version it is. */
function helloOf(version: Buffer | undefined): Buffer {
  if (version === undefined) return Buffer.from('*1\r\n$5\r\nHELLO\r\n')
  const head = Buffer.from(`*2\r\n$5\r\nHELLO\r\n$${version.length}\r\n`)
  return Buffer.concat([head, version, Buffer.from('\r\n')])
}

/** One line; `NOPERM` is the code that servers have for what an account may not do. */
function errorLine(message: string, code: 'NOPERM' | 'ERR' = 'NOPERM'): Buffer {
  return Buffer.from(`-${code} ${message.replaceAll(/[\p{Cc}\s]+/gu, ' ')}\r\n`)
}
