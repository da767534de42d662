import { Agent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as TlsAgent, request as httpsRequest } from 'node:https'
import { answerOf } from '../../lib/index.ts'

export interface HttpAnswer {
  status: number
  body: string
  /** Of the log's process, another after each start. */
  process: string
}

/**
 * One HTTP exchange, the answer's body included, within `timeoutMs`. Rejects with the system's error when there
 * is no whole answer in time or it is longer than `maxAnswerBytes`.
 */
export function exchange(
  agent: Agent,
  url: URL,
  options: { method: 'GET' | 'POST'; headers?: Record<string, string>; body?: Buffer; timeoutMs: number },
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const { method, headers = {}, body, timeoutMs } = options
    const request = (agent instanceof TlsAgent ? httpsRequest : httpRequest)(url, { agent, method, headers })
    const timer = setTimeout(() => {
      const late = new Error(`no answer within ${timeoutMs / 1000} s`)
      request.destroy(late)
      reject(late)
    }, timeoutMs)
    answerOf(request)
      .then((response) => readAnswer(response))
      .then(resolve, reject)
      .finally(() => clearTimeout(timer))
    request.end(body)
  })
}

async function readAnswer(response: IncomingMessage): Promise<HttpAnswer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > maxAnswerBytes) throw new Error('the answer is too long')
    chunks.push(chunk)
  }
  const { 'mayfly-log-process': named } = response.headers
  const process = typeof named === 'string' ? named : ''
  return { status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString(), process }
}

/** A thousand receipts take near 200 KB. */
const maxAnswerBytes = 4_194_304

/** Keeps connections to the log open; TLS by the URL's scheme. */
export function createAgent(url: string): Agent {
  const options = { keepAlive: true, maxSockets: 4 }
  return new URL(url).protocol === 'https:' ? new TlsAgent(options) : new Agent(options)
}
