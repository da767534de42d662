import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Secret } from '../../lib/index.ts'
import {
  chunkedRequest,
  hosts,
  isSignedWith,
  openAws,
  presignedRequest,
  readChunks,
  signedRequest,
  type Asking,
} from './aws.fixture.ts'

const objects = [
  'aws:call prod/s3:PutObject/releases/app/*',
  'aws:read prod/s3:GetObject/releases/*',
  'aws:read prod/s3:ListBucket/releases',
  'aws:call prod/s3:DeleteObject/releases/old/*',
]

test('S3: what is granted goes on, signed anew to the letter, by path and by the host of a bucket', async (t) => {
  const world = await openAws(t, objects)
  for (const asking of [
    { host: hosts.s3, path: '/releases/app/a%20b%2Bc%28%C3%A4%29%2A.txt', method: 'PUT', body: 'hello' },
    { host: hosts.bucket, path: '/app/x?x-id=PutObject', method: 'PUT', body: 'hello' },
    { host: hosts.bucket, path: '/?list-type=2&prefix=a%2Fb%20c&delimiter=%2F' },
    {
      host: hosts.s3,
      path: '/releases/app//twice',
      headers: { range: 'bytes=0-9', 'x-amz-meta-a': ' b   c ' },
    },
    // What the step's clock says does not matter.
    { host: hosts.s3, path: '/releases/app/x', at: new Date(0) },
  ] satisfies Asking[]) {
    const answer = await world.askAws(asking)
    assert.equal(answer.status, 200, answer.body)
    const seen = await world.lastSeen()
    assert.equal(seen.url.replace(/=(?=&|$)/g, ''), asking.path)
    assert.equal(String(seen.body), asking.body ?? '')
    assert.ok(await isSignedWith(seen, 'injected', 'for-prod'), asking.path)
    assert.ok(
      Math.abs(
        Date.now() -
          Date.parse(String(seen.headers['x-amz-date']).replace(/^(....)(..)(..T..)(..)/, '$1-$2-$3:$4:')),
      ) < 60_000,
    )
  }
  assert.equal((await world.lastSeen()).headers.range, undefined)
  assert.deepEqual(
    world.audit
      .ofType('access.granted')
      .map(({ data }) => data['operations'])
      .slice(0, 3),
    [
      [
        {
          action: 'aws:call',
          connection: 'prod',
          path: 's3:PutObject',
          ref: 'releases/app/a%20b+c(%C3%A4)%2A.txt',
        },
      ],
      [{ action: 'aws:call', connection: 'prod', path: 's3:PutObject', ref: 'releases/app/x' }],
      [{ action: 'aws:read', connection: 'prod', path: 's3:ListBucket', ref: 'releases' }],
    ],
  )
})

test('two accounts on one host: the stand-in says which is meant, and its own key signs', async (t) => {
  const world = await openAws(t, objects)
  assert.equal((await world.askAws({ host: hosts.s3, path: '/lab/x', id: 'MAYFLY_lab' })).status, 200)
  assert.ok(await isSignedWith(await world.lastSeen(), 'injected', 'for-lab'))
  const refused = await world.askAws({ host: hosts.s3, path: '/lab/x' })
  assert.match(refused.body, /add .*aws:read prod\/s3:GetObject\/lab\/x/)
})

test('a refusal is AWS’s own, names the grant, and upstream hears nothing of it', async (t) => {
  const world = await openAws(t, objects)
  const s3 = await world.askAws({ host: hosts.s3, path: '/releases/other', method: 'PUT', body: 'x' })
  assert.equal(s3.status, 403)
  assert.match(
    s3.body,
    /^<\?xml.*<Error><Code>AccessDenied<\/Code><Message>mayfly: refused: .*aws:call prod\/s3:PutObject\/releases\/other.*<RequestId>req_/s,
  )
  const json = await world.askAws({
    ...{ host: hosts.ecs, service: 'ecs', method: 'POST', body: '{"cluster":"c","service":"s"}' },
    headers: {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': 'AmazonEC2ContainerServiceV20141113.UpdateService',
    },
  })
  assert.match(json.head, /x-amzn-errortype: AccessDeniedException/)
  assert.match(
    (JSON.parse(json.body) as { message: string }).message,
    /aws:call prod\/ecs:UpdateService\/c\/s/,
  )
  const query = await world.askAws({
    ...{
      host: hosts.iam,
      service: 'iam',
      region: 'us-east-1',
      method: 'POST',
      body: 'Action=CreateRole&RoleName=a%2Bb',
    },
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  })
  assert.match(
    query.body,
    /<ErrorResponse><Error><Type>Sender<\/Type><Code>AccessDenied<\/Code>.*aws:call prod\/iam:CreateRole\/a\+b/,
  )
  const head = await world.askAws({ host: hosts.s3, path: '/secret/x', method: 'HEAD' })
  assert.match(head.head, /x-mayfly-refused: .*aws:read prod\/s3:GetObject\/secret\/x/)
  assert.equal(world.aws.begun.length, 0)
})

