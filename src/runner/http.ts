import { request as httpRequest, type Agent as HttpAgent } from 'node:http'
import { request as httpsRequest, type Agent as HttpsAgent } from 'node:https'

export interface HttpAnswer {
  readonly status: number
  readonly text: string
  /** `DPoP-Nonce`, for the next proof. */
  readonly nonce: string | string[] | undefined
  /** `Retry-After` in seconds (RFC 9110, section 10.2.3); undefined for a date, or none. */
  readonly retryAfterSeconds: number | undefined
}

const timeoutMs = 30_000
const maxAnswerBytes = 4_194_304

/** One request, answered as text. Throws the network's own error. Much faster to load than `fetch`. */
export function sendRequest(
  url: string,
  options: { method: string; headers: Record<string, string>; body?: string; agent?: HttpAgent | HttpsAgent },
): Promise<HttpAnswer> {
  const { body, ...rest } = options
  return new Promise((resolve, reject) => {
    const outgoing = (url.startsWith('https:') ? httpsRequest : httpRequest)(
      url,
      { ...rest, timeout: timeoutMs },
      (response) => {
        const chunks: Buffer[] = []
        let size = 0
        response.on('data', (chunk: Buffer) => {
          size += chunk.length
          if (size > maxAnswerBytes)
            response.destroy(new Error(`an answer of more than ${maxAnswerBytes} bytes`))
          chunks.push(chunk)
        })
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            text: Buffer.concat(chunks).toString('utf8'),
            nonce: response.headers['dpop-nonce'],
            retryAfterSeconds: secondsOf(response.headers['retry-after']),
          }),
        )
        response.on('error', reject)
      },
    )
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)))
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

function secondsOf(text: string | undefined): number | undefined {
  return text !== undefined && /^[0-9]{1,6}$/.test(text) ? Number(text) : undefined
}
