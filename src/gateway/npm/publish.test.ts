import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { leakInspection, leasesOf, markerInspection } from '../look.fixture.ts'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { anyCharacter } from '../../lib/any-character.fixture.ts'
import { MayflyError } from '../../lib/index.ts'
import { npmHost, until } from '../gateway.fixture.ts'
import { errorOf, openNpm, type NpmWorld } from './npm.fixture.ts'
import { readPublishBody } from './publish-body.ts'

const tarball = Buffer.from('the packed package')
const integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`
const shasum = createHash('sha1').update(tarball).digest('hex')

interface Document extends Record<string, unknown> {
  versions: Record<string, Record<string, unknown>>
  _attachments: Record<string, Record<string, unknown>>
}

/** What npm sends. */
function documentOf(
  name = '@octo/app',
  version = '1.2.3',
  change: (document: Document) => void = () => undefined,
): string {
  const file = `${name}-${version}.tgz`
  const document: Document = {
    _id: name,
    name,
    description: 'an app',
    'dist-tags': { latest: version },
    versions: {
      [version]: { name, version, dist: { integrity, shasum, tarball: `http://npm.test/${name}/-/${file}` } },
    },
    access: null,
    _attachments: {
      [file]: {
        content_type: 'application/octet-stream',
        data: tarball.toString('base64'),
        length: tarball.length,
      },
    },
  }
  change(document)
  return JSON.stringify(document)
}

const publishing = { grants: ['npm:publish npm/@octo/app@1.*'] }

function put({ ask }: NpmWorld, body: string | Buffer, path = '/@octo%2fapp', headers = {}) {
  return ask('PUT', path, body, { 'content-type': 'application/json', ...headers })
}

const putsOf = ({ registry }: NpmWorld) => registry.upstream.seen.filter(({ method }) => method === 'PUT')

function takesAll({ registry }: NpmWorld): void {
  const { upstream } = registry
  const usual = upstream.handle
  upstream.handle = (request, response) => {
    if (request.method !== 'PUT') return usual(request, response)
    response.writeHead(201).end('{"token":"of-the-registry"}')
  }
}

test('a granted version is published as it is, recorded with its digest before it goes out', async (t) => {
  const npm = await openNpm(t, publishing)
  takesAll(npm)
  npm.world.audit.before = ({ type }) => {
    if (type === 'access.granted') assert.deepEqual(putsOf(npm), [])
  }
  const answer = await put(npm, documentOf(), '/@octo%2fapp', {
    authorization: 'Bearer mine',
    'npm-otp': '123456',
  })
  assert.equal(answer.status, 201, answer.body)
  assert.doesNotMatch(answer.body, /of-the-registry/)
  const [sent, ...others] = putsOf(npm)
  assert.ok(sent !== undefined && others.length === 0)
  assert.equal(sent.url, '/@octo%2fapp')
  assert.deepEqual(JSON.parse(sent.body.toString()), JSON.parse(documentOf()))
  assert.match(sent.headers.authorization ?? '', /^Basic /)
  assert.equal(sent.headers['npm-otp'], undefined)
  const [granted] = npm.world.audit.ofType('access.granted')
  const { operations, npm: detail } = granted?.data ?? {}
  assert.deepEqual(operations, [
    { action: 'npm:publish', connection: 'npm', path: '@octo/app', ref: '1.2.3' },
  ])
  assert.deepEqual(detail, {
    purl: 'pkg:npm/%40octo/app@1.2.3',
    integrity,
    bytes: tarball.length,
    tags: ['latest'],
    access: null,
  })
  await npm.world.gateway.recordDownloads(npm.world.step)
  const sha256 = createHash('sha256').update(tarball).digest('hex')
  assert.deepEqual(npm.world.materials.published, [
    {
      ...{ name: 'pkg:npm/%40octo/app@1.2.3', digest: `sha256:${sha256}`, connection: 'npm' },
      ...{ bytes: tarball.length, tag: undefined },
    },
  ])
})