test('what is not signed by the stand-in, for this host, in this way, is refused', async (t) => {
  const world = await openAws(t, ['aws:call prod/s3:*', 'aws:call prod/ecs:*', 'aws:call prod/sts:*'])
  const cases: [asking: Asking, why: RegExp][] = [
    [
      { host: hosts.s3, path: '/b/k', id: 'AKIAIOSFODNN7EXAMPLE' },
      /signed by AKIA\w+, which is not the stand-in/,
    ],
    [{ host: hosts.s3, path: '/bkt/k', secret: 'another' }, /its signature is wrong/],
    [
      { host: hosts.s3, path: '/bkt/k', region: 'us-west-2' },
      /region us-west-2, which the connection does not have/,
    ],
    [{ host: hosts.s3, path: '/bkt/k', service: 'ecs' }, /goes to S3, and is signed for ecs/],
    [{ host: hosts.ecs, path: '/', service: 'sts' }, /goes to ecs, and is signed for sts/],
    [{ host: hosts.ecs, path: '/bkt/k', service: 's3' }, /goes to ecs, and is signed for s3/],
    [{ host: hosts.s3, path: '/bkt/a/../b' }, /`\.\.`/],
    [{ host: hosts.s3, path: '/bkt/a%2F%2E%2E%2Fb' }, /`\.\.`/],
    [{ host: hosts.s3, path: '/bkt?acl=&policy=' }, /acl and policy at once/],
    [
      { host: hosts.s3, path: '/bkt/k', method: 'PUT', headers: { 'x-amz-copy-source': 'other/../k' } },
      /source of the copy/,
    ],
    [
      {
        host: hosts.s3,
        path: '/bkt/k',
        headers: { 'x-amz-content-sha256': 'STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD' },
      },
      /SigV4A/,
    ],
    [
      {
        host: hosts.sts,
        service: 'sts',
        path: '/?Action=GetCallerIdentity',
        method: 'POST',
        body: 'Action=AssumeRole',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      },
      /more than one operation/,
    ],
    [
      {
        host: hosts.ecs,
        service: 'ecs',
        method: 'POST',
        body: 'Action=X',
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          'x-amz-target': 'AmazonEC2ContainerServiceV20141113.ListTasks',
        },
      },
      /more than one operation/,
    ],
    [
      {
        host: hosts.ecs,
        service: 'ecs',
        method: 'POST',
        body: '{"cluster":"a","cluster":"b"}',
        headers: { 'x-amz-target': 'AmazonEC2ContainerServiceV20141113.ListTasks' },
      },
      /stands twice/,
    ],
    [
      {
        host: hosts.ecs,
        service: 'ecs',
        method: 'POST',
        body: '{}',
        headers: { 'x-amz-target': 'secretsmanager.GetSecretValue' },
      },
      /names an operation of secretsmanager/,
    ],
    [
      {
        host: hosts.ecs,
        service: 'ecs',
        method: 'POST',
        body: '{"cluster":"prod","service":"arn:aws:ecs:eu-west-1:123456789012:service/lab/web"}',
        headers: { 'x-amz-target': 'AmazonEC2ContainerServiceV20141113.UpdateService' },
      },
      /not within/,
    ],
  ]
  for (const [asking, why] of cases) {
    const { status, body } = await world.askAws(asking)
    assert.equal(status, 403, `${asking.path} ${body}`)
    assert.match(body, why)
  }
  const bare = (head: string) =>
    world.ask(`GET ${head}Connection: close\r\n\r\n`, { authority: `${hosts.s3}:443` })
  for (const [head, why] of [
    [`/bkt/k HTTP/1.1\r\nHost: ${hosts.s3}\r\n`, /it is not signed/],
    [`/bkt/k HTTP/1.1\r\nHost: ${hosts.s3}\r\nAuthorization: AWS AKIA:sig\r\n`, /another way/],
    [`/bkt/k HTTP/1.1\r\nHost: ${hosts.s3}\r\nAuthorization: Bearer x\r\n`, /another way/],
    [`/bkt/k?AWSAccessKeyId=x&Signature=y&Expires=1 HTTP/1.1\r\nHost: ${hosts.s3}\r\n`, /another way/],
    [`/bkt/k?a=b+c HTTP/1.1\r\nHost: ${hosts.s3}\r\n`, /itself or a space/],
  ] as const)
    assert.match((await bare(head)).body, why)
  const signed = String(await signedRequest({ host: hosts.s3, path: '/bkt/k' }))
  const changed = await world.ask(signed.replace('/bkt/k', '/bkt/other'), { authority: `${hosts.s3}:443` })
  assert.match(changed.body, /its signature is wrong/)
  assert.equal(world.aws.begun.length, 0)
})

