import type { Duplex } from 'node:stream'
import { drained, messageOf } from '../../lib/index.ts'
import { speaksTls } from '../../connections/index.ts'
import type { Permit } from '../exchange.ts'
import { loginOf, type StreamExchange, type StreamHandler } from '../stream-exchange.ts'
import { meaningOf, nameOf, type KeyOperation } from './commands.ts'
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
      return void client.end(errorLine(stream.deny(`redis ${stream.connection.name}`, messageOf(error))))
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
  await logIn(upstream, login, connection.settings?.database ?? 0)
  return upstream
}

/** What any server answers with an error, in a transaction, too, which it then refuses: in the place of what was refused here. */
const errs = Buffer.from('*1\r\n$3\r\nGET\r\n')

async function passCommands(stream: StreamExchange, client: Duplex, upstream: Duplex): Promise<void> {
  const judge = createJudge(stream)
  const counts = new Map<string, number>()
  const replies = passReplies(upstream, client, (why) => {
    replies.say(errorLine(stream.deny(`redis ${stream.connection.name}`, why)))
    client.end()
    upstream.destroy()
  })
  client.on('error', () => upstream.destroy())
  client.once('close', () => upstream.destroy())
  upstream.once('close', () => client.end())
  const way: Way = { replies, upstream, isSubscriber: false, counts }
  try {
    for await (const command of readCommands(client)) {
      await passOne(stream, judge, way, command)
      if (upstream.destroyed) break
      await drained(upstream)
    }
    upstream.end()
  } catch (error) {
    if (error instanceof Malformed)
      replies.say(errorLine(stream.deny(`redis ${stream.connection.name}`, error.message)))
    client.end()
    upstream.destroy()
  } finally {
    for (const [operation, commands] of counts)
      stream.done({ operation: `${operation} ${stream.connection.name}`, facts: { commands } })
  }
}

interface Way {
  readonly replies: Replies
  readonly upstream: Duplex
  readonly counts: Map<string, number>
  isSubscriber: boolean
}

async function passOne(
  stream: StreamExchange,
  judge: Judge,
  way: Way,
  { raw, words }: Command,
): Promise<void> {
  const meaning = meaningOf(words)
  const pass = (bytes: Buffer, instead?: Buffer) => {
    if (way.isSubscriber && instead !== undefined) return way.replies.say(instead)
    way.replies.expect(instead)
    way.upstream.write(bytes)
  }
  const refuse = (message: string) => pass(errs, errorLine(message))
  switch (meaning.is) {
    case 'plain':
      return pass(raw)
    case 'answered':
      return pass(errs, Buffer.from(`+${meaning.answer}\r\n`))
    case 'hello':
      return pass(helloOf(meaning.version))
    case 'never':
      return refuse(stream.deny(`redis ${stream.connection.name}`, meaning.why))
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
      const refused = await judge.keys(meaning.operations, nameOf(words))
      if (refused !== undefined) return refuse(refused)
      const [action] = meaning.operations
      if (action !== undefined) count(way, action.action)
      if (meaning.is === 'subscribe' && !way.isSubscriber) {
        way.isSubscriber = true
        way.replies.uncounted()
        way.upstream.write(raw)
        return
      }
      return pass(raw)
    }
  }
}

function count({ counts }: Way, action: KeyOperation['action'] | 'redis:admin'): void {
  counts.set(action, (counts.get(action) ?? 0) + 1)
}

/** Without its log-in, and its name with it: the answer tells the client which version it is. */
function helloOf(version: number | undefined): Buffer {
  if (version === undefined) return Buffer.from('*1\r\n$5\r\nHELLO\r\n')
  const text = String(version)
  return Buffer.from(`*2\r\n$5\r\nHELLO\r\n$${text.length}\r\n${text}\r\n`)
}

/** One line, with the code that servers have for what an account may not do. */
function errorLine(message: string): Buffer {
  return Buffer.from(`-NOPERM ${message.replaceAll(/[\p{Cc}\s]+/gu, ' ')}\r\n`)
}
