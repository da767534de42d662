import type { IncomingMessage } from 'node:http'
import { sha256Hex } from '../lib/index.ts'
import { hasBody } from './exchange.ts'

/** They say who asks, when, and for the how manieth time. */
const notOfIt =
  /^(?:authorization|proxy-authorization|connection|date|user-agent|traceparent|tracestate|accept(?:-.*)?|x-amz-date|x-amz-security-token|x-amz-user-agent|amz-sdk-.*|x-goog-api-client|x-ms-date|x-ms-client-request-id|x-request-id)$/

/**
 * A digest of all that a request asks for: what people said yes to, and a client that did not wait asks again. `body` is the SHA-256
 * of its body. Undefined where there is one that nobody knows yet: such a request is like no other.
 */
export function sameRequest(request: IncomingMessage, body: string | undefined): string | undefined {
  if (hasBody(request) && body === undefined) return undefined
  const headers = Object.entries(request.headers).filter(([name]) => !notOfIt.test(name))
  return sha256Hex(
    JSON.stringify([
      request.method,
      request.url,
      headers.toSorted(([one], [other]) => (one < other ? -1 : 1)),
      body ?? '',
    ]),
  )
}
