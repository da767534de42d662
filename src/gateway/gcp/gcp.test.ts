import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hosts, openGcp, type Asking } from './gcp.fixture.ts'
import { mintingOf } from './minting.ts'
import { readRest } from './rest.ts'
import { readTarget } from './target.ts'

const grants = [
  'gcp:call prod/storage.objects.create/releases/app/*',
  'gcp:read prod/storage.objects.get/releases/*',
  'gcp:read prod/storage.objects.list/releases',
  'gcp:call prod/run.services.update/locations/europe-west1/services/web',
  'gcp:call prod/compute:POST/compute/v1/projects/octo-prod/*',
]

const parts = (metadata: string) =>
  `--b1\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n${metadata}\r\n--b1\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b1--`
const multipart = { 'content-type': 'multipart/related; boundary="b1"' }

test('what is granted goes on with the held token, by the name that was judged', async (t) => {
  const world = await openGcp(t, grants)
  for (const [asking, sent] of [
    [
      { path: '/storage/v1/b/releases/o/app%2Fa%20b?alt=media' },
      '/storage/v1/b/releases/o/app%2Fa%20b?alt=media',
    ],
    [{ path: '/storage/v1/b/releases/o?prefix=a+b' }, '/storage/v1/b/releases/o?prefix=a%20b'],
    [
      { path: '/storage/v1/b/releases/storageLayout?alt=json' },
      '/storage/v1/b/releases/storageLayout?alt=json',
    ],
    [{ path: '/releases/app/x', method: 'HEAD' }, '/releases/app/x'],
    [{ path: '/app/x', host: hosts.bucket, method: 'PUT', body: 'hello' }, '/app/x'],
    [
      {
        path: '/upload/storage/v1/b/releases/o?uploadType=media&name=app%2Fx',
        method: 'POST',
        body: 'hello',
      },
      '/upload/storage/v1/b/releases/o?uploadType=media&name=app%2Fx',
    ],
    [
      {
        ...{ path: '/upload/storage/v1/b/releases/o?uploadType=multipart', method: 'POST' },
        ...{ body: parts('{"name":"app/y"}'), headers: multipart },
      },
      '/upload/storage/v1/b/releases/o?uploadType=multipart&name=app%2Fy',
    ],
    [
      {
        ...{ path: '/v2/projects/octo-prod/locations/europe-west1/services/web', host: hosts.run },
        ...{ method: 'PATCH', body: '{"template":{}}' },
      },
      '/v2/projects/octo-prod/locations/europe-west1/services/web',
    ],
  ] as [Asking, string][]) {
    const answer = await world.askGoogle(asking)
    assert.equal(answer.status, 200, `${asking.path} ${answer.head} ${answer.body}`)
    const seen = world.google.seen.at(-1)
    assert.equal(seen?.url, sent)
    if (asking.headers !== multipart) assert.equal(String(seen?.body), asking.body ?? '')
    assert.match(String(seen?.headers.authorization), /^B/)
    assert.ok(!JSON.stringify(seen?.headers).includes('stand-in'), String(seen?.headers.authorization))
  }
  assert.deepEqual(world.audit.ofType('access.granted').map(({ data }) => data['operations'])[0], [
    { action: 'gcp:read', connection: 'prod', path: 'storage.objects.get', ref: 'releases/app/a%20b' },
  ])
})

