import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type ClientHttp2Session } from 'node:http2'
import { test, type TestContext } from 'node:test'
import { keptAttestations, openSigning } from '../attestations.fixture.ts'
import { WebSocket } from 'ws'
import { compileRules, openWorld, readAll, request, until, type World } from '../gateway.fixture.ts'
import { startClusterStub } from './kubernetes.fixture.ts'

const host = 'cluster.test'
const base = '/k8s/one'
const secret = `Basic ${Buffer.from('injected:for-prod').toString('base64')}`

async function openCluster(
  t: TestContext,
  grants: Parameters<typeof compileRules>[1],
  options: Parameters<typeof openWorld>[1] = {},
) {
  const [world, cluster] = [await openWorld(t, options), await startClusterStub(t, host)]
  const prod = {
    kind: 'kubernetes',
    url: `https://${host}${base}`,
    dial: cluster.dial,
    ca: cluster.ca,
    credential: { bearer: 'secret:prod' },
  }
  const rules = compileRules({ prod }, grants)
  world.setTargets(rules.targets, rules.policy)
  return { world, cluster, ask: asker(world) }
}

function asker(world: World) {
  return async (
    method: string,
    path: string,
    options: { body?: unknown; headers?: Record<string, string> } = {},
  ) => {
    const { body, headers = {} } = options
    const text = typeof body === 'string' || body === undefined ? body : JSON.stringify(body)
    const all = { ...(text === undefined ? {} : { 'content-type': 'application/json' }), ...headers }
    const sent = request(method, `${base}${path}`, {
      host,
      headers: all,
      ...(text === undefined ? {} : { body: text }),
    })
    const answer = await world.ask(sent, { authority: `${host}:443` })
    const json = answer.body.startsWith('{') ? (JSON.parse(answer.body) as Record<string, unknown>) : {}
    return { ...answer, json }
  }
}

const ns = '/api/v1/namespaces/web'
const apps = '/apis/apps/v1/namespaces/web/deployments'
const grants = [
  'k8s:apply prod/apps/deployments/web/app-*',
  'k8s:read prod/core/*',
  'k8s:get prod/secrets/web/db',
  'k8s:logs prod/core/pods/web/*',
  'k8s:exec prod/core/pods/web/app-*@rails db:*',
  'k8s:port-forward prod/core/pods/web/app-1',
]

test('a request that is granted passes with the credential, written anew; the stand-in stays behind', async (t) => {
  const { world, cluster, ask } = await openCluster(t, grants)
  const got = await ask('GET', `${ns}/p%6Fds/app-1/?pretty=0`, {
    headers: { authorization: 'Bearer held-by-the-gateway', cookie: 'a=b', 'user-agent': 'kubectl' },
  })
  assert.equal(got.status, 200)
  const [seen] = cluster.seen
  assert.equal(seen?.url, `${base}${ns}/pods/app-1?pretty=0`)
  assert.deepEqual([seen?.headers.authorization, seen?.headers.cookie], [secret, undefined])
  // Which resources there are is for every grant.
  assert.equal((await ask('GET', '/apis?timeout=32s')).status, 200)
  const body = { kind: 'Deployment', metadata: { name: 'app-1' }, spec: { password: 'hunter2' } }
  assert.equal((await ask('POST', `${apps}?fieldManager=kubectl&dryRun=All`, { body })).status, 200)
  const granted = world.audit.ofType('access.granted').map(({ data }) => data)
  assert.deepEqual(granted.at(-1)?.['operations'], [
    { action: 'k8s:create', connection: 'prod', path: 'apps/deployments/web/app-1' },
  ])
  const detail = granted.at(-1)?.['kubernetes'] as Record<string, Record<string, unknown>>
  assert.deepEqual(
    [detail['verb'], detail['dryRun'], detail['manifest']?.['kind'], detail['manifest']?.['name']],
    ['create', 'All', 'Deployment', 'app-1'],
  )
  assert.match(String(detail['manifest']?.['sha256']), /^[0-9a-f]{64}$/)
  assert.ok(!JSON.stringify(world.audit.events).includes('hunter2'))
  await until(() => {
    void world.gateway.recordDownloads(world.step)
    return world.audit.ofType('operations.done').length > 0
  })
  assert.match(JSON.stringify(world.audit.ofType('operations.done')), /create apps\/deployments\/web\/app-1/)
})