test('what a request does to others is asked for, too: copies, ACLs, lists of keys, roles that it passes', async (t) => {
  const world = await openAws(t, [...objects, 'aws:call prod/ecs:*', 'aws:call prod/lambda:*'])
  const copy = await world.askAws({
    host: hosts.s3,
    path: '/releases/app/x',
    method: 'PUT',
    headers: { 'x-amz-copy-source': '/secret/key%20a' },
  })
  assert.match(copy.body, /aws:read prod\/s3:GetObject\/secret\/key%20a/)
  const acl = await world.askAws({
    host: hosts.s3,
    path: '/releases/app/x',
    method: 'PUT',
    headers: { 'x-amz-acl': 'public-read' },
  })
  assert.match(acl.body, /aws:call prod\/s3:PutObjectAcl\/releases\/app\/x/)
  const list = (keys: string) =>
    world.askAws({
      host: hosts.s3,
      path: '/releases?delete=',
      method: 'POST',
      body: `<Delete>${keys}</Delete>`,
      headers: { 'content-type': 'application/xml' },
    })
  assert.equal(
    (await list('<Object><Key>old/a&amp;b</Key></Object><Object><Key>old/c</Key></Object>')).status,
    200,
  )
  assert.match(
    (await list('<Object><Key>old/a</Key></Object><Object><Key>app/c</Key></Object>')).body,
    /s3:DeleteObject\/releases\/app\/c/,
  )
  const task = await world.askAws({
    ...{
      host: hosts.ecs,
      service: 'ecs',
      method: 'POST',
      body: '{"family":"web","taskRoleArn":"arn:aws:iam::123456789012:role/admin","executionRoleArn":"arn:aws:iam::123456789012:role/pull"}',
    },
    headers: { 'x-amz-target': 'AmazonEC2ContainerServiceV20141113.RegisterTaskDefinition' },
  })
  assert.match(
    (JSON.parse(task.body) as { message: string }).message,
    /iam:PassRole\/admin.*iam:PassRole\/pull/,
  )
  const code = await world.askAws({
    host: hosts.lambda,
    service: 'lambda',
    path: '/2015-03-31/functions/web/code',
    method: 'PUT',
    body: '{"ZipFile":"eA=="}',
  })
  assert.equal(code.status, 200)
  const granted = world.audit.ofType('access.granted').at(-1)?.data['operations']
  assert.deepEqual(granted, [
    { action: 'aws:call', connection: 'prod', path: 'lambda:UpdateFunctionCode', ref: 'web' },
  ])
})

const session = `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAREALKEY000001</AccessKeyId><SecretAccessKey>real-secret-of-the-role</SecretAccessKey><SessionToken>real/token+of=the-role</SessionToken><Expiration>2030-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`

