import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:https'
import { connect } from 'node:net'
import { test, type TestContext } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { delivered } from '../broker/broker.fixture.ts'
import { startUpstream } from '../gateway/upstream.fixture.ts'
import { connectUri } from '../identity/index.ts'
import { anna, ben, mona, openServer, policyText } from './server.fixture.ts'

const host = 'deploys.test'

/** A step that may read all, and deletes and posts with a person's yes only. */
async function openDeploys(t: TestContext) {
  const upstream = await startUpstream(t, host)
  const connection = `deploys: { kind: http, url: "https://${host}", dial: "127.0.0.1:${upstream.port}", ca: ${JSON.stringify(upstream.ca)} }`
  const grants = [
    'http:get deploys/*',
    '{ grant: "http:delete deploys/*", approval: always, approvers: managers }',
    'http:delete deploys/dev/*',
    '{ grant: "http:put deploys/*", approval: always, approvers: managers }',
    '{ grant: "http:post deploys/*", approval: first, approvers: managers, timeout: 90s }',
  ]
  const policy = policyText({
    more: 'notify:\n  hook: { kind: webhook, url: "https://hook.test/", key: secret:hook }\n',
  })
    .replace('connections:', `connections:\n  ${connection}`)
    .replace('"1296269" }', '"1296269", event: push }')
    .replace('grants: [git:read', `grants: [${grants.join(', ')}, git:read`)
  const secrets = { hook: `whsec_${Buffer.alloc(32).toString('base64')}` }
  const it = await openServer(t, { policy, secrets, gatewayListens: true })
  const signer = await it.signer()
  const session = (await it.exchange(signer, it.identityToken(), 'build')).body
  const token = String(session['access_token'])
  const openStep = async () => {
    const json = { name: 'deploy', role: 'build', tier: 'B', command: 'true' }
    const { body } = await it.prove(signer, '/v1/steps', { token, json })
    const accessToken = String(body['access_token'])
    const tunnel = async () => {
      for (;;) {
        const uri = connectUri(it.gateway.url, `${host}:443`)
        const dpop = await signer.sign({ method: 'CONNECT', uri, accessToken })
        const socket = connect(Number(new URL(it.gateway.url).port), '127.0.0.1')
        t.after(() => socket.destroy())
        socket.on('error', () => undefined)
        socket.write(
          `CONNECT ${host}:443 HTTP/1.1\r\nHost: ${host}:443\r\nProxy-Authorization: DPoP ${accessToken}\r\nDPoP: ${dpop}\r\n\r\n`,
        )
        const [head] = (await once(socket, 'data')) as [Buffer]
        const nonce = /dpop-nonce: (\S+)/i.exec(String(head))?.[1]
        if (nonce === undefined) return socket
        signer.learnNonce(nonce)
      }
    }
    const call = async (method: string, path: string, signal?: AbortSignal, sent?: string) => {
      const socket = connectTls({
        socket: await tunnel(),
        servername: host,
        ca: String(body['ca_certificate']),
      })
      socket.on('error', () => undefined)
      const asking = request({
        ...{ method, path, headers: { host }, createConnection: () => socket },
        ...(signal === undefined ? {} : { signal }),
      })
      asking.end(sent)
      const [answer] = await once(asking, 'response')
      let text = ''
      for await (const chunk of answer) text += String(chunk)
      socket.destroy()
      return { status: answer.statusCode as number, text }
    }
    /** Lines that the step is told. */
    const told = () => it.gateway.refusals(String(body['step_id']) as never, 0).lines
    return { id: String(body['step_id']), call, told }
  }
  const waiting = async (count = 1) => {
    for (let round = 0; ; round++) {
      assert.ok(round < 1_000, 'nothing waits')
      const { approvals } = (await it.asAdmin('GET', '/v1/approvals')).body as {
        approvals: { id: string; operation: { operations: string[] } }[]
      }
      if (approvals.length >= count) return approvals
      await new Promise((next) => setTimeout(next, 10))
    }
  }
  const decide = (verb: 'approve' | 'deny', id = '', login = anna, reason?: string) =>
    it.asPerson(login, 'POST', `/v1/approvals/${id}/${verb}`, reason === undefined ? {} : { reason })
  return { it, upstream, step: await openStep(), openStep, waiting, decide }
}

