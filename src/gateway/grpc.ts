import type { IncomingMessage, ServerResponse } from 'node:http'
import { isHeader, limits } from '../lib/index.ts'

/** A call of gRPC, which is HTTP/2 with trailers; gRPC-Web is HTTP as any other. */
export function isGrpc({
  httpVersionMajor,
  headers,
}: Pick<IncomingMessage, 'httpVersionMajor' | 'headers'>): boolean {
  return httpVersionMajor === 2 && /^application\/grpc(?:[+;]|$)/i.test(headers['content-type'] ?? '')
}

/** gRPC, doc/http-grpc-status-mapping.md, and what we refuse ourselves. */
const statuses: Readonly<Record<number, number>> = {
  400: 13,
  401: 16,
  403: 7,
  404: 12,
  413: 8,
  421: 7,
  429: 8,
  431: 8,
  502: 14,
  503: 14,
  504: 14,
}

/** A refusal as its clients show it: HTTP 200, and the status in the head, which is the whole answer (PROTOCOL-HTTP2.md, "Trailers-Only"). */
export function answerGrpc(response: ServerResponse, status: number, message: string): void {
  response.writeHead(200, {
    'content-type': 'application/grpc',
    'grpc-status': String(statuses[status] ?? 2),
    'grpc-message': percentEncoded(message),
  })
  response.end()
}

/** PROTOCOL-HTTP2.md, "Percent-Encoded". */
function percentEncoded(message: string): string {
  return [...Buffer.from(message)]
    .map((byte) =>
      byte >= 0x20 && byte <= 0x7e && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
    )
    .join('')
}

/** Trailers that a call ends with: its status, and the service's own by the names that such have. */
const passing = /^(?:grpc-[a-z-]+|x-[a-z0-9._-]+|[a-z0-9._-]+-bin)$/

/** What of an answer's trailers goes on. */
export function passableTrailers({ trailers }: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(trailers)
      .filter(
        (one): one is [string, string] =>
          typeof one[1] === 'string' && passing.test(one[0]) && isHeader(...(one as [string, string])),
      )
      .slice(0, limits.answerHeaders),
  )
}

/** Why an answer cannot be looked into; messages are compressed one by one, within the body. */
export function compressedMessages({ headers }: IncomingMessage): string | undefined {
  const encoding = headers['grpc-encoding'] ?? 'identity'
  return encoding === 'identity'
    ? undefined
    : `its messages are compressed (${String(encoding).slice(0, 40)}) so that nobody can look whether the credential is in them: send uncompressed ones, or write "opaque: true" for the connection`
}
