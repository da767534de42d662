import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import fc from 'fast-check'
import { MayflyError } from '../../lib/index.ts'
import { leakInspection, leasesOf, markerInspection } from '../look.fixture.ts'
import { boundaryIn, createFormReader } from './form-reader.ts'
import { hex, openIndexWorld } from './pypi.fixture.ts'

const boundary = 'b0undary'
const wheel = 'octo_new-1.2-py3-none-any.whl'

type Field = readonly [name: string, value: string]

const usual = (content = 'wheel'): Field[] => [
  [':action', 'file_upload'],
  ['protocol_version', '1'],
  ['name', 'octo-new'],
  ['version', '1.2'],
  ['filetype', 'bdist_wheel'],
  ['sha256_digest', hex(content)],
]

function form(fields: readonly Field[], content = 'wheel', file = wheel): string {
  const parts = fields.map(
    ([name, value]) => `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  )
  return `${parts.join('')}--${boundary}\r\nContent-Disposition: form-data; name="content"; filename="${file}"\r\nContent-Type: application/octet-stream\r\n\r\n${content}\r\n--${boundary}--\r\n`
}

async function publisher(t: TestContext, grants = ['pypi:publish pypi/octo-new@1.*']) {
  const world = await openIndexWorld(t, grants)
  const upload = (body: string, path = '/', type = `multipart/form-data; boundary=${boundary}`) =>
    world.ask('POST', path, {
      headers: { 'content-type': type, authorization: 'Basic bWF5Zmx5Om1heWZseQ==' },
      body: Buffer.from(body, 'latin1'),
    })
  const posts = () => world.world.upstream.seen.filter(({ method }) => method === 'POST')
  return { ...world, upload, posts }
}

test('an upload within the grant passes as it came, with the credential of the connection, and is recorded first', async (t) => {
  const { upload, posts, world, replies } = await publisher(t)
  for (const path of ['/', '/legacy/']) {
    replies.set(`POST /base${path}`, { status: 200 })
    const body = form(usual())
    assert.equal((await upload(body, path)).status, 200)
    assert.equal(posts().at(-1)?.body.toString('latin1'), body)
    assert.equal(posts().at(-1)?.headers['content-type'], `multipart/form-data; boundary=${boundary}`)
    const { authorization = '' } = posts().at(-1)?.headers ?? {}
    assert.match(Buffer.from(authorization.slice(6), 'base64').toString(), /^injected:for-pypi$/)
  }
  const [granted] = world.audit.ofType('access.granted')
  assert.deepEqual(granted?.data['operations'], [
    { action: 'pypi:publish', connection: 'pypi', path: 'octo-new', ref: '1.2' },
  ])
  assert.deepEqual(granted?.data['published'], { file: wheel, sha256: hex('wheel') })
  await world.gateway.recordDownloads(world.step)
  assert.deepEqual(world.audit.ofType('packages.published').flatMap(({ data }) => data['packages'])[0], {
    purl: `pkg:pypi/octo-new@1.2?file_name=${wheel}`,
    integrity: `sha256-${Buffer.from(hex('wheel'), 'hex').toString('base64')}`,
    bytes: 5,
    status: 200,
  })
  assert.deepEqual(world.materials.published[0], {
    ...{ name: `pkg:pypi/octo-new@1.2?file_name=${wheel}`, digest: `sha256:${hex('wheel')}` },
    ...{ bytes: 5, tag: undefined, connection: 'pypi' },
  })
})

const with_ = (name: string, value: string): Field[] =>
  usual().map(([key, old]) => [key, key === name ? value : old])
const without = (name: string): Field[] => usual().filter(([key]) => key !== name)

const refused: readonly (readonly [what: string, body: string, status: number, text: RegExp])[] = [
  [
    'another project',
    form(with_('name', 'octo-other'), 'wheel', 'octo_other-1.2-py3-none-any.whl'),
    403,
    /pypi:publish pypi\/octo-other@1\.2/,
  ],
  [
    'another version',
    form(with_('version', '2.0'), 'wheel', 'octo_new-2.0-py3-none-any.whl'),
    403,
    /octo-new@2\.0/,
  ],
  [
    'a file of another project',
    form(usual(), 'wheel', 'octo_evil-1.2-py3-none-any.whl'),
    400,
    /its name is not one of a file of octo-new 1\.2/,
  ],
  [
    'a file of another version',
    form(usual(), 'wheel', 'octo_new-9.9-py3-none-any.whl'),
    400,
    /its name is not one/,
  ],
  ['a file that is no release', form(usual(), 'wheel', 'evil.exe'), 400, /its name is not one/],
  ['a path as file name', form(usual(), 'wheel', '../octo_new-1.2.tar.gz'), 400, /head of another form/],
  ['two names', form([...usual(), ['name', 'octo-evil']]), 400, /"name" twice/],
  ['two actions', form([...usual(), [':action', 'remove_pkg']]), 400, /":action" twice/],
  ['another action', form(with_(':action', 'remove_pkg')), 400, /only ":action" file_upload/],
  ['no digest', form(without('sha256_digest')), 400, /no "sha256_digest"/],
  ['a digest in another form', form(with_('sha256_digest', 'abc')), 400, /no "sha256_digest"/],
  ['a version that is none', form(with_('version', '../1.2')), 400, /its name is not one/],
  [
    'a field behind the file',
    form(usual()).replace(
      /--b0undary--\r\n$/,
      `--${boundary}\r\nContent-Disposition: form-data; name="name"\r\n\r\nevil\r\n--${boundary}--\r\n`,
    ),
    400,
    /not its last part/,
  ],
  ['something behind the end', `${form(usual())}--${boundary}\r\n`, 400, /something stands behind it/],
  ['no end', form(usual()).slice(0, -20), 400, /breaks off/],
  ['text before the beginning', `x\r\n${form(usual())}`, 400, /does not begin with its boundary/],
  ['lines that end otherwise', form(usual()).replaceAll('\r\n', '\n'), 400, /not taken/],
  [
    'the boundary within a part',
    form(usual(), `a\n--${boundary}\nb`),
    400,
    /boundary stands within|not taken/,
  ],
  [
    'another header in a part',
    form(usual()).replace('Content-Type: application/octet-stream', 'Content-Transfer-Encoding: base64'),
    400,
    /head of another form/,
  ],
  [
    'a parameter in another encoding',
    form(usual()).replace(`filename="${wheel}"`, `filename="${wheel}"; filename*=UTF-8''evil.whl`),
    400,
    /head of another form/,
  ],
  [
    'a file under another field',
    form(usual()).replace('name="version"', 'name="version"; filename="x.whl"'),
    400,
    /is not sent in this way/,
  ],
]
for (const [what, body, status, text] of refused)
  test(`refused, and nothing of it is published: ${what}`, async (t) => {
    const { upload, posts, replies } = await publisher(t)
    replies.set('POST /base/', { status: 200 })
    const answer = await upload(body)
    assert.match(answer.body, text)
    assert.equal(answer.status, status)
    assert.deepEqual(posts(), [])
  })

test('a signature beside the file is taken, and no other file; boundaries as mail has them', async (t) => {
  const { upload, posts, replies } = await publisher(t)
  replies.set('POST /base/', { status: 200 })
  const signed = (file: string) =>
    form([...usual(), ['gpg_signature', 'SIGNATURE']]).replace(
      'name="gpg_signature"',
      `name="gpg_signature"; filename="${file}"`,
    )
  assert.equal((await upload(signed(`${wheel}.asc`))).status, 200)
  assert.equal(posts().at(-1)?.body.toString(), signed(`${wheel}.asc`))
  for (const file of [wheel, 'octo_other-1.0.tar.gz', 'x.asc'])
    assert.match((await upload(signed(file))).body, /"gpg_signature" is to be the file/)
  assert.match((await upload(form([...usual(), ['gpg_signature', 'x']]))).body, /is not sent in this way/)
  assert.equal(posts().length, 1)
  const mail = '===============123=='
  for (const [written, sent] of [
    [`"${mail}"`, `"${mail}"`],
    [mail, `"${mail}"`],
    [`${boundary}; charset=utf-8`, boundary],
  ] as const) {
    const body = form(usual()).replaceAll(boundary, sent.replaceAll('"', ''))
    assert.equal((await upload(body, '/', `multipart/form-data; boundary=${written}`)).status, 200, written)
    assert.equal(posts().at(-1)?.headers['content-type'], `multipart/form-data; boundary=${sent}`)
  }
  assert.equal(boundaryIn('multipart/form-data; charset=UTF-8; boundary=x'), 'x')
  for (const other of [
    'boundary="a b"',
    'boundary=a; boundary=b',
    'boundary="a"b',
    'boundary=a;b',
    'boundary=""',
  ])
    assert.equal(boundaryIn(`multipart/form-data; ${other}`), undefined, other)
})

test('bytes of another digest never arrive whole', async (t) => {
  const { upload, posts, world } = await publisher(t)
  const answer = await upload(form(usual('other'), 'wheel'))
  assert.match(answer.body, /has the SHA-256 .* and its "sha256_digest" says/)
  assert.deepEqual(posts(), [])
  assert.match(JSON.stringify(world.audit.ofType('access.denied')), /SHA-256/)
})

test('a file that is there is not overwritten, in any spelling; and what the index says is told', async (t) => {
  const { upload, posts, page, replies } = await publisher(t)
  for (const there of [wheel, wheel.replace('octo', 'OCTO')]) {
    page('octo-new', [{ filename: there, url: `/base/packages/${there}`, hashes: {} }])
    const answer = await upload(form(usual()))
    assert.equal(answer.status, 409)
    assert.match(answer.head, /^HTTP\/1\.1 409 .*File already exists/)
  }
  replies.set('GET /base/simple/octo-new/', { status: 500 })
  assert.match((await upload(form(usual()))).body, /is not known/)
  assert.deepEqual(posts(), [])
  replies.delete('GET /base/simple/octo-new/')
  replies.set('POST /base/', {
    status: 401,
    headers: { 'www-authenticate': 'Basic' },
    body: 'injected:for-pypi',
  })
  const answer = await upload(form(usual()))
  assert.match(answer.body, /an operator must renew its secret/)
  assert.doesNotMatch(`${answer.head}${answer.body}`, /injected|www-authenticate/i)
})

test('uploads elsewhere, in another encoding, and tokens that a step does not need', async (t) => {
  const { upload, posts, ask } = await publisher(t)
  for (const path of ['/packages/', '/simple/octo-new/', '/legacy', '/x'])
    assert.equal((await upload(form(usual()), path)).status, 403, path)
  for (const type of [
    'application/x-www-form-urlencoded',
    'multipart/form-data',
    `multipart/mixed; boundary=${boundary}`,
    `multipart/form-data; boundary="a b"`,
  ])
    assert.equal((await upload(form(usual()), '/', type)).status, 400, type)
  assert.match((await ask('POST', '/_/oidc/mint-token')).body, /needs no token to publish/)
  assert.match((await ask('GET', '/_/oidc/audience')).body, /needs no token to publish/)
  assert.deepEqual(posts(), [])
})

test('property: a form is read alike, however its bytes are cut', () => {
  const piece = fc.constantFrom('\r\n', '\n', '\r', '--', `--${boundary.slice(0, 5)}`, 'x', '\0', 'content')
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 12 }),
      fc.array(fc.nat(400), { maxLength: 6 }),
      (pieces, cuts) => {
        const content = pieces.join('')
        const bytes = Buffer.from(form(usual(content), content), 'latin1')
        const reader = createFormReader(boundary, 10_000)
        const places = [0, ...cuts.map((cut) => cut % bytes.length).toSorted((a, b) => a - b), bytes.length]
        places.slice(1).forEach((end, i) => reader.push(bytes.subarray(places[i], end)))
        assert.deepEqual(reader.end(), { sha256: hex(content), bytes: content.length })
        assert.deepEqual([...(reader.file?.fields ?? [])], usual(content))
      },
    ),
    { numRuns: 500 },
  )
})

test('property: any other bytes are refused with a reason, or are no whole form', () => {
  const piece = fc.constantFrom(
    ...[
      `--${boundary}`,
      '\r\n',
      '--',
      'Content-Disposition: form-data; name="name"',
      '; filename="a-1.zip"',
      'Content-Type: a/b',
      'x',
      'content',
    ],
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
      const reader = createFormReader(boundary, 300)
      try {
        for (const one of pieces) reader.push(Buffer.from(one))
        reader.end()
      } catch (error) {
        assert.ok(error instanceof MayflyError, String(error))
      }
    }),
    { numRuns: 2_000 },
  )
})

test('fields without end take no more than they may', () => {
  const reader = createFormReader(boundary, 100_000)
  reader.push(Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="description"\r\n\r\n`))
  assert.throws(() => {
    for (;;) reader.push(Buffer.alloc(10_000, 'a'))
  }, /is over 100000 bytes: shorten the description/)
  assert.equal(boundaryIn(`multipart/form-data; boundary=${'a'.repeat(71)}`), undefined)
})

