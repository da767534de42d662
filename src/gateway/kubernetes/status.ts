import type { ServerResponse } from 'node:http'
import { plainAnswer } from '../exchange.ts'

/** Answers that a request is refused, or has failed. */
export type AnswerNo = (message: string, more?: StatusMore) => void

/**
 * As kubectl shows it: it takes a Status apart wherever it asks for objects, and nowhere when it asks which there are (client-go,
 * discovery: `Raw()`); of such an answer it shows the text, if it is one, and "unknown" otherwise.
 */
export function answersOf(response: ServerResponse, isDiscovery: boolean): AnswerNo {
  if (!isDiscovery) return (message, more) => answerStatus(response, message, more)
  return (message, { code = 403, retryAfterSeconds } = {}) =>
    plainAnswer(response, code, message, retryHeader(retryAfterSeconds))
}

export interface StatusMore {
  readonly code?: number
  readonly reason?: string
  readonly retryAfterSeconds?: number
}

/** An error in Kubernetes' own words (meta/v1, Status), which kubectl prints and client libraries read; what was begun is cut. */
function answerStatus(
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
    retryHeader(retryAfterSeconds),
  )
}

function retryHeader(seconds: number | undefined): Readonly<Record<string, string>> {
  return seconds === undefined ? {} : { 'retry-after': String(seconds) }
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
