import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { noRegistry, startRegistry, type Registry } from '../../test/e2e/registry.ts'
import { createHttpClient, type HttpQuestion } from '../http-client/index.ts'
import { assertHidden, failsWith, revealed, setUp, startApi } from './api.fixture.ts'
import { registryToken } from './registry-token.ts'

const skip = noRegistry()
const host = 'registry.example.org'

let registry: Registry
let folder: string
before(async () => {
  if (skip !== false) return
  folder = mkdtempSync(join(tmpdir(), 'mayfly-registry-token-'))
  registry = await startRegistry(folder, host, 'token')
})
after(async () => {
  await registry?.[Symbol.asyncDispose]()
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
})

const config = { key: 'secret:images/key', issuer: 'tokens', service: 'the registry' }

/** With the clock of this machine, which the registry's is, too. */
function open(more: object = {}) {
  const { dial, ca, signer } = registry
  return setUp(registryToken, {
    kind: 'oci',
    url: `https://${host}`,
    connection: { dial, ca },
    config: { ...config, ...more },
    secrets: { 'images/key': signer.key },
    tools: { clock: { nowMs: () => Date.now() } },
  })
}

/** What the registry says to a request with this token. */
async function status(authorization: string, method: HttpQuestion['method'], path: string): Promise<number> {
  const [address = '', port = ''] = registry.dial.split(':')
  const answer = await createHttpClient().ask({
    method,
    url: `https://${host}/v2/${path}`,
    headers: { authorization },
    ca: registry.ca,
    dial: { address, port: Number(port) },
  })
  return answer.status
}

const grants = ['oci:push api/octo/app@v*', 'oci:pull api/octo/base']

test(
  'docker-registry takes a token, by its certificate and by the id of its key, for what is granted and nothing else',
  { skip },
  async () => {
    for (const more of [{}, { certificate: registry.signer.certificate }]) {
      const { mint, held, tools } = open(more)
      const { asked, minted } = await mint({ grants })
      const { token = '', authorization } = revealed(minted)
      assert.deepEqual(minted.facts, {
        access: ['repository:octo/app:pull,push', 'repository:octo/base:pull'],
      })
      assertHidden([minted.facts, minted.fields], [token])
      assert.equal(await registryToken.probe?.(held(asked, minted), tools), 'alive')
      assert.equal(await status(authorization, 'POST', 'octo/app/blobs/uploads/'), 202)
      assert.equal(
        await status(authorization, 'GET', 'octo/base/manifests/v1'),
        404,
        'it may look, and there is nothing',
      )
      for (const [method, path] of [
        ['POST', 'octo/base/blobs/uploads/'],
        ['GET', 'octo/other/manifests/v1'],
        ['GET', 'octo/app2/manifests/v1'],
        ['DELETE', `octo/app/manifests/sha256:${'0'.repeat(64)}`],
        ['GET', '_catalog'],
      ] as const)
        assert.equal(await status(authorization, method, path), 401, path)
    }
  },
)

test('deleting and listing are granted by their own names', { skip }, async () => {
  const { mint } = open()
  const { minted } = await mint({ grants: ['oci:delete api/octo/app@old', 'oci:catalog api'] })
  assert.deepEqual(minted.facts, { access: ['repository:octo/app:delete', 'registry:catalog:*'] })
  const { authorization } = revealed(minted)
  assert.equal(await status(authorization, 'GET', '_catalog'), 200)
  assert.equal(await status(authorization, 'DELETE', `octo/app/manifests/sha256:${'0'.repeat(64)}`), 404)
  assert.equal(await status(authorization, 'GET', 'octo/app/manifests/v1'), 401)
})

