import assert from 'node:assert/strict'
import { createHmac, randomBytes } from 'node:crypto'
import type { lookup } from 'node:dns'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { signatureHeaders } from '../lib/index.ts'
import { delivered } from '../broker/broker.fixture.ts'
import { anna, openServer, policyText } from '../server/server.fixture.ts'
import { messageFor } from './message.ts'
import { createWebhookSender } from './webhook.ts'

const key = `whsec_${randomBytes(32).toString('base64')}`
const more = `
notify:
  releases: { kind: slack, url: secret:slack }
  pager: { kind: webhook, url: https://hooks.example.com/x, key: secret:hook, events: [approval.requested, approval.granted], addresses: [10.1.2.3] }
`
const secrets = { slack: 'https://hooks.slack.example.com/services/T/B/x', hook: key }

async function asked(t: TestContext, claims: Record<string, unknown> = {}) {
  const it = await openServer(t, { policy: policyText({ more }), secrets })
  const first = await it.exchange(await it.signer(), it.identityToken(claims))
  return { it, id: String(first.body['approval_id']) }
}

test('who is to be told is told: Slack, and a signed webhook with the same id each time it is sent', async (t) => {
  const { it, id } = await asked(t)
  assert.equal(it.sent.length, 0, 'the exchange waits for nobody')
  it.hook.fails = true
  await it.notifications.deliver()
  assert.equal(it.sent.length, 2)
  await it.notifications.deliver()
  assert.equal(it.sent.length, 2, 'not before its time')
  it.hook.fails = false
  it.clock.aheadMs += 5_000
  await it.notifications.deliver()
  it.clock.aheadMs += 3_600_000
  await it.notifications.deliver()
  assert.equal(it.sent.length, 4, 'what was taken is not sent again')
  const hooks = it.sent.filter(({ message }) => message.url === 'https://hooks.example.com/x')
  const [first, second] = hooks.map(({ message }) => message)
  assert.deepEqual(hooks[0]?.addresses, ['10.1.2.3'])
  assert.equal(first?.headers['webhook-id'], second?.headers['webhook-id'])
  for (const { headers, body } of [first, second].filter((one) => one !== undefined)) {
    const content = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`
    const signature = createHmac('sha256', Buffer.from(key.slice(6), 'base64'))
      .update(content)
      .digest('base64')
    assert.equal(headers['webhook-signature'], `v1,${signature}`)
    const event = JSON.parse(body) as { type: string; data: Record<string, unknown> }
    assert.equal(event.type, 'approval.requested')
    assert.equal(event.data['approval'], id)
    assert.equal(event.data['url'], `${it.url}/approvals/${id}`)
  }
  const slack = it.sent.find(({ message }) => message.url === secrets.slack)
  assert.match(slack?.message.body ?? '', /1 of managers/)
})

test('the signature is that of the Standard Webhooks specification’s own example', () => {
  const headers = signatureHeaders({
    id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    nowMs: 1_614_265_330_000,
    body: '{"test": 2432232314}',
    key: Buffer.from('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'base64'),
  })
  assert.equal(headers['webhook-signature'], 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=')
})

test('what an attacker may choose is plain text on one line', async (t) => {
  const { it } = await asked(t, { ref: 'refs/heads/<!channel> *x* <https://evil.example|click>' })
  await it.notifications.deliver()
  const slack = it.sent.find(({ message }) => message.url === secrets.slack)
  const { text, blocks } = JSON.parse(slack?.message.body ?? '') as {
    text: string
    blocks: { text?: { type: string; text: string }; elements?: { url: string }[] }[]
  }
  assert.doesNotMatch(text, /[<>]/)
  for (const block of blocks) if (block.text !== undefined) assert.equal(block.text.type, 'plain_text')
  const lines = blocks[1]?.text?.text.split('\n') ?? []
  assert.ok(
    lines.some((line) => line.startsWith('ref: refs/heads/<!channel> *x*')),
    lines.join('\n'),
  )
  assert.ok(blocks.flatMap(({ elements = [] }) => elements).every(({ url }) => url.startsWith(it.url)))
})

test('it gives up after a day, and says so in the log', async (t) => {
  const { it } = await asked(t)
  it.hook.fails = true
  for (let hour = 0; hour <= 24; hour++) {
    await it.notifications.deliver()
    it.clock.aheadMs += 3_600_000
  }
  await it.notifications.deliver()
  await delivered({ broker: it.broker } as never)
  const failed = it.audit.ofType('notification.failed')
  assert.deepEqual(new Set(failed.map(({ data }) => data['target'])), new Set(['pager', 'releases']))
  assert.equal((await it.store.read.selectFrom('notifications').selectAll().execute()).length, 0)
})

test('only what a target asked for is told, and nothing to a target that is gone', async (t) => {
  const { it, id } = await asked(t)
  await it.notifications.deliver()
  it.sent.length = 0
  await it.asPerson(anna, 'POST', `/v1/approvals/${id}/approve`)
  await it.apply(policyText())
  await it.notifications.deliver()
  assert.equal(it.sent.length, 0)
})

test('refused: a key that is none', async () => {
  const target = {
    kind: 'webhook',
    url: 'https://x.example',
    key: 'secret:hook',
    events: [],
    addresses: [],
  } as never
  for (const text of [
    '',
    'whsec_',
    `whsec_${Buffer.alloc(23).toString('base64')}`,
    Buffer.alloc(32).toString('base64'),
  ]) {
    const { Secret } = await import('../lib/index.ts')
    const openSecret = async () => new Secret(text)
    const making = messageFor({ id: 'msg_1', event: '{"data":{}}' }, target, {
      nowMs: 0,
      url: '',
      openSecret,
    })
    await assert.rejects(making, /whsec_/)
  }
})

/** A receiver on a free port. */
async function receiver(t: TestContext, status = 200, headers: Record<string, string> = {}) {
  const seen: { request: IncomingMessage; body: string }[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (text: string) => (body += text))
    request.on('end', () => {
      seen.push({ request, body })
      response.writeHead(status, headers).end('x'.repeat(100_000))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return { seen, port: (server.address() as AddressInfo).port }
}

const answering = (address: string) =>
  ((_host: string, _options: unknown, done: (error: null, found: unknown) => void) =>
    done(null, [{ address, family: address.includes(':') ? 6 : 4 }])) as unknown as typeof lookup

test('a webhook goes to a named address, also in the clear, and its answer is not read', async (t) => {
  const { seen, port } = await receiver(t)
  const send = createWebhookSender()
  await send({ url: `http://127.0.0.1:${port}/x`, headers: { 'webhook-id': 'msg_1' }, body: '{"a":1}' }, [
    '127.0.0.1',
  ])
  assert.equal(seen[0]?.body, '{"a":1}')
  assert.equal(seen[0].request.headers['webhook-id'], 'msg_1')
  assert.equal(seen[0].request.headers['content-type'], 'application/json')
})

