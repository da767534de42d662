import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createHttpClient } from '../../http-client/index.ts'
import { MayflyError, type ErrorCode } from '../../lib/index.ts'
import { secretsManagerStore, ssmStore } from './aws.ts'
import { azureStore } from './azure.ts'
import { gcpStore } from './gcp.ts'
import { jsonServer } from './stores.fixture.ts'
import type { SecretStore } from './store.ts'

// AWS is moto's server, and values come there by boto3. Google's and Azure's servers are written from their published references.

const http = createHttpClient()
const cache = '60s'

async function refusedBy(store: SecretStore, path: string, code: ErrorCode, says: RegExp, more = {}) {
  await assert.rejects(
    store.read({ path, ...more }),
    (error) =>
      error instanceof MayflyError &&
      error.code === code &&
      says.test(error.message) &&
      !error.message.includes('hunter'),
  )
}

const moto = join(process.env['HOME'] ?? '/nowhere', '.cache/mayfly-tests/moto/bin')
const planted = `
import boto3, sys
at = dict(endpoint_url=sys.argv[1], region_name="eu-central-1")
sm = boto3.client("secretsmanager", **at)
first = sm.create_secret(Name="ci/npm", SecretString="hunter1")["VersionId"]
sm.put_secret_value(SecretId="ci/npm", SecretString="hunter2")
sm.create_secret(Name="ci/json", SecretString='{"user": "ann", "password": "hunter3"}')
sm.create_secret(Name="ci/binary", SecretBinary=b"hunter4")
sm.create_secret(Name="ci/gone", SecretString="hunter5")
sm.delete_secret(SecretId="ci/gone")
ssm = boto3.client("ssm", **at)
ssm.put_parameter(Name="/ci/token", Value="hunter6", Type="SecureString")
ssm.put_parameter(Name="/ci/token", Value="hunter7", Type="SecureString", Overwrite=True)
print(first)
`