test('what no grant allows is refused as Kubernetes says it, with the grant to add, before the server hears of it', async (t) => {
  const { cluster, ask } = await openCluster(t, grants)
  const named = (name: string) => ({ body: { kind: 'Deployment', metadata: { name } } })
  const cases: readonly (readonly [string, string, Parameters<typeof ask>[2], RegExp])[] = [
    ['DELETE', `${apps}/app-1`, {}, /k8s:delete prod\/apps\/deployments\/web\/app-1/],
    ['POST', apps, named('other'), /k8s:create prod\/apps\/deployments\/web\/other/],
    ['POST', apps, { body: '{"metadata":{"name":"app-1"},"metadata":{"name":"other"}}' }, /stands once/],
    // Secrets are no part of the core group's grants.
    ['GET', `${ns}/secrets/other`, {}, /k8s:get prod\/secrets\/web\/other/],
    ['GET', '/api/v1/secrets', {}, /k8s:list prod\/secrets\/~\/~/],
    ['POST', `${ns}/serviceaccounts/app/token`, { body: {} }, /would be a token/],
    ['GET', `${ns}/pods/app-1`, { headers: { 'impersonate-user': 'system:admin' } }, /act as somebody else/],
    ['GET', `${ns}/pods/app-1/proxy/x`, {}, /k8s:proxy prod\/core\/pods\/web\/app-1/],
    ['GET', '/metrics', {}, /k8s:get prod\/~\/metrics/],
    ['GET', `${ns}/pods/app-1/exec?command=rails&command=db:migrate`, {}, /needs a WebSocket/],
    ['GET', `${ns}%2fsecrets/db`, {}, /escapes/],
    ['GET', `${ns}/pods?watch=true&watch=false`, {}, /twice/],
    ['PATCH', `${apps}/app-1`, { body: `{"x":"${'x'.repeat(3_200_000)}"}` }, /over 3145728 bytes/],
  ]
  for (const [method, path, options, expected] of cases) {
    const { status, json } = await ask(method, path, options)
    assert.ok(status === 403 || status === 400 || status === 413, `${path}: ${status}`)
    assert.deepEqual(
      [json['kind'], json['apiVersion'], json['status'], json['code']],
      ['Status', 'v1', 'Failure', status],
    )
    assert.match(String(json['message']), expected, path)
  }
  assert.equal(cluster.seen.length, 0)
  assert.equal((await ask('GET', `${ns}/secrets/db`)).status, 200)
  assert.equal((await openCluster(t, ['k8s:get prod/~/metrics'])).world.audit.events.length, 0)
})

test('the credential does not come back, and a step without a grant may not even ask what there is', async (t) => {
  const { ask } = await openCluster(t, grants)
  const { body, json: cut } = await ask('GET', `${ns}/pods/reflect`)
  assert.ok(!body.includes(secret.slice(6, 20)), body)
  assert.deepEqual([cut['kind'], cut['code'], cut['reason']], ['Status', 502, 'InternalError'], body)
  const none = await openWorld(t)
  const cluster = await startClusterStub(t, host)
  const prod = { kind: 'kubernetes', url: `https://${host}${base}`, dial: cluster.dial, ca: cluster.ca }
  // The policy in force is the one before.
  none.setTargets(compileRules({ prod }, grants).targets)
  const { status, head, body: told } = await asker(none)('GET', '/api')
  // kubectl takes no Status apart there: of a text it shows the words.
  assert.match(head, /content-type: text\/plain/)
  assert.deepEqual([status, told.startsWith('mayfly: refused: k8s:discover prod')], [403, true], told)
  assert.equal(cluster.seen.length, 0)
})

test('kubectl auth can-i: what no grant is for is no; of the rest the server says it', async (t) => {
  const { cluster, ask } = await openCluster(t, grants)
  const review = (resourceAttributes: object) =>
    ask('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
      body: { kind: 'SelfSubjectAccessReview', spec: { resourceAttributes } },
    })
  const no = await review({
    verb: 'delete',
    group: 'apps',
    resource: 'deployments',
    namespace: 'web',
    name: 'app-1',
  })
  assert.equal(no.status, 201)
  assert.deepEqual((no.json['status'] as Record<string, unknown>)['allowed'], false)
  assert.match(no.body, /no grant of this step allows k8s:delete prod\/apps\/deployments\/web\/app-1/)
  assert.equal(cluster.seen.length, 0)
  await review({ verb: 'patch', group: 'apps', resource: 'deployments', namespace: 'web', name: 'app-1' })
  assert.equal(cluster.seen.length, 1)
})

