import type { ServerResponse } from 'node:http'
import type { Exchange } from '../exchange.ts'

/** How errors of a service are written. */
export type Dialect = 's3' | 'query' | 'ec2' | 'json'

/**
 * A refusal as AWS writes its own, so that tools show it and do not try again: 403 with `AccessDenied`, or another status and code.
 * What was copied of an upstream's head does not go with it.
 */
export function answerError(
  { response, request }: Pick<Exchange, 'response' | 'request'>,
  dialect: Dialect,
  message: string,
  {
    status = 403,
    code = 'AccessDenied',
    headers = {},
  }: {
    readonly status?: number
    readonly code?: string
    readonly headers?: Readonly<Record<string, string>>
  } = {},
): void {
  if (response.headersSent || response.destroyed) return void response.destroy()
  for (const name of response.getHeaderNames()) if (name !== 'connection') response.removeHeader(name)
  const id = /\((req_[a-z0-9]+)\)/.exec(message)?.[1] ?? 'mayfly'
  const body = dialect === 'json' ? inJson(code, message) : inXml[dialect](code, message, id)
  response.writeHead(status, {
    'content-type': dialect === 'json' ? 'application/x-amz-json-1.1' : 'application/xml',
    ...(dialect === 'json' ? { 'x-amzn-errortype': exceptionOf(code) } : {}),
    'x-amzn-requestid': id,
    // HEAD has no body: whoever looks finds it here.
    'x-mayfly-refused': message.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 1_000),
    'content-length': Buffer.byteLength(body),
    ...headers,
  })
  response.end(request.method === 'HEAD' ? undefined : body)
}

function exceptionOf(code: string): string {
  return code === 'AccessDenied' ? 'AccessDeniedException' : code
}

function inJson(code: string, message: string): string {
  return JSON.stringify({ __type: exceptionOf(code), message })
}

const inXml: Readonly<Record<'s3' | 'query' | 'ec2', (code: string, message: string, id: string) => string>> =
  {
    s3: (code, message, id) =>
      `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${xmlText(message)}</Message><RequestId>${id}</RequestId></Error>`,
    query: (code, message, id) =>
      `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${xmlText(message)}</Message></Error><RequestId>${id}</RequestId></ErrorResponse>`,
    ec2: (code, message, id) =>
      `<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error><Code>${code}</Code><Message>${xmlText(message)}</Message></Error></Errors><RequestID>${id}</RequestID></Response>`,
  }

export function xmlText(text: string): string {
  const entities: Readonly<Record<string, string>> = { '<': '&lt;', '>': '&gt;', '&': '&amp;', '"': '&quot;' }
  return text.replaceAll(/[<>&"]/g, (one) => entities[one] ?? one)
}

/** An answer of upstream's that was read as a whole, with another body. */
export function answerWith(response: ServerResponse, body: string | Buffer): void {
  for (const name of ['content-encoding', 'transfer-encoding', 'etag']) response.removeHeader(name)
  response.setHeader('content-length', Buffer.byteLength(body))
  response.end(body)
}
