import { STATUS_CODES } from 'node:http'

/** An expected failure that the caller is told about, as RFC 9457 problem details. */
export class Problem extends Error {
  constructor(status, code, detail, headers = {}) {
    super(detail)
    this.name = 'Problem'
    this.statusCode = status
    this.code = code
    this.headers = headers
  }
}

export function sendProblem(error, request, reply) {
  const problem = toProblem(error)
  if (problem.statusCode >= 500) request.log.error({ err: error }, 'request failed')
  return reply
    .code(problem.statusCode)
    .headers(problem.headers)
    .header('x-request-id', request.id) // hooks have not run for a request that could not be routed
    .type('application/problem+json')
    .send(
      JSON.stringify({
        title: STATUS_CODES[problem.statusCode],
        status: problem.statusCode,
        code: problem.code,
        detail: problem.message,
        requestId: request.id,
        ...(problem.errors && { errors: problem.errors }),
      }),
    )
}

function toProblem(error) {
  if (error instanceof Problem) return error
  if (error.validation) {
    const problem = new Problem(
      400,
      'validation_failed',
      `The request ${error.validationContext} is not valid.`,
    )
    problem.errors = error.validation.map(({ instancePath, message, params }) => ({
      path: instancePath + (params.additionalProperty ? `/${params.additionalProperty}` : ''),
      message,
    }))
    return problem
  }
  // Fastify's own refusals (malformed JSON, body too large, unsupported media type) carry a status
  // and a message meant for the caller. Anything else may quote internals, so it is only logged.
  const status = error.statusCode
  if (status >= 400 && status < 500) return new Problem(status, 'bad_request', error.message)
  if (status === 503) return new Problem(503, 'unavailable', 'The service cannot take this request now.')
  return new Problem(500, 'internal', 'Something went wrong here; the log has it under this request id.')
}
