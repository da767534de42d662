import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { paxOf, tgzOf } from '../archives/archives.fixture.ts'
import { keptAttestations, openSigning } from '../attestations.fixture.ts'
import { request } from '../gateway.fixture.ts'
import { makeZip } from '../go/zip.fixture.ts'
import { besideFile } from './beside-file.ts'
import { readCoreMetadata } from './core-metadata.ts'
import { hex, openIndexWorld } from './pypi.fixture.ts'

type Form = Readonly<Record<string, string | readonly string[]>>

const wheelName = 'octo_new-1.2-py2.py3-none-any.whl'
const sourceName = 'octo_new-1.2.tar.gz'
const metadata = [
  'Metadata-Version: 2.4',
  'Name: Octo.New',
  'Version: 1.2.0',
  'Summary: words',
  'Requires-Python: >=3.9',
  'Requires-Dist: words (>=1)',
  "Requires-Dist: fast; extra == 'speed'",
  'Provides-Extra: speed',
  'License: MIT',
  '  and more',
  '',
  'Requires-Dist: only-in-the-description',
].join('\n')
const tags = 'Wheel-Version: 1.0\nTag: py2-none-any\nTag: py3-none-any\n'
const info = 'octo_new-1.2.dist-info'

const wheelOf = (entries: Readonly<Record<string, string>> = {}) =>
  makeZip(
    Object.entries({
      ...{ 'octo_new/__init__.py': '1', [`${info}/METADATA`]: metadata, [`${info}/WHEEL`]: tags },
      ...entries,
    }).map(([name, content]) => ({ name, content })),
  )
const sourceOf = (text = metadata, path = 'octo_new-1.2/PKG-INFO') =>
  tgzOf(
    // As setuptools packs it.
    ...[paxOf({ mtime: '1.5' }), { name: 'octo_new-1.2/', type: '5' }],
    ...[paxOf({ mtime: '1.5' }), { name: path, content: text }],
    { name: 'octo_new-1.2/octo_new.egg-info/PKG-INFO', content: 'Name: other' },
  )

/** As twine sends it. */
const form: Form = {
  ...{ ':action': 'file_upload', protocol_version: '1', metadata_version: '2.4', pyversion: 'py2.py3' },
  ...{ name: 'octo-new', version: '1.2', filetype: 'bdist_wheel', summary: 'other words', license: 'MIT' },
  ...{ requires_python: '>=3.9', provides_extra: 'speed', sha256_digest: 'x', comment: '' },
  requires_dist: ["fast; extra == 'speed'", 'words (>=1)'],
  classifiers: ['a', 'b'],
}

function whyNot(sent: Form, name = wheelName, bytes = wheelOf()): Promise<string | undefined> {
  const lists = new Map(Object.entries(sent).map(([key, value]) => [key, [value].flat()]))
  const read = async (at: number, length: number) => bytes.subarray(at, at + length)
  return besideFile(lists, { name, bytes: bytes.length, read })
}

const source: Form = { ...form, filetype: 'sdist', pyversion: 'source' }

test('a form that says what METADATA in the wheel says, or PKG-INFO in the archive, agrees', async () => {
  assert.equal(await whyNot(form), undefined)
  assert.equal(await whyNot(source, sourceName, sourceOf()), undefined)
  const zip = makeZip([{ name: 'octo_new-1.2/PKG-INFO', content: metadata.replaceAll('\n', '\r\n') }])
  assert.equal(await whyNot(source, 'octo_new-1.2.zip', zip), undefined)
  const { provides_extra: extra = '', ...older } = form
  assert.equal(await whyNot({ ...older, provides_extras: extra }), undefined)
  const built = wheelOf({ [`${info}/WHEEL`]: `${tags}Build: 7\n` })
  assert.equal(await whyNot(form, 'octo_new-1.2-7-py2.py3-none-any.whl', built), undefined)
})

