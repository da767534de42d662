import type { lookup as dnsLookup, LookupAddress } from 'node:dns'
import { isIP, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { MayflyError, Secret, classifyAddress, messageOf } from '../../lib/index.ts'
import type { EgressProxy } from '../../connections/index.ts'
import { allowedClasses, forbidden, openTcp, unreachable, type Destination } from './destination.ts'
import { connectThrough, proxyFailed } from './proxy-connect.ts'
import { connectLimit } from './timeouts.ts'

/** Where the proxy resolves, our own resolver may know nothing: what it says within this is heard. */
const hearsayMs = 2_000

/** Names that every machine takes for itself (RFC 6761, section 6.3), or for its cloud's metadata. */
const localName = /^(?:(?:.*\.)?localhost|metadata(?:\.google\.internal)?|instance-data(?:\..*internal)?)$/

type OpenSecret = (name: string) => Promise<Secret>

/**
 * Reaches a destination through the company's proxy. Where the gateway resolves, the proxy is given the address that was checked;
 * where the proxy does, it is given the name, unless our own resolver, too, knows it and knows no address that may be dialled.
 */
export function createProxyDialer(resolve: typeof dnsLookup, openSecret: OpenSecret | undefined) {
  return async (
    proxy: EgressProxy,
    destination: Destination,
    record: () => Promise<void>,
  ): Promise<Socket> => {
    const host = await (proxy.resolve === 'gateway'
      ? checkedAddress(resolve, destination)
      : checkedName(resolve, destination))
    await record()
    const authorization = await credentialOf(proxy, openSecret)
    // The configuration names the proxy, so it may be inside.
    const tcp = await openTcp(proxy, { host: proxy.host, port: proxy.port, autoSelectFamily: true }).catch(
      (error: unknown) => {
        throw proxyFailed(proxy, messageOf(error), error)
      },
    )
    const to = { host, port: destination.port, within: connectLimit(destination.connection) }
    return connectThrough(proxy, tcp, to, authorization)
  }
}

async function checkedAddress(resolve: typeof dnsLookup, destination: Destination): Promise<string> {
  const { host } = destination
  if (isIP(host) !== 0) return host
  const known = await lookUp(resolve, host).catch((error: unknown) => {
    throw unreachable(destination, error)
  })
  const good = allowedOf(destination, known)
  // Which families the proxy speaks is not known; the older one is spoken everywhere.
  const [first] = good.toSorted((a, b) => a.family - b.family)
  if (first === undefined) throw forbidden(destination, known[0]?.address ?? 'no address')
  return first.address
}

async function checkedName(resolve: typeof dnsLookup, destination: Destination): Promise<string> {
  const { host } = destination
  if (isIP(host) !== 0) return host
  if (localName.test(host))
    throw new MayflyError('denied', `${host} would be the proxy’s own machine, or its cloud’s metadata`)
  const known = await Promise.race([lookUp(resolve, host), pause(hearsayMs, [], { ref: false })]).catch(
    () => [],
  )
  const [first] = known
  if (first !== undefined && allowedOf(destination, known).length === 0)
    throw forbidden(destination, first.address)
  return host
}

function allowedOf(destination: Destination, known: readonly LookupAddress[]): LookupAddress[] {
  const allowed = allowedClasses(destination)
  return known.filter(({ address }) => allowed.has(classifyAddress(address)))
}

function lookUp(resolve: typeof dnsLookup, host: string): Promise<LookupAddress[]> {
  return new Promise((done, fail) => {
    resolve(host, { all: true }, (error, addresses) => (error === null ? done(addresses) : fail(error)))
  })
}

async function credentialOf(
  proxy: EgressProxy,
  openSecret: OpenSecret | undefined,
): Promise<Secret | undefined> {
  if (proxy.secret === undefined) return undefined
  if (openSecret === undefined) throw proxyFailed(proxy, 'nothing opens its credential here')
  const pair = (await openSecret(proxy.secret)).reveal().trim()
  if (!pair.includes(':'))
    throw proxyFailed(
      proxy,
      `secret "${proxy.secret}" is not user:password: mayfly secret set ${proxy.secret}`,
    )
  return new Secret(`Basic ${Buffer.from(pair).toString('base64')}`)
}
