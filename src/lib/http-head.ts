import type { IncomingMessage } from 'node:http'
import { limits } from './limits.ts'

/** The head of an answer as it may be passed on. */
export interface PassableHead {
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[]>>
}

/** RFC 9110, section 7.6.1, and what is between us and that server only. */
const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/**
 * Status and headers of another server's answer, without those of the hop; or one line why it is no answer: a status that
 * ends no request (RFC 9110, section 15), or headers past all use, of which Node drops some. Node's parser lets statuses and values in that its writer throws at; what it would throw
 * at is not passed on, since it throws where nobody can catch it.
 */
export function passableHead(
  answer: Pick<IncomingMessage, 'statusCode' | 'headers' | 'rawHeaders'>,
): PassableHead | string {
  const { statusCode: status = 0, rawHeaders } = answer
  if (!(status >= 200 && status <= 599))
    return `it answered with a status that HTTP does not know (${String(status).padStart(3, '0')})`
  if (rawHeaders.length > 2 * limits.answerHeaders)
    return `it answered with more than ${limits.answerHeaders} headers`
  // The answer would go on in a coding that its reader is not told of.
  if (!/^(?:chunked|identity)?$/i.test(answer.headers['transfer-encoding']?.trim() ?? ''))
    return 'it answered in a transfer coding that was not asked for'
  const named = (answer.headers.connection ?? '').toLowerCase().split(',')
  const ofHop = new Set([...hopByHop, ...named.map((one) => one.trim())])
  // A length is the frame of what follows: no answer may make us drop it.
  ofHop.delete('content-length')
  const headers = Object.entries(answer.headers).filter(
    (one): one is [string, string | string[]] =>
      one[1] !== undefined && !ofHop.has(one[0]) && isHeader(one[0], one[1]),
  )
  return { status, headers: Object.fromEntries(headers) }
}

/** RFC 9110, sections 5.1 and 5.5. */
export function isHeader(name: string, value: string | readonly string[]): boolean {
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/.test(name)) return false
  return [value].flat().every((one) => /^[\t\x20-\x7e\x80-\xff]*$/.test(one))
}
