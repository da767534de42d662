import { request as httpRequest } from 'node:http'
import { type Agent, request as httpsRequest } from 'node:https'
import { answerOf, type Clock, messageOf, signatureHeaders } from '../../lib/index.ts'
import type { Sink, SinkEntry } from './sink.ts'

const timeoutMs = 15_000
/** Requests under way at once; what comes after one that failed is sent again with it. */
const atOnce = 8

/** One POST for each entry, signed as Standard Webhooks has it; `webhook-id` is the entry's own id. */
export function createWebhookSink(deps: { url: string; key: Uint8Array; agent: Agent; clock: Clock }): Sink {
  const url = new URL(deps.url)

  async function post({ id, line }: SinkEntry, signal: AbortSignal): Promise<string | undefined> {
    const headers = {
      ...signatureHeaders({ id, nowMs: deps.clock.nowMs(), body: line, key: deps.key }),
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(line)),
    }
    try {
      const status = await send(
        url,
        headers,
        line,
        AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
        deps.agent,
      )
      // Only 2xx is a yes (Standard Webhooks, "Operational considerations"); a redirect is not followed.
      return status >= 200 && status < 300 ? undefined : `it answered ${status} for ${id}`
    } catch (error) {
      return messageOf(error)
    }
  }

  return {
    async deliver(batch, signal) {
      let delivered = 0
      while (delivered < batch.length) {
        const part = batch.slice(delivered, delivered + atOnce)
        const problems = await Promise.all(part.map((entry) => post(entry, signal)))
        const failed = problems.findIndex((problem) => problem !== undefined)
        if (failed !== -1) return { delivered: delivered + failed, problem: problems[failed] ?? '' }
        delivered += part.length
      }
      return { delivered }
    },
    close: () => deps.agent.destroy(),
  }
}

async function send(
  url: URL,
  headers: Record<string, string>,
  body: string,
  signal: AbortSignal,
  agent: Agent,
): Promise<number> {
  const options = { method: 'POST', headers, signal }
  const request =
    url.protocol === 'https:' ? httpsRequest(url, { ...options, agent }) : httpRequest(url, options)
  const answering = answerOf(request)
  request.end(body)
  const response = await answering
  // What it says besides is its own affair: read, so that the connection can be used again, up to a bound.
  let bytes = 0
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > 65_536) response.destroy()
  })
  return response.statusCode ?? 0
}