test('digests that the step leaves out are added; a packed body is unpacked; provenance goes along', async (t) => {
  const npm = await openNpm(t, publishing)
  takesAll(npm)
  const text = documentOf('@octo/app', '1.2.3', ({ versions, _attachments: attachments }) => {
    delete versions['1.2.3']?.['dist']
    attachments['@octo/app-1.2.3.sigstore'] = { data: '{"mediaType":"x\\"}{[,"}' }
  })
  assert.equal((await put(npm, gzipSync(text), '/@octo%2fapp', { 'content-encoding': 'gzip' })).status, 201)
  const sent = JSON.parse(putsOf(npm)[0]?.body.toString() ?? '') as Document
  assert.deepEqual(sent.versions['1.2.3']?.['dist'], { integrity, shasum })
  assert.equal(sent._attachments['@octo/app-1.2.3.sigstore']?.['data'], '{"mediaType":"x\\"}{[,"}')
})

test('what is not granted never reaches the registry, and says which grant there is', async (t) => {
  const npm = await openNpm(t, publishing)
  for (const [body, path, why] of [
    [documentOf('@octo/app', '2.0.0'), '/@octo%2fapp', /"npm:publish npm\/@octo\/app@2\.0\.0"/],
    [documentOf('@octo/other'), '/@octo%2fother', /npm:publish npm\/@octo\/other/],
    [documentOf('app'), '/app', /npm:publish npm\/app/],
  ] as const) {
    const answer = await put(npm, body, path)
    assert.equal(answer.status, 403)
    assert.match(errorOf(answer), why)
  }
  assert.deepEqual(npm.asked(), [])
})

const wrong: readonly (readonly [what: string, change: (document: Document) => void, why: RegExp])[] = [
  ['another name', (d) => (d['name'] = '@octo/other'), /of another package than its address/],
  ['another _id', (d) => (d['_id'] = '@octo/other'), /of another package than its address/],
  ['a revision', (d) => (d['_rev'] = '3-abc'), /only new versions pass/],
  ['owners', (d) => (d['maintainers'] = []), /"maintainers" is none that publishing needs/],
  ['two versions', (d) => (d.versions['1.2.4'] = {}), /one version is published at a time/],
  ['no version', (d) => (d.versions = {}), /one version is published at a time/],
  [
    'a manifest of another',
    (d) => (d.versions['1.2.3'] = { name: 'x', version: '1.2.3' }),
    /another package or version/,
  ],
  [
    'a manifest of another version',
    (d) => (d.versions['1.2.3'] = { name: '@octo/app', version: '9.9.9' }),
    /another package or version/,
  ],
  [
    'a deprecation',
    (d) => (d.versions['1.2.3'] = { ...d.versions['1.2.3'], deprecated: 'old' }),
    /deprecating is no part/,
  ],
  [
    'a tag of another version',
    (d) => (d['dist-tags'] = { latest: '1.0.0' }),
    /dist-tags are to name the version/,
  ],
  [
    'a tag like a version',
    (d) => (d['dist-tags'] = { '1.0.0': '1.2.3' }),
    /dist-tag "1\.0\.0" reads like a version/,
  ],
  [
    'another digest',
    (d) => (d.versions['1.2.3'] = { ...d.versions['1.2.3'], dist: { integrity: 'sha512-x' } }),
    /not that of its file/,
  ],
  ['a file of another', (d) => (d._attachments = { 'x-1.0.0.tgz': { data: 'AAAA' } }), /is not the file of/],
  [
    'two files',
    (d) => (d._attachments['app-1.2.3.tgz'] = { data: 'AAAA' }),
    /one file is published at a time/,
  ],
  ['no file', (d) => (d._attachments = {}), /one file is published at a time/],
  ['what is no base64', (d) => (d._attachments['@octo/app-1.2.3.tgz'] = { data: 'A*AA' }), /not base64/],
  [
    'base64 behind its end',
    (d) => (d._attachments['@octo/app-1.2.3.tgz'] = { data: 'AA==AAAA' }),
    /not base64/,
  ],
  ['half of base64', (d) => (d._attachments['@octo/app-1.2.3.tgz'] = { data: 'AAAAA' }), /not whole base64/],
]
for (const [what, change, why] of wrong)
  test(`a publication with ${what} is refused before the registry is asked`, async (t) => {
    const npm = await openNpm(t, { grants: ['npm:publish npm/@octo/app'] })
    const answer = await put(npm, documentOf('@octo/app', '1.2.3', change))
    assert.ok([400, 403].includes(answer.status), answer.body)
    assert.match(errorOf(answer), why)
    assert.deepEqual(npm.asked(), [])
  })

