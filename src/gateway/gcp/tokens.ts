import type { Exchange } from '../exchange.ts'
import { collect } from '../collect.ts'
import { answerError } from './answers.ts'

const endpoints: ReadonlySet<string> = new Set([
  ...['oauth2.googleapis.com/token', 'www.googleapis.com/oauth2/v4/token', 'sts.googleapis.com/v1/token'],
])

/** Does it ask for a token? That is answered here, and goes nowhere. */
export function asksToken({ asked, path }: Exchange): boolean {
  return endpoints.has(`${asked.host}${path}`)
}

const maxFormBytes = 65_536

/**
 * What tools get for the login in their settings file (RFC 6749, section 6): the stand-in that it is, which opens nothing. Whoever
 * shows another login has brought one of their own, which is of no use here.
 */
export async function answerToken(exchange: Exchange, isStandIn: (text: string) => boolean): Promise<void> {
  const { request, response } = exchange
  const body = request.method === 'POST' ? await collect(request, maxFormBytes) : undefined
  const form = new URLSearchParams(body?.toString('utf8') ?? '')
  const shown = form.get('refresh_token') ?? form.get('subject_token') ?? ''
  if (!isStandIn(shown)) {
    const why =
      'it asks for a token with a login that is not the stand-in of a connection: let the tool take the settings that it finds in a step (GOOGLE_APPLICATION_CREDENTIALS)'
    return answerError(exchange, 'token', exchange.deny(`gcp token ${exchange.connection.name}`, why), {
      status: 400,
    })
  }
  const answer = JSON.stringify({
    access_token: shown,
    ...{ expires_in: 3_599, token_type: 'Bearer', scope: 'https://www.googleapis.com/auth/cloud-platform' },
    issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
  })
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(answer) })
  response.end(answer)
}
