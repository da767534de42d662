import { BlockList, isIP } from 'node:net'
import { canonicalHost } from '../lib/index.ts'
import type { EgressProxyConfig } from '../config/index.ts'
import { isCertificate, neither } from './certificates.ts'

/** The proxy through which the gateway reaches what is outside. */
export interface EgressProxy {
  readonly url: string
  readonly tls: boolean
  readonly host: string
  readonly port: number
  /** The secret that holds `user:password`. */
  readonly secret: string | undefined
  /** PEM, trusted beside the system's roots. */
  readonly ca: string | undefined
  /** Who looks names up, and so who can check their addresses. */
  readonly resolve: 'gateway' | 'proxy'
  /** Is the host reached without it? */
  isDirect(host: string): boolean
}

/** The compiled proxy; or what is wrong with it, by the key it is written under. */
export function compileEgressProxy(config: EgressProxyConfig): EgressProxy | [string, string] {
  const url = new URL(config.url)
  const tls = url.protocol === 'https:'
  const host = canonicalHost(url.hostname)
  const port = url.port === '' ? (tls ? 443 : 80) : Number(url.port)
  if (host === undefined || port < 1) return ['url', `${url.host} is no host and port`]
  if (config.ca !== undefined && !tls) return ['ca', 'ca is for a proxy by https://']
  if (config.ca !== undefined && !isCertificate(config.ca)) return ['ca', `ca is ${neither}`]
  const direct = compileDirect(config.no_proxy)
  if (typeof direct === 'string') return ['no_proxy', direct]
  return {
    url: url.origin,
    tls,
    host,
    port,
    secret: config.credential?.basic.slice('secret:'.length),
    ca: config.ca,
    resolve: config.resolve,
    isDirect: direct,
  }
}

function compileDirect(entries: readonly string[]): ((host: string) => boolean) | string {
  const networks = new BlockList()
  const names: string[] = []
  for (const entry of entries) {
    const [address = '', bits] = entry.split('/')
    const version = isIP(address)
    const name = entry.replace(/^\*\./, '')
    if (version !== 0) {
      const most = version === 4 ? 32 : 128
      const prefix = bits === undefined ? most : Number(bits)
      if (prefix > most) return `"${entry}" is no network`
      networks.addSubnet(address, prefix, version === 4 ? 'ipv4' : 'ipv6')
    } else if (canonicalHost(name) !== name || isIP(name) !== 0)
      return `"${entry}" could never match: write a host, *. with a domain, an address or a network`
    else names.push(entry)
  }
  return (host) => {
    const version = isIP(host)
    if (version !== 0) return networks.check(host, version === 4 ? 'ipv4' : 'ipv6')
    return names.some((one) => (one.startsWith('*.') ? host.endsWith(one.slice(1)) : host === one))
  }
}
