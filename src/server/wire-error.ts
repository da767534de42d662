import { MayflyError, messageOf, type ErrorCode } from '../lib/index.ts'

/** An error as a client sees it: RFC 9457 problem details, with our stable code. */
export interface Problem {
  readonly status: number
  readonly code: string
  readonly detail: string
  /** Problems in a configuration, claims that did not match: what to fix. */
  readonly more?: unknown
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
  audit_unavailable: 503,
  audit_rejected: 503,
  audit_corrupt: 503,
  bad_input: 400,
  bad_token: 401,
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
  store_failed: 503,
  unauthorized: 401,
  upstream_unreachable: 502,
  vault_key: 500,
}

export function toProblem(error: unknown): Problem {
  if (error instanceof HttpProblem) return error.problem
  if (error instanceof MayflyError)
    return { status: statusOf[error.code], code: error.code, detail: error.message }
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
