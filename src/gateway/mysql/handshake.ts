import { randomBytes } from 'node:crypto'
import { ProtocolFault } from '../read-exactly.ts'
import { Reader, cString, u16, u32 } from './wire.ts'

/** Capability flags (MySQL internals, "Capabilities Flags"). */
export const flag = {
  mysql: 1,
  connectWithDb: 8,
  compress: 0x20,
  localFiles: 0x80,
  protocol41: 0x200,
  tls: 0x800,
  secureConnection: 0x8000,
  multiStatements: 1 << 16,
  multiResults: 1 << 17,
  pluginAuth: 1 << 19,
  connectAttrs: 1 << 20,
  pluginAuthLength: 1 << 21,
  sessionTrack: 1 << 23,
  deprecateEof: 1 << 24,
  compressZstd: 1 << 26,
} as const

/** What is understood here of what passes, or is the client's and server's alone: nothing else is agreed on. */
const passed =
  // Found rows, long flags, ODBC, ignore space, interactive, transactions, results of several statements.
  2 |
  4 |
  0x40 |
  0x100 |
  0x400 |
  0x2000 |
  (1 << 17) |
  (1 << 18) |
  flag.mysql |
  flag.connectWithDb |
  flag.protocol41 |
  flag.secureConnection |
  flag.multiStatements |
  flag.pluginAuth |
  flag.connectAttrs |
  flag.pluginAuthLength |
  flag.sessionTrack |
  flag.deprecateEof

/** Handshake V10, as far as it is used. */
export interface Greeting {
  readonly version: Buffer
  readonly thread: number
  readonly capabilities: number
  readonly charset: number
  readonly salt: Buffer
  readonly plugin: string
}

/** Throws `ProtocolFault`. */
export function greetingIn(body: Buffer): Greeting {
  const reader = new Reader(body)
  const protocol = reader.u8()
  if (protocol === 0xff) {
    reader.u16()
    // An error before the log-in has no state: what it says is of the server, not of the step.
    throw new ProtocolFault(`the server refuses the connection: ${reader.rest().toString().slice(0, 200)}`)
  }
  if (protocol !== 10) throw new ProtocolFault('it speaks no protocol of MySQL 4.1 or later')
  const version = reader.text()
  const thread = reader.u32()
  const first = reader.take(8)
  reader.take(1)
  const low = reader.u16()
  const charset = reader.u8()
  reader.u16()
  const capabilities = (low | (reader.u16() << 16)) >>> 0
  const length = reader.u8()
  reader.take(10)
  const second = reader.take(Math.max(13, length - 8))
  const plugin = (capabilities & flag.pluginAuth) === 0 ? 'mysql_native_password' : reader.text().toString()
  return {
    version,
    thread,
    capabilities,
    charset,
    salt: Buffer.concat([first, second.subarray(0, 12)]),
    plugin,
  }
}

/** The same for the client: with what is understood here, TLS by the run, and a salt that nobody's password is ever mixed with. */
export function greetClient({ version, thread, capabilities, charset }: Greeting): Buffer {
  const offered = ((capabilities & passed) | flag.tls | flag.mysql | flag.protocol41 | flag.pluginAuth) >>> 0
  const salt = randomBytes(20).map((byte) => (byte & 0x7f) | 1)
  return Buffer.concat([
    ...[Buffer.of(10), version, Buffer.of(0), u32(thread), salt.subarray(0, 8), Buffer.of(0)],
    ...[
      u16(offered & 0xffff),
      Buffer.of(charset),
      u16(2),
      u16(offered >>> 16),
      Buffer.of(21),
      Buffer.alloc(10),
    ],
    ...[salt.subarray(8), Buffer.of(0), cString('mysql_native_password')],
  ])
}

/** What a client wants of its session: who it says that it is does not matter. */
export interface ClientHello {
  readonly flags: number
  readonly charset: number
  readonly database: string
  /** It waits for the end of its own way to prove a password. */
  readonly waitsForProof: boolean
}

export const tlsRequestBytes = 32

/** Handshake Response 41. Throws `ProtocolFault`. */
export function clientHelloIn(body: Buffer): ClientHello {
  const reader = new Reader(body)
  const flags = reader.u32()
  if ((flags & flag.protocol41) === 0) throw new ProtocolFault('the client is older than MySQL 4.1')
  reader.u32()
  const charset = reader.u8()
  reader.take(23)
  reader.text()
  const proof = reader.take((flags & flag.pluginAuthLength) === 0 ? reader.u8() : reader.length())
  const database = (flags & flag.connectWithDb) === 0 ? '' : reader.text().toString()
  const plugin = (flags & flag.pluginAuth) === 0 || reader.left === 0 ? '' : reader.text().toString()
  return { flags, charset, database, waitsForProof: plugin === 'caching_sha2_password' && proof.length > 0 }
}

/** Of what client and server both know. `limited`: one statement at a time, so that the server reads no more than was judged. */
export function agreed(client: number, server: number, limited: boolean): number {
  const both = client & server & passed
  return (limited ? both & ~flag.multiStatements : both) >>> 0
}
