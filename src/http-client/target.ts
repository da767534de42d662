import { lookup as dnsLookup, type LookupAddress } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { MayflyError, canonicalHost, classifyAddress, isLinkLocal } from '../lib/index.ts'

/** Where a question goes. */
export interface Target {
  readonly host: string
  readonly port: number
  readonly secure: boolean
  /** As the Host header has it. */
  readonly authority: string
  readonly path: string
  /** It is this machine, or linked to it: `localhost`, or an address of that class. */
  readonly local: boolean
}

const loopback = /^(?:127\.|::1$)/

/**
 * Reads a URL; an address in it, or under `dial`, is named by it. In the clear only to this machine. Throws `bad_input` or
 * `denied`, and repeats no more of the URL than its host: its path or query may hold a secret.
 */
export function targetOf(text: string, dial: string | undefined, isMetadataService = false): Target {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const host = canonicalHost(url?.hostname ?? '')
  if (url === undefined || host === undefined || !/^https?:$/.test(url.protocol))
    throw new MayflyError(
      'bad_input',
      `${/^[a-z]+:\/\/[^/?#@]*/i.exec(text)?.[0] ?? 'this'} is no URL of a host`,
    )
  if (url.username !== '' || url.password !== '')
    throw new MayflyError('bad_input', `the URL of ${host} has a user in it: name a secret instead`)
  const secure = url.protocol === 'https:'
  const address = dial ?? (host === 'localhost' ? '127.0.0.1' : host)
  const mayBeClear = loopback.test(isIP(address) === 0 ? '' : address)
  if (!secure && !mayBeClear && !(isMetadataService && address === '169.254.169.254'))
    throw new MayflyError('denied', `${host}: a credential is not asked for in the clear: use https://`)
  // What is there belongs to this machine alone: whoever has a URL of it written into the policy would have us show a credential to it.
  if (isLinkLocal(address) && !isMetadataService)
    throw new MayflyError('denied', `${host}: a link-local or metadata address is not asked`)
  return {
    host,
    secure,
    port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
    authority: url.host,
    path: `${url.pathname}${url.search}`,
    local: isIP(host) === 0 ? host === 'localhost' : classifyAddress(host) === 'local',
  }
}

/**
 * Names may be private, since configuration names them; loopback, link-local and metadata services only by address. `localhost`
 * is this machine and nothing else, whatever a resolver says. What is returned is what is dialled: nobody asks twice.
 */
export function checkedLookup(resolve: typeof dnsLookup = dnsLookup): LookupFunction {
  return (hostname, options, callback) => {
    const isGood = ({ address }: LookupAddress) =>
      hostname === 'localhost' ? loopback.test(address) : classifyAddress(address) !== 'local'
    resolve(hostname, { ...options, all: true }, (error, found: LookupAddress[]) => {
      if (error !== null) return callback(error, [])
      const good = found.filter(isGood)
      const [first] = good
      if (first === undefined) return callback(forbidden(hostname, found[0]?.address ?? 'no address'), [])
      if (options.all === true) return callback(null, good)
      return callback(null, first.address, first.family)
    })
  }
}

function forbidden(host: string, address: string): MayflyError {
  const why =
    host === 'localhost' ? 'and is to be this machine' : 'a local address: name that address, if it is meant'
  return new MayflyError('denied', `${host} is at ${address}, ${why}`)
}
