import type { IncomingMessage, ServerResponse } from 'node:http'
import { MayflyError, TryLater, messageOf, systemClock, type ErrorCode } from '../lib/index.ts'
import { plainAnswer, retryAfterOf } from './exchange.ts'

/**
 * An upstream that says to come again later (429, RFC 6585; 503, RFC 9110, 15.6.4): tools wait and try again by its status and its
 * Retry-After, which they would not by a 502 of ours. Thrown by `send` and `sendTo`, so that every protocol passes it on; and by what
 * permits, where the policy allows it and the credential cannot be had now.
 */
export class UpstreamBusy extends MayflyError {
  override readonly name = 'UpstreamBusy'
  readonly status: number
  /** `retry-after` in seconds, if the upstream said it. */
  readonly headers: Readonly<Record<string, string>>

  constructor(message: string, status: number, retryAfter: string | undefined) {
    super('upstream_unreachable', message)
    this.status = status
    this.headers = retryAfter === undefined ? {} : { 'retry-after': retryAfter }
  }
}

export function busyAnswer(connection: string, { statusCode = 503, headers }: IncomingMessage): UpstreamBusy {
  const retryAfter = retryAfterOf(headers['retry-after'], systemClock.nowMs())
  const when = retryAfter === undefined ? 'later' : `in ${retryAfter} s`
  return new UpstreamBusy(
    `connection "${connection}" answers ${statusCode}: try again ${when}`,
    statusCode,
    retryAfter,
  )
}

/** Faults that pass: nobody needs to change anything in the policy. */
const passing: ReadonlySet<ErrorCode> = new Set([
  ...['upstream_unreachable', 'audit_unavailable', 'vault_sealed', 'store_failed', 'thread_failed'],
] as ErrorCode[])
const usualWaitSeconds = 5

/** After how many seconds what the policy allows may be had, which this fault stood in the way of; undefined if time does not help. */
export function laterSeconds(fault: unknown): number | undefined {
  if (!(fault instanceof MayflyError) || !passing.has(fault.code)) return undefined
  return fault instanceof TryLater ? Math.ceil(fault.retryAfterMs / 1000) : usualWaitSeconds
}

/** The same for people. */
export function laterText(fault: unknown): string {
  const why = messageOf(fault)
  return laterSeconds(fault) === undefined ? why : `${why}: the policy allows it, try again`
}

export function isBusy({ statusCode }: IncomingMessage): boolean {
  return statusCode === 429 || statusCode === 503
}

/** What was thrown while a request was handled, for the step. */
export function answerFault(response: ServerResponse, error: unknown, message: string): void {
  if (error instanceof UpstreamBusy) plainAnswer(response, error.status, message, error.headers)
  else plainAnswer(response, 502, message)
}