const differing: readonly (readonly [what: string, sent: Form, text: RegExp])[] = [
  [
    'a dependency more',
    { ...form, requires_dist: [...(form['requires_dist'] ?? []), 'evil'] },
    /requires-dist.*evil/,
  ],
  ['a dependency less', { ...form, requires_dist: 'words (>=1)' }, /requires-dist/],
  [
    'no dependencies',
    (({ requires_dist: _, ...rest }) => rest)(form),
    /the form says requires-dist: does not/,
  ],
  ['a dependency by another field', { ...form, requires: 'evil' }, /requires: \["evil"\]/],
  ['a field that METADATA has not', { ...form, provides_dist: 'pip' }, /provides-dist/],
  ['a field that nobody knows', { ...form, new_thing: '1' }, /new-thing/],
  ['another Python', { ...form, requires_python: '>=2' }, /requires-python: \[">=2"\], and .*>=3\.9/],
  ['an extra more', { ...form, provides_extra: ['speed', 'evil'] }, /provides-extra/],
  [
    'another extra, by its older name',
    (({ provides_extra: _, ...rest }) => ({ ...rest, provides_extras: 'evil' }))(form),
    /provides-extra/,
  ],
  [
    'a field that an index does not read',
    (({ requires_dist: dist = [], ...rest }) => ({ ...rest, 'requires-dist': dist }))(form),
    /"requires-dist", which an index does not read/,
  ],
  [
    'half of a list in such a field',
    { ...form, requires_dist: ['words (>=1)'], 'requires-dist': ["fast; extra == 'speed'"] },
    /does not read/,
  ],
  [
    'Python in such a field',
    (({ requires_python: python = '', ...rest }) => ({ ...rest, 'requires.python': python }))(form),
    /does not read/,
  ],
  ['a field in capitals', { ...form, Requires_Dist: 'evil' }, /does not read/],
  ['an extra by both of its names', { ...form, provides_extras: 'speed' }, /does not read/],
  ['two Pythons', { ...form, requires_python: ['>=3.9', '>=2'] }, /requires-python stands twice/],
  ['a blank that is none', { ...form, requires_python: '\u00a0>=3.9' }, /requires-python/],
  ['words that mail readers decode', { ...form, requires_dist: '=?utf-8?q?evil?=' }, /encoding/],
  ['another place to download', { ...form, download_url: 'https://evil.test' }, /download-url/],
  ['another type', { ...form, filetype: 'sdist' }, /filetype/],
  ['another version', { ...form, version: '1.3' }, /is of \["Octo\.New","1\.2\.0"\]/],
  ['another name', { ...form, name: 'octo-newer' }, /is of/],
]
for (const [what, sent, text] of differing)
  test(`a form with ${what} than its file is refused`, async () => {
    assert.match((await whyNot(sent)) ?? '', text)
    const { filetype } = sent
    const asSource = { ...sent, filetype: filetype === 'sdist' ? 'bdist_wheel' : 'sdist' }
    assert.match((await whyNot(asSource, sourceName, sourceOf())) ?? '', text)
  })

const files: readonly (readonly [what: string, name: string, bytes: Buffer, text: RegExp])[] = [
  [
    'for another system',
    'octo_new-1.2-cp312-cp312-win_amd64.whl',
    wheelOf(),
    /its name says that it is for cp312/,
  ],
  ['for one Python of two', 'octo_new-1.2-py3-none-any.whl', wheelOf(), /WHEEL in it py2-none-any/],
  ['of another build', 'octo_new-1.2-9-py2.py3-none-any.whl', wheelOf(), /build: 9, and WHEEL in it none/],
  ['with two folders of metadata', wheelName, wheelOf({ 'evil.dist-info/METADATA': metadata }), /or several/],
  ['with one in other letters', wheelName, wheelOf({ 'evil.DIST-INFO/x': '' }), /or several/],
  ['with METADATA twice', wheelName, wheelOf({ [`${info}/metadata`]: metadata }), /or several/],
  ['with a folder METADATA', wheelName, wheelOf({ [`${info}/metadata/x`]: '' }), /or several/],
  [
    'whose data is put over its metadata',
    wheelName,
    wheelOf({ [`octo_new-1.2.data/purelib/${info}/METADATA`]: metadata }),
    /would be put over its metadata/,
  ],
  ['without metadata', wheelName, makeZip([{ name: 'a', content: '' }]), /no folder \.dist-info/],
  ['that is no wheel', wheelName, sourceOf(), /is not read: it is no zip/],
  ['with two names', wheelName, wheelOf({ [`${info}/METADATA`]: `Name: evil\n${metadata}` }), /no one name/],
]
for (const [what, name, bytes, text] of files)
  test(`a wheel ${what} is refused`, async () => {
    assert.match((await whyNot(form, name, bytes)) ?? '', text)
  })

