import { request as httpRequest, type Agent as HttpAgent, type IncomingMessage } from 'node:http'
import { request as httpsRequest, type Agent as HttpsAgent } from 'node:https'
import { answerOf } from '../lib/index.ts'

export interface HttpAnswer {
  readonly status: number
  readonly text: string
  /** `DPoP-Nonce`, for the next proof. */
  readonly nonce: string | string[] | undefined
  /** `Retry-After` in seconds (RFC 9110, section 10.2.3); undefined for a date, or none. */
  readonly retryAfterSeconds: number | undefined
}

const usualAnswerBytes = 4_194_304

/** One request, answered as text. Throws the network's own error. Much faster to load than `fetch`. */
export async function sendRequest(
  url: string,
  options: {
    method: string
    headers: Record<string, string>
    body?: string | Buffer
    agent?: HttpAgent | HttpsAgent
    timeoutMs?: number
    maxAnswerBytes?: number
  },
): Promise<HttpAnswer> {
  const { body, timeoutMs = 30_000, maxAnswerBytes = usualAnswerBytes, ...rest } = options
  const outgoing = (url.startsWith('https:') ? httpsRequest : httpRequest)(url, rest)
  // Of the whole exchange: a server that says a little now and then is not waited for either.
  const timer = setTimeout(
    () => outgoing.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)),
    timeoutMs,
  )
  try {
    const answering = answerOf(outgoing)
    outgoing.end(body)
    return await readAnswer(await answering, maxAnswerBytes)
  } finally {
    clearTimeout(timer)
  }
}

async function readAnswer(response: IncomingMessage, maxAnswerBytes: number): Promise<HttpAnswer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > maxAnswerBytes) throw new Error(`an answer of more than ${maxAnswerBytes} bytes`)
    chunks.push(chunk)
  }
  return {
    status: response.statusCode ?? 0,
    text: Buffer.concat(chunks).toString('utf8'),
    nonce: response.headers['dpop-nonce'],
    retryAfterSeconds: secondsOf(response.headers['retry-after']),
  }
}

function secondsOf(text: string | undefined): number | undefined {
  return text !== undefined && /^[0-9]{1,6}$/.test(text) ? Number(text) : undefined
}