test(
  'a token lives five minutes at most, cannot be taken back, and is dead when it has ended',
  { skip },
  async () => {
    const { mint, held, tools, config: whole } = open()
    const { asked, minted } = await mint({ grants, ttlSeconds: 86_400 })
    const { token = '' } = revealed(minted)
    const { exp = 0, iat = 0, nbf = 0, sub, aud, iss, jti } = decodeJwt(token)
    assert.deepEqual([exp - iat, iat - nbf], [300, 60])
    assert.deepEqual(
      [sub, aud, iss, jti],
      ['mayfly:builder', 'the registry', 'tokens', `mayfly-${asked.lease.replace('_', '-')}`],
    )
    assert.equal(minted.expiresMs, exp * 1000)
    assert.deepEqual(registryToken.revocation(whole), { means: 'by_expiry' })
    assert.equal(await registryToken.revoke(held(asked, minted), tools), 'nothing_to_do')
    // One of ten minutes ago: distribution lets a minute pass for clocks that differ.
    const ended = { ...tools, clock: { nowMs: () => Date.now() - 600_000 } }
    const old = await registryToken.mint(asked, {}, ended)
    assert.equal(await registryToken.probe?.(held(asked, old), tools), 'dead')
    assert.equal(await registryToken.probe?.(held(asked, undefined), tools), 'unknown')
  },
)

test('another key, issuer or service opens nothing', { skip }, async () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const { mint, tools, held } = open()
  const stranger = setUp(registryToken, {
    kind: 'oci',
    config,
    secrets: { 'images/key': privateKey.export({ format: 'pem', type: 'pkcs8' }) },
    tools: { clock: tools.clock },
  })
  const { minted: ours, asked } = await mint({ grants })
  const { minted } = await stranger.mint({ grants })
  assert.equal(decodeProtectedHeader(revealed(minted)['token'] ?? '').alg, 'RS256')
  assert.equal(await registryToken.probe?.({ ...held(asked, ours), handle: minted.handle }, tools), 'dead')
  for (const more of [{ issuer: 'others' }, { service: 'another registry' }, { kid: 'another' }]) {
    const other = open(more)
    const made = await other.mint({ grants })
    assert.equal(await registryToken.probe?.(other.held(made.asked, made.minted), tools), 'dead')
  }
})

test('what a token cannot say is refused with what to do; no error holds the key', { skip }, async () => {
  const { mint } = open()
  for (const wide of ['oci:pull api/octo/*', 'oci:pull api/*'])
    await assert.rejects(
      mint({ grants: [wide] }),
      failsWith('credential_failed', /has a \* for its repository.*write the repositories out/),
    )
  const many = Array.from({ length: 300 }, (_, i) => `oci:pull api/octo/app-${i}`)
  await assert.rejects(
    mint({ grants: many }),
    failsWith('credential_failed', /too many repositories for one token/),
  )
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
    format: 'pem',
    type: 'pkcs8',
  })
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey.export({
    format: 'pem',
    type: 'pkcs8',
  })
  const withKey = (key: string, more = {}) =>
    setUp(registryToken, { kind: 'oci', config: { ...config, ...more }, secrets: { 'images/key': key } })
  for (const key of ['planted', p384])
    await assert.rejects(
      withKey(key).mint({ grants }),
      failsWith('bad_input', /secret "images\/key" is no private key/, ['planted', p384.slice(60, 100)]),
    )
  await assert.rejects(
    withKey(other, { certificate: registry.signer.certificate }).mint({ grants }),
    failsWith('bad_input', /`certificate` is another key's/, [other.slice(60, 100)]),
  )
  assert.throws(() => withKey(other, { certificate: 'none' }), /a certificate in PEM/)
})

test('a registry that is down, slow or odd makes no token dead', { skip }, async (t) => {
  const api = await startApi(t, () => ({}))
  const { mint, held, tools } = setUp(registryToken, {
    api,
    kind: 'oci',
    url: api.url,
    config,
    secrets: { 'images/key': registry.signer.key },
  })
  const { asked, minted } = await mint({ grants })
  const of = held(asked, minted)
  const { token = '' } = revealed(minted)
  for (const [mood, code, problem] of [
    ['down', 'upstream_unreachable', /does not answer/],
    ['slow', 'upstream_unreachable', /not within/],
    [() => ({ status: 503 }), 'upstream_unreachable', /503/],
    [() => ({ status: 429 }), 'upstream_unreachable', /is busy/],
    [() => ({ status: 307, headers: { location: '/' } }), 'credential_failed', /redirect/],
  ] as const) {
    api.mood = mood
    await assert.rejects(async () => registryToken.probe?.(of, tools), failsWith(code, problem, [token]))
  }
  api.mood = () => ({ status: 418 })
  assert.equal(await registryToken.probe?.(of, tools), 'unknown')
})