async function openHttp2(t: TestContext, world: World): Promise<ClientHttp2Session> {
  const socket = await world.secure({ authority: `${host}:443`, ALPNProtocols: ['h2'] })
  const client = connect(`https://${host}`, { createConnection: () => socket })
  client.on('error', () => undefined)
  t.after(() => client.destroy())
  return client
}

test('a watch by HTTP/2 has its head before its first event, each event as it comes, and ends with the step', async (t) => {
  const { world, cluster } = await openCluster(t, grants)
  const client = await openHttp2(t, world)
  const stream = client.request({ ':path': `${base}${ns}/pods?watch=true`, ':method': 'GET' })
  stream.on('error', () => undefined)
  const [head] = (await once(stream, 'response')) as [Record<string, unknown>]
  assert.equal(head[':status'], 200)
  for (const event of ['{"type":"ADDED"}', '{"type":"DELETED"}']) {
    const next = once(stream, 'data')
    cluster.event(event)
    assert.match(String((await next)[0]), new RegExp(event))
  }
  const log = client.request({ ':path': `${base}${ns}/pods/app-1/log?follow=true`, ':method': 'GET' })
  log.on('error', () => undefined)
  await once(log, 'response')
  const ended = [once(stream, 'close'), once(log, 'close')]
  world.brokers.end(world.step)
  await Promise.all(ended)
  await until(() => cluster.open() === 0)
})

const exec = `${base}${ns}/pods/app-1/exec`

test('exec by WebSocket: its command is judged, it passes both ways, and is cut when the lease is revoked', async (t) => {
  const { world, cluster } = await openCluster(t, grants)
  const open = async (path: string, protocols: string[]) => {
    const socket = await world.secure({ authority: `${host}:443` })
    const client = new WebSocket(`wss://${host}${path}`, protocols, {
      createConnection: () => socket,
      perMessageDeflate: false,
    })
    client.on('error', () => undefined)
    return client
  }
  const refused = await open(`${exec}?command=sh&command=-c&command=id`, ['v5.channel.k8s.io'])
  const [, answer] = (await once(refused, 'unexpected-response')) as [unknown, NodeJS.ReadableStream]
  const told = JSON.parse((await readAll(answer as never)).toString()) as Record<string, unknown>
  assert.match(String(told['message']), /k8s:exec prod\/core\/pods\/web\/app-1@sh -c id/)
  assert.equal(cluster.seen.length, 0)
  const client = await open(`${exec}?command=rails&command=db:migrate&stdout=true`, ['v5.channel.k8s.io'])
  await once(client, 'open')
  assert.equal(client.protocol, 'v5.channel.k8s.io')
  client.send(Buffer.from('\x01hello'))
  assert.equal(String((await once(client, 'message'))[0]), '\x01hello')
  const [seen] = cluster.seen
  assert.equal(seen?.url, `${exec}?command=rails&command=db%3Amigrate&stdout=true`)
  assert.equal(seen?.headers.authorization, secret)
  const closed = once(client, 'close')
  world.brokers.endLease(world.step, 'prod')
  await closed
  await until(() => cluster.open() === 0)
  // A watch, too, and how each ended stands in the log.
  const watch = await open(`${base}${ns}/pods?watch=true`, [])
  await once(watch, 'open')
  watch.close()
  await once(watch, 'close')
  const done = await doneIn(world, 2)
  assert.deepEqual(
    done.map(({ operation }) => operation),
    ['exec core/pods/web/app-1@rails db:migrate', 'watch core/pods/web/~'],
  )
  const { sent, received, seconds } = done[0]?.facts ?? {}
  assert.ok(Number(sent) >= 12 && Number(received) >= 8 && Number(seconds) >= 0, JSON.stringify(done))
})

interface Done {
  readonly operation: string
  readonly facts: Readonly<Record<string, unknown>>
}

async function doneIn(world: World, count: number): Promise<Done[]> {
  const all = () => world.audit.ofType('operations.done').flatMap(({ data }) => data['operations'] as Done[])
  await until(() => {
    void world.gateway.recordDownloads(world.step)
    return all().length >= count
  })
  return all()
}

