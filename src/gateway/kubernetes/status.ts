import type { ServerResponse } from 'node:http'

export interface StatusMore {
  readonly code?: number
  readonly reason?: string
  readonly retryAfterSeconds?: number
}

/** An error in Kubernetes' own words (meta/v1, Status), which kubectl prints and client libraries read; what was begun is cut. */
export function answerStatus(
  response: ServerResponse,
  message: string,
  { code = 403, reason = 'Forbidden', retryAfterSeconds }: StatusMore = {},
): void {
  if (response.headersSent || response.destroyed) {
    response.destroy()
    return
  }
  for (const name of response.getHeaderNames()) if (name !== 'connection') response.removeHeader(name)
  answerJson(
    response,
    {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message,
      reason,
      ...(retryAfterSeconds === undefined ? {} : { details: { retryAfterSeconds } }),
      code,
    },
    code,
    retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) },
  )
}

export function answerJson(
  response: ServerResponse,
  value: unknown,
  code: number,
  headers: Readonly<Record<string, string>> = {},
): void {
  const body = Buffer.from(`${JSON.stringify(value)}\n`)
  response.writeHead(code, {
    'content-type': 'application/json',
    'content-length': body.length,
    ...headers,
  })
  response.end(body)
}
