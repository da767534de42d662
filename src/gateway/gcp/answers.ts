import type { Exchange } from '../exchange.ts'

/** How errors are written: by the JSON APIs, by Cloud Storage's XML API, at the token endpoint. */
export type Dialect = 'json' | 'xml' | 'token'

/** A refusal as Google writes its own, so that tools show it and do not try again. */
export function answerError(
  { response, request }: Pick<Exchange, 'response' | 'request'>,
  dialect: Dialect,
  message: string,
  {
    status = 403,
    headers = {},
  }: { readonly status?: number; readonly headers?: Readonly<Record<string, string>> } = {},
): void {
  if (response.headersSent || response.destroyed) return void response.destroy()
  for (const name of response.getHeaderNames()) if (name !== 'connection') response.removeHeader(name)
  const body = bodies[dialect](status, message)
  response.writeHead(status, {
    'content-type': dialect === 'xml' ? 'application/xml; charset=UTF-8' : 'application/json; charset=UTF-8',
    // HEAD has no body: whoever looks finds it here.
    'x-mayfly-refused': message.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 1_000),
    'content-length': Buffer.byteLength(body),
    ...headers,
  })
  response.end(request.method === 'HEAD' ? undefined : body)
}

/** google.rpc.Code, and what the older APIs call it. */
function nameOf(status: number): { readonly status: string; readonly reason: string; readonly xml: string } {
  if (status === 410) return { status: 'NOT_FOUND', reason: 'gone', xml: 'NoSuchUpload' }
  if (status === 503 || status === 429)
    return { status: 'UNAVAILABLE', reason: 'backendError', xml: 'ServiceUnavailable' }
  return { status: 'PERMISSION_DENIED', reason: 'forbidden', xml: 'AccessDenied' }
}

const bodies: Readonly<Record<Dialect, (status: number, message: string) => string>> = {
  json(code, message) {
    const { status, reason } = nameOf(code)
    return JSON.stringify({
      error: { code, message, status, errors: [{ message, domain: 'global', reason }] },
    })
  },
  xml: (status, message) =>
    `<?xml version='1.0' encoding='UTF-8'?><Error><Code>${nameOf(status).xml}</Code><Message>${xmlText(message)}</Message></Error>`,
  token: (_, message) => JSON.stringify({ error: 'invalid_grant', error_description: message }),
}

function xmlText(text: string): string {
  const entities: Readonly<Record<string, string>> = { '<': '&lt;', '>': '&gt;', '&': '&amp;', '"': '&quot;' }
  return text.replaceAll(/[<>&"]/g, (one) => entities[one] ?? one)
}
