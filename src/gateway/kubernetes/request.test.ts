import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { describeOperation } from '../../policy/index.ts'
import { plainTarget } from '../plain-target.ts'
import { readManifest } from './manifest.ts'
import { operationOf } from './operation.ts'
import { readRequest, targetOf } from './request.ts'

/** What a request is called, as a handler asks for it. */
function named(method: string, url: string): string {
  const [path = '', query = ''] = url.split('?')
  const plain = plainTarget(path, '')
  if (plain === undefined) return 'refused: not plain'
  const asked = readRequest(method, plain.path, query)
  if (typeof asked === 'string') return `refused: ${asked}`
  if (asked.of !== 'resource') return asked.of
  const command = asked.parameters.filter(([name]) => name === 'command').map(([, value]) => value)
  const operation = operationOf('prod', asked, command)
  return typeof operation === 'string' ? `refused: ${operation}` : describeOperation(operation)
}

test('a request is named by verb, group, resource, namespace and name', () => {
  const ns = '/api/v1/namespaces/web'
  const apps = '/apis/apps/v1/namespaces/web/deployments'
  const cases: readonly (readonly [string, string, string | RegExp])[] = [
    ['GET', '/', 'discovery'],
    ['GET', '/version', 'discovery'],
    ['GET', '/api', 'discovery'],
    ['GET', '/api/v1', 'discovery'],
    ['GET', '/apis/apps/v1', 'discovery'],
    ['GET', '/openapi/v3/apis/apps/v1?hash=ab', 'discovery'],
    ['GET', '/livez/etcd', 'discovery'],
    ['POST', '/version', /^refused/],
    ['GET', '/metrics', 'url'],
    ['GET', '/logs/kube-apiserver.log', 'url'],
    ['POST', '/metrics', /^refused/],
    ['GET', `${ns}/pods/app-1`, 'k8s:get prod/core/pods/web/app-1'],
    ['HEAD', `${ns}/pods/app-1`, 'k8s:get prod/core/pods/web/app-1'],
    ['GET', `${ns}/pods`, 'k8s:list prod/core/pods/web/~'],
    ['GET', '/api/v1/pods', 'k8s:list prod/core/pods/~/~'],
    ['GET', `${ns}/pods?watch=true`, 'k8s:watch prod/core/pods/web/~'],
    ['GET', `${ns}/pods?watch=0`, 'k8s:list prod/core/pods/web/~'],
    ['GET', `${ns}/pods?watch`, /neither true nor false/],
    ['GET', `${ns}/pods?watch=false&watch=true`, /twice/],
    ['GET', `${ns}/pods/app-1?watch=true`, 'k8s:get prod/core/pods/web/app-1'],
    ['GET', '/api/v1/watch/pods', 'k8s:watch prod/core/pods/~/~'],
    ['GET', '/api/v1/watch/namespaces/web/pods/app-1', 'k8s:watch prod/core/pods/web/app-1'],
    ['POST', '/api/v1/watch/namespaces/web/pods', /^refused/],
    ['GET', `${ns}/pods?fieldSelector=metadata.name%3Dapp-1`, 'k8s:list prod/core/pods/web/app-1'],
    [
      'GET',
      `${ns}/pods?fieldSelector=spec.nodeName=n1,metadata.name==app-1&watch=1`,
      'k8s:watch prod/core/pods/web/app-1',
    ],
    ['GET', `${ns}/pods?fieldSelector=metadata.name!=app-1`, 'k8s:list prod/core/pods/web/~'],
    ['GET', `${ns}/pods?fieldSelector=x=y\\,metadata.name=app-1`, 'k8s:list prod/core/pods/web/~'],
    ['GET', `${ns}/pods?labelSelector=metadata.name=app-1`, 'k8s:list prod/core/pods/web/~'],
    // Helm's own questions for its releases.
    [
      'GET',
      `${ns}/secrets?labelSelector=name%3Dapp%2Cowner%3Dhelm%2Cstatus%3Ddeployed`,
      'k8s:list prod/secrets/web/sh.helm.release.v1.app.~',
    ],
    ['GET', `${ns}/secrets?labelSelector=owner=helm`, 'k8s:list prod/secrets/web/sh.helm.release.v1.~'],
    ['GET', `${ns}/secrets?labelSelector=owner!=helm`, 'k8s:list prod/secrets/web/~'],
    ['GET', `${ns}/secrets?labelSelector=owner=helm,name+in+(a,b)`, 'k8s:list prod/secrets/web/~'],
    ['GET', `${ns}/secrets?labelSelector=owner=helm,name=a,name=b`, 'k8s:list prod/secrets/web/~'],
    [
      'GET',
      `${ns}/secrets?labelSelector=owner=helm&fieldSelector=type!=helm.sh/release.v1`,
      'k8s:list prod/secrets/web/~',
    ],
    ['DELETE', `${ns}/secrets?labelSelector=owner=helm,name=app`, 'k8s:deletecollection prod/secrets/web/~'],
    ['POST', apps, 'k8s:create prod/apps/deployments/web/~'],
    ['PUT', `${apps}/app`, 'k8s:update prod/apps/deployments/web/app'],
    ['PATCH', `${apps}/app?fieldManager=kubectl`, 'k8s:patch prod/apps/deployments/web/app'],
    ['DELETE', `${apps}/app`, 'k8s:delete prod/apps/deployments/web/app'],
    ['DELETE', apps, 'k8s:deletecollection prod/apps/deployments/web/~'],
    ['PATCH', `${apps}/app/scale`, 'k8s:patch prod/apps/deployments:scale/web/app'],
    ['POST', `${ns}/pods/app-1/eviction`, 'k8s:create prod/core/pods:eviction/web/app-1'],
    [
      'PATCH',
      `${ns}/pods/app-1/ephemeralcontainers`,
      'k8s:patch prod/core/pods:ephemeralcontainers/web/app-1',
    ],
    ['GET', '/api/v1/namespaces', 'k8s:list prod/core/namespaces/~/~'],
    ['GET', ns, 'k8s:get prod/core/namespaces/~/web'],
    ['PUT', `${ns}/finalize`, 'k8s:update prod/core/namespaces:finalize/~/web'],
    ['GET', '/api/v1/nodes/n1', 'k8s:get prod/core/nodes/~/n1'],
    [
      'GET',
      '/apis/rbac.authorization.k8s.io/v1/clusterroles/system:node',
      'k8s:get prod/rbac.authorization.k8s.io/clusterroles/~/system:node',
    ],
    ['GET', `${ns}/secrets/db`, 'k8s:get prod/secrets/web/db'],
    ['GET', '/api/v1/secrets', 'k8s:list prod/secrets/~/~'],
    ['GET', '/apis/octo.example/v1/namespaces/web/secrets/db', 'k8s:get prod/octo.example/secrets/web/db'],
    ['GET', '/apis/core/v1/namespaces/web/secrets/db', /^refused/],
    ['GET', '/apis/secrets/v1/namespaces/web/x/db', /^refused/],
    ['POST', `${ns}/serviceaccounts/app/token`, /would be a token/],
    ['POST', '/apis/certificates.k8s.io/v1/certificatesigningrequests', /no step may hold/],
    ['GET', `${ns}/pods/app-1/log?follow=true&container=c`, 'k8s:logs prod/core/pods/web/app-1'],
    [
      'GET',
      `${ns}/pods/app-1/exec?command=sh&command=-c&command=echo+a%20%2A%0A&command=&stdin=true`,
      'k8s:exec prod/core/pods/web/app-1@sh -c echo%20a%20%2A%0A ""',
    ],
    ['POST', `${ns}/pods/app-1/attach`, 'k8s:attach prod/core/pods/web/app-1'],
    ['POST', `${ns}/pods/app-1/portforward`, 'k8s:port-forward prod/core/pods/web/app-1'],
    ['GET', `${ns}/services/http:app:80/proxy/secrets/x`, 'k8s:proxy prod/core/services/web/http:app:80'],
    ['GET', '/api/v1/nodes/n1/proxy/run', 'k8s:proxy prod/core/nodes/~/n1'],
    ['GET', '/api/v1/proxy/namespaces/web/pods/x', /^refused/],
    ['GET', `${ns}/pods/app-1/log/more`, /^refused/],
    ['GET', `${ns}/pods/~`, 'k8s:get prod/core/pods/web/%7E'],
    ['GET', `${ns}/roles/a@b`, 'k8s:get prod/core/roles/web/a%40b'],
    ['GET', `/api/v1/namespaces/~/pods`, /^refused/],
    ['GET', `${ns}%2fsecrets/db`, /^refused/],
    ['GET', '/api/v1//namespaces/web/secrets', /^refused/],
    ['GET', '/api/v1/namespaces/web/pods/../secrets/db', /^refused/],
    ['TRACE', `${ns}/pods`, /^refused/],
    ['GET', `${ns}/pods?a=%zz`, /^refused/],
    ['GET', `${ns}/pods?a=1;watch=true`, /^refused/],
  ]
  for (const [method, url, expected] of cases) {
    const is = named(method, url)
    if (typeof expected === 'string') assert.equal(is, expected, `${method} ${url}`)
    else assert.match(is, expected, `${method} ${url}`)
  }
})