test('a role that the step assumes stays in the gateway: the step gets a stand-in, which works on that connection alone', async (t) => {
  const world = await openAws(t, [
    ...objects,
    'aws:call prod/sts:AssumeRole/arn:aws:iam::999999999999:role/deploy',
  ])
  world.aws.handle = (request, response) =>
    void response.writeHead(200).end(request.headers.host === hosts.sts ? session : 'ok')
  const assume = (role: string) =>
    world.askAws({
      host: hosts.sts,
      service: 'sts',
      method: 'POST',
      body: `Action=AssumeRole&RoleArn=${encodeURIComponent(role)}`,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    })
  assert.match(
    (await assume('arn:aws:iam::999999999999:role/admin')).body,
    /sts:AssumeRole\/arn:aws:iam::999999999999:role\/admin/,
  )
  const { body } = await assume('arn:aws:iam::999999999999:role/deploy')
  assert.match(
    body,
    /<AccessKeyId>MAYFLY_prod_SESSION1<.*<SecretAccessKey>held-by-the-gateway<.*<SessionToken>held-by-the-gateway</,
  )
  assert.doesNotMatch(body, /real|ASIA/)
  const as = (id: string) =>
    world.askAws({
      host: hosts.s3,
      path: '/releases/x',
      id,
      headers: { 'x-amz-security-token': 'held-by-the-gateway' },
    })
  assert.equal((await as('MAYFLY_prod_SESSION1')).status, 200)
  const seen = world.aws.seen.at(-1)
  assert.equal(seen?.headers['x-amz-security-token'], 'real/token+of=the-role')
  assert.ok(seen !== undefined && (await isSignedWith(seen, 'ASIAREALKEY000001', 'real-secret-of-the-role')))
  for (const id of ['MAYFLY_lab_SESSION1', 'MAYFLY_prod_SESSION2', 'MAYFLY_prod_SESSION0'])
    assert.match((await as(id)).body, /not the stand-in/)
  for (const [status, answer] of [
    [200, session.replace('SessionToken', 'Other')],
    [201, session.replace('SessionToken', 'Other')],
    [200, `${session}<SessionToken x="1">real/token</SessionToken>`],
  ] as const) {
    world.aws.handle = (_request, response) => void response.writeHead(status).end(answer)
    assert.match(
      (await assume('arn:aws:iam::999999999999:role/deploy')).body,
      /cannot be read: it is not passed on/,
    )
  }
})

test('what would be a credential is refused, whatever is granted, or comes without it', async (t) => {
  const world = await openAws(t, ['aws:call prod/iam:*', 'aws:call prod/ecr:*'])
  const key = await world.askAws({
    host: hosts.iam,
    service: 'iam',
    region: 'us-east-1',
    method: 'POST',
    body: 'Action=CreateAccessKey&UserName=x',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  })
  assert.match(key.body, /would be a credential, which no step may hold/)
  assert.equal(world.aws.begun.length, 0)
  const shown = {
    authorizationData: [{ authorizationToken: 'cmVhbA==', expiresAt: 1.5, proxyEndpoint: 'https://x' }],
  }
  world.aws.handle = (_request, response) => void response.writeHead(200).end(JSON.stringify(shown))
  const token = await world.askAws({
    host: hosts.ecr,
    service: 'ecr',
    method: 'POST',
    body: '{}',
    headers: { 'x-amz-target': 'AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken' },
  })
  const [data] = (JSON.parse(token.body) as typeof shown).authorizationData
  assert.equal(Buffer.from(data?.authorizationToken ?? '', 'base64').toString(), 'AWS:held-by-the-gateway')
  assert.equal(data?.proxyEndpoint, 'https://x')
})

test('a presigned URL works where the stand-in made it, and carries nothing of it on', async (t) => {
  const world = await openAws(t, objects)
  const ask = async (path: string, method = 'GET', secret?: string) =>
    world.ask(
      await presignedRequest({
        host: hosts.bucket,
        path,
        method,
        ...(secret === undefined ? {} : { secret }),
      }),
      {
        authority: `${hosts.bucket}:443`,
      },
    )
  assert.equal((await ask('/app/a%20b')).status, 200)
  const seen = await world.lastSeen()
  assert.equal(seen.url, '/app/a%20b')
  assert.ok(await isSignedWith(seen, 'injected', 'for-prod'))
  assert.match((await ask('/other', 'PUT')).body, /aws:call prod\/s3:PutObject\/releases\/other/)
  assert.match((await ask('/app/x', 'GET', 'another')).body, /its signature is wrong/)
})

