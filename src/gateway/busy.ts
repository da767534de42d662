import type { IncomingMessage, ServerResponse } from 'node:http'
import { MayflyError, systemClock } from '../lib/index.ts'
import { plainAnswer, retryAfterOf } from './exchange.ts'

/**
 * An upstream that says to come again later (429, RFC 6585; 503, RFC 9110, 15.6.4): tools wait and try again by its status and its
 * Retry-After, which they would not by a 502 of ours. Thrown by `send` and `sendTo`, so that every protocol passes it on.
 */
export class UpstreamBusy extends MayflyError {
  override readonly name = 'UpstreamBusy'
  readonly status: number
  /** `retry-after` in seconds, if the upstream said it. */
  readonly headers: Readonly<Record<string, string>>

  constructor(connection: string, { statusCode = 503, headers }: IncomingMessage) {
    const retryAfter = retryAfterOf(headers['retry-after'], systemClock.nowMs())
    const when = retryAfter === undefined ? 'later' : `in ${retryAfter} s`
    super('upstream_unreachable', `connection "${connection}" answers ${statusCode}: try again ${when}`)
    this.status = statusCode
    this.headers = retryAfter === undefined ? {} : { 'retry-after': retryAfter }
  }
}

export function isBusy({ statusCode }: IncomingMessage): boolean {
  return statusCode === 429 || statusCode === 503
}

/** What was thrown while a request was handled, for the step. */
export function answerFault(response: ServerResponse, error: unknown, message: string): void {
  if (error instanceof UpstreamBusy) plainAnswer(response, error.status, message, error.headers)
  else plainAnswer(response, 502, message)
}