/** The API server's own reader (apiserver, pkg/endpoints/request/requestinfo.go, NewRequestInfo), of a path as Go has it. */
function requestInfo(method: string, path: string): string | undefined {
  const parts = path.replaceAll(/^\/+|\/+$/g, '').split('/')
  if (parts.length < 3 || (parts[0] !== 'api' && parts[0] !== 'apis')) return undefined
  const isCore = parts[0] === 'api'
  if (!isCore && parts.length < 4) return undefined
  const group = isCore ? 'core' : parts[1]
  let rest = parts.slice(isCore ? 2 : 3)
  let verb = {
    GET: 'get',
    HEAD: 'get',
    POST: 'create',
    PUT: 'update',
    PATCH: 'patch',
    DELETE: 'delete',
  }[method]
  if (rest[0] === 'watch' || rest[0] === 'proxy') [verb, rest] = [rest[0], rest.slice(1)]
  let namespace = ''
  if (rest[0] === 'namespaces') {
    // Of a namespace itself the server says its own name here; grants have it as the name alone.
    const isWithin = rest.length > 2 && rest[2] !== 'status' && rest[2] !== 'finalize'
    if (isWithin) [namespace, rest] = [rest[1] ?? '', rest.slice(2)]
  }
  const [resource, name = '', subresource = ''] = rest
  if (name === '' && verb === 'get') verb = 'list'
  if (name === '' && verb === 'delete') verb = 'deletecollection'
  return JSON.stringify({ verb, group, resource, name, subresource, namespace })
}