test('a body in signed chunks is checked on its way, and signed anew', async (t) => {
  const world = await openAws(t, objects)
  const text = 'x'.repeat(100_000)
  const put = (body: string, headers = {}) =>
    chunkedRequest({ host: hosts.bucket, path: '/app/x', method: 'PUT', body, headers })
  const answer = await world.ask(await put(text), { authority: `${hosts.bucket}:443` })
  assert.equal(answer.status, 200, answer.body)
  const seen = await world.lastSeen()
  assert.ok(await isSignedWith(seen, 'injected', 'for-prod'))
  assert.deepEqual(await readChunks(seen, 'for-prod'), text)
  const changed = Buffer.from(String(await put(text)).replace('xxx\r\n0;', 'xxy\r\n0;'))
  const refused = await world.ask(changed, { authority: `${hosts.bucket}:443` })
  assert.match(refused.body, /<Code>AccessDenied<.*the signature of a chunk is wrong/s)
  assert.equal(world.aws.seen.length, 1)
})

test('a session that its host takes no more is followed by the next; a body that has passed is sent again by its tool', async (t) => {
  const world = await openAws(t, objects)
  const keys = (name: string) => ({
    access_key_id: new Secret(`ASIA${name}`),
    secret_access_key: new Secret(`secret-${name}`),
    session_token: new Secret(`token-of-${name}`),
  })
  let now = keys('first')
  const { broker } = world.brokers
  broker.lease = async (_step, connection) => ({
    ...{ id: 'lse_1' as never, connection: connection.name, expiresMs: Date.now() + 60_000, from: [] },
    ...{ authorization: now.session_token, fields: now, clientIdentity: undefined },
  })
  broker.refusedByHost = () => {
    now = keys('second')
  }
  const expired = '<Error><Code>ExpiredToken</Code><Message>it has expired</Message></Error>'
  const seen = () => world.aws.seen.map(({ headers }) => headers['x-amz-security-token'])
  world.aws.handle = (request, response) =>
    request.headers['x-amz-security-token'] === 'token-of-first'
      ? void response.writeHead(400).end(expired)
      : void response.writeHead(200).end('ok')
  const get = { host: hosts.bucket, path: '/x' }
  assert.match((await world.askAws(get)).body, /\bok\b/)
  assert.deepEqual(seen(), ['token-of-first', 'token-of-second'])
  const last = world.aws.seen.at(-1)
  assert.ok(last !== undefined && (await isSignedWith(last, 'ASIAsecond', 'secret-second')))
  now = keys('first')
  const put = await world.askAws({ host: hosts.bucket, path: '/app/x', method: 'PUT', body: 'x' })
  assert.equal(put.status, 503)
  assert.match(put.body, /<Code>SlowDown<.*try again/s)
  assert.equal(
    (await world.askAws({ host: hosts.bucket, path: '/app/x', method: 'PUT', body: 'x' })).status,
    200,
  )
  // A refusal that repeats what it was sent.
  world.aws.handle = ({ headers }, response) =>
    void response
      .writeHead(403)
      .end(`<CanonicalRequest>${String(headers['x-amz-security-token'])}</CanonicalRequest>`)
  const echoed = await world.askAws(get)
  assert.match(echoed.body, /holds the credential of connection/)
  assert.doesNotMatch(echoed.body, /token-of/)
})

test('hosts beside a service’s main one go by method, host and path: no grant for a bucket is one for what stands behind an access point', async (t) => {
  const world = await openAws(t, [
    'aws:call prod/s3:*/releases/*',
    'aws:call prod/execute-api:POST/abc123.execute-api/prod/*',
  ])
  const point = await world.askAws({ host: hosts.accessPoint, path: '/releases/x', method: 'PUT', body: 'x' })
  assert.match(point.body, /aws:call prod\/s3:PUT\/x-123456789012\.s3-accesspoint\/releases\/x/)
  const api = (path: string) =>
    world.askAws({ host: hosts.api, service: 'execute-api', path, method: 'POST', body: '{}' })
  assert.equal((await api('/prod/orders')).status, 200)
  assert.match((await api('/test/orders')).body, /execute-api:POST\/abc123\.execute-api\/test\/orders/)
})
