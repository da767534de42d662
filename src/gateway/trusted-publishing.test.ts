import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test, type TestContext } from 'node:test'
import { acceptedIn } from './gateway.fixture.ts'
import { errorOf, openNpm, type NpmWorld } from './npm/npm.fixture.ts'
import { hex, openIndexWorld } from './pypi/pypi.fixture.ts'

const b64 = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
const identityFor = (aud: unknown) => `${b64({ alg: 'ES256' })}.${b64({ aud, sub: 'job' })}.c2ln`
const audience = 'npm:npm.test'
const identity = identityFor(audience)
const exchangePath = (name: string) => `/-/npm/v1/oidc/token/exchange/package/${name}`

/** FAKE of npm's exchange, by docs.npmjs.com and npm's own client: one token for one package. */
async function open(t: TestContext, connection: Record<string, unknown> = {}) {
  const npm = await openNpm(t, {
    grants: ['npm:publish npm/@octo/*@1.*'],
    connection: { trusted_publishing: { audience }, ...connection },
  })
  const usual = npm.registry.upstream.handle
  const answers = { exchange: 201, body: (name: string) => JSON.stringify({ token: `npm_for-${name}` }) }
  npm.registry.upstream.handle = (request, response) => {
    const { method, url = '' } = request
    if (method === 'PUT') return void response.writeHead(201).end('{"success":true}')
    if (method !== 'POST') return usual(request, response)
    const name = decodeURIComponent(url.slice(exchangePath('').length)).split('/')[1] ?? ''
    response.writeHead(answers.exchange).end(answers.body(name))
  }
  return {
    ...npm,
    answers,
    hold: (token = identity) => npm.world.gateway.holdIdentity(npm.world.step, 'npm', token),
  }
}

function publish({ ask }: Pick<NpmWorld, 'ask'>, name: string, version = '1.0.0', stage = false) {
  const data = Buffer.from(`the file of ${name}`)
  const integrity = `sha512-${createHash('sha512').update(data).digest('base64')}`
  const file = `${name}-${version}.tgz`
  const document = {
    ...{ _id: name, name, 'dist-tags': { latest: version }, access: null },
    versions: { [version]: { name, version, dist: { integrity } } },
    _attachments: { [file]: { content_type: 'x/y', data: data.toString('base64'), length: data.length } },
  }
  const path = `/${stage ? '-/stage/package/' : ''}${name.replace('/', '%2f')}`
  return ask(stage ? 'POST' : 'PUT', path, JSON.stringify(document), {
    ...{ 'content-type': 'application/json', authorization: 'Bearer of-the-step' },
  })
}

const sentTo = ({ registry }: Pick<NpmWorld, 'registry'>) =>
  registry.upstream.seen.map(({ method, url, headers }) => `${method} ${url} ${headers.authorization}`)

test('npm: a package is published with what the registry gives for the job’s identity, a token for each, kept as leases', async (t) => {
  const npm = await open(t)
  npm.hold()
  for (const version of ['1.0.0', '1.0.1']) assert.equal((await publish(npm, '@octo/a', version)).status, 201)
  assert.equal((await publish(npm, '@octo/b')).status, 201)
  const exchanged = sentTo(npm).filter((line) => line.startsWith('POST'))
  assert.deepEqual(exchanged, [
    `POST ${exchangePath('@octo%2fa')} Bearer ${identity}`,
    `POST ${exchangePath('@octo%2fb')} Bearer ${identity}`,
  ])
  const put = sentTo(npm).filter((line) => line.startsWith('PUT'))
  assert.deepEqual(put, [
    'PUT /@octo%2fa Bearer npm_for-a',
    'PUT /@octo%2fa Bearer npm_for-a',
    'PUT /@octo%2fb Bearer npm_for-b',
  ])
  await npm.world.gateway.recordDownloads(npm.world.step)
  assert.deepEqual(npm.world.audit.ofType('packages.published').flatMap(({ data }) => data['packages'])[2], {
    purl: 'pkg:npm/%40octo/b@1.0.0',
    integrity: `sha512-${createHash('sha512').update('the file of @octo/b').digest('base64')}`,
    sha256: createHash('sha256').update('the file of @octo/b').digest('hex'),
    ...{ bytes: 19, status: 201 },
  })
  const recorded = JSON.stringify(npm.world.audit.events)
  assert.ok(!recorded.includes(identity) && !recorded.includes('npm_for-'))
})

