import { connect, isIP, type LookupFunction, type Socket } from 'node:net'
import { MayflyError, classifyAddress, messageOf, type AddressClass } from '../../lib/index.ts'
import type { Connection } from '../../connections/index.ts'
import { connectLimit } from './timeouts.ts'

/** Where a socket is to go. Without a connection it is a host of an egress list: a public one, or one named as private. */
export interface Destination {
  readonly host: string
  readonly port: number
  readonly connection?: Connection
  readonly private?: boolean
}

// A connection names its host, so the host may be inside; only a host that is itself an address (or
// `localhost`) names a local one. An egress host is nobody's: public addresses only, private ones if a role names it
// as private, and local ones (with every metadata service) never.
export function allowedClasses({ host, connection, private: named }: Destination): ReadonlySet<AddressClass> {
  if (connection === undefined) return new Set(named === true ? ['public', 'private'] : ['public'])
  if (isIP(host) !== 0 || host === 'localhost') return new Set(['public', 'private', 'local'])
  return new Set(['public', 'private'])
}

/** A TCP connection. What is checked is checked by `lookup`. Throws `upstream_unreachable`, or what `lookup` threw. */
export function openTcp(
  destination: Destination,
  options: { host: string; port: number; lookup?: LookupFunction; autoSelectFamily?: boolean },
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...options, noDelay: true, keepAlive: true })
    const { ms, message } = connectLimit(destination.connection)
    const timer = setTimeout(() => socket.destroy(new Error(message)), ms)
    socket.once('connect', () => {
      clearTimeout(timer)
      resolve(socket)
    })
    // For good: between two owners of the socket there is always somebody who listens.
    socket.on('error', (cause) => {
      clearTimeout(timer)
      reject(cause instanceof MayflyError ? cause : unreachable(destination, cause))
    })
  })
}

export function forbidden({ host, port, connection }: Destination, address: string): MayflyError {
  const isPrivate = connection === undefined && classifyAddress(address) === 'private'
  const why = isPrivate
    ? `a private address: a role may name it under egress as { host: "${host}:${port}", private: true }`
    : 'a private or local address: only a connection that names it may go there'
  return new MayflyError('denied', `${host}:${port} is at ${address}, ${why}`)
}

export function unreachable({ host, port, connection }: Destination, cause: unknown): MayflyError {
  const what =
    connection === undefined
      ? `${host}:${port} cannot be reached`
      : `connection "${connection.name}" (${connection.url}) does not answer`
  return new MayflyError('upstream_unreachable', `${what}: ${detailOf(cause)}`, { cause })
}

// Happy eyeballs reports an AggregateError whose own message is empty.
function detailOf(cause: unknown): string {
  return cause instanceof AggregateError ? cause.errors.map(messageOf).join('; ') : messageOf(cause)
}