// Two readers of one text may take different ones of two members with one name.
test('members that stand there twice, and texts that are none, are refused', async (t) => {
  const npm = await openNpm(t, publishing)
  const text = documentOf()
  for (const [body, why] of [
    [
      text.replace(
        '"_attachments":',
        '"_attachments":{"@octo/app-1.2.3.tgz":{"data":"AAAA"}},"_attachments":',
      ),
      /one file/,
    ],
    [text.replace(/\}$/, ',"_attachments":{}}'), /not where npm puts it/],
    [text.replace(/\}$/, ''), /no JSON object/],
    [
      text.replaceAll('"data"', '"d\\u0061ta"').replace('"versions"', '"versions":{"1.0.0":{}},"versions"'),
      /./,
    ],
    ['[]', /one file/],
    ['{"a":'.repeat(200), /nested too deep/],
    [`{"readme":"${'x'.repeat(5_000_000)}"}`, /all but the file in it is over/],
  ] as const) {
    const answer = await put(npm, body)
    if (answer.status === 201) {
      assert.deepEqual(JSON.parse(putsOf(npm)[0]?.body.toString() ?? ''), JSON.parse(text))
      continue
    }
    assert.match(errorOf(answer), why)
  }
})

test('a version that exists is not overwritten, and a registry that does not say is not asked to take one', async (t) => {
  const npm = await openNpm(t, publishing)
  takesAll(npm)
  npm.registry.add('@octo/app', '1.2.3')
  const answer = await put(npm, documentOf())
  assert.equal(answer.status, 409)
  assert.match(errorOf(answer), /is there already/)
  npm.registry.bodies.set('/@octo/app', (_request, response) => void response.writeHead(500).end())
  assert.match(errorOf(await put(npm, documentOf())), /cannot be told: the registry answered 500/)
  assert.deepEqual(putsOf(npm), [])
  npm.registry.bodies.set('/@octo/app', '{"name":"@octo/app","versions":{"1.0.0":{}}}')
  assert.equal((await put(npm, documentOf())).status, 201)
})

// GitLab's registry sends on to npmjs.com for what it has not itself.
test('a registry that sends on elsewhere for the package does not have it; on its own host it must say so', async (t) => {
  const npm = await openNpm(t, publishing)
  takesAll(npm)
  let location = `https://${npmHost}:8443/@octo/app`
  npm.registry.bodies.set(
    '/@octo/app',
    (_request, response) => void response.writeHead(302, { location }).end(),
  )
  assert.match(errorOf(await put(npm, documentOf())), /cannot be told: the registry sends clients on to/)
  assert.deepEqual(putsOf(npm), [])
  location = 'https://registry.npmjs.test/@octo%2fapp'
  assert.equal((await put(npm, documentOf())).status, 201)
})

test('a dist-tag is any name that reads like no version', async (t) => {
  const npm = await openNpm(t, publishing)
  takesAll(npm)
  for (const [at, tag] of ['2-legacy', '0.14-stable', 'release/1.x', 'a+b', 'next'].entries()) {
    const text = documentOf('@octo/app', `1.3.${at}`, (d) => (d['dist-tags'] = { [tag]: `1.3.${at}` }))
    assert.equal((await put(npm, text)).status, 201, tag)
  }
  const sent = putsOf(npm).length
  for (const tag of [
    '2',
    'v2',
    '1.x',
    'x',
    '1.0.0-rc.1',
    '=1.2.3',
    '1.0.0rc',
    '',
    ' next',
    '__proto__',
    '-x',
  ]) {
    const text = documentOf(
      '@octo/app',
      '1.4.0',
      (d) => (d['dist-tags'] = JSON.parse(`{${JSON.stringify(tag)}:"1.4.0"}`)),
    )
    assert.match(errorOf(await put(npm, text)), /its dist-tag .* reads like a version, or has/, tag)
  }
  assert.equal(putsOf(npm).length, sent)
})