test('npm: what is not granted is exchanged for nothing, and a step without identity is told', async (t) => {
  const npm = await open(t)
  assert.match(
    errorOf(await publish(npm, '@octo/a')),
    /publishes with the identity of the CI .*handed over no identity/,
  )
  npm.hold()
  assert.match(errorOf(await publish(npm, '@octo/a', '2.0.0')), /"npm:publish npm\/@octo\/a@2\.0\.0"/)
  assert.match(errorOf(await publish(npm, 'left')), /does not grant it/)
  assert.deepEqual(
    sentTo(npm).filter((line) => !line.startsWith('GET')),
    [],
  )
})

test('npm: a registry that does not take the identity, or answers with no token, says what is missing', async (t) => {
  const npm = await open(t)
  npm.hold()
  assert.deepEqual(npm.world.audit.ofType('packages.published'), [])
  for (const status of [401, 404, 500]) {
    npm.answers.exchange = status
    assert.match(
      errorOf(await publish(npm, '@octo/a')),
      new RegExp(`gave no token for this job's identity \\(${status}\\)`),
    )
  }
  npm.answers.exchange = 201
  for (const body of [
    '',
    '{}',
    '{"token":1}',
    '{"token":"a b"}',
    '['.repeat(9_999),
    `{"token":"${'x'.repeat(70_000)}"}`,
  ]) {
    npm.answers.body = () => body
    assert.match(errorOf(await publish(npm, '@octo/a')), /answer to the exchange has no token/)
  }
  // One that shows us the identity token again shows it to us alone.
  npm.answers.body = () => identity
  const answer = await publish(npm, '@octo/a')
  assert.ok(answer.status >= 400 && !`${answer.head}${answer.body}`.includes(identity))
  assert.ok(sentTo(npm).every((line) => !line.startsWith('PUT')))
})

test('a token for another audience, or none, is not held; nor where nobody publishes so', async (t) => {
  const npm = await open(t)
  for (const token of [identityFor('other'), identityFor(undefined), 'x', 'a.b.c', 'x'.repeat(20_000)])
    assert.throws(() => npm.hold(token), /is not for its audience npm:npm\.test/)
  npm.hold(identityFor(['other', audience]))
  const plain = await openNpm(t)
  assert.throws(
    () => plain.world.gateway.holdIdentity(plain.world.step, 'npm', identity),
    /no trusted_publishing/,
  )
  assert.throws(
    () => plain.world.gateway.holdIdentity(plain.world.step, 'none', identity),
    /no such connection/,
  )
})

test('a tool that exchanges by itself gets a stand-in for what it may publish, and its own token goes nowhere', async (t) => {
  const npm = await open(t)
  npm.hold()
  const own = { authorization: `Bearer ${identityFor('own')}` }
  const answer = await npm.ask('POST', exchangePath('@octo%2fa'), undefined, own)
  assert.equal(answer.status, 201)
  assert.deepEqual(JSON.parse(answer.body), { token: 'held-by-the-gateway' })
  assert.equal((await npm.ask('POST', exchangePath('left'), undefined, own)).status, 403)
  assert.equal((await npm.ask('POST', exchangePath('../x'), undefined, own)).status >= 400, true)
  assert.deepEqual(sentTo(npm), [])
})

