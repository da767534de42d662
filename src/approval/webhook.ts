import { lookup as dnsLookup, type LookupAddress } from 'node:dns'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { MayflyError, answerOf, canonicalHost, classifyAddress, messageOf } from '../lib/index.ts'
import type { Message } from './message.ts'

/** Sends one message; `addresses` are the private or local ones it may go to. Throws if it was not taken. */
export type SendWebhook = (message: Message, addresses: readonly string[]) => Promise<void>

/**
 * POST, no redirects (Node's client follows none), and only to an address that is public or named: whoever can
 * change a DNS record must not reach what is inside. The lookup that is checked is the one that is dialled.
 */
export function createWebhookSender(
  deps: { lookup?: typeof dnsLookup; timeoutMs?: number } = {},
): SendWebhook {
  const { timeoutMs = 10_000 } = deps
  const resolve = deps.lookup ?? dnsLookup
  return async ({ url, headers, body }, addresses) => {
    const target = parseTarget(url, addresses)
    const isAllowed = (address: string) =>
      classifyAddress(address) === 'public' || addresses.includes(address)
    if (isIP(target.host) !== 0 && !isAllowed(target.host)) throw forbidden(target.host, target.host)
    const outgoing = (target.secure ? httpsRequest : httpRequest)(url, {
      method: 'POST',
      agent: false,
      lookup: checkedLookup(resolve, isAllowed),
      signal: AbortSignal.timeout(timeoutMs),
      headers: {
        ...headers,
        'content-type': 'application/json',
        'content-length': String(Buffer.byteLength(body)),
        'user-agent': 'mayfly',
      },
    })
    const answering = answerOf(outgoing)
    outgoing.end(body)
    const answer = await answering.catch((cause: unknown) => {
      if (cause instanceof MayflyError) throw cause
      throw new MayflyError('upstream_unreachable', `${target.host} does not answer: ${messageOf(cause)}`, {
        cause,
      })
    })
    // Nothing that it says is of interest.
    answer.destroy()
    const { statusCode: status = 0 } = answer
    if (status < 200 || status >= 300)
      throw new MayflyError('upstream_unreachable', `${target.host} answered ${status}`)
  }
}

function parseTarget(url: string, addresses: readonly string[]): { host: string; secure: boolean } {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  const host = canonicalHost(parsed?.hostname ?? '')
  const secure = parsed?.protocol === 'https:'
  // What is told is nobody else's: in the clear only to an address that the policy names.
  const named = host !== undefined && addresses.includes(host)
  if (parsed === undefined || host === undefined || (!secure && !(parsed.protocol === 'http:' && named)))
    throw new MayflyError('config_invalid', 'a webhook is an https:// URL')
  return { host, secure }
}

function checkedLookup(resolve: typeof dnsLookup, isAllowed: (address: string) => boolean): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, found: LookupAddress[]) => {
      if (error !== null) return callback(error, [])
      const good = found.filter(({ address }) => isAllowed(address))
      const [first] = good
      if (first === undefined) return callback(forbidden(hostname, found[0]?.address ?? 'no address'), [])
      if (options.all === true) return callback(null, good)
      return callback(null, first.address, first.family)
    })
  }
}

function forbidden(host: string, address: string): MayflyError {
  return new MayflyError(
    'denied',
    `${host} is at ${address}, a private or local address: name it under addresses, if it is meant`,
  )
}
