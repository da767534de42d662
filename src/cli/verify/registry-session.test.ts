import assert from 'node:assert/strict'
import { chmodSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { openSigning } from '../../gateway/attestations.fixture.ts'
import { authFiles } from './auth-files.ts'
import { openFolder, sha256 } from './folder.fixture.ts'
import { imageOf, setVariable, startRegistry } from './registry.fixture.ts'

const image = imageOf('app')
const digest = sha256(image)
const referrers = `referrers/${digest}`
const tag = `manifests/${digest.replace(':', '-')}`
const base64Of = (text: string) => Buffer.from(text).toString('base64')
const emptyType = 'application/vnd.oci.empty.v1+json'

/** An image with one attestation, at a registry where this machine has a login. */
async function openAttested(t: TestContext) {
  const signing = await openSigning(t)
  const folder = await openFolder(t, signing)
  const registry = await startRegistry(t)
  setVariable(t, 'DOCKER_CONFIG', folder.at('.'))
  const login = (config: object | string) =>
    folder.write('config.json', typeof config === 'string' ? config : JSON.stringify(config))
  login({ auths: { [registry.host]: { auth: base64Of('user:pass') } } })
  registry.put(image)
  const bundle = await signing.sign({ digest })
  const listed = registry.putBundle(bundle)
  registry.list(referrers, [listed])
  return {
    ...{ signing, folder, registry, login, bundle, listed },
    async verify() {
      const { code, artifacts } = await folder.run([`oci://${registry.host}/octo/app@${digest}`])
      return { code, reasons: artifacts[0]?.reasons.join('\n') ?? '' }
    },
  }
}

test('a login goes to no host that the registry sends on to, whatever that one asks for', async (t) => {
  const { registry, verify, bundle } = await openAttested(t)
  const seen: string[] = []
  const thief = createServer(({ url = '', headers }, response) => {
    seen.push(`${url} ${headers.authorization}`)
    if (url === '/good') return void response.end(bundle)
    if (url === '/token') return void response.end('{"token":"granted"}')
    const realm = `http://${headers.host}/token`
    response
      .writeHead(401, { 'www-authenticate': `Bearer realm="${realm}",service="registry", Basic realm="x"` })
      .end()
  }).listen(0, '127.0.0.1')
  await new Promise((done) => thief.once('listening', done))
  t.after(() => thief.close())
  const elsewhere = `http://127.0.0.1:${(thief.address() as AddressInfo).port}`
  let place = '/blob'
  // Public to read, so that no login was asked for before; and with a token of the registry.
  for (const isPublic of [true, false]) {
    registry.it.first = (request, response) => {
      if (request.url?.includes('/blobs/') === true)
        response.writeHead(307, { location: `${elsewhere}${place}` }).end()
      else if (isPublic) {
        const found = registry.has.get(request.url?.replace('/v2/octo/app/', '') ?? '')
        response.writeHead(found === undefined ? 404 : 200, { 'content-type': found?.type ?? 'x' })
        response.end(found?.body)
      }
      return response.writableEnded
    }
    place = '/blob'
    const refused = await verify()
    assert.equal(refused.code, 1)
    assert.match(refused.reasons, /there is more about it than was read/)
    place = '/good'
    assert.equal((await verify()).code, 0)
  }
  assert.deepEqual(seen, ['/blob undefined', '/good undefined', '/blob undefined', '/good undefined'])
})

test('a token that ends on the way is asked for anew; one that is never taken is not', async (t) => {
  const { registry, verify } = await openAttested(t)
  let [tokens, uses] = [0, 0]
  registry.it.token = (_, response) => {
    uses = 0
    response.end(JSON.stringify({ token: `t${++tokens}` }))
  }
  let usesOfOne = 2
  registry.it.first = ({ url = '', headers }, response) => {
    if (url.startsWith('/token')) return false
    if (headers.authorization === `Bearer t${tokens}` && uses++ < usesOfOne) {
      headers.authorization = 'Bearer granted'
      return false
    }
    response
      .writeHead(401, { 'www-authenticate': `Negotiate, Bearer realm=http://${headers.host}/token` })
      .end()
    return true
  }
  assert.equal((await verify()).code, 0)
  assert.ok(tokens > 1)
  ;[tokens, usesOfOne] = [0, 0]
  assert.equal((await verify()).code, 2)
  assert.equal(tokens, 1)
})

test('a registry that is asked too often is waited for; past a bound nobody can tell, and it is said why', async (t) => {
  const { registry, verify } = await openAttested(t)
  let [busy, after, part] = [1, '0', '']
  registry.it.first = ({ url = '' }, response) => {
    if (!url.includes(part) || url.startsWith('/token') || busy-- <= 0) return false
    response.writeHead(429, { 'retry-after': after }).end()
    return true
  }
  for (const one of ['manifests', 'referrers', 'blobs']) {
    ;[busy, part] = [2, one]
    assert.equal((await verify()).code, 0, one)
  }
  after = '3600'
  for (const one of ['manifests', 'referrers', 'blobs']) {
    ;[busy, part] = [100, one]
    const { code, reasons } = await verify()
    assert.equal(code, 2, one)
    assert.match(reasons, /answered 429 .* try again later/, one)
    assert.doesNotMatch(reasons, /no attestation was found/, one)
  }
})

test('a helper that fails, and a file of logins that cannot be read, are named where access is refused', async (t) => {
  const { registry, folder, login, verify } = await openAttested(t)
  const { host } = registry
  setVariable(t, 'PATH', `${folder.at('.')}:${process.env['PATH']}`)
  const helper = (script: string) =>
    chmodSync(folder.write('docker-credential-test', `#!/bin/sh\nread host\n${script}\n`), 0o755)
  const refused = async (expected: RegExp) => {
    const { code, reasons } = await verify()
    assert.equal(code, 2)
    assert.match(reasons, expected)
    return reasons
  }
  login({ credHelpers: { [host]: 'that-is-not-there' } })
  await refused(/docker-credential-that-is-not-there failed: it is not installed/)
  login({ credHelpers: { [host]: 'test' } })
  helper('echo "expired, run: cloud auth login" >&2; exit 1')
  await refused(/docker-credential-test failed: exit code 1: expired, run: cloud auth login/)
  helper('echo half-a-password')
  assert.doesNotMatch(await refused(/docker-credential-test answered something that is no login/), /half/)
  helper('echo credentials not found in native keychain; exit 1')
  assert.doesNotMatch(await refused(/log in there/), /helper/)
  login(`{"auths": secret`)
  assert.doesNotMatch(
    await refused(/config\.json, which has logins, cannot be read: it is no JSON/),
    /secret/,
  )
  registry.it.token = (_, response) => void response.writeHead(403).end()
  await refused(/its token server 127\.0\.0\.1:\d+ answered 403/)
})

test('logins are found where podman and buildah keep them, and as a user with a password', async (t) => {
  const home = { HOME: '/home/x' }
  const ofHome = ['/home/x/.docker/config.json', '/home/x/.config/containers/auth.json']
  const [docker = '', config = ''] = ofHome
  assert.deepEqual(authFiles(home, 0), [docker, '/run/containers/0/auth.json', config])
  assert.deepEqual(authFiles({ ...home, XDG_RUNTIME_DIR: '/run/user/7', XDG_CONFIG_HOME: '/c' }, 7), [
    ...[docker, '/run/user/7/containers/auth.json', '/c/containers/auth.json'],
  ])
  assert.deepEqual(authFiles({ DOCKER_CONFIG: '/d', REGISTRY_AUTH_FILE: '/a.json' }, 7), [
    ...['/a.json', '/d/config.json', '/run/containers/7/auth.json'],
  ])
  const { registry, login, verify } = await openAttested(t)
  login({ auths: { [registry.host]: { username: 'user', password: 'pass' } } })
  assert.equal((await verify()).code, 0)
  login({ auths: { [registry.host]: { username: 'user' } } })
  assert.equal((await verify()).code, 2)
})

test('an attestation is found whatever the list calls it, and wherever it is listed', async (t) => {
  const { registry, signing, listed, verify } = await openAttested(t)
  const { list, has, putBundle } = registry
  for (const place of [referrers, tag]) {
    has.delete(referrers)
    has.delete(tag)
    for (const artifactType of ['', emptyType, 'application/vnd.oci.image.config.v1+json', null]) {
      list(place, [{ ...listed, artifactType }])
      assert.equal((await verify()).code, 0, String(artifactType))
    }
  }
  // Beside others that say nothing what is said to be one is read first.
  const others = Array.from({ length: 200 }, (_, n) => ({
    ...listed,
    digest: sha256(`none ${n}`),
    artifactType: emptyType,
  }))
  list(tag, [...others, listed])
  assert.equal((await verify()).code, 0)
  // The registry lists one of another role, and the tag ours.
  list(tag, [listed])
  list(referrers, [putBundle(await signing.sign({ digest, role: 'lint' }))])
  assert.equal((await verify()).code, 0)
  list(referrers, [listed])
  list(tag, [putBundle(await signing.sign({ digest, role: 'lint' }))])
  assert.equal((await verify()).code, 0)
})

test('a large attestation is read as it is beside a file; of one that is too large it is said that there is more', async (t) => {
  const { registry, signing, verify } = await openAttested(t)
  const { list, putBundle } = registry
  const large = await signing.sign({ digest, predicate: { filler: 'x'.repeat(7_000_000) } })
  assert.ok(large.length > 8_388_608)
  list(referrers, [putBundle(large)])
  const { code, reasons } = await verify()
  assert.equal(code, 1)
  assert.doesNotMatch(reasons, /no attestation was found|there is more/)
  list(referrers, [putBundle(' '.repeat(25_165_825))])
  const tooLarge = await verify()
  assert.equal(tooLarge.code, 1)
  assert.match(tooLarge.reasons, /there is more about it than was read/)
})