test('what the registry says against it is told, but never the credential', async (t) => {
  const npm = await openNpm(t, publishing)
  let error = 'You cannot publish over it\u001b[31m'
  npm.registry.upstream.handle = (request, response) =>
    void response.writeHead(request.method === 'PUT' ? 403 : 404).end(JSON.stringify({ error }))
  const answer = await put(npm, documentOf())
  assert.equal(answer.status, 403)
  assert.match(errorOf(answer), /the registry answered 403: You cannot publish over it \[31m/)
  error = `not with ${Buffer.from('injected:for-npm').toString('base64')}`
  const reflected = await put(npm, documentOf())
  assert.equal(reflected.status, 502)
  assert.doesNotMatch(reflected.body, /aW5qZWN0ZWQ/)
})

test('a step that publishes reads about its package, and nothing else changes there', async (t) => {
  const npm = await openNpm(t, publishing)
  npm.registry.add('@octo/app', '1.0.0')
  npm.registry.add('other', '1.0.0')
  assert.equal((await npm.get('/@octo%2fapp')).status, 200)
  assert.equal((await npm.get('/other')).status, 403)
  const asked = npm.asked().length
  for (const [method, path, why] of [
    ['PUT', '/@octo%2fapp/-rev/1-abc', /only what package managers need/],
    ['DELETE', '/@octo%2fapp/-rev/1-abc', /only what package managers need/],
    ['PUT', '/-/package/@octo%2fapp/dist-tags/latest', /only what package managers need/],
    ['PUT', '/-/user/org.couchdb.user:me', /only what package managers need/],
    ['PUT', '/@octo%2fapp?write=true', /only what package managers need/],
    [
      'POST',
      '/-/npm/v1/oidc/token/exchange/package/@octo%2fapp',
      /has no trusted_publishing: the gateway adds its credential/,
    ],
  ] as const) {
    const answer = await npm.ask(method, path, '"1.0.0"')
    assert.ok([400, 403].includes(answer.status), path)
    assert.match(answer.body, why)
  }
  assert.equal(npm.asked().length, asked)
})

test('a step publishes a few packages at once, and no more', async (t) => {
  const npm = await openNpm(t, publishing)
  takesAll(npm)
  const usual = npm.registry.upstream.handle
  const waiting: (() => void)[] = []
  npm.registry.upstream.handle = (request, response) => void waiting.push(() => usual(request, response))
  const four = [1, 2, 3, 4].map((i) => put(npm, documentOf('@octo/app', `1.0.${i}`)))
  await until(() => waiting.length === 4)
  assert.equal((await put(npm, documentOf())).status, 429)
  npm.registry.upstream.handle = usual
  for (const go of waiting) go()
  assert.deepEqual(
    (await Promise.all(four)).map(({ status }) => status),
    [201, 201, 201, 201],
  )
  assert.equal((await put(npm, documentOf())).status, 201)
})

test('in whatever pieces a body comes, what is read is what JSON says', async () => {
  const json = fc.json({ maxDepth: 4, stringUnit: anyCharacter })
  const bytes = fc.uint8Array({ maxLength: 300 })
  await fc.assert(
    fc.asyncProperty(
      json,
      bytes,
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
      async (other, file, sizes) => {
        const data = Buffer.from(file).toString('base64')
        const text = Buffer.from(
          `{"x":${other}, "_attachments" : {"a.tgz":{"y":[{}],"data":"${data}"},"b":{"data":"c"}},"z":${other}}`,
        )
        await using read = await readPublishBody(pieces(text, sizes))
        const expected = JSON.parse(text.toString()) as Record<
          string,
          Record<string, Record<string, unknown>>
        >
        const entry = expected['_attachments']?.['a.tgz']
        assert.ok(entry)
        entry['data'] = read.placeholder
        assert.deepEqual(JSON.parse(read.json), expected)
        assert.deepEqual(read.sha512, createHash('sha512').update(file).digest())
        assert.equal(read.fileBytes, file.length)
        const chunks: Buffer[] = []
        for await (const chunk of read.readText()) chunks.push(chunk as Buffer)
        assert.equal(Buffer.concat(chunks).toString(), data)
      },
    ),
    { numRuns: 100 },
  )
})

test('whatever comes, it is read or refused with a code', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: anyCharacter }), async (text) => {
      try {
        await using read = await readPublishBody(pieces(Buffer.from(text), [7]))
        return read.files === 0
      } catch (error) {
        return error instanceof MayflyError
      }
    }),
  )
})

