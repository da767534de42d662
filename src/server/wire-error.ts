import { MayflyError, TryLater, messageOf, type ErrorCode } from '../lib/index.ts'

/** An error as a client sees it: RFC 9457 problem details, with our stable code. */
export interface Problem {
  readonly status: number
  readonly code: string
  readonly detail: string
  /** Problems in a configuration, claims that did not match: what to fix. */
  readonly more?: unknown
  /** Further members, beside `code` or `error` (RFC 9457, section 3.2; RFC 6749, section 5.2). */
  readonly members?: Readonly<Record<string, unknown>>
  readonly headers?: Readonly<Record<string, string>>
}

/** RFC 9449, sections 8 and 9: the same again with this nonce. */
export function needsNonce(status: 400 | 401, nonce: string): HttpProblem {
  return new HttpProblem({
    status,
    code: 'use_dpop_nonce',
    detail: 'the proof needs the nonce of the DPoP-Nonce header',
    headers: {
      'dpop-nonce': nonce,
      ...(status === 401 ? { 'www-authenticate': 'DPoP error="use_dpop_nonce", algs="ES256"' } : {}),
    },
  })
}

/** An error of the token endpoint (RFC 6749, section 5.2). */
export function oauthProblem(status: number, code: string, detail: string, more?: unknown): HttpProblem {
  return new HttpProblem({ status, code, detail, ...(more === undefined ? {} : { more }) })
}

/** The same again after this time (RFC 9110, section 10.2.3). */
export function tryAgain(detail: string, seconds: number): HttpProblem {
  const headers = { 'retry-after': String(seconds) }
  return new HttpProblem({ status: 503, code: 'temporarily_unavailable', detail, headers })
}

/** A refusal that a route decided on, to be sent as it is. */
export class HttpProblem extends Error {
  readonly problem: Problem

  constructor(problem: Problem) {
    super(problem.detail)
    this.problem = problem
  }
}

const statusOf: Record<ErrorCode, number> = {
  attest_key: 500,
  audit_unavailable: 503,
  audit_rejected: 503,
  audit_corrupt: 503,
  bad_input: 400,
  bad_token: 401,
  credential_failed: 502,
  vault_sealed: 503,
  conflict: 409,
  config_invalid: 422,
  data_folder: 500,
  denied: 403,
  disk_full: 507,
  isolation_unavailable: 403,
  issuer_unreachable: 503,
  limit_exceeded: 413,
  not_found: 404,
  port_in_use: 500,
  revoked: 403,
  secret_missing: 422,
  server_stopping: 503,
  store_failed: 503,
  thread_failed: 503,
  unauthorized: 401,
  upstream_unreachable: 502,
  vault_key: 500,
}

export function toProblem(error: unknown): Problem {
  if (error instanceof HttpProblem) return error.problem
  if (error instanceof TryLater) return tryAgain(error.message, Math.ceil(error.retryAfterMs / 1000)).problem
  if (error instanceof MayflyError)
    return { status: statusOf[error.code], code: error.code, detail: error.message }
  if (isFastifyError(error) && error.statusCode === 413)
    return { status: 413, code: 'limit_exceeded', detail: 'the body is longer than this route takes' }
  if (isFastifyError(error)) return { status: error.statusCode, code: 'bad_input', detail: messageOf(error) }
  return {
    status: 500,
    code: 'internal',
    detail: 'an unexpected error: see the server’s log under the request id',
  }
}

function isFastifyError(error: unknown): error is Error & { statusCode: number } {
  return (
    error instanceof Error &&
    'statusCode' in error &&
    typeof error.statusCode === 'number' &&
    error.statusCode < 500
  )
}
