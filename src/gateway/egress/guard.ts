import { lookup as dnsLookup, type LookupAddress } from 'node:dns'
import { isIP, type LookupFunction, type Socket } from 'node:net'
import { classifyAddress, messageOf, type AddressClass, type Secret } from '../../lib/index.ts'
import type { EgressProxy } from '../../connections/index.ts'
import { createProxyDialer } from './by-proxy.ts'
import { allowedClasses, forbidden, openTcp, type Destination } from './destination.ts'

export interface EgressGuard {
  /**
   * Opens a TCP connection to a checked address. The lookup that is checked is the lookup that is dialled: the
   * resolver is asked once, so a name that answers differently the second time (rebinding) gains nothing.
   * Throws `denied` for an address that nothing names, `upstream_unreachable` if nobody answers. `record` is awaited once an address of a
   * host of an egress list has passed, before it is dialled; what it throws is thrown on.
   */
  dial(destination: Destination, record?: () => Promise<void>): Promise<Socket>
}

export interface EgressGuardDeps {
  readonly lookup?: typeof dnsLookup
  /** Through which hosts are reached that it does not leave out. */
  readonly proxy?: () => EgressProxy | undefined
  /** Opens the proxy's credential. */
  readonly openSecret?: ((name: string) => Promise<Secret>) | undefined
}

export function createEgressGuard(deps: EgressGuardDeps = {}): EgressGuard {
  const resolve = deps.lookup ?? dnsLookup
  const dialThrough = createProxyDialer(resolve, deps.openSecret)
  return {
    async dial(destination, record = async () => undefined) {
      const { connection } = destination
      if (connection?.dial !== undefined) {
        // The configuration names this address; there is nothing left to resolve.
        return openTcp(destination, { host: connection.dial.address, port: connection.dial.port })
      }
      const allowed = allowedClasses(destination)
      const isAddress = isIP(destination.host) !== 0
      if (isAddress && !allowed.has(classifyAddress(destination.host)))
        throw forbidden(destination, destination.host)
      const proxy = deps.proxy?.()
      if (proxy !== undefined && !isOwn(destination.host) && !proxy.isDirect(destination.host))
        return dialThrough(proxy, destination, record)
      if (isAddress) {
        await record()
        return openTcp(destination, { host: destination.host, port: destination.port })
      }
      const lookup = checkedLookup(resolve, destination, allowed, record)
      return openTcp(destination, {
        host: destination.host,
        port: destination.port,
        lookup,
        autoSelectFamily: true,
      })
    },
  }
}

/** What a connection names on the gateway's own machine is not on the proxy's. */
function isOwn(host: string): boolean {
  return isIP(host) === 0 ? host === 'localhost' : classifyAddress(host) === 'local'
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
