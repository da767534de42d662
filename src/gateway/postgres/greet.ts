import type { Duplex } from 'node:stream'
import type { StreamExchange } from '../stream-exchange.ts'

import { ProtocolFault, readExactly } from '../read-exactly.ts'
import { bounds, codes, int32, message, startup, type Fault } from './wire.ts'

/** What a client wants, once it has said so. */
export type Greeting =
  | { readonly wants: 'cancel'; readonly key: Buffer; readonly socket: Duplex }
  | {
      readonly wants: 'session'
      /** Where it goes on: in TLS, if the client asked for that. */
      readonly socket: Duplex
      readonly parameters: ReadonlyMap<string, string>
      /** To be sent before all else; empty for a client that is content with 3.0 or 3.2. */
      readonly negotiation: Buffer
      /** As long a key for cancel requests as its protocol has. */
      readonly keyBytes: number
    }

/** A TLS handshake record: the first byte of a client that begins with TLS (PostgreSQL 17, sslnegotiation=direct). */
const handshakeRecord = 0x16
/** ALPN, so that no other protocol's client is answered as one of ours, nor the other way (ALPACA). */
const protocols = ['postgresql']
/** Minor version of protocol 3. */
const newest = 2

/**
 * Speaks with a client until it begins a session: TLS by the run's authority as soon as it asks, in either way. Throws
 * `ProtocolFault`.
 */
export async function greet(stream: StreamExchange): Promise<Greeting> {
  let { socket }: { socket: Duplex } = stream
  const asked = new Set<number>()
  let isSecure = false
  for (;;) {
    const first = await readExactly(socket, 4)
    if (first[0] === handshakeRecord && !isSecure && asked.size === 0) {
      socket.unshift(first)
      socket = await stream.secure(socket, protocols)
      isSecure = true
      continue
    }
    const length = first.readInt32BE(0)
    if (length < 8 || length > bounds.startup)
      throw new ProtocolFault(`a first message says that it has ${length} bytes`)
    const code = (await readExactly(socket, 4)).readInt32BE(0)
    const body = await readExactly(socket, length - 8)
    if (code !== codes.ssl && code !== codes.gss) return greetingOf(code, body, socket)
    if (asked.has(code) || isSecure || body.length > 0)
      throw new ProtocolFault('encryption is asked for once, and before anything else')
    asked.add(code)
    // Whoever is on the way could put statements before the handshake, to be read as if they came within it (CVE-2021-23214).
    if (socket.readableLength > 0)
      throw new ProtocolFault('there are bytes between the request for encryption and its handshake')
    socket.write(code === codes.ssl ? 'S' : 'N')
    if (code === codes.gss) continue
    socket = await stream.secure(socket, protocols)
    isSecure = true
  }
}

/** What comes is read by another version of the protocol: the client is told as PostgreSQL does. */
export class GreetingRefused extends ProtocolFault {
  readonly socket: Duplex
  readonly fault: Fault
  constructor(socket: Duplex, major: number, minor: number) {
    const why = `unsupported frontend protocol ${major}.${minor}: server supports 3.0 to 3.${newest}`
    super(why)
    this.socket = socket
    this.fault = { severity: 'FATAL', code: '0A000', message: why }
  }
}

const longKey = 32

function greetingOf(code: number, body: Buffer, socket: Duplex): Greeting {
  // Process id and key: 4 bytes each, from 3.2 on the key up to 256.
  if (code === codes.cancel) {
    if (body.length < 8 || body.length > 260)
      throw new ProtocolFault('a cancel request has a key of 4 to 256 bytes')
    return { wants: 'cancel', key: body, socket }
  }
  const [major, minor] = [code >>> 16, code & 0xffff]
  if (major !== 3) throw new GreetingRefused(socket, major, minor)
  const parameters = parametersOf(body)
  const unknown = [...parameters.keys()].filter((name) => name.startsWith('_pq_.'))
  const isPlain = minor <= newest && unknown.length === 0
  return {
    wants: 'session',
    socket,
    parameters,
    negotiation: isPlain ? Buffer.alloc(0) : negotiate(Math.min(minor, newest), unknown),
    keyBytes: minor >= newest ? longKey : 4,
  }
}

function negotiate(minor: number, unknown: readonly string[]): Buffer {
  const names = unknown.map((name) => Buffer.from(`${name}\0`))
  return message('v', int32((3 << 16) | minor), int32(unknown.length), ...names)
}

/** Names and values that end with a zero byte each, and one more at the end. */
function parametersOf(body: Buffer): ReadonlyMap<string, string> {
  const text = decode(body)
  const parts = text.split('\0')
  // The last name is empty, and nothing is behind it.
  if (parts.length % 2 !== 0 || parts.at(-1) !== '' || parts.at(-2) !== '')
    throw new ProtocolFault('the parameters of a session do not end where the message does')
  const parameters = new Map<string, string>()
  for (let at = 0; at < parts.length - 2; at += 2) {
    const [name = '', value = ''] = parts.slice(at, at + 2)
    if (name === '' || parameters.has(name))
      throw new ProtocolFault('a parameter of a session has no name, or comes twice')
    parameters.set(name, value)
  }
  return parameters
}

function decode(body: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body)
  } catch {
    throw new ProtocolFault('the parameters of a session are not in UTF-8')
  }
}

export function startupMessage(parameters: Iterable<readonly [string, string]>): Buffer {
  const texts = [...parameters].flatMap(([name, value]) => [Buffer.from(`${name}\0${value}\0`)])
  return startup(3 << 16, ...texts, Buffer.of(0))
}