test('a file over the limit is refused while it comes', async () => {
  const piece = Buffer.alloc(65_536, 'A')
  let sent = 0
  async function* endless() {
    yield Buffer.from('{"_attachments":{"a.tgz":{"data":"')
    for (;;) {
      sent += piece.length
      yield piece
    }
  }
  await assert.rejects(readPublishBody(endless(), 1_048_576), {
    code: 'limit_exceeded',
    message: 'the file in it is over 1048576 bytes',
  })
  assert.ok(sent < 2_000_000)
})

async function* pieces(text: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  for (let at = 0, i = 0; at < text.length; i++) {
    const size = sizes[i % sizes.length] ?? 1
    yield text.subarray(at, at + size)
    at += size
  }
}

test('base64 behind its end is refused wherever the body was cut', async () => {
  for (const data of ['AAAAAA==AAAA', 'AAA=AAAA', 'AA===AAA', 'AA=A'])
    for (let size = 1; size < 70; size++) {
      const text = Buffer.from(`{"_attachments":{"a.tgz":{"data":"${data}"}}}`)
      await assert.rejects(readPublishBody(pieces(text, [size])), /base64/, `${data} in pieces of ${size}`)
    }
})

test('a package with a secret in its file, or beside it, never reaches the registry', async (t) => {
  const npm = await openNpm(t, publishing)
  takesAll(npm)
  const { inspection, seen, opened } = markerInspection('the-marker')
  npm.world.setInspection(inspection)
  assert.equal((await put(npm, documentOf())).status, 201)
  assert.deepEqual(opened, ['packages pkg:npm/%40octo/app@1.2.3'])
  assert.equal(seen.get('@octo/app-1.2.3.tgz'), tarball.toString('latin1'))
  const beside = await put(
    npm,
    documentOf('@octo/app', '1.2.4', (document) => (document['readme'] = 'the-marker')),
  )
  assert.equal(beside.status, 403)
  assert.match(beside.body, /secrets were found in it.*a secret in its document/)
  assert.equal(putsOf(npm).length, 1)
  assert.match(String(npm.world.audit.ofType('access.denied')[0]?.data['reason']), /a secret in its document/)
})

test('a person’s yes to a package is good for the same file with the same document alone', async (t) => {
  const npm = await openNpm(t, publishing)
  takesAll(npm)
  const { inspection, same } = markerInspection('the-marker')
  npm.world.setInspection(inspection)
  const send = (readme: string) =>
    put(
      npm,
      documentOf('@octo/app', '1.2.4', (document) => (document['readme'] = `the-marker ${readme}`)),
    )
  for (const readme of ['one', 'one', 'two']) assert.equal((await send(readme)).status, 403)
  assert.match(same[0] ?? '', /^[0-9a-f]{64}$/)
  assert.equal(same[0], same[1])
  assert.notEqual(same[0], same[2])
})

test('a package that passes with its own credential in it goes with another one, which the log has first', async (t) => {
  const npm = await openNpm(t, publishing)
  takesAll(npm)
  npm.world.setInspection(leakInspection(npm.world.brokers.endLease))
  assert.equal((await put(npm, documentOf())).status, 201)
  assert.deepEqual(leasesOf(npm.world, putsOf(npm)), [['injected:for-npm-2'], ['lse_1', 'lse_2']])
})