test('an operation waits for a yes while the rest of the step goes on; the next one waits anew', async (t) => {
  const { it, upstream, step, waiting, decide } = await openDeploys(t)
  const deleting = step.call('DELETE', '/prod/web')
  const [asked] = await waiting()
  assert.deepEqual(asked?.operation.operations, ['http:delete deploys/prod/web'])
  assert.equal((await step.call('GET', '/prod/web')).status, 200)
  // Another grant allows it, and asks for nobody.
  assert.equal((await step.call('DELETE', '/dev/web')).status, 200)
  assert.deepEqual(
    upstream.seen.map(({ method, url }) => `${method} ${url}`),
    ['GET /prod/web', 'DELETE /dev/web'],
  )
  assert.equal((await decide('approve', asked?.id, mona)).status, 403, 'mona triggered the run')
  assert.equal((await decide('approve', asked?.id)).status, 200)
  assert.equal((await deleting).status, 200)
  assert.equal(upstream.seen.at(-1)?.url, '/prod/web')

  const again = step.call('DELETE', '/prod/web')
  const [second] = await waiting()
  assert.notEqual(second?.id, asked?.id)
  await decide('deny', second?.id, ben, 'freeze')
  const refused = await again
  assert.equal(refused.status, 403)
  assert.match(refused.text, /denied by ben: freeze/)
  assert.equal(upstream.seen.length, 3)

  await delivered({ broker: it.broker } as never)
  const [requested] = it.audit.ofType('approval.requested')
  const bound = requested?.data['bound'] as { operation: Record<string, unknown> } | undefined
  const operation = bound?.operation ?? {}
  assert.deepEqual(
    [operation['step'], operation['grant'], operation['operations']],
    [step.id, 'http:delete deploys/*', ['http:delete deploys/prod/web']],
  )
  const granted = it.audit.ofType('access.granted').find(({ data }) => data['approvals'] !== undefined)
  assert.deepEqual(granted?.data['approvals'], [asked?.id])
  assert.deepEqual(
    it.audit.types().filter((type) => type.startsWith('approval.')),
    ['approval.requested', 'approval.refused', 'approval.granted', 'approval.requested', 'approval.denied'],
  )
  await it.notifications.deliver()
  assert.match(
    it.sent.map(({ message }) => message.body).join(),
    /"operation":\["http:delete deploys\/prod\/web"\]/,
  )
})

test('a first yes is good for the grant and the step, and for no other step', async (t) => {
  const { it, step, openStep, waiting, decide } = await openDeploys(t)
  const [one, two] = [step.call('POST', '/a'), step.call('POST', '/b')]
  await decide('approve', (await waiting())[0]?.id)
  assert.deepEqual([(await one).status, (await two).status], [200, 200])
  assert.equal((await step.call('POST', '/c')).status, 200)
  assert.equal(it.audit.ofType('approval.requested').length, 1)

  const other = await openStep()
  const late = other.call('POST', '/a')
  await waiting()
  it.clock.aheadMs += 90_000
  await it.approvals.sweep()
  const refused = await late
  assert.equal(refused.status, 403)
  assert.match(refused.text, /nobody answered/)
})

test('what waits ends with its step, is bounded, and a client that left finds its yes again', async (t) => {
  const { it, upstream, step, waiting, decide } = await openDeploys(t)
  const leaving = new AbortController()
  const left = step.call('DELETE', '/prod/web', leaving.signal).catch(() => 'left')
  const [asked] = await waiting()
  leaving.abort()
  await left
  await it.approvals.sweep()
  await decide('approve', asked?.id)
  assert.equal(upstream.seen.length, 0, 'nobody was there to be answered')
  assert.equal((await step.call('DELETE', '/prod/web')).status, 200)
  assert.equal(it.audit.ofType('approval.requested').length, 1)

  const many = Array.from({ length: 11 }, (_, i) =>
    step.call('DELETE', `/prod/${i}`).then(
      ({ text }) => text,
      () => 'cut',
    ),
  )
  await waiting(10)
  assert.match(await Promise.race(many), /10 operations of this step .* wait for approval/)
  const running = it.broker.step(step.id as never)
  assert.ok(running !== undefined)
  await it.broker.endStep(running, { reason: 'cancelled' })
  await Promise.all(many)
  while ((await it.approvals.list('pending')).length > 0) await new Promise((next) => setTimeout(next, 10))
  await delivered({ broker: it.broker } as never)
  assert.equal(it.audit.ofType('approval.cancelled').length, 10)
  assert.equal(upstream.seen.length, 1)
})

test('a yes is for this body and this query; the step is told whom it waits for, and a no stands for a while', async (t) => {
  const { it, upstream, step, waiting, decide } = await openDeploys(t)
  const leave = async (path: string, body?: string) => {
    const leaving = new AbortController()
    const left = step.call('PUT', path, leaving.signal, body).catch(() => 'left')
    const [asked] = await waiting()
    leaving.abort()
    await left
    await it.approvals.sweep()
    return asked
  }
  for (const [first, second] of [
    [['/app?env=staging', 'good'] as const, ['/app?env=staging', 'evil'] as const],
    [['/app?env=staging'] as const, ['/app?env=prod'] as const],
  ] as const) {
    const asked = await leave(first[0], first[1])
    const isTold = (line: string) => line.endsWith(`UTC: mayfly approve ${asked?.id}`)
    while (!step.told().some(isTold)) await new Promise((next) => setTimeout(next, 10))
    const other = step.call('PUT', second[0], undefined, second[1])
    const [, another] = await waiting(2)
    await decide('approve', asked?.id)
    await decide('deny', another?.id, ben, 'not this one')
    assert.equal((await other).status, 403)
    assert.equal(upstream.seen.length, 0)
    // A no is remembered for what people were shown.
    assert.match((await step.call('PUT', second[0], undefined, second[1])).text, /not this one/)
    // What was said yes to is done, once.
    assert.equal((await step.call('PUT', first[0], undefined, first[1])).status, 200)
    assert.equal(upstream.seen.length, 1)
    upstream.seen.length = 0
  }
  const [requested] = it.audit.ofType('approval.requested')
  const bound = requested?.data['bound'] as { operation: { detail: Record<string, unknown> } }
  assert.deepEqual(bound.operation.detail, {
    http: {
      ...{ method: 'PUT', query: 'env=staging', bytes: 4 },
      sha256: '770e607624d689265ca6c44884d0807d9b054d23c473c106c72be9de08b7376c',
    },
  })
})