test('refused: private and local addresses that nobody named, whatever stands in DNS', async (t) => {
  const { seen, port } = await receiver(t)
  for (const address of [
    '127.0.0.1',
    '169.254.169.254',
    '10.0.0.1',
    '::1',
    '::ffff:127.0.0.1',
    'fd00:ec2::254',
  ]) {
    const send = createWebhookSender({ lookup: answering(address) })
    const sending = send({ url: `https://hooks.example.com:${port}/`, headers: {}, body: '' }, ['10.9.9.9'])
    await assert.rejects(sending, /private or local address/, address)
  }
  for (const url of [`https://127.0.0.1:${port}/`, 'https://[::1]/', 'https://10.0.0.1/'])
    await assert.rejects(createWebhookSender()({ url, headers: {}, body: '' }, []), /private or local/)
  assert.equal(seen.length, 0)
})

test('refused: what is no https URL', async () => {
  const send = createWebhookSender()
  for (const url of ['http://hooks.example.com/', 'ftp://127.0.0.1/', 'file:///etc/passwd', 'nothing', ''])
    await assert.rejects(send({ url, headers: {}, body: '' }, ['127.0.0.1']), /https:\/\/ URL/)
})

test('an error and a redirect are no delivery', async (t) => {
  const send = createWebhookSender()
  const other = await receiver(t)
  for (const [status, headers] of [
    [500, {}],
    [302, { location: `http://127.0.0.1:${other.port}/` }],
  ] as const) {
    const { port } = await receiver(t, status, headers)
    const sending = send({ url: `http://127.0.0.1:${port}/`, headers: {}, body: '' }, ['127.0.0.1'])
    await assert.rejects(sending, new RegExp(`answered ${status}`))
  }
  assert.equal(other.seen.length, 0)
})