test('what is refused by WebSocket, and asked for again by SPDY, is refused once', async (t) => {
  const { world, cluster } = await openCluster(t, grants)
  const target = `${exec}?command=sh&stdout=true`
  const ask = async (upgrade: string) => {
    const socket = await world.secure({ authority: `${host}:443` })
    socket.write(
      `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${Buffer.alloc(16, 7).toString('base64')}\r\nUpgrade: ${upgrade}\r\n\r\n`,
    )
    return /"message":"((?:[^"\\]|\\.)*)/.exec((await readAll(socket)).toString())?.[1]
  }
  const denied = () => world.audit.ofType('access.denied').length
  const first = await ask('websocket')
  assert.match(String(first), /k8s:exec prod/)
  assert.deepEqual([await ask('SPDY/3.1'), denied()], [first, 1])
  // Whoever asks anew is judged anew.
  assert.notEqual(await ask('SPDY/3.1'), first)
  assert.deepEqual([denied(), cluster.seen.length], [2, 0])
})

test('port-forward by SPDY, or by SPDY within a WebSocket: once it is permitted its bytes pass as they are, until the step ends', async (t) => {
  const { world, cluster } = await openCluster(t, grants)
  const ask = async (path: string) => {
    const socket = await world.secure({ authority: `${host}:443` })
    socket.write(
      `POST ${base}${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: portforward.k8s.io\r\nContent-Length: 0\r\n\r\n`,
    )
    return socket
  }
  const no = (await readAll(await ask(`${ns}/pods/app-2/portforward`))).toString()
  assert.match(no, /^HTTP\/1\.1 403 [^]*k8s:port-forward prod\/core\/pods\/web\/app-2/)
  const withBody = await world.secure({ authority: `${host}:443` })
  withBody.write(
    `POST ${base}${ns}/pods/app-1/portforward HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nContent-Length: 5\r\n\r\nhello`,
  )
  assert.match((await readAll(withBody)).toString(), /"message":"[^"]*has no body/)
  const none = (await readAll(await ask(`${ns}/pods/app-1`))).toString()
  assert.match(none, /"code":403/)
  assert.equal(cluster.seen.length, 0)
  const socket = await ask(`${ns}/pods/app-1/portforward`)
  const head = String((await once(socket, 'data'))[0])
  assert.match(head, /^HTTP\/1\.1 101 [^]*Upgrade: SPDY\/3\.1\r\nX-Stream-Protocol-Version: v4/)
  assert.deepEqual([cluster.seen[0]?.method, cluster.seen[0]?.headers.authorization], ['POST', secret])
  const bytes = Buffer.from([0x80, 0x03, 0, 1, 0xff, 0])
  const received: Buffer[] = []
  socket.on('data', (chunk: Buffer) => received.push(chunk))
  socket.write(bytes)
  await until(() => Buffer.concat(received).equals(bytes))
  const within = await world.secure({ authority: `${host}:443` })
  const key = Buffer.alloc(16, 7).toString('base64')
  within.write(
    `GET ${base}${ns}/pods/app-1/portforward HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io\r\n\r\n`,
  )
  assert.match(String((await once(within, 'data'))[0]), /protocol: SPDY\/3\.1\+portforward\.k8s\.io/i)
  const closed = [once(socket, 'close'), once(within, 'close')]
  world.brokers.end(world.step)
  await Promise.all(closed)
  await until(() => cluster.open() === 0)
})