test('an answer that is cut for the credential is said in Google’s words', async (t) => {
  const world = await openGcp(t, grants)
  world.google.handle = (request, response) => void response.end(request.headers.authorization)
  const { status, body } = await world.askGoogle({ path: '/storage/v1/b/releases/o/app%2Fa?alt=media' })
  assert.equal(status, 502)
  assert.match(body, /^\{"error":\{"code":502,"message":"mayfly: refused: .*holds the credential/)
})

test('two projects on one host: the stand-in says which is meant', async (t) => {
  const world = await openGcp(t, grants)
  const path = '/storage/v1/b/lab/o/x'
  assert.equal((await world.askGoogle({ path, token: 'mayfly-stand-in-lab' })).status, 200)
  assert.match((await world.askGoogle({ path })).body, /gcp:read prod\/storage\.objects\.get\/lab\/x/)
})

test('a token is asked for, and answered by the gateway: nobody else hears of it', async (t) => {
  const world = await openGcp(t, grants)
  const ask = (login: string) =>
    world.askGoogle({
      ...{ host: hosts.oauth2, path: '/token', method: 'POST', token: '' },
      body: `grant_type=refresh_token&client_id=mayfly&client_secret=x&refresh_token=${login}`,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    })
  const { access_token: token } = JSON.parse((await ask('mayfly-stand-in-prod')).body) as {
    access_token: string
  }
  assert.equal(token, 'mayfly-stand-in-prod')
  const other = await ask('1//real-refresh-token')
  assert.equal(other.status, 400)
  assert.match(other.body, /"invalid_grant".*not the stand-in/)
  assert.equal(world.google.begun.length, 0)
})

test('a refusal is Google’s own, names the grant, and upstream hears nothing of it', async (t) => {
  const world = await openGcp(t, [
    ...grants,
    'gcp:call prod/iam.*',
    'gcp:call prod/iam:*',
    'gcp:call prod/storage:*',
    'gcp:call prod/storage.buckets.create/*',
    'gcp:read prod/storage.buckets.list',
  ])
  const insert = '/upload/storage/v1/b/releases/o?uploadType='
  const cases: [Asking, RegExp][] = [
    [
      { path: '/storage/v1/b/releases/o/app%2Fx', method: 'DELETE' },
      /^\{"error":\{"code":403,"message":"mayfly: refused: .*gcp:call prod\/storage\.objects\.delete\/releases\/app\/x/,
    ],
    [
      { path: '/releases/app/x', method: 'DELETE' },
      /<Error><Code>AccessDenied<.*storage\.objects\.delete\/releases\/app\/x/,
    ],
    [
      { path: `${insert}multipart`, method: 'POST', body: parts('{"name":"other"}'), headers: multipart },
      /objects\.create\/releases\/other/,
    ],
    [
      {
        path: `${insert}multipart&name=app%2Fx`,
        method: 'POST',
        body: parts('{"name":"other"}'),
        headers: multipart,
      },
      /names two objects/,
    ],
    [
      {
        path: `${insert}multipart`,
        method: 'POST',
        body: parts('{"name":"app/x","name":"other"}'),
        headers: multipart,
      },
      /stands twice/,
    ],
    [
      {
        path: `${insert}multipart`,
        method: 'POST',
        body: `x${parts('{"name":"app/x"}')}`,
        headers: multipart,
      },
      /begin with its boundary/,
    ],
    [
      { path: `${insert}resumable`, method: 'POST', body: '{"name":"other"}' },
      /objects\.create\/releases\/other/,
    ],
    [
      { path: `${insert}resumable`, method: 'POST', body: '{"name":"app/x","acl":[{"entity":"allUsers"}]}' },
      /objects\.setIamPolicy\/releases\/app\/x/,
    ],
    [{ path: `${insert}media&name=app%2Fx&name=other`, method: 'POST', body: 'x' }, /parameter twice/],
    [
      { path: '/storage/v1/b/secret/o/k/rewriteTo/b/releases/o/app%2Fk', method: 'POST' },
      /storage\.objects\.get\/secret\/k/,
    ],
    [
      { path: '/storage/v1/b/releases/o/k/copyTo/b/other/o/app%2Fk', method: 'POST' },
      /storage\.objects\.create\/other\/app\/k/,
    ],
    [
      {
        ...{ path: '/storage/v1/b/releases/o/app%2Fall/compose', method: 'POST' },
        body: '{"sourceObjects":[{"name":"app/1"}],"deleteSourceObjects":true}',
      },
      /storage\.objects\.delete\/releases\/app\/1/,
    ],
    [
      { path: '/releases/app/x', method: 'PUT', headers: { 'x-goog-copy-source': '/secret/k' } },
      /storage\.objects\.get\/secret\/k/,
    ],
    [
      { path: '/releases/app/x', method: 'PUT', headers: { 'x-goog-acl': 'public-read' } },
      /objects\.setIamPolicy/,
    ],
    [{ path: '/batch/storage/v1', method: 'POST', body: 'x' }, /batch of requests/],
    [{ path: '//storage/v1/b/releases', method: 'DELETE' }, /bucket/],
    [{ path: '//releases/app/x' }, /names no bucket/],
    [{ path: '/storage/v1/b//o' }, /names no bucket/],
    [{ path: '/storage%2Fv1/b/releases/o/x' }, /bucket/],
    [{ path: '/storage/v1/b/releases/o/app%2F..%2Fx' }, /`\.\.`/],
    [{ path: '/releases/app/x?X-Goog-Signature=a&X-Goog-Credential=b' }, /signed URL/],
    [{ path: '/storage/v1/b/releases/o/x?access_token=ya29.own' }, /access_token/],
    [{ path: '/storage/v1/b/releases/o/x?%24httpMethod=DELETE' }, /\$httpMethod/],
    [{ path: '/storage/v1/b/releases/o/x', token: 'ya29.own' }, /does not show the stand-in/],
    [{ path: '/storage/v1/b/releases/o/x', token: '' }, /does not show the stand-in/],
    [
      { path: '/storage/v1/b/releases/o/x', headers: { 'x-http-method-override': 'DELETE' } },
      /Method-Override/,
    ],
    [
      { path: '/upload/storage/v1/b/releases/o?upload_id=real-id-of-google', method: 'PUT', body: 'x' },
      /has not begun/,
    ],
    [
      { path: '/upload/storage/v1/b/releases/o?upload_id=mayfly-1', method: 'PUT', body: 'x' },
      /has not begun/,
    ],
    [
      { path: '/storage/v1/projects/octo-prod/hmacKeys?serviceAccountEmail=x', method: 'POST' },
      /would be a credential/,
    ],
    [
      { path: '/v1/projects/-/serviceAccounts/x/keys', host: hosts.iam, method: 'POST' },
      /would be a credential/,
    ],
    [
      { path: '/v1/projects/-/serviceAccounts/x%3AsignBlob', host: hosts.iam, method: 'POST' },
      /would be a credential/,
    ],
    [
      { path: '/v1/projects%2F-/serviceAccounts/x:signJwt', host: hosts.iam, method: 'POST' },
      /would be a credential/,
    ],
    [
      {
        path: '/v2/projects/octo-prod/locations/europe-west1/services/api',
        host: hosts.run,
        method: 'DELETE',
      },
      /run\.services\.delete\/locations\/europe-west1\/services\/api/,
    ],
    [
      { path: '/v2/projects/other/locations/europe-west1/services/web', host: hosts.run, method: 'PATCH' },
      /run\.services\.update\/projects\/other\/locations/,
    ],
    [{ path: '/v1/token', host: 'www.googleapis.com', method: 'POST' }, /no host of a service/],
    // Another project than the connection's, or one that pays.
    [{ path: '/storage/v1/b?project=other' }, /project[\\]*" is another project/],
    [{ path: '/storage/v1/b?project=other', method: 'POST', body: '{"name":"mine"}' }, /another project/],
    [{ path: '/storage/v1/b/releases/o/x?alt=media&userProject=other' }, /another project/],
    [{ path: '/storage/v1/b/releases/o/x?user_project=other' }, /another project/],
    [{ path: '/mine', method: 'PUT', headers: { 'x-goog-project-id': 'other' } }, /another project/],
    [{ path: '/releases/app/x', headers: { 'x-goog-user-project': 'other' } }, /another project/],
    [{ path: '/v1/assets?parent=projects/other', host: hosts.iam }, /another project/],
    // What is asked for besides, in either spelling.
    ...['acl', 'retention', 'contexts'].map((name): [Asking, RegExp] => [
      {
        ...{ path: `${insert}multipart`, method: 'POST', headers: multipart },
        body: parts(`{"name":"app/x","${name}":{}}`),
      },
      /objects\.(?:setIamPolicy|setRetention|createContext)\/releases\/app\/x/,
    ]),
    [
      { path: `${insert}media&name=app%2Fx&predefined_acl=publicRead`, method: 'POST', body: 'x' },
      /setIamPolicy/,
    ],
    [
      {
        path: '/storage/v1/b?project=octo-prod',
        method: 'POST',
        body: '{"name":"b","default_object_acl":[]}',
      },
      /buckets\.setIamPolicy\/b/,
    ],
    [
      { path: '/releases/app/x', method: 'PUT', headers: { 'x-goog-object-lock-mode': 'COMPLIANCE' } },
      /objects\.setRetention/,
    ],
    [
      {
        path: '/storage/v1/b/releases/o?uploadType=media',
        method: 'POST',
        body: `{"name":"${'n'.repeat(1_025)}"}`,
      },
      /not passed on/,
    ],
    // Boundaries that could be read in two ways, and parts that are not two.
    ...[
      'multipart/related; boundary=b1; boundary=b2',
      'multipart/related; boundary*0=b2; boundary=b1',
      'multipart/related; boundary="b\\1"; boundary=b1',
      'multipart/related, multipart/related; boundary=b1',
      'multipart/mixed; boundary=b1',
    ].map((type): [Asking, RegExp] => [
      {
        ...{ path: `${insert}multipart`, method: 'POST', body: parts('{"name":"app/x"}') },
        headers: { 'content-type': type },
      },
      /one boundary|does not begin/,
    ]),
  ]
  for (const [asking, why] of cases) {
    const { status, body } = await world.askGoogle(asking)
    assert.equal(status, 403, `${asking.path} ${body}`)
    assert.match(body, why)
  }
  assert.equal(world.google.begun.length, 0)
})

test('the address of an upload stays in the gateway; the one that the step gets works for it alone', async (t) => {
  const world = await openGcp(t, grants)
  const real =
    'https://storage.googleapis.com/upload/storage/v1/b/releases/o?uploadType=resumable&upload_id=REAL-ID'
  world.google.handle = (request, response) =>
    void response
      .writeHead(200, {
        'x-guploader-uploadid': 'REAL-ID',
        ...(request.method === 'POST' ? { location: real } : {}),
      })
      .end('{}')
  const begun = await world.askGoogle({
    ...{
      path: '/upload/storage/v1/b/releases/o?uploadType=resumable',
      method: 'POST',
      body: '{"name":"app/big"}',
    },
    headers: { 'content-type': 'application/json' },
  })
  assert.ok(!begun.head.includes('REAL-ID'), begun.head)
  const location = new URL(/^location: (\S+)/im.exec(begun.head)?.[1] ?? '')
  assert.equal(location.searchParams.get('upload_id'), 'mayfly-1')
  const put = await world.askGoogle({
    path: `${location.pathname}${location.search}`,
    method: 'PUT',
    body: 'x',
  })
  assert.equal(put.status, 200)
  assert.ok(!put.head.includes('REAL-ID'))
  assert.match(String(world.google.seen.at(-1)?.url), /upload_id=REAL-ID$/)
  // What begins it is XML.
  const xml = await world.askGoogle({
    path: '/releases/app/big',
    method: 'POST',
    headers: { 'x-goog-resumable': 'start', 'content-length': '0' },
  })
  assert.match(xml.head, /upload_id=mayfly-2/)
  const other = await world.askGoogle({
    path: `${location.pathname}${location.search}`,
    method: 'PUT',
    body: 'x',
    token: 'mayfly-stand-in-lab',
  })
  assert.match(other.body, /has not begun/)
})

test('an upload in parts goes on as the two parts that were read, with a boundary of the gateway’s own', async (t) => {
  const world = await openGcp(t, grants)
  const path = '/upload/storage/v1/b/releases/o?uploadType=multipart'
  const bytes = `--b\r\n--b1x \n--b1\r\r\n${'x'.repeat(200_000)}\r\n-`
  const written = (end: string, boundary: string, media = bytes) =>
    [
      ...[`--${boundary}`, 'Content-Type: application/json', 'MIME-Version: 1.0', '', '{"name":"app/y"}'],
      ...[`--${boundary}`, 'Content-Type: text/plain', 'Content-Transfer-Encoding: binary', '', media],
      ...[`--${boundary}--`, ''],
    ].join(end)
  for (const [type, body] of [
    [`multipart/related; boundary=b1; x="; boundary=b2"`, written('\r\n', 'b1')],
    [`multipart/related; type="application/json"; boundary='=b2='`, written('\n', '=b2=')],
  ] as const) {
    const { status } = await world.askGoogle({
      path,
      method: 'POST',
      body,
      headers: { 'content-type': type },
    })
    assert.equal(status, 200, type)
    const seen = world.google.seen.at(-1)
    const own = /^multipart\/related; boundary=(mayfly-[0-9a-f]{48})$/.exec(
      seen?.headers['content-type'] ?? '',
    )?.[1]
    assert.equal(
      String(seen?.body),
      `--${own}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n{"name":"app/y"}\r\n` +
        `--${own}\r\nContent-Type: text/plain\r\n\r\n${bytes}\r\n--${own}--\r\n`,
    )
  }
  const heard = world.google.seen.length
  for (const body of [
    written('\r\n', 'b1').replace('--b1--', '--b1'),
    written('\r\n', 'b1').replace('--b1--', `--b1\r\n\r\nthird\r\n--b1--`),
    written('\r\n', 'b1').slice(0, -30),
  ]) {
    const headers = { 'content-type': 'multipart/related; boundary=b1' }
    const answer = await world.askGoogle({ path, method: 'POST', body, headers })
    assert.match(answer.body, /two parts|breaks off/)
  }
  assert.equal(world.google.seen.length, heard, 'half an upload was taken for all of it')
})

test('answers that are credentials are refused, by whatever service they are given', () => {
  const services = [
    'cloudbuild',
    'developerconnect',
    'alloydb',
    'cloudfunctions',
    'backupdr',
    'redis',
    'domains',
  ]
  const asked = (service: string, method: string, path: string) => {
    const target = readTarget(path, '')
    assert.ok(typeof target === 'object')
    const one = readRest({ service, project: 'octo-prod' }, method, target)
    return typeof one === 'string' ? one : mintingOf([one])
  }
  const at = (what: string) => `/v1/projects/octo-prod/locations/l/x/y${what}`
  for (const what of [
    ...[':accessReadToken', ':accessReadWriteToken', ':fetchReadWriteToken', ':fetchAccessToken'],
    ...[':generateClientCertificate', ':generateUploadUrl', ':generateDownloadUrl', ':generateIdToken'],
    ...[
      '/authString:getAuthString',
      ':retrieveAuthorizationCode',
      ':showVcenterCredentials',
      ':generateWallet',
    ],
    ...['%3AgenerateAccessToken', ':generateOfflineCredential', ':resetSecret'],
  ])
    for (const service of services)
      assert.match(asked(service, 'POST', at(what)) ?? '', /would be a credential/, `${service} ${what}`)
  for (const what of [
    ':cancel',
    ':setIamPolicy',
    ':fetchLinkableRepositories',
    '',
    '/versions/latest:access',
  ])
    for (const service of services) assert.equal(asked(service, 'POST', at(what)), undefined, what)
})