test('a file with a secret in it is put aside first, and never reaches the index', async (t) => {
  const { upload, posts, world, replies } = await publisher(t)
  replies.set('POST /base/', { status: 200 })
  const { inspection, seen } = markerInspection('the-marker')
  world.setInspection(inspection)
  const answer = await upload(form(usual('a wheel with the-marker'), 'a wheel with the-marker'))
  assert.equal(answer.status, 403)
  assert.match(answer.body, new RegExp(`a secret in ${wheel}`))
  assert.equal(seen.get(wheel), 'a wheel with the-marker')
  assert.deepEqual(posts(), [])
  for (const name of ['description', 'attestations', 'summary']) {
    const beside = await upload(form([...usual(), [name, 'how to use the-marker']]))
    assert.equal(beside.status, 403)
    assert.match(beside.body, /a secret in fields of the form/)
  }
  const signature = `--${boundary}\r\nContent-Disposition: form-data; name="gpg_signature"; filename="${wheel}.asc"\r\n\r\nthe-marker\r\n`
  assert.equal((await upload(`${signature}${form(usual())}`)).status, 403)
  assert.deepEqual(posts(), [])
  const body = form(usual())
  assert.equal((await upload(body)).status, 200)
  assert.equal(posts()[0]?.body.toString('latin1'), body)
})

test('a person’s yes to an upload is good for the same file with the same fields alone, whatever their boundary', async (t) => {
  const { upload, world } = await publisher(t)
  const { inspection, same } = markerInspection('the-marker')
  world.setInspection(inspection)
  const summary = (text: string) => form([...usual(), ['summary', `the-marker ${text}`]])
  const sent = [
    [summary('one'), boundary],
    [summary('one').replaceAll(boundary, 'another-0'), 'another-0'],
    [summary('two'), boundary],
  ] as const
  for (const [body, of] of sent)
    assert.equal((await upload(body, '/', `multipart/form-data; boundary=${of}`)).status, 403)
  assert.match(same[0] ?? '', /^[0-9a-f]{64}$/)
  assert.equal(same[0], same[1])
  assert.notEqual(same[0], same[2])
})

test('an upload that passes with its own credential in it goes with another one, which the log has first', async (t) => {
  const { upload, posts, world, replies } = await publisher(t)
  replies.set('POST /base/', { status: 200 })
  world.setInspection(leakInspection(world.brokers.endLease))
  assert.equal((await upload(form(usual()))).status, 200)
  assert.deepEqual(leasesOf(world, posts()), [['injected:for-pypi-2'], ['lse_1', 'lse_2']])
})
