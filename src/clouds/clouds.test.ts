import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createHttpClient } from '../http-client/index.ts'
import { MayflyError } from '../lib/index.ts'
import { azureIdentity, CloudError, createAwsClient, createAzureClient, createGcpClient } from './index.ts'

// The servers here answer as the clouds' published references say; what signs and finds credentials are the clouds' own libraries.

interface Asked {
  readonly method: string
  readonly url: URL
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

type Answer = { status?: number; json?: unknown; text?: string }

async function cloud(t: TestContext, answer: (asked: Asked) => Answer) {
  const asked: Asked[] = []
  const server = createServer((request, response) => {
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('end', () => {
      const one = {
        method: request.method ?? '',
        url: new URL(request.url ?? '/', 'http://cloud'),
        headers: request.headers,
        body: Buffer.concat(pieces).toString(),
      }
      asked.push(one)
      const { status = 200, json, text } = answer(one)
      response.writeHead(status, {
        'content-type': text === undefined ? 'application/json' : 'text/plain',
        'metadata-flavor': 'Google',
      })
      response.end(text ?? JSON.stringify(json))
    })
  })
  await new Promise<void>((next) => server.listen(0, '127.0.0.1', next))
  t.after(() => server.close())
  return { asked, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

/** Sets variables of this process, since the libraries of AWS and Google read them there, for the time of one test. */
function environment(t: TestContext, variables: Record<string, string>): void {
  const before = { ...process.env }
  for (const name of Object.keys(process.env))
    if (/^(?:AWS|GOOGLE|GCE|GCLOUD)_/.test(name)) delete process.env[name]
  Object.assign(
    process.env,
    { AWS_CONFIG_FILE: '/nowhere', AWS_SHARED_CREDENTIALS_FILE: '/nowhere' },
    variables,
  )
  t.after(() => {
    for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name]
    Object.assign(process.env, before)
  })
}

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-clouds-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

const http = createHttpClient()
const keys = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' }

/** Signature Version 4 as AWS's reference describes it, computed anew from what arrived. */
function signatureOf({ method, url, headers, body }: Asked, secret: string): string {
  const [, day, region, service, names] =
    /Credential=[^/]+\/(\d+)\/([^/]+)\/([^/]+)\/aws4_request, SignedHeaders=([^,]+),/.exec(
      headers.authorization ?? '',
    ) ?? []
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
  const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest()
  const lines = (names ?? '').split(';').map((name) => `${name}:${String(headers[name]).trim()}\n`)
  const request = [method, url.pathname, '', lines.join(''), names, sha256(body)].join('\n')
  const scope = `${day}/${region}/${service}/aws4_request`
  const text = ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, sha256(request)].join('\n')
  const key = hmac(hmac(hmac(hmac(`AWS4${secret}`, day ?? ''), region ?? ''), service ?? ''), 'aws4_request')
  return hmac(key, text).toString('hex')
}

test('AWS: a call is signed over its target and its body, and answers with what was parsed', async (t) => {
  const { asked, url } = await cloud(t, () => ({ json: { KeyId: 'k' } }))
  const aws = createAwsClient({
    ...{ http, region: 'eu-central-1', endpoint: url },
    credentials: () => Promise.resolve({ ...keys, sessionToken: 'session' }),
  })
  assert.deepEqual(await aws.call('kms', 'TrentService.Encrypt', { KeyId: 'k' }), { KeyId: 'k' })
  const [one] = asked
  assert.ok(one !== undefined)
  assert.equal(one.headers['x-amz-target'], 'TrentService.Encrypt')
  assert.equal(one.headers['x-amz-security-token'], 'session')
  assert.match(
    one.headers.authorization ?? '',
    /\/eu-central-1\/kms\/aws4_request, SignedHeaders=[^,]*x-amz-target/,
  )
  assert.equal(
    /Signature=(.*)$/.exec(one.headers.authorization ?? '')?.[1],
    signatureOf(one, keys.secretAccessKey),
  )
})

test('AWS: its own code and what to do are told, and never what was sent', async (t) => {
  const answers: Answer[] = [
    {
      status: 400,
      json: { __type: 'com.amazonaws.kms#AccessDeniedException', message: 'User is not authorized' },
    },
    {
      status: 400,
      json: { __type: 'ValidationException', message: "Value 'hunter2-correct' at 'x' failed" },
    },
    { status: 400, json: { __type: 'ThrottlingException', Message: 'Rate exceeded' } },
    { status: 503, text: 'busy' },
  ]
  const { url } = await cloud(t, () => answers.shift() ?? {})
  const aws = createAwsClient({ http, region: 'r', endpoint: url, credentials: () => Promise.resolve(keys) })
  const refusal = async () =>
    await aws.call('kms', 'TrentService.Encrypt', { Value: 'hunter2-correct' }).then(
      () => assert.fail('it was taken'),
      (error: unknown) => error as CloudError,
    )
  const denied = await refusal()
  assert.deepEqual([denied.code, denied.cloudCode], ['credential_failed', 'AccessDeniedException'])
  assert.match(denied.message, /^AWS kms Encrypt: AccessDeniedException: User is not authorized: allow it/)
  assert.doesNotMatch((await refusal()).message, /hunter2/)
  assert.equal((await refusal()).code, 'upstream_unreachable')
  assert.equal((await refusal()).code, 'upstream_unreachable')
})

test('AWS: credentials of the environment, a shared file, a container, a web identity and IMDSv2', async (t) => {
  const expires = new Date(Date.now() + 3_600_000).toISOString()
  const found = (id: string) => ({
    AccessKeyId: id,
    SecretAccessKey: 's',
    Token: 't',
    Expiration: expires,
    Code: 'Success',
  })
  const { asked, url } = await cloud(t, ({ url: { pathname }, method, headers, body }) => {
    if (pathname === '/container') return { json: found('CONTAINER') }
    if (pathname === '/latest/api/token' && method === 'PUT') return { text: 'imds-token' }
    if (pathname.endsWith('/security-credentials/') && headers['x-aws-ec2-metadata-token'] === 'imds-token')
      return { text: 'role' }
    if (pathname.endsWith('/security-credentials/role')) return { json: found('MACHINE') }
    if (body.includes('AssumeRoleWithWebIdentity') && body.includes('WebIdentityToken=the-token'))
      return {
        text: `<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>WEBIDENTITY</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>${expires}</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`,
      }
    return { json: {} }
  })
  const folder = folderOf(t)
  writeFileSync(join(folder, 'token'), 'the-token')
  writeFileSync(
    join(folder, 'credentials'),
    '[default]\naws_access_key_id = SHARED\naws_secret_access_key = s\n',
  )
  const cases: [string, Record<string, string>][] = [
    ['ENVIRONMENT', { AWS_ACCESS_KEY_ID: 'ENVIRONMENT', AWS_SECRET_ACCESS_KEY: 's' }],
    ['SHARED', { AWS_SHARED_CREDENTIALS_FILE: join(folder, 'credentials') }],
    ['CONTAINER', { AWS_CONTAINER_CREDENTIALS_FULL_URI: `${url}/container` }],
    [
      'WEBIDENTITY',
      {
        AWS_WEB_IDENTITY_TOKEN_FILE: join(folder, 'token'),
        AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/mayfly',
        AWS_ENDPOINT_URL_STS: url,
      },
    ],
    ['MACHINE', { AWS_EC2_METADATA_SERVICE_ENDPOINT: url }],
  ]
  for (const [expected, variables] of cases)
    await t.test(expected, async (one) => {
      environment(one, variables)
      await createAwsClient({ http, region: 'us-east-1', endpoint: url }).call(
        'kms',
        'TrentService.Encrypt',
        {},
      )
      assert.match(asked.at(-1)?.headers.authorization ?? '', new RegExp(`Credential=${expected}/`))
    })
  await t.test('none at all', async (one) => {
    environment(one, { AWS_EC2_METADATA_DISABLED: 'true' })
    await assert.rejects(
      createAwsClient({ http, region: 'us-east-1', endpoint: url }).call('kms', 'T.E', {}),
      (error) =>
        error instanceof MayflyError &&
        error.code === 'credential_failed' &&
        /give this server/.test(error.message),
    )
  })
})

// A service account's key is exchanged at an address of Google's that its library has fixed: not shown here.
test('Google Cloud: an external account and the metadata server', async (t) => {
  const { asked, url } = await cloud(t, ({ url: { pathname } }) => {
    if (pathname === '/sts')
      return {
        json: {
          access_token: 'external',
          issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
          token_type: 'Bearer',
          expires_in: 3600,
        },
      }
    if (pathname.endsWith('/service-accounts/default/token'))
      return { json: { access_token: 'machine', expires_in: 3600, token_type: 'Bearer' } }
    return { json: { name: 'key' } }
  })
  const folder = folderOf(t)
  const file = (name: string, value: unknown) => {
    writeFileSync(join(folder, name), typeof value === 'string' ? value : JSON.stringify(value))
    return join(folder, name)
  }
  const external = file('external.json', {
    type: 'external_account',
    audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q',
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    token_url: `${url}/sts`,
    credential_source: { file: file('subject', 'a.b.c') },
  })
  const cases: [string, Record<string, string>][] = [
    ['external', { GOOGLE_APPLICATION_CREDENTIALS: external }],
    ['machine', { GCE_METADATA_HOST: url.slice('http://'.length), CLOUDSDK_CONFIG: folder }],
  ]
  for (const [expected, variables] of cases)
    await t.test(expected, async (one) => {
      environment(one, variables)
      const gcp = createGcpClient({ http })
      assert.deepEqual(await gcp.call({ method: 'POST', url: `${url}/v1/key`, body: {} }), { name: 'key' })
      assert.equal(asked.at(-1)?.headers.authorization, `Bearer ${expected}`)
    })
})

test('Google Cloud: its own code is told', async (t) => {
  const { url } = await cloud(t, () => ({
    status: 403,
    json: { error: { code: 403, status: 'PERMISSION_DENIED', message: 'Permission denied' } },
  }))
  const gcp = createGcpClient({ http, token: () => Promise.resolve('t') })
  await assert.rejects(gcp.call({ method: 'GET', url: `${url}/v1/x?secret=1` }), {
    code: 'credential_failed',
    cloudCode: 'PERMISSION_DENIED',
    message:
      'Google Cloud GET /v1/x: PERMISSION_DENIED: Permission denied: allow it to the identity that this server runs as',
  })
})

test('Azure: a client secret, a workload identity and a managed identity; a token is kept until it is nearly over', async (t) => {
  let nowMs = 0
  const { asked, url } = await cloud(t, ({ url: { pathname, searchParams }, body, headers }) => {
    if (pathname === '/tenant/oauth2/v2.0/token') {
      const form = new URLSearchParams(body)
      const isGood = form.get('client_secret') === 'secret' || form.get('client_assertion') === 'federated'
      return isGood
        ? { json: { access_token: `for ${form.get('scope')}`, expires_in: 3600 } }
        : {
            status: 401,
            json: { error: 'invalid_client', error_description: 'AADSTS7000215: Invalid secret: wrong-one' },
          }
    }
    if (pathname === '/msi' && headers['x-identity-header'] === 'h')
      return { json: { access_token: `for ${searchParams.get('resource')}`, expires_in: '3600' } }
    return { json: { kid: 'k' } }
  })
  const folder = folderOf(t)
  writeFileSync(join(folder, 'token'), 'federated\n')
  const who = { AZURE_TENANT_ID: 'tenant', AZURE_CLIENT_ID: 'client', AZURE_AUTHORITY_HOST: `${url}/` }
  const call = { method: 'GET', url: `${url}/keys/k`, scope: 'https://vault.azure.net/.default' } as const
  const cases: [string, Record<string, string>][] = [
    ['https://vault.azure.net/.default', { ...who, AZURE_CLIENT_SECRET: 'secret' }],
    ['https://vault.azure.net/.default', { ...who, AZURE_FEDERATED_TOKEN_FILE: join(folder, 'token') }],
    ['https://vault.azure.net', { IDENTITY_ENDPOINT: `${url}/msi`, IDENTITY_HEADER: 'h' }],
  ]
  for (const [scope, variables] of cases) {
    const azure = createAzureClient({ http, identity: azureIdentity(variables), nowMs: () => nowMs })
    const before = asked.length
    await azure.call(call)
    await azure.call(call)
    assert.equal(asked.length - before, 3, 'one token for two calls')
    assert.equal(asked.at(-1)?.headers.authorization, `Bearer for ${scope}`)
    nowMs += 3_500_000
    await azure.call(call)
    assert.equal(asked.length - before, 5)
  }
  const wrong = createAzureClient({
    http,
    identity: azureIdentity({ ...who, AZURE_CLIENT_SECRET: 'wrong-one' }),
  })
  await assert.rejects(wrong.call(call), (error) => {
    assert.ok(error instanceof CloudError)
    assert.equal(error.code, 'credential_failed')
    assert.match(error.message, /invalid_client: AADSTS7000215: check/)
    assert.doesNotMatch(error.message, /wrong-one/)
    return true
  })
})

test('the metadata service is reached for credentials alone', async () => {
  await assert.rejects(http.ask({ method: 'GET', url: 'http://169.254.169.254/latest' }), { code: 'denied' })
  await assert.rejects(
    http.ask({ method: 'GET', url: 'http://169.254.1.1/latest', isMetadataService: true }),
    { code: 'denied' },
  )
  await assert.rejects(http.ask({ method: 'GET', url: 'https://169.254.169.254/latest' }), { code: 'denied' })
  const azure = createAzureClient({
    http,
    identity: { kind: 'managed', endpoint: 'http://10.0.0.1/msi', header: 'h' },
  })
  await assert.rejects(azure.call({ method: 'GET', url: 'https://v.vault.azure.net/keys' }), {
    code: 'denied',
  })
})
