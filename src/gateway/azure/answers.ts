import type { AzurePlace } from '../../kinds/index.ts'
import type { Exchange } from '../exchange.ts'

/** How errors are written: by Azure Resource Manager, storage in XML and JSON, vaults, the token endpoint. */
export type Dialect = 'arm' | 'xml' | 'odata' | 'vault' | 'token'

const dialects: Readonly<Record<AzurePlace['service'], Dialect>> = {
  ...{ arm: 'arm', login: 'token', vault: 'vault' },
  ...{ blob: 'xml', queue: 'xml', file: 'xml', table: 'odata', dfs: 'arm' },
}

export function dialectOf({ service }: AzurePlace): Dialect {
  return dialects[service]
}

/** A refusal as Azure writes its own, so that tools show it and do not try again. */
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
  const { code, body } = errors[dialect](codeOf(dialect, status), message)
  response.writeHead(status, {
    'content-type': dialect === 'xml' ? 'application/xml' : 'application/json; charset=utf-8',
    ...(dialect === 'token' ? {} : { 'x-ms-error-code': code }),
    // HEAD has no body: whoever looks finds it here.
    'x-mayfly-refused': message.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 1_000),
    'content-length': Buffer.byteLength(body),
    ...headers,
  })
  response.end(request.method === 'HEAD' ? undefined : body)
}

function codeOf(dialect: Dialect, status: number): string {
  if (status === 401 && dialect !== 'token') return 'Unauthorized'
  if (status >= 500 || status === 429) return dialect === 'xml' ? 'ServerBusy' : 'ServiceUnavailable'
  const denied: Readonly<Record<Dialect, string>> = {
    ...{ arm: 'AuthorizationFailed', vault: 'Forbidden', token: 'invalid_client' },
    ...{ xml: 'AuthorizationPermissionMismatch', odata: 'AuthorizationPermissionMismatch' },
  }
  return denied[dialect]
}

const errors: Readonly<
  Record<Dialect, (code: string, message: string) => { readonly code: string; readonly body: string }>
> = {
  arm: (code, message) => ({ code, body: JSON.stringify({ error: { code, message } }) }),
  vault: (code, message) => ({
    code,
    body: JSON.stringify({ error: { code, message, innererror: { code: 'ForbiddenByRbac' } } }),
  }),
  odata: (code, message) => ({
    code,
    body: JSON.stringify({ 'odata.error': { code, message: { lang: 'en-US', value: message } } }),
  }),
  xml: (code, message) => ({
    code,
    body: `<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code><Message>${xmlText(message)}</Message></Error>`,
  }),
  // RFC 6749, section 5.2.
  token: (code, message) => ({
    code,
    body: JSON.stringify({ error: code, error_description: message, error_codes: [7000215] }),
  }),
}

function xmlText(text: string): string {
  const entities: Readonly<Record<string, string>> = { '<': '&lt;', '>': '&gt;', '&': '&amp;', '"': '&quot;' }
  return text.replaceAll(/[<>&"]/g, (one) => entities[one] ?? one)
}