test('however a path is spelled, what is judged is what the API server reads, in what was asked and in what is sent', () => {
  const word = fc.constantFrom(
    ...['api', 'apis', 'v1', 'apps', 'namespaces', 'web', 'pods', 'secrets', 'watch', 'proxy', 'status'],
    ...[
      'finalize',
      'exec',
      'db',
      '..',
      '.',
      '',
      '~',
      'core',
      '%2e',
      '%73ecrets',
      'we%62',
      'a%2fb',
      'secrets%00',
    ],
    ...['a%25', 'a@b', 'A', 'a;b', 'système', 'x*'],
  )
  const spelled = fc
    .tuple(
      fc.constantFrom('/api/v1/', '/apis/apps/v1/', '/api/v1/namespaces/', '/apis/', '/', '//api/v1/'),
      fc.array(word, { maxLength: 6 }),
    )
    .map(([root, words]) => `${root}${words.join('/')}`)
  let judged = 0
  fc.assert(
    fc.property(spelled, fc.constantFrom('GET', 'POST', 'PUT', 'DELETE'), (path, method) => {
      const plain = plainTarget(path, '')
      if (plain === undefined) return
      const asked = readRequest(method, plain.path, '')
      if (typeof asked === 'string' || asked.of !== 'resource') return
      judged++
      const { verb, group, resource, name = '', subresource = '', namespace = '' } = asked
      const ours = JSON.stringify({ verb, group, resource, name, subresource, namespace })
      assert.equal(ours, requestInfo(method, decodeURIComponent(path)), path)
      assert.equal(ours, requestInfo(method, targetOf(asked)), path)
    }),
    { numRuns: 20_000 },
  )
  assert.ok(judged > 500, String(judged))
})

test('what is created is named by its body, in which no key stands twice', () => {
  const read = (body: string, type?: string, isSecret = false) => {
    const manifest = readManifest(Buffer.from(body), type, isSecret)
    return typeof manifest === 'string' ? manifest : manifest.named
  }
  assert.equal(read('{"kind":"Pod","metadata":{"name":"app-1"}}'), 'app-1')
  assert.equal(read('{"metadata":{"generateName":"app-"}}', 'application/json; charset=utf-8'), 'app-~')
  assert.equal(read('{"metadata":{"name":"~"}}'), '%7E')
  assert.equal(read('{"metadata":{"name":"a/b@*"}}'), 'a%2Fb%40%2A')
  // Nobody here reads it: only a grant for any name lets it in.
  assert.equal(read('kind: Pod', 'application/yaml'), undefined)
  for (const body of [
    '{"metadata":{"name":"a"},"metadata":{"namespace":"x"}}',
    '{"metadata":{"name":"a","n\\u0061me":"b"}}',
    '[]',
    '{"metadata"',
    '',
  ])
    assert.match(String(read(body)), /stands once/, body)
  assert.equal(read('{"a":{"x":"{\\"x\\":1, \\"x\\":2}","y":[{"x":1},{"x":2}]},"x":"x"}'), undefined)
  // A Secret that would become a token, or whose type nobody can read.
  const token = '{"type":"kubernetes.io/service-account-t\\u006fken"}'
  for (const [body, type] of [
    [token, undefined],
    [token, 'application/apply-patch+yaml'],
    ['type: kubernetes.io/service-account-token', 'application/apply-patch+yaml'],
    ['type: kubernetes.io/service-account-token', 'application/yaml'],
  ] as const)
    assert.match(String(read(body, type, true)), /token|sent as JSON/, body)
  const manifest = readManifest(Buffer.from('{"kind":"Secret","data":{"a":"aHVudGVyMg=="}}'), undefined, true)
  assert.ok(typeof manifest === 'object' && !('sha256' in manifest.recorded))
})