test('`artifact: run`: every image of a body has the digest of what the run published, in whatever form it is sent', async (t) => {
  const digest = (of: string) => `sha256:${of.repeat(64)}`
  const [own, other] = [digest('a'), digest('b')]
  const isOfRun = (_step: unknown, digests: readonly string[]) =>
    Promise.resolve(digests.every((one) => one === own))
  const granted = [{ grant: 'k8s:write prod/apps/deployments/web/app-*', artifact: 'run' as const }]
  const { cluster, ask } = await openCluster(t, granted, { artifacts: { isOfRun, add: async () => {} } })
  const ofPod = (...images: unknown[]) => ({ spec: { containers: images.map((image) => ({ image })) } })
  const deployment = (pod: object) => ({
    ...{ kind: 'Deployment', metadata: { name: 'app-1' } },
    spec: { template: pod },
  })
  const at = `${apps}/app-1`
  const patched = (type: string) => ({ headers: { 'content-type': `application/${type}` } })
  const ops = patched('json-patch+json')
  const image = '/spec/template/spec/containers/0/image'
  const volume = (reference: unknown) => ({ spec: { volumes: [{ image: { reference } }] } })
  const twice = `{"spec":{"image":"x@${other}","image":"x@${own}"}}`
  const requests: readonly (readonly [string, string, Parameters<typeof ask>[2]])[] = [
    ['POST', apps, { body: deployment(ofPod(`r/app@${own}`, `r/app@${other}`)) }],
    ['POST', apps, { body: deployment({ spec: { initContainers: [{ image: `r/app:v1` }] } }) }],
    ['POST', apps, { body: deployment(volume(`r/data@${other}`)) }],
    ['POST', apps, { body: deployment({ spec: { containers: [{ image: { repository: 'x' } }] } }) }],
    ['PATCH', at, { body: deployment(ofPod('r/app')), ...patched('strategic-merge-patch+json') }],
    ['PATCH', at, { body: twice, ...patched('merge-patch+json') }],
    ['PATCH', at, { body: 'spec: {image: x}', ...patched('apply-patch+yaml') }],
    ['PATCH', at, { body: deployment(ofPod(`x@${other}`)), ...patched('apply-patch+yaml') }],
    ['PATCH', at, { body: [{ op: 'replace', path: image, value: 'r/app' }], ...ops }],
    ['PATCH', at, { body: [{ op: 'add', path: '/spec', value: ofPod('r/app') }], ...ops }],
    ['PATCH', at, { body: [{ op: 'copy', from: '/metadata/name', path: image }], ...ops }],
  ]
  for (const [method, path, options] of requests) {
    const { status, json } = await ask(method, path, options)
    assert.deepEqual([status, json['reason']], [403, 'Forbidden'], JSON.stringify(options))
    assert.match(String(json['message']), /asks for `artifact: run`/)
  }
  assert.equal(cluster.seen.length, 0)
  const passing: typeof requests = [
    ['POST', apps, { body: deployment(ofPod(`r/app:v1@${own}`)) }],
    ['PATCH', at, { body: deployment(ofPod(`r/app@${own}`)), ...patched('apply-patch+yaml') }],
    ['PATCH', at, { body: [{ op: 'replace', path: image, value: `r/app@${own}` }], ...ops }],
    ['PATCH', at, { body: { spec: { replicas: 3 } }, ...patched('merge-patch+json') }],
    ['GET', at, {}],
    ['DELETE', at, {}],
  ]
  for (const [method, path, options] of passing)
    assert.equal((await ask(method, path, options)).status, 200, JSON.stringify(options))
})

test('the options of a DELETE are told as they are done: with a body the server reads none of the query', async (t) => {
  const { world, cluster, ask } = await openCluster(t, [
    'k8s:delete prod/core/*',
    'k8s:deletecollection prod/core/*',
    'k8s:create prod/core/pods:eviction/*',
  ])
  const at = `${ns}/configmaps/app`
  const body = { kind: 'DeleteOptions', apiVersion: 'v1' }
  for (const [path, sent, headers, why] of [
    [`${at}?dryRun=All`, body, {}, /its query has "dryRun"/],
    [`${ns}/configmaps?labelSelector=a%3Db&dryRun=All`, body, {}, /its query has "dryRun"/],
    [`${at}?propagationPolicy=Orphan`, body, {}, /its query has "propagationPolicy"/],
    [at, 'dryRun: [All]', { 'content-type': 'application/yaml' }, /sent as JSON/],
    [at, '{"dryRun":["All"],"dryRun":[]}', {}, /stands once/],
  ] as const) {
    const { status, json } = await ask('DELETE', path, { body: sent, headers })
    assert.equal(status, 403, path)
    assert.match(String(json['message']), why)
  }
  assert.equal(cluster.seen.length, 0)
  const { status } = await ask('DELETE', at, {
    body: { ...body, dryRun: ['All'], propagationPolicy: 'Orphan' },
  })
  assert.equal(status, 200)
  assert.equal((await ask('DELETE', `${at}?dryRun=All`)).status, 200)
  assert.equal((await ask('DELETE', at, { body })).status, 200)
  const eviction = { kind: 'Eviction', metadata: { name: 'app' }, deleteOptions: { dryRun: ['All'] } }
  assert.equal((await ask('POST', `${ns}/pods/app/eviction`, { body: eviction })).status, 200)
  const told = world.audit.ofType('access.granted').map(({ data }) => {
    const { dryRun, propagationPolicy } = data['kubernetes'] as Record<string, unknown>
    return [dryRun, propagationPolicy]
  })
  assert.deepEqual(told, [
    ['All', 'Orphan'],
    ['All', undefined],
    [undefined, undefined],
    ['All', undefined],
  ])
})

