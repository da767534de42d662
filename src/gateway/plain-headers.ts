import type { IncomingMessage } from 'node:http'
import type { Exchange } from './exchange.ts'

/** Headers of one connection alone (RFC 9110, section 7.6.1), and what the gateway says for itself. */
const hopByHop =
  /^(?:connection|proxy-.*|keep-alive|te|trailer|transfer-encoding|upgrade|expect|host|http2-settings|forwarded|via|x-forwarded-.*|x-real-ip)$/

/** Headers by which APIs take a credential. */
const credential =
  /^(?:authorization|cookie2?|(?:x-)?(?:api|auth|access|private|deploy|job|session|gitlab|github|vault|goog|amz|csrf)-?(?:key|token|api-key|security-token|iam-authorization-token)|x-auth-.*|x-.*-(?:api-?key|token|secret|signature)|apikey|x-apikey|.*-subscription-key|token|dpop|signature(?:-input)?)$/

/** Headers and parameters that ask a server to take one method for another: the grant is for the one that is seen. */
const otherMethod = /^x-(?:http-)?method(?:-override)?$/

/** Parameters by which APIs take a credential, or another method. */
const meaningful =
  /^(?:(?:access|private|job|auth|id|api|personal_access|refresh|oauth)_?token|token|api_?key|apikey|client_secret|signature|x-amz-.*|x-goog-.*|awsaccesskeyid|_method)$/i

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
    if (hopByHop.test(name) || credential.test(name) || otherMethod.test(name)) continue
    kept[name] = value
  }
  return kept
}

/** The query, or why it is refused: a credential in it would be the step's own, and would stand in the logs of servers. */
export function strippedQuery(query: string): string | { refused: string } {
  for (const part of query.split('&')) {
    const name = decode(part.split('=')[0] ?? '')
    if (name === undefined) return { refused: 'its query cannot be read' }
    if (meaningful.test(name.replace(/\[.*$/, '')))
      return {
        refused: `its query has "${name}": a credential is added by the gateway, and a method is what it is`,
      }
  }
  return query
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}