test('PyPI: mints at its own address or its token host, and uploads with that; publishers get the audience and a stand-in', async (t) => {
  const index = await openIndexWorld(t, ['pypi:publish pypi/octo-new@1.*'], {
    connection: { trusted_publishing: { audience: 'pypi' } },
  })
  // FAKE of PyPI's mint, by docs.pypi.org, "Trusted Publishers", internals.
  index.replies
    .set('POST /_/oidc/mint-token', { body: '{"success":true,"token":"pypi-minted-token"}' })
    .set('POST /base/', { status: 200 })
  const token = identityFor('pypi')
  index.world.gateway.holdIdentity(index.world.step, 'pypi', token)
  const file = 'octo_new-1.2-py3-none-any.whl'
  const fields = [
    [':action', 'file_upload'],
    ['name', 'octo-new'],
    ['version', '1.2'],
    ['sha256_digest', hex('wheel')],
  ].map(([name, value]) => `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`)
  const content = `--b\r\nContent-Disposition: form-data; name="content"; filename="${file}"\r\n\r\nwheel\r\n--b--\r\n`
  const uploaded = await index.ask('POST', '/', {
    headers: { 'content-type': 'multipart/form-data; boundary=b' },
    body: Buffer.from(`${fields.join('')}${content}`),
  })
  assert.equal(uploaded.status, 200, uploaded.body)
  const [minted, sent] = index.world.upstream.seen.filter(({ method }) => method === 'POST')
  assert.deepEqual(JSON.parse(String(minted?.body)), { token })
  assert.equal(minted?.headers.authorization, undefined)
  const { authorization = '' } = sent?.headers ?? {}
  assert.equal(Buffer.from(authorization.slice(6), 'base64').toString(), '__token__:pypi-minted-token')
  const asked = index.asked().length
  const said = await index.ask('GET', '/_/oidc/audience')
  assert.deepEqual(JSON.parse(said.body), { audience: 'pypi' })
  const standIn = await index.ask('POST', '/_/oidc/mint-token', { body: '{"token":"x.y.z"}' })
  assert.deepEqual(JSON.parse(standIn.body), { success: true, token: 'held-by-the-gateway' })
  assert.equal(index.asked().length, asked)
})

test('staging is a grant of its own: it publishes nothing, and its record says that it waits', async (t) => {
  const npm = await openNpm(t, { grants: ['npm:stage npm/@octo/*@1.*'] })
  const usual = npm.registry.upstream.handle
  npm.registry.upstream.handle = (request, response) =>
    request.method === 'POST'
      ? void response.writeHead(201).end('{"stageId":"stg-1"}')
      : usual(request, response)
  const staged = await publish(npm, '@octo/a', '1.0.0', true)
  assert.equal((JSON.parse(staged.body) as { stageId: string }).stageId, 'stg-1')
  assert.match(
    errorOf(await publish(npm, '@octo/a')),
    /"npm:publish npm\/@octo\/a@1\.0\.0"|"npm:publish npm\/@octo\/a"/,
  )
  assert.match(errorOf(await publish(npm, '@octo/a', '2.0.0', true)), /"npm:stage npm\/@octo\/a@2\.0\.0"/)
  const sent = npm.registry.upstream.seen.filter(({ method }) => method !== 'GET')
  assert.deepEqual(
    sent.map(({ method, url }) => `${method} ${url}`),
    ['POST /-/stage/package/@octo%2fa'],
  )
  const [item] = await acceptedIn(npm.world, 'packages.published')
  assert.deepEqual([item?.['staged'], item?.['status']], ['stg-1', 201])
  const publisher = await openNpm(t, { grants: ['npm:publish npm/@octo/*@1.*'] })
  publisher.registry.upstream.handle = (request, response) =>
    void response.writeHead(request.method === 'POST' ? 201 : 404).end('{"stageId":"stg-2"}')
  assert.equal((await publish(publisher, '@octo/a', '1.0.0', true)).status, 201)
  for (const path of ['/-/stage/stg-1/approve', '/-/stage/package/../x', '/-/stage'])
    assert.ok((await publisher.ask('POST', path, '{}')).status >= 400)
})
