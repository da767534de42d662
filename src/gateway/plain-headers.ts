import type { IncomingMessage } from 'node:http'
import type { Exchange } from './exchange.ts'

/** Headers of one connection alone (RFC 9110, section 7.6.1), and what the gateway says for itself. */
const hopByHop =
  /^(?:connection|proxy-.*|keep-alive|te|trailer|transfer-encoding|upgrade|expect|host|http2-settings|forwarded|via|x-forwarded-.*|x-real-ip)$/

/**
 * Words of a name that holds a credential, as APIs call theirs. There is no list of all of them: what is named so is the step's own
 * account, or means nothing.
 */
const secretWord =
  /(?:^|[-_.])(?:token|secret|password|passwd|passcode|credentials?|cookies?2?|session|jwt|auth|authori[sz]ation|authentication|apikey|keys?|signature|sig|dpop|bearer|iam-authorization-token)(?:$|[-_.])/

/** Names with such a word that hold none. */
const harmless =
  /^(?:(?:x-)?(?:idempotency|partition|row|sort|cache|routing|surrogate|primary|foreign|public)-key|sec-websocket-.*|access-control-.*|signature-agent)$/

/** Names of credentials without such a word. */
const named = /^(?:x-jfrog-art-api|x-honeycomb-team|cf-access-client-.*|x-csrf-.*|x-xsrf-.*|x-crumb|sudo)$/

/**
 * Headers by which a server takes a request for another one than it seems: another path, host or method, other people. The grant is
 * for what is seen.
 */
const another =
  /^(?:x-(?:http-)?method(?:-override)?|x-(?:original|rewrite|override|proxy|remote|accel|envoy|arr|azure|ms-client-principal)(?:-.*)?|x-(?:host|url|uri|path|sendfile)|(?:x-)?(?:real|client|cluster-client|true-client|fastly-client|cf-connecting)-ip|(?:base|http|request|destination|front-end)-(?:uri|url|https?|host|path)|(?:remote|impersonate)-.*|gitlab-(?:sudo|workhorse.*)|destination|overwrite)$/

/** Parameters by which APIs take a credential, or another method or user. */
const meaningful =
  /^(?:(?:[a-z0-9]+_)*(?:token|secret|password|passwd|api_?key|access_?key|subscription_?key|secret_?key|signature|credentials?|jwt)|hapikey|apikey|appkey|sig|auth|authorization|bearer|awsaccesskeyid|_method|sudo|x_amz_.*|x_goog_.*)$/

/** Where in a list a page begins. */
const ofPages =
  /^(?:[a-z0-9]+_)*(?:page|next|continuation|sync|skip|start|resume|cursor|marker|pagination|delta|watch|scroll|search_after)_token$/

/** The step's headers without what belongs to its own connection, and without any credential of its own. */
export function requestHeaders(
  { headers }: IncomingMessage,
  { credential: injected }: Exchange['connection'],
): Record<string, string> {
  const own = injected?.scheme === 'header' ? injected.name : undefined
  const listed = new Set(
    (headers.connection ?? '')
      .toLowerCase()
      .split(',')
      .map((one) => one.trim()),
  )
  const kept: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value !== 'string' || name === own || listed.has(name)) continue
    if (hopByHop.test(name) || another.test(name) || isSecret(name)) continue
    kept[name] = value
  }
  return kept
}

function isSecret(name: string): boolean {
  return named.test(name) || (secretWord.test(name) && !harmless.test(name))
}

/** The parameter that the gateway adds, if its connection has one. */
export function injectedParameter({ credential }: Exchange['connection']): string | undefined {
  return credential?.scheme === 'query' ? credential.name : undefined
}

/** The query, or why it is refused: a credential in it would be the step's own, and would stand in the logs of servers. */
export function strippedQuery(query: string, injected?: string): string | { refused: string } {
  for (const part of query.split('&')) {
    const [before = '', ...after] = part.split('=')
    const name = decode(before)
    if (name === undefined) return { refused: 'its query cannot be read' }
    if (isMeaningful(name, after.join('=')) || (injected !== undefined && plain(name) === plain(injected)))
      return {
        refused: `its query has "${name}": a credential is added by the gateway, and a method is what it is`,
      }
  }
  return query
}

/** As servers read a name, some of which take `access.token` for `access_token`, and `token[]` for `token`. */
function plain(name: string): string {
  return name
    .replace(/\[.*$/, '')
    .replaceAll(/[-. +]/g, '_')
    .toLowerCase()
}

function isMeaningful(name: string, value: string): boolean {
  const read = plain(name)
  // Google's own parameter for keys is others' word for many things.
  if (read === 'key') return /^[A-Za-z0-9_-]{24,}$/.test(value)
  return meaningful.test(read) && !ofPages.test(read)
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}
