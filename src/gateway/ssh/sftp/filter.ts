import type { ClientChannel, ServerChannel } from 'ssh2'
import type { Writable } from 'node:stream'
import { MayflyError, drained } from '../../../lib/index.ts'
import { Reader, text, u32 } from '../../../ssh-keys/index.ts'
import type { Operation } from '../../../policy/index.ts'
import type { StreamExchange } from '../../stream-exchange.ts'
import { closed, type Passed } from '../join-channels.ts'
import { createHandles, type Handles } from './handles.ts'
import { packetOf, readPackets, type Packet } from './packets.ts'
import { requestIn, whyNot, type FileRequest, type PathUse } from './request.ts'

const [init, version, realpath, name, status] = [1, 2, 16, 104, 101] as const
const permissionDenied = 3
const unsupported = 8
/** Refusals that are said on standard error as well, where they are seen whatever the tool makes of the answer. */
const mostSaid = 20

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
  const handles = createHandles()
  const end = closed(client, host)
  const toClient = (async () => {
    for await (const answer of answers) {
      for (const done of handles.answered(answer)) stream.done(done)
      await write(client, ...answer.parts)
    }
  })()
  const toHost = (async () => {
    for await (const packet of readPackets(client)) {
      facts.requests++
      if (packet.type === init) {
        await write(client, hello)
        continue
      }
      const judged = await judge({ stream, user, home, handles }, packet)
      if (judged.is === 'refused') {
        await write(client, refusalOf(packet, judged.message))
        // scp says "No such file or directory" of whatever it is not told.
        if (++facts.refused <= mostSaid) client.stderr.write(`${judged.message}\r\n`)
      } else if (judged.is === 'answered') await write(client, judged.answer)
      else await write(host, ...packet.parts)
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

/** Whose files, and what is known of them. */
interface Session {
  readonly stream: StreamExchange
  readonly user: string
  readonly home: string
  readonly handles: Handles
}

type Judged =
  | { readonly is: 'passed' }
  | { readonly is: 'refused'; readonly message: string }
  | { readonly is: 'answered'; readonly answer: Buffer }

async function judge(session: Session, packet: Packet): Promise<Judged> {
  const { stream, user, home, handles } = session
  const request = requestIn(packet)
  const refused = (why: string): Judged => ({
    is: 'refused',
    message: stream.deny(`ssh ${stream.connection.name}/${user} sftp`, why),
  })
  if (request === undefined) return refused(whyNot(packet))
  if (request.asksWhere !== undefined && !mayAskWhere(session, request.asksWhere))
    return { is: 'answered', answer: whereItWouldBe(request.id, home, request.asksWhere) }
  const message = await judgePaths(session, request)
  if (message !== undefined) return { is: 'refused', message }
  const done = request.paths
    .filter(({ use }) => use === 'write' || request.verb === 'open')
    .map(({ path, use }) => ({
      operation: `ssh:${use} ${stream.connection.name}/${nameOf(user, home, path) ?? user}`,
      facts: { request: request.verb },
    }))
  const why = handles.begin(request, done)
  return why === undefined ? { is: 'passed' } : refused(why)
}

/** Why not, for the client. What changes something stands in the log by its path before the host hears of it. */
async function judgePaths(session: Session, { paths, verb }: FileRequest): Promise<string | undefined> {
  const { stream } = session
  const changes: Operation[] = []
  for (const use of paths) {
    const operation = operationOf(session, use)
    if (operation === undefined)
      return stream.deny(
        `ssh:${use.use} ${stream.connection.name}/${session.user}`,
        'its path is not plain: no `..`, no control characters',
      )
    if (use.use === 'write') changes.push(operation)
    else {
      const permission = await stream.permitByGrant(operation)
      if (!permission.allow) return permission.message
    }
  }
  if (changes.length === 0) return undefined
  const permission = await stream.permitAll(changes, { request: verb })
  return permission.allow ? undefined : permission.message
}

function operationOf(
  { stream, user, home }: Session,
  { path, use, isFolder }: PathUse,
): Operation | undefined {
  const connection = stream.connection.name
  const action = `ssh:${use}`
  const named = nameOf(user, home, path)
  if (named === undefined) return undefined
  const asFolder = `${named}/`
  const isBelow = isFolder === true && stream.would({ action, connection, path: asFolder })
  return { action, connection, path: isBelow ? asFolder : named }
}

/** The answer tells whether something is there, and where a link leads: of its home, and of what it may read or write. */
function mayAskWhere(session: Session, path: Buffer): boolean {
  if (['', '.', '~', '~/'].includes(path.toString('latin1'))) return true
  const named = operationOf(session, { path: plainOf(path), use: 'read', isFolder: true })
  return (
    named !== undefined &&
    ['ssh:read', 'ssh:write'].some((action) => session.stream.would({ ...named, action }))
  )
}

/** Of the user's own home; `~other` is a name like any other then. */
function plainOf(path: Buffer): Buffer {
  return path.subarray(0, 2).toString('latin1') === '~/' ? path.subarray(2) : path
}

/** As it is written, from the home on: what is there will be asked with the next request, and refused by name. */
function whereItWouldBe(id: number, home: string, path: Buffer): Buffer {
  const written = plainOf(path).toString('utf8')
  const named = text(written.startsWith('/') ? written : `${home}/${written}`)
  return packetOf(name, u32(id), u32(1), named, named, u32(0))
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

function refusalOf({ body, type }: Packet, message: string): Buffer {
  const id = body.length < 4 ? 0 : body.readUInt32BE(0)
  const code = type === 200 ? unsupported : permissionDenied
  return packetOf(status, u32(id), u32(code), text(message), text(''))
}

function write(to: Writable, ...parts: readonly Buffer[]): Promise<void> {
  for (const part of parts) to.write(part)
  return drained(to)
}