test('what makes an object that is not there needs k8s:create, too: server-side apply, and a PUT', async (t) => {
  const { cluster, ask } = await openCluster(t, [
    ...['k8s:patch prod/apps/deployments/web/*', 'k8s:update prod/apps/deployments/web/*'],
    'k8s:create prod/apps/deployments/web/missing-of-ours',
  ])
  const body = { kind: 'Deployment', metadata: { name: 'x' } }
  const applied = { 'content-type': 'application/apply-patch+yaml' }
  for (const [method, headers] of [
    ['PATCH', applied],
    ['PUT', {}],
  ] as const) {
    const refused = await ask(method, `${apps}/missing`, { body, headers })
    assert.match(String(refused.json['message']), /k8s:create prod\/apps\/deployments\/web\/missing/)
    assert.equal((await ask(method, `${apps}/app-1`, { body, headers })).status, 200)
    assert.equal((await ask(method, `${apps}/missing-of-ours`, { body, headers })).status, 200)
  }
  const merge = { 'content-type': 'application/merge-patch+json' }
  assert.equal((await ask('PATCH', `${apps}/missing`, { body, headers: merge })).status, 200)
  assert.deepEqual(
    cluster.seen.map(({ method, url }) => `${method} ${url.split('/').at(-1)}`),
    ['PATCH', 'PUT']
      .flatMap((one) => ['GET missing', 'GET app-1', `${one} app-1`, `${one} missing-of-ours`])
      .concat('PATCH missing'),
  )
})

test('who may make objects in a namespace may look whether it is there, as kubectl does first, and at no other', async (t) => {
  const { ask } = await openCluster(t, [
    { grant: 'k8s:apply prod/apps/deployments/web/app-*', artifact: 'run' },
    'k8s:create prod/secrets/lab/*',
    ...['k8s:apply prod/apps/*', 'k8s:read prod/core/pods/dev/*', 'k8s:apply prod/apps/deployments/*/x'],
  ])
  const statusOf = async (path: string, method = 'GET') =>
    (await ask(method, `/api/v1/namespaces/${path}`)).status
  for (const name of ['web', 'lab']) assert.equal(await statusOf(name), 200, name)
  for (const name of ['dev', 'kube-system', 'web/status', '']) assert.equal(await statusOf(name), 403, name)
  assert.equal(await statusOf('web', 'DELETE'), 403)
})

test('`provenance`: of each image of a body, by its digest, wherever the body names it', async (t) => {
  const signing = await openSigning(t)
  const kept = keptAttestations(signing)
  const digest = (of: string) => `sha256:${of.repeat(64)}`
  const granted = [
    {
      grant: 'k8s:apply prod/apps/deployments/web/app-*',
      provenance: { role: 'build', same_run: true as const },
    },
  ]
  const { cluster, world, ask } = await openCluster(t, granted, { attestations: kept })
  const body = (...images: string[]) => ({
    ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'app-1' } },
    spec: { template: { spec: { containers: images.map((image) => ({ name: 'c', image })) } } },
  })
  const apply = (...images: string[]) =>
    ask('PATCH', `${apps}/app-1?fieldManager=x`, {
      body: body(...images),
      headers: { 'content-type': 'application/apply-patch+yaml' },
    })
  const refused = async (why: RegExp, ...images: string[]) => {
    const { status, json } = await apply(...images)
    assert.deepEqual([status, json['reason']], [403, 'Forbidden'])
    assert.match(String(json['message']), why)
  }
  const run = world.step.session.runId
  await refused(/names an image without its digest: write IMAGE@sha256/, 'registry.test/app:v1')
  await refused(
    /there is none about sha256:a+; no connection is for the registry of registry\.test\/app,/,
    `registry.test/app:v1@${digest('a')}`,
  )
  kept.bundles.push(await signing.sign({ digest: digest('a'), run }))
  await refused(/there is none about sha256:b+/, `registry.test/app@${digest('a')}`, `app@${digest('b')}`)
  assert.equal(cluster.seen.filter(({ method }) => method === 'PATCH').length, 0)
  assert.equal((await apply(`registry.test/app@${digest('a')}`)).status, 200)
  assert.equal(cluster.seen.filter(({ method }) => method === 'PATCH').length, 1)
})
