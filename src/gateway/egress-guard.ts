import { lookup as dnsLookup, type LookupAddress } from 'node:dns'
import { isIP, connect, type LookupFunction, type Socket } from 'node:net'
import { MayflyError, classifyAddress, messageOf, type AddressClass } from '../lib/index.ts'
import type { Connection } from '../connections/index.ts'

/** Where a socket is to go. Without a connection it is a host of an egress list: a public one, or one named as private. */
export interface Destination {
  readonly host: string
  readonly port: number
  readonly connection?: Connection
  readonly private?: boolean
}

export interface EgressGuard {
  /**
   * Opens a TCP connection to a checked address. The lookup that is checked is the lookup that is dialled: the
   * resolver is asked once, so a name that answers differently the second time (rebinding) gains nothing.
   * Throws `denied` for an address that nothing names, `upstream_unreachable` if nobody answers. `record` is awaited once an address of a
   * host of an egress list has passed, before it is dialled; what it throws is thrown on.
   */
  dial(destination: Destination, record?: () => Promise<void>): Promise<Socket>
}

const connectTimeoutMs = 10_000

export function createEgressGuard(deps: { lookup?: typeof dnsLookup } = {}): EgressGuard {
  const resolve = deps.lookup ?? dnsLookup
  return {
    async dial(destination, record = async () => undefined) {
      const { connection } = destination
      if (connection?.dial !== undefined) {
        // The configuration names this address; there is nothing left to resolve.
        return open(destination, { host: connection.dial.address, port: connection.dial.port })
      }
      const allowed = allowedClasses(destination)
      if (isIP(destination.host) !== 0) {
        if (!allowed.has(classifyAddress(destination.host))) throw forbidden(destination, destination.host)
        await record()
        return open(destination, { host: destination.host, port: destination.port })
      }
      const lookup = checkedLookup(resolve, destination, allowed, record)
      return open(destination, {
        host: destination.host,
        port: destination.port,
        lookup,
        autoSelectFamily: true,
      })
    },
  }
}

// A connection names its host, so the host may be inside; only a host that is itself an address (or
// `localhost`) names a local one. An egress host is nobody's: public addresses only, private ones if a role names it
// as private, and local ones (with every metadata service) never.
function allowedClasses({ host, connection, private: named }: Destination): ReadonlySet<AddressClass> {
  if (connection === undefined) return new Set(named === true ? ['public', 'private'] : ['public'])
  if (isIP(host) !== 0 || host === 'localhost') return new Set(['public', 'private', 'local'])
  return new Set(['public', 'private'])
}

function checkedLookup(
  resolve: typeof dnsLookup,
  destination: Destination,
  allowed: ReadonlySet<AddressClass>,
  record: () => Promise<void>,
): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
      if (error !== null) return callback(error, [])
      const good = addresses.filter(({ address }) => allowed.has(classifyAddress(address)))
      const [first] = good
      if (first === undefined)
        return callback(forbidden(destination, addresses[0]?.address ?? 'no address'), [])
      // oxlint-disable-next-line promise/no-promise-in-callback -- net.connect takes a callback, the log gives promises
      record().then(
        () => (options.all === true ? callback(null, good) : callback(null, first.address, first.family)),
        (fault: unknown) => callback(fault instanceof Error ? fault : new Error(messageOf(fault)), []),
      )
    })
  }
}

function open(
  destination: Destination,
  options: { host: string; port: number; lookup?: LookupFunction; autoSelectFamily?: boolean },
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...options, noDelay: true, keepAlive: true })
    const timer = setTimeout(
      () => socket.destroy(new Error(`no answer within ${connectTimeoutMs} ms`)),
      connectTimeoutMs,
    )
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

function forbidden({ host, port, connection }: Destination, address: string): MayflyError {
  const isPrivate = connection === undefined && classifyAddress(address) === 'private'
  const why = isPrivate
    ? `a private address: a role may name it under egress as { host: "${host}:${port}", private: true }`
    : 'a private or local address: only a connection that names it may go there'
  return new MayflyError('denied', `${host}:${port} is at ${address}, ${why}`)
}

function unreachable({ host, port, connection }: Destination, cause: unknown): MayflyError {
  const name = connection === undefined ? '' : ` (connection "${connection.name}")`
  return new MayflyError(
    'upstream_unreachable',
    `${host}:${port}${name} cannot be reached: ${detailOf(cause)}`,
    { cause },
  )
}

// Happy eyeballs reports an AggregateError whose own message is empty.
function detailOf(cause: unknown): string {
  return cause instanceof AggregateError ? cause.errors.map(messageOf).join('; ') : messageOf(cause)
}