test('an archive whose PKG-INFO is not where all look for it, or that nobody looks into, is refused', async () => {
  const why = (bytes: Buffer, name = sourceName) => whyNot(source, name, bytes)
  assert.match(
    (await why(sourceOf(metadata, 'other-1.2/PKG-INFO'))) ?? '',
    /"other-1\.2\/PKG-INFO", which some/,
  )
  assert.match(
    (await why(sourceOf(metadata, 'octo_new-1.2/pkg-info'))) ?? '',
    /"octo_new-1\.2\/pkg-info", which some/,
  )
  assert.match((await why(sourceOf(), 'octo_new-1.2.tar.bz2')) ?? '', /only wheels, \.tar\.gz and \.zip/)
  assert.match((await why(wheelOf(), 'octo_new-1.2.zip')) ?? '', /no one PKG-INFO/)
})

test('metadata that readers of mail take in ways of their own is none', () => {
  for (const text of [
    ...[
      'From me\nName: a',
      ' folded first',
      'Name a',
      'Name : a',
      'Name: a\rVersion: 1',
      'Name: a\u0085Version: 1',
    ],
    ...['\ufeffName: a', 'Name: a\n\u00a0b', 'Name: \u0000', 'Name: a\n--x'],
  ])
    assert.throws(() => readCoreMetadata(Buffer.from(text)), { code: 'bad_input' }, JSON.stringify(text))
  assert.throws(() => readCoreMetadata(Buffer.of(0x4e, 0x3a, 0xff)), { code: 'bad_input' })
})

const boundary = 'b0undary'

function uploadOf(sent: Form, file: string, bytes: Buffer): Buffer {
  const fields = Object.entries({ ...sent, sha256_digest: hex(bytes) }).flatMap(([name, value]) =>
    [value]
      .flat()
      .map((one) => `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${one}\r\n`),
  )
  const head = `--${boundary}\r\nContent-Disposition: form-data; name="content"; filename="${file}"\r\n\r\n`
  return Buffer.concat([Buffer.from(fields.join('') + head), bytes, Buffer.from(`\r\n--${boundary}--\r\n`)])
}

async function openDemanding(t: TestContext, attested: readonly Buffer[]) {
  const signing = await openSigning(t)
  const attestations = keptAttestations(signing)
  for (const bytes of attested)
    attestations.bundles.push(await signing.sign({ digest: `sha256:${hex(bytes)}` }))
  const world = await openIndexWorld(
    t,
    [{ grant: 'pypi:publish pypi/octo-new@1.*', provenance: { role: 'build' } }],
    { attestations },
  )
  world.replies.set('POST /base/', { status: 200 })
  return {
    upload: (sent: Form, file: string, bytes: Buffer) =>
      world.ask('POST', '/', {
        headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
        body: uploadOf(sent, file, bytes),
      }),
    posts: () => world.world.upstream.seen.filter(({ method }) => method === 'POST'),
    world: world.world,
  }
}

test('under a demand a file passes that was attested and of which the form says what is in it; nothing else is published', async (t) => {
  const wheel = wheelOf({ 'octo_new/data': 'x'.repeat(300_000) })
  const { upload, posts, world } = await openDemanding(t, [wheel])
  const none = await upload(form, wheelName, wheelOf())
  assert.equal(none.status, 403)
  assert.match(none.body, /asks for `provenance`: provenance: there is none about sha256:/)
  const added = await upload({ ...form, requires_dist: 'evil' }, wheelName, wheel)
  assert.equal(added.status, 403)
  assert.match(
    added.body,
    /`provenance`: the form says requires-dist: \["evil"\], and the metadata in its file/,
  )
  const renamed = await upload(form, 'octo_new-1.2-py3-none-any.whl', wheel)
  assert.match(renamed.body, /WHEEL in it py2-none-any/)
  assert.deepEqual(posts(), [])
  assert.equal((await upload(form, wheelName, wheel)).status, 200)
  const [posted] = posts()
  assert.ok(posted?.body.equals(uploadOf(form, wheelName, wheel)), 'it goes out as it came')
  await world.gateway.recordDownloads(world.step)
  const [published] = world.audit.ofType('packages.published').flatMap(({ data }) => data['packages'])
  assert.deepEqual((published as { bytes: number }).bytes, wheel.length)
})

test('an attested file whose digest is said and not sent is refused before anything goes out', async (t) => {
  const wheel = wheelOf()
  const { posts, world } = await openDemanding(t, [wheel])
  const body = uploadOf(form, wheelName, wheel)
  body[body.indexOf('octo_new/__init__.py')] = 0x4f
  const headers = { 'content-type': `multipart/form-data; boundary=${boundary}` }
  const answer = await world.ask(request('POST', '/base/', { headers, body }))
  assert.match(answer.body, /has the SHA-256 .* and its "sha256_digest" says/)
  assert.deepEqual(posts(), [])
})
