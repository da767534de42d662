import assert from 'node:assert/strict'
import { Agent } from 'node:http'
import { test, type TestContext } from 'node:test'
import { exchange } from '../../../src/audit/client/request.ts'
import { createWebhookSink } from '../../../src/audit/forward/webhook-sink.ts'
import { createIssuerKeys } from '../../../src/identity/issuer-keys.ts'
import { createWebhookSender } from '../../../src/approval/webhook.ts'
import { systemClock } from '../../../src/lib/index.ts'
import { hostileAnswers, oddAnswers } from '../../../src/lib/hostile-answers.fixture.ts'
import { sendRequest } from '../../../src/runner/http.ts'
import { startRawServer } from './raw-server.fixture.ts'

/** Every client of HTTP that our processes have, beside the gateway and the relay. */
const clients = (t: TestContext): Record<string, (url: string) => Promise<unknown>> => {
  const agent = new Agent({ keepAlive: true })
  const sink = (url: string) =>
    createWebhookSink({ url, key: Buffer.alloc(24), agent: agent as never, clock: systemClock })
  const entry = { index: 0, id: 'x', type: 'x', time: '', run: undefined, line: '{}' }
  t.after(() => agent.destroy())
  return {
    'the audit client': (url) => exchange(agent, new URL(url), { method: 'GET', timeoutMs: 300 }),
    'a webhook of the forwarder': (url) => sink(url).deliver([entry] as never, AbortSignal.timeout(300)),
    'a webhook of an approval': (url) =>
      createWebhookSender({ timeoutMs: 300 })({ url, headers: {}, body: '{}' }, ['127.0.0.1']),
    'the keys of an issuer': (url) =>
      createIssuerKeys({
        url,
        fetch: (asked, init) => fetch(asked, { ...init, signal: AbortSignal.timeout(300) }),
        clock: systemClock,
      }).get(),
    'the API of the server': (url) => sendRequest(url, { method: 'GET', headers: {}, timeoutMs: 300 }),
  }
}

test('whatever a server answers, a client of it has an answer or an error', async (t) => {
  const raw = await startRawServer(t)
  for (const [who, ask] of Object.entries(clients(t))) {
    for (const [name, answer] of Object.entries({ ...hostileAnswers, ...oddAnswers })) {
      raw.answer = answer
      const end = await Promise.race([
        ask(`http://127.0.0.1:${raw.port}`).then(
          () => 'settled',
          () => 'settled',
        ),
        new Promise((late) => setTimeout(late, 3_000, 'never')),
      ])
      assert.equal(end, 'settled', `${who}: ${name}`)
    }
  }
})
