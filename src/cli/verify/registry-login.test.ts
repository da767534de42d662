import assert from 'node:assert/strict'
import { chmodSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { openSigning } from '../../gateway/attestations.fixture.ts'
import { openFolder, sha256 } from './folder.fixture.ts'
import { imageOf, manifestType, setVariable, startRegistry, type TokenAsked } from './registry.fixture.ts'

const image = imageOf('app')
const base64Of = (text: string) => Buffer.from(text).toString('base64')

async function openLogin(t: TestContext) {
  const folder = await openFolder(t, await openSigning(t))
  const registry = await startRegistry(t)
  setVariable(t, 'DOCKER_CONFIG', folder.at('.'))
  registry.has.set('manifests/v1', { type: manifestType, body: image })
  return {
    ...{ folder, registry },
    login: (config: object) => folder.write('config.json', JSON.stringify(config)),
    /** Whether the image was shown. */
    async mayRead() {
      const { artifacts } = await folder.run([`oci://${registry.host}/octo/app:v1`])
      return artifacts[0]?.digest === sha256(image)
    },
  }
}

/** A token server as Azure's: an identity token is exchanged by POST, and is no password. */
const grantToIdentity =
  (identity: string) =>
  ({ method, authorization, form }: TokenAsked, response: ServerResponse) => {
    const isGood =
      method === 'POST' &&
      authorization === '' &&
      form.get('grant_type') === 'refresh_token' &&
      form.get('refresh_token') === identity
    response.writeHead(isGood ? 200 : 401).end(JSON.stringify({ access_token: 'granted' }))
  }

test('an identity token is exchanged at the token server, whether docker keeps it or a helper does', async (t) => {
  const { folder, registry, login, mayRead } = await openLogin(t)
  const { host, it, seen } = registry
  it.token = grantToIdentity('identity-of-azure')
  login({
    auths: {
      [host]: { auth: base64Of('00000000-0000-0000-0000-000000000000:'), identitytoken: 'identity-of-azure' },
    },
  })
  assert.ok(await mayRead())
  const { form } = seen.at(-1) ?? {}
  assert.deepEqual(
    [...(form ?? [])],
    [
      ['grant_type', 'refresh_token'],
      ['client_id', 'mayfly'],
      ['service', 'registry'],
      ['scope', 'repository:octo/app:pull'],
      ['refresh_token', 'identity-of-azure'],
    ],
  )
  login({ auths: { [host]: { identitytoken: 'another' } } })
  assert.ok(!(await mayRead()))
  const helper = (user: string, secret: string) =>
    chmodSync(
      folder.write(
        'docker-credential-test',
        `#!/bin/sh\nread host\n[ "$host" = "${host}" ] && echo '${JSON.stringify({ ServerURL: host, Username: user, Secret: secret })}'\n`,
      ),
      0o755,
    )
  setVariable(t, 'PATH', `${folder.at('.')}:${process.env['PATH']}`)
  helper('<token>', 'identity-of-azure')
  for (const config of [{ credHelpers: { [host]: 'test' } }, { credsStore: 'test', auths: { [host]: {} } }]) {
    login(config)
    assert.ok(await mayRead())
  }
  it.token = ({ authorization }, response) =>
    response
      .writeHead(authorization === `Basic ${base64Of('robot:password')}` ? 200 : 401)
      .end('{"token":"granted"}')
  helper('robot', 'password')
  assert.ok(await mayRead())
})

test('a token server that sends on elsewhere gets nothing there, and what it answers is bounded', async (t) => {
  const { registry, login, mayRead } = await openLogin(t)
  const { host, it } = registry
  const elsewhere: string[] = []
  const thief = createServer((request, response) => {
    elsewhere.push(request.url ?? '')
    response.end(JSON.stringify({ token: 'granted', access_token: 'granted' }))
  }).listen(0, '127.0.0.1')
  await new Promise((done) => thief.once('listening', done))
  t.after(() => thief.close())
  const location = `http://127.0.0.1:${(thief.address() as AddressInfo).port}/token`
  for (const [auth, status] of [
    [{ identitytoken: 'identity' }, 307],
    [{ identitytoken: 'identity' }, 308],
    [{ auth: base64Of('user:pass') }, 302],
  ] as const) {
    login({ auths: { [host]: auth } })
    it.token = (_, response) => void response.writeHead(status, { location }).end()
    assert.ok(!(await mayRead()))
  }
  assert.deepEqual(elsewhere, [])
  it.token = (_, response) =>
    void response.writeHead(200).end(JSON.stringify({ token: 'granted', more: 'x'.repeat(200_000) }))
  assert.ok(!(await mayRead()))
  it.token = (_, response) => void response.writeHead(200).end('<html>')
  assert.ok(!(await mayRead()))
  it.token = (_, response) => void response.writeHead(200).end('{"token":"granted"}')
  assert.ok(await mayRead())
  // An identity token is no password.
  it.challenge = 'Basic'
  login({ auths: { [host]: { identitytoken: 'identity' } } })
  assert.ok(!(await mayRead()))
})

test('logins as docker and podman write them: by address, by repository, a token for the registry itself', async (t) => {
  const { registry, login, mayRead } = await openLogin(t)
  const { host } = registry
  const [good, other] = [{ auth: base64Of('user:pass') }, { auth: base64Of('user:other') }]
  for (const auths of [
    { [`https://${host}`]: good },
    { [`https://${host}/v2/`]: good },
    { [host]: other, [`${host}/octo`]: good },
    { [`${host}/octo`]: other, [`${host}/octo/app`]: good },
    { [host]: { registrytoken: 'granted' } },
    { [host]: { auth: base64Of('user:pass\0\0') } },
  ]) {
    login({ auths })
    assert.ok(await mayRead(), JSON.stringify(auths))
  }
  for (const config of [
    { auths: { [`${host}/octo/other`]: good } },
    { auths: [good] },
    { auths: { [host]: null } },
    { auths: { [host]: { auth: 7, identitytoken: 'a b' } } },
    { credsStore: '../../bin/sh' },
  ]) {
    login(config)
    assert.ok(!(await mayRead()), JSON.stringify(config))
  }
})