test(
  'AWS Secrets Manager and Parameter Store: what boto3 has set, by version and field, and what is not there',
  {
    skip: existsSync(join(moto, 'moto_server'))
      ? false
      : 'moto is not installed (npm run test:whole installs it, with Python)',
  },
  async (t) => {
    const endpoint = await startMoto(t)
    const first = execFileSync(join(moto, 'python'), ['-c', planted, endpoint], {
      env: { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' },
      encoding: 'utf8',
      timeout: 60_000,
    }).trim()
    withVariables(t, { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' })
    const common = { region: 'eu-central-1', endpoint, cache }
    const secrets = secretsManagerStore({ kind: 'aws-secrets-manager', ...common }, { http })
    const value = async (store: SecretStore, path: string, more = {}) =>
      (await store.read({ path, ...more })).value
    const newest = await secrets.read({ path: 'ci/npm' })
    assert.equal(newest.value, 'hunter2')
    assert.notEqual(newest.version, first)
    assert.deepEqual(await secrets.read({ path: 'ci/npm', version: first }), {
      value: 'hunter1',
      version: first,
    })
    assert.equal(await value(secrets, 'ci/npm', { version: 'AWSPREVIOUS' }), 'hunter1')
    assert.equal(await value(secrets, 'ci/json', { field: 'password' }), 'hunter3')
    assert.equal(await value(secrets, 'ci/binary'), 'hunter4')
    await refusedBy(secrets, 'ci/none', 'secret_missing', /nothing there \(ResourceNotFoundException\)/)
    await refusedBy(secrets, 'ci/gone', 'credential_failed', /InvalidRequestException/)
    await refusedBy(secrets, 'ci/npm', 'credential_failed', /no JSON object/, { field: 'x' })
    await refusedBy(secrets, 'ci/json', 'secret_missing', /no field "x"/, { field: 'x' })
    const parameters = ssmStore({ kind: 'aws-ssm', ...common }, { http })
    assert.deepEqual(await parameters.read({ path: '/ci/token' }), { value: 'hunter7', version: '2' })
    assert.deepEqual(await parameters.read({ path: '/ci/token', version: '1' }), {
      value: 'hunter6',
      version: '1',
    })
    await refusedBy(parameters, '/ci/none', 'secret_missing', /ParameterNotFound/)
  },
)

test('Google Secret Manager: the newest version and a named one; what is disabled, denied, or not there', async (t) => {
  const data = Buffer.from('hunter1').toString('base64')
  const base = '/v1/projects/p/secrets'
  const said = (status: number, code: string) => ({
    status,
    json: { error: { status: code, message: 'hunter' } },
  })
  const server = await jsonServer(t, ({ path, headers }) => {
    if (headers.authorization !== 'Bearer a-token') return said(401, 'UNAUTHENTICATED')
    if (path === `${base}/token/versions/latest:access`)
      return { json: { name: 'projects/1/secrets/token/versions/5', payload: { data } } }
    if (path === `${base}/token/versions/2:access`) return said(400, 'FAILED_PRECONDITION')
    if (path === `${base}/other/versions/latest:access`) return said(403, 'PERMISSION_DENIED')
    return said(404, 'NOT_FOUND')
  })
  const token = () => Promise.resolve('a-token')
  const config = { kind: 'gcp-secret-manager', project: 'p', endpoint: server.url, cache } as const
  const store = gcpStore(config, { http, token })
  assert.deepEqual(await store.read({ path: 'token' }), { value: 'hunter1', version: '5' })
  await refusedBy(store, 'token', 'secret_missing', /disabled or destroyed/, { version: '2' })
  await refusedBy(store, 'none', 'secret_missing', /nothing there/)
  const silent = gcpStore(config, { http, token: () => Promise.resolve('other') })
  await assert.rejects(silent.read({ path: 'token' }), { code: 'credential_failed' })
  await assert.rejects(store.read({ path: 'other' }), { code: 'credential_failed' })
})

test('Azure Key Vault: the newest version and a named one, what is not there', async (t) => {
  const server = await jsonServer(t, ({ path, query, headers }) => {
    if (path === '/msi')
      return { json: { access_token: 'a-token', expires_on: String(Date.now() / 1000 + 3600) } }
    const id = /^\/secrets\/token(?:\/(v1))?$/.exec(path)
    if (headers.authorization !== 'Bearer a-token' || query.get('api-version') !== '7.4')
      return { status: 401, json: { error: { code: 'Unauthorized', message: 'hunter' } } }
    if (id === null) return { status: 404, json: { error: { code: 'SecretNotFound', message: 'hunter' } } }
    const version = id[1] ?? 'v2'
    const value = `hunter-${version}`
    return { json: { value, id: `https://x.vault.azure.net/secrets/token/${version}` } }
  })
  const store = azureStore(
    { kind: 'azure-key-vault', url: server.url, cache },
    { http, identity: { kind: 'managed', endpoint: `${server.url}/msi`, header: 'h', client: undefined } },
  )
  assert.deepEqual(await store.read({ path: 'token' }), { value: 'hunter-v2', version: 'v2' })
  assert.deepEqual(await store.read({ path: 'token', version: 'v1' }), { value: 'hunter-v1', version: 'v1' })
  await refusedBy(store, 'none', 'secret_missing', /nothing there/)
})

function withVariables(t: TestContext, variables: Record<string, string>): void {
  for (const [name, value] of Object.entries(variables)) {
    const before = process.env[name]
    process.env[name] = value
    t.after(() => (before === undefined ? delete process.env[name] : (process.env[name] = before)))
  }
}

async function startMoto(t: TestContext): Promise<string> {
  const probe = createServer()
  await new Promise<void>((next) => probe.listen(0, '127.0.0.1', next))
  const { port } = probe.address() as AddressInfo
  await new Promise((next) => probe.close(next))
  const server = spawn(join(moto, 'moto_server'), ['-H', '127.0.0.1', '-p', String(port)], {
    stdio: 'ignore',
  })
  t.after(() => server.kill('SIGKILL'))
  const url = `http://127.0.0.1:${port}`
  for (let tries = 0; tries < 600; tries++) {
    const isUp = await fetch(url).then(
      (response) => response.arrayBuffer().then(() => true),
      () => false,
    )
    if (isUp) return url
    await new Promise((next) => setTimeout(next, 50))
  }
  throw new Error('moto does not come up')
}
