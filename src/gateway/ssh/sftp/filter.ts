import type { ClientChannel, ServerChannel } from 'ssh2'
import type { Writable } from 'node:stream'
import { MayflyError, drained } from '../../../lib/index.ts'
import { Reader, text, u32 } from '../../../ssh-keys/index.ts'
import type { StreamExchange } from '../../stream-exchange.ts'
import { closed, type Passed } from '../join-channels.ts'
import { packetOf, readPackets, type Packet } from './packets.ts'
import { requestIn, type FileRequest, type PathUse } from './request.ts'

const [init, version, realpath, handle, name, status] = [1, 2, 16, 102, 104, 101] as const
const permissionDenied = 3
const unsupported = 8
/** Handles of one connection that are remembered as open for writing; OpenSSH's server has fewer. */
const mostHandles = 10_000

/** SFTP between a client and a host: each path is judged before the host hears of it. What passed is counted and told. */
export async function filterFiles(
  stream: StreamExchange,
  user: string,
  client: ServerChannel,
  host: ClientChannel,
): Promise<Passed> {
  const answers = readPackets(host)
  const { hello, home } = await greet(host, answers)
  const facts = { requests: 0, refused: 0 }
  const opening = new Map<number, 'read' | 'write'>()
  const writable = new Set<string>()
  const end = closed(client, host)
  const toClient = (async () => {
    for await (const answer of answers) {
      if (answer.type === handle || answer.type === status) remember(answer, opening, writable)
      await write(client, packetOf(answer.type, answer.body))
    }
  })()
  const toHost = (async () => {
    for await (const packet of readPackets(client)) {
      facts.requests++
      if (packet.type === init) {
        await write(client, hello)
        continue
      }
      const refusal = await judge(stream, user, home, packet, { writable, opening })
      if (typeof refusal !== 'object') {
        await write(client, refusalOf(packet, refusal))
        facts.refused++
        continue
      }
      if (refusal.opens !== undefined && opening.size < mostHandles) opening.set(refusal.id, refusal.opens)
      await write(host, packetOf(packet.type, packet.body))
    }
    host.end()
  })()
  // What is no SFTP ends both.
  for (const way of [toClient, toHost]) way.catch(() => [client, host].map((one) => one.close()))
  await end
  return facts
}

/** The host's version, kept for the client's own greeting; and where paths begin that have no slash in front. */
async function greet(
  host: ClientChannel,
  answers: AsyncGenerator<Packet>,
): Promise<{ hello: Buffer; home: string }> {
  await write(host, packetOf(init, u32(3)))
  const first = await next(answers, version)
  await write(host, packetOf(realpath, u32(0), text('.')))
  const reader = new Reader((await next(answers, name)).body)
  reader.u32()
  reader.u32()
  const home = reader.text().toString('utf8')
  return { hello: packetOf(version, first.body), home: home === '/' ? '' : home }
}

async function next(answers: AsyncGenerator<Packet>, type: number): Promise<Packet> {
  const { value, done } = await answers.next()
  if (done === true || value?.type !== type)
    throw new MayflyError('upstream_unreachable', 'the host speaks no SFTP')
  return value
}

/** What is being opened, by its request's number, and the handles that may change something. */
interface Open {
  readonly opening: ReadonlyMap<number, 'read' | 'write'>
  readonly writable: ReadonlySet<string>
}

/** The request, if it may go on; a number, or a text, is why not. */
async function judge(
  stream: StreamExchange,
  user: string,
  home: string,
  packet: Packet,
  { writable, opening }: Open,
): Promise<FileRequest | string> {
  const request = requestIn(packet)
  const what = `ssh ${stream.connection.name}/${user} sftp`
  if (request === undefined) return stream.deny(what, `a request of type ${packet.type} is not passed`)
  const { changesHandle } = request
  // Two under one number, and the handle of one would be taken for the other's.
  if (opening.has(request.id)) return stream.deny(what, 'two requests under way have the same number')
  if (changesHandle !== undefined && !writable.has(changesHandle.toString('hex')))
    return stream.deny(what, 'what was opened to be read is not changed')
  for (const use of request.paths) {
    const refusal = await judgePath(stream, user, home, use)
    if (refusal !== undefined) return refusal
    if (use.use === 'write' || request.verb === 'open') record(stream, user, home, request, use)
  }
  return request
}

async function judgePath(
  stream: StreamExchange,
  user: string,
  home: string,
  { path, use, isFolder }: PathUse,
): Promise<string | undefined> {
  const connection = stream.connection.name
  const action = `ssh:${use}`
  const named = nameOf(user, home, path)
  if (named === undefined)
    return stream.deny(
      `${action} ${connection}/${user}`,
      'its path is not plain: no `..`, no control characters',
    )
  const asFolder = `${named}/`
  const isBelow = isFolder === true && stream.would({ action, connection, path: asFolder })
  const permission = await stream.permitByGrant({ action, connection, path: isBelow ? asFolder : named })
  return permission.allow ? undefined : permission.message
}

/** USER and the absolute path; undefined for one that another reader could take for another. */
function nameOf(user: string, home: string, bytes: Buffer): string | undefined {
  const written = bytes.toString('utf8')
  if (!Buffer.from(written).equals(bytes)) return undefined
  const whole = written.startsWith('/') ? written : `${home}/${written}`
  const parts = whole.split('/').filter((part) => part !== '' && part !== '.')
  if (parts.includes('..')) return undefined
  const end = written.endsWith('/') && parts.length > 0 ? '/' : ''
  return parts.length === 0 ? `${user}/.` : `${user}/${parts.join('/')}${end}`
}

function record(
  stream: StreamExchange,
  user: string,
  home: string,
  { verb }: FileRequest,
  use: PathUse,
): void {
  const path = nameOf(user, home, use.path) ?? user
  stream.done({ operation: `ssh:${use.use} ${stream.connection.name}/${path}`, facts: { request: verb } })
}

function remember(answer: Packet, opening: Map<number, 'read' | 'write'>, writable: Set<string>): void {
  const reader = new Reader(answer.body)
  const id = reader.u32()
  const use = opening.get(id)
  opening.delete(id)
  if (answer.type === status) return
  const key = reader.text().toString('hex')
  // A host gives the number of a handle that was closed to the next one.
  writable.delete(key)
  if (use === 'write' && writable.size < mostHandles) writable.add(key)
}

function refusalOf({ body, type }: Packet, message: string): Buffer {
  const id = body.length < 4 ? 0 : body.readUInt32BE(0)
  const code = type === 200 ? unsupported : permissionDenied
  return packetOf(status, u32(id), u32(code), text(message), text(''))
}

function write(to: Writable, bytes: Buffer): Promise<void> {
  to.write(bytes)
  return drained(to)
}
