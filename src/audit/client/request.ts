import { Agent, request as httpRequest } from 'node:http'
import { Agent as TlsAgent, request as httpsRequest } from 'node:https'

export interface HttpAnswer {
  status: number
  body: string
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
    const request = (agent instanceof TlsAgent ? httpsRequest : httpRequest)(
      url,
      { agent, method, headers },
      (response) => {
        const chunks: Buffer[] = []
        let bytes = 0
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length
          if (bytes > maxAnswerBytes) request.destroy(new Error('the answer is too long'))
          else chunks.push(chunk)
        })
        response.on('error', reject)
        response.on('end', () => {
          clearTimeout(timer)
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() })
        })
      },
    )
    const timer = setTimeout(() => {
      request.destroy(new Error(`no answer within ${timeoutMs / 1000} s`))
    }, timeoutMs)
    request.on('error', (error) => {
      clearTimeout(timer)
      reject(error)
    })
    request.end(body)
  })
}

/** A thousand receipts take near 200 KB. */
const maxAnswerBytes = 4_194_304

/** Keeps connections to the log open; TLS by the URL's scheme. */
export function createAgent(url: string): Agent {
  const options = { keepAlive: true, maxSockets: 4 }
  return new URL(url).protocol === 'https:' ? new TlsAgent(options) : new Agent(options)
}
