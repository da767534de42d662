import { createHash } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { MayflyError } from '../../lib/index.ts'
import type { Login } from '../stream-exchange.ts'
import { flag, type Greeting } from './handshake.ts'
import { ProtocolFault } from '../read-exactly.ts'
import { Reader, cString, errorPacket, packetOf, readPacket, u32 } from './wire.ts'

/** The server said no: in its own words, as a packet for the client. */
export class LoginRefused extends Error {
  readonly packet: (sequence: number) => Buffer

  constructor(code: number, state: string, message: string) {
    super(message)
    this.packet = (sequence) => errorPacket(sequence, code, state, message)
  }
}

export interface Asked {
  readonly flags: number
  readonly charset: number
  readonly database: string
}

const maxAnswer = 65_536

/** How the answer to a greeting begins. It is the whole request for TLS, too, and a server reads what follows by either. */
export function headOf({ flags, charset, database }: Asked, isSecure: boolean): Buffer {
  const all = flags | flag.protocol41 | flag.secureConnection | flag.pluginAuth | (isSecure ? flag.tls : 0)
  const withDatabase = database === '' ? all & ~flag.connectWithDb : all | flag.connectWithDb
  const sent = withDatabase & ~(flag.connectAttrs | flag.pluginAuthLength)
  return Buffer.concat([u32(sent), u32(0x40000000), Buffer.of(charset), Buffer.alloc(23)])
}

/**
 * Logs in upstream on a connection that was greeted, and is by TLS where the connection has to be (`isSecure`). `sequence` is that of
 * the next packet. Throws `LoginRefused`, `ProtocolFault`, and `credential_failed` for a way of proving a password that would show it.
 */
export async function logIn(
  socket: Duplex,
  greeting: Greeting,
  { username, password }: Login,
  asked: Asked,
  { sequence, isSecure }: { readonly sequence: number; readonly isSecure: boolean },
): Promise<void> {
  const { database } = asked
  const proof = proofOf(greeting.plugin, password, greeting.salt, isSecure) ?? Buffer.alloc(0)
  socket.write(
    packetOf(
      sequence,
      ...[headOf(asked, isSecure), cString(username)],
      ...[
        Buffer.of(proof.length),
        proof,
        ...(database === '' ? [] : [cString(database)]),
        cString(greeting.plugin),
      ],
    ),
  )
  let { plugin } = greeting
  for (let turns = 0; turns < 8; turns++) {
    const packet = await readPacket(socket, maxAnswer)
    if (packet === undefined)
      throw new ProtocolFault('the server closed the connection before it was logged in')
    const { body } = packet
    const answer = (bytes: Buffer) => void socket.write(packetOf(packet.sequence + 1, bytes))
    if (body[0] === 0) return
    if (body[0] === 0xff) throw refusalIn(body)
    if (body[0] === 0xfe) {
      const reader = new Reader(body.subarray(1))
      // Without a name it is the way of before MySQL 4.1.
      plugin = reader.left === 0 ? 'mysql_old_password' : reader.text().toString()
      const rest = reader.rest()
      const again = proofOf(plugin, password, rest.subarray(0, 20), isSecure)
      if (again === undefined) throw unknownPlugin(plugin)
      answer(again)
    } else if (body[0] === 1 && plugin === 'caching_sha2_password')
      goOn(body.subarray(1), answer, password, isSecure)
    else throw new ProtocolFault('the server answers the log-in with something else')
  }
  throw new ProtocolFault('the server does not come to an end of the log-in')
}

/** What proves the password without showing it; in the clear within TLS alone. Undefined for a way that is not known. */
function proofOf(plugin: string, password: string, salt: Buffer, isSecure: boolean): Buffer | undefined {
  if (password === '') return Buffer.alloc(0)
  if (plugin === 'mysql_native_password') {
    const once = hash('sha1', Buffer.from(password))
    return xor(once, hash('sha1', salt, hash('sha1', once)))
  }
  if (plugin === 'caching_sha2_password') {
    const once = hash('sha256', Buffer.from(password))
    return xor(once, hash('sha256', hash('sha256', once), salt))
  }
  if (plugin === 'mysql_clear_password' || plugin === 'sha256_password') {
    if (!isSecure) throw unknownPlugin(`${plugin} without TLS`)
    return cString(password)
  }
  return undefined
}

/** caching_sha2_password: 3, it knew the password; 4, it wants it whole. */
function goOn(data: Buffer, answer: (bytes: Buffer) => void, password: string, isSecure: boolean): void {
  if (data.length === 1 && data[0] === 3) return
  if (data.length !== 1 || data[0] !== 4)
    throw new ProtocolFault('the server asks for the password in another way than it said')
  // Encrypted by a key that whoever answers sends himself, it would be his.
  if (!isSecure)
    throw new MayflyError(
      'credential_failed',
      'the server asks for the whole password, which goes to nobody without TLS: turn it on there and say tls: verify (with ca: its authority), or make the account one by mysql_native_password',
    )
  answer(cString(password))
}

function unknownPlugin(plugin: string): MayflyError {
  return new MayflyError(
    'credential_failed',
    `its account wants to log in by ${plugin.slice(0, 60)}, which the gateway does not: make it one by caching_sha2_password or mysql_native_password`,
  )
}

export function refusalIn(body: Buffer): LoginRefused {
  const reader = new Reader(body.subarray(1))
  const code = reader.u16()
  const text = reader.rest().toString()
  const parts = /^#(.{5})(.*)$/s.exec(text)
  return new LoginRefused(code, parts?.[1] ?? 'HY000', (parts?.[2] ?? text).slice(0, 300))
}

function hash(name: string, ...parts: readonly Buffer[]): Buffer {
  const made = createHash(name)
  for (const part of parts) made.update(part)
  return made.digest()
}

function xor(one: Buffer, other: Buffer): Buffer {
  return Buffer.from(one.map((byte, at) => byte ^ (other[at] ?? 0)))
}
