import { createHash, type X509Certificate } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import { MayflyError } from '../../lib/index.ts'
import { speaksTls } from '../../connections/index.ts'
import type { Permit } from '../exchange.ts'
import type { Login, StreamExchange } from '../stream-exchange.ts'
import { startupMessage } from './greet.ts'
import { readMessage } from './read-message.ts'
import { createScram, type Scram } from './scram.ts'
import { ProtocolFault, readExactly } from '../read-exactly.ts'
import {
  cString,
  cStrings,
  codes,
  errorFields,
  headerBytes,
  int32,
  message,
  startup,
  type Fault,
} from './wire.ts'

/** A session with the connection's server, logged in and ready for a first statement. */
export interface Upstream {
  readonly socket: Duplex
  /** What it reports of its settings (ParameterStatus). */
  readonly settings: ReadonlyMap<string, string>
  /** Process id and key, as a cancel request has them; not every server, or proxy before one, gives them. */
  readonly cancelKey: Buffer | undefined
}

/** What the server says against a login, in its own words. */
export class LoginRefused extends MayflyError {
  readonly fault: Fault
  constructor(fault: Fault) {
    super('credential_failed', fault.message)
    this.fault = fault
  }
}

/** A message of a login: an error has the longest text. */
const maxMessageBytes = 65_536
/** Settings and notices before a session is ready. */
const maxMessages = 1_000

/** A socket on which the server's protocol is spoken, within TLS wherever it is not on this machine: an offer is not enough. */
export async function reach(stream: StreamExchange, permit: Permit): Promise<Duplex> {
  const { connection } = stream
  const socket = await stream.dial(permit)
  if (!speaksTls(connection)) return socket
  socket.write(startup(codes.ssl))
  const answer = (await readExactly(socket, 1)).toString('latin1')
  if (answer !== 'S')
    throw new MayflyError(
      'upstream_unreachable',
      `connection "${connection.name}": its PostgreSQL speaks no TLS: turn on ssl in its postgresql.conf (or, on a network that nobody else is in, write tls: off at the connection)`,
    )
  // As with a client (CVE-2021-23222): what is there now came in the clear.
  if (socket.readableLength > 0)
    throw new ProtocolFault('it sends bytes between its word for TLS and the handshake')
  return stream.secureUpstream(permit, socket)
}

/** Logs in. Throws `LoginRefused`, `ProtocolFault`, and `credential_failed` for a way to log in that is not taken. */
export async function logIn(
  socket: Duplex,
  login: Login,
  parameters: ReadonlyMap<string, string>,
): Promise<Upstream> {
  socket.write(startupMessage([['user', login.username], ...parameters]))
  await authenticate(socket, login)
  const settings = new Map<string, string>()
  let cancelKey: Buffer | undefined
  for (let count = 0; count < maxMessages; count++) {
    const { type, body } = await answerOf(socket)
    if (type === 'Z') return { socket, settings, cancelKey }
    if (type === 'K' && body.length >= 8 && body.length <= 260) cancelKey = body
    else if (type === 'S') {
      const [name = '', value = ''] = cStrings(body, 2)?.texts ?? []
      settings.set(name, value)
    } else if (type !== 'N') throw new ProtocolFault(`after a login it sends ${JSON.stringify(type)}`)
  }
  throw new ProtocolFault('it says too much before a session begins')
}

async function authenticate(socket: Duplex, login: Login): Promise<void> {
  const password = (text: Buffer) => socket.write(message('p', text))
  let scram: Scram | undefined
  let isProven = false
  for (let count = 0; count < maxMessages; count++) {
    const { type, body } = await answerOf(socket, maxMessageBytes, count === 0)
    if (type === 'N' || type === 'v') continue
    if (type !== 'R' || body.length < 4) throw new ProtocolFault('it answers a login with something else')
    const kind = body.readInt32BE(0)
    const rest = body.subarray(4)
    // A server that begins SCRAM has to end it: without its last word it has not shown that it knows the password.
    if (kind === 0 && (scram === undefined || isProven)) return
    if (kind === 3 && scram === undefined) password(clearText(socket, login))
    else if (kind === 5 && scram === undefined && rest.length === 4) password(md5(login, rest))
    else if (kind === 10 && scram === undefined) {
      const offered = rest
        .toString('latin1')
        .split('\0')
        .filter((name) => name !== '')
      scram = createScram(offered, login.password, certificateOf(socket))
      if (scram === undefined) throw untaken(`by SASL (${offered.join(', ').slice(0, 100)})`)
      password(Buffer.concat([cString(scram.mechanism), int32(scram.first.length), scram.first]))
    } else if (kind === 11 && scram !== undefined) password(await scram.final(rest))
    else if (kind === 12 && scram !== undefined) {
      scram.verify(rest)
      isProven = true
    } else throw untaken(`in way ${kind} of the protocol`)
  }
  throw new ProtocolFault('its login has no end')
}

async function answerOf(
  socket: Duplex,
  maxBytes = maxMessageBytes,
  isFirst = false,
): Promise<{ type: string; body: Buffer }> {
  const { type, body, old } = await readMessage(socket, maxBytes, isFirst)
  if (old !== undefined) throw new LoginRefused({ severity: 'FATAL', code: '08006', message: old })
  if (type !== 'E') return { type, body }
  const fields = errorFields(body)
  throw new LoginRefused({
    severity: 'FATAL',
    code: /^[0-9A-Z]{5}$/.exec(fields.get('C') ?? '')?.[0] ?? '08006',
    message: fields.get('M') ?? 'it refuses the login',
    hint: fields.get('H'),
  })
}

function clearText(socket: Duplex, { password }: Login): Buffer {
  if (socket instanceof TLSSocket) return cString(password)
  throw untaken('by a password in the clear, without TLS')
}

/** `md5` of the hash of password and name, and the salt (manual, 55.2.1). */
function md5({ username, password }: Login, salt: Buffer): Buffer {
  const hash = (...parts: readonly (string | Buffer)[]) => {
    const made = createHash('md5')
    for (const part of parts) made.update(part)
    return made.digest('hex')
  }
  return cString(`md5${hash(hash(password, username), salt)}`)
}

function certificateOf(socket: Duplex): X509Certificate | undefined {
  return socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined
}

function untaken(how: string): MayflyError {
  return new MayflyError(
    'credential_failed',
    `its PostgreSQL asks for a login ${how}, which is not taken: let pg_hba.conf ask for scram-sha-256`,
  )
}

/** Of a question of ours: tables with their columns are the longest. */
const maxRows = 10_000
const maxRowBytes = 1_048_576

/** One statement before the session is handed over, whose rows have one column. */
export async function askFirst(socket: Duplex, sql: string): Promise<string[]> {
  socket.write(message('Q', cString(sql)))
  const rows: string[] = []
  for (let count = 0; count < maxRows + headerBytes; count++) {
    const { type, body } = await answerOf(socket, maxRowBytes)
    if (type === 'Z') return rows
    // One column: its number, its length, its text.
    if (type === 'D' && body.length >= 6) rows.push(body.toString('utf8', 6))
  }
  throw new ProtocolFault('it answers a question of ours with too much')
}