/** A field of a protobuf message that has a length. */
function field(number: number, value: string | Buffer): Buffer {
  const bytes = Buffer.from(value as string)
  return Buffer.concat([Buffer.from([number * 8 + 2, bytes.length]), bytes])
}

test('protobuf, which Go’s clients send, is named by its fields, of which none stands twice', () => {
  const type = field(1, Buffer.concat([field(1, 'v1'), field(2, 'Secret')]))
  const body = (...object: Buffer[]) =>
    Buffer.concat([Buffer.from('k8s\0'), type, field(2, Buffer.concat(object)), field(3, ''), field(4, '')])
  const read = (bytes: Buffer, isSecret = false) => {
    const manifest = readManifest(bytes, 'application/vnd.kubernetes.protobuf', isSecret)
    return typeof manifest === 'string' ? manifest : manifest.named
  }
  const named = (name: string) => field(1, Buffer.concat([field(1, name), field(2, 'app-')]))
  assert.equal(read(body(named('db'))), 'db')
  assert.equal(read(body(named(''))), 'app-~')
  // A list or a map of an object is a field that stands more than once.
  assert.equal(read(body(named('db'), field(2, 'a'), field(2, 'b'), field(3, 'c'), field(3, 'd'))), 'db')
  assert.match(String(read(body(named('db'), field(3, 'Opaque'), field(3, 'Opaque')), true)), /stands once/)
  assert.equal(read(body(named('db'), field(3, 'Opaque'), Buffer.from([0x28, 1])), true), 'db')
  assert.match(
    String(read(body(named('db'), field(3, 'kubernetes.io/service-account-token')), true)),
    /a token/,
  )
  const bad: readonly Buffer[] = [
    body(named('a'), named('b')),
    body(field(1, Buffer.concat([field(1, 'a'), field(1, 'b')]))),
    Buffer.concat([body(named('a')), field(2, named('b'))]),
    Buffer.concat([Buffer.from('k8s\0'), field(2, named('a')), field(3, 'gzip')]),
    // A tag that Go cuts to 32 bits, of which the lower ones are a name's.
    body(Buffer.concat([Buffer.from([0x8a, 0x80, 0x80, 0x80, 0x80, 0x08, 1]), Buffer.from('x')])),
    body(Buffer.from([0x0b])),
    body(Buffer.from([0x0a, 0xff])),
    Buffer.from('k8s'),
    Buffer.from('{"metadata":{}}'),
  ]
  for (const one of bad) assert.match(String(read(one)), /stands once/, one.toString('hex'))
})

test('a body that is deep, or has keys without end, is refused before it is gone through', () => {
  const deep = (open: string, close: string, levels: number) =>
    `{"a":${open.repeat(levels)}1${close.repeat(levels)}}`
  const keys = (count: number) =>
    JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, 1])))
  for (const body of [deep('[', ']', 1_000), deep('{"a":', '}', 400_000), keys(20_001)])
    assert.match(String(readManifest(Buffer.from(body), undefined, false)), /stands once/)
  for (const body of [deep('[', ']', 900), keys(20_000), `{"a":"${'\\n'.repeat(1_400_000)}"}`])
    assert.equal(typeof readManifest(Buffer.from(body), undefined, false), 'object')
  assert.match(
    String(readManifest(Buffer.from(`{"metadata":{"name":"${'é'.repeat(254)}"}}`), undefined, false)),
    /longer/,
  )
})

test('nothing that a step sends makes the readers throw', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.string(), (path, query, body) => {
      const asked = readRequest('GET', `/${path}`, query)
      if (typeof asked !== 'string' && asked.of === 'resource') operationOf('prod', asked)
      for (const type of [undefined, 'application/apply-patch+yaml', 'application/vnd.kubernetes.protobuf'])
        readManifest(Buffer.from(type === undefined ? body : `k8s\0${body}`), type, body.length % 2 === 0)
    }),
    { numRuns: 2_000 },
  )
})

test('a list of Helm’s releases is answered with what has their type alone', () => {
  const asked = readRequest('GET', '/api/v1/namespaces/web/secrets', 'labelSelector=owner%3Dhelm&limit=5')
  assert.ok(typeof asked !== 'string')
  assert.equal(
    targetOf(asked),
    '/api/v1/namespaces/web/secrets?labelSelector=owner%3Dhelm&limit=5&fieldSelector=type%3Dhelm.sh%2Frelease.v1',
  )
})
