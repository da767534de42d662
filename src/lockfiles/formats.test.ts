import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { anyCharacter } from '../lib/any-character.fixture.ts'
import { MayflyError } from '../lib/index.ts'
import { joinIntegrity } from './integrity.ts'
import { pinsOf, placeOf, type Pins } from './pins.ts'
import { readLockfiles } from './read.ts'

const read = (path: string, text: string): Pins => pinsOf(readLockfiles([{ path, text }]))
const pinned = (pins: Pins, ...specs: readonly (readonly [name: string, version: string])[]) =>
  specs.map(([name, version]) => pins.of('npm', name, version)[0]?.integrity)

const pnpm9 = `---
lockfileVersion: '9.0'
importers:
  .:
    configDependencies: {}
packages:
  '@pnpm/plugin@1.0.0':
    resolution: {integrity: sha512-plugin}
---
lockfileVersion: '9.0'
settings:
  autoInstallPeers: true
importers:
  .:
    dependencies:
      nick: { specifier: 'npm:is-number@7.0.0', version: is-number@7.0.0 }
packages:
  '@octo/core@1.0.0':
    resolution: {integrity: sha512-core, tarball: https://npm.test/download/@octo/core/1.0.0/abc}
  is-number@7.0.0:
    resolution: {integrity: sha512-number}
    engines: {node: '>=0.12.0'}
  ms@2.1.3:
    resolution: {integrity: sha512-ms}
  kept@file:packages/kept:
    resolution: {directory: packages/kept, type: directory}
  is-odd@https://codeload.github.com/jon/is-odd/tar.gz/abc:
    resolution: {tarball: https://codeload.github.com/jon/is-odd/tar.gz/abc}
    version: 3.0.1
  'tool@git+https://git.test/octo/tool.git#abc':
    resolution: {commit: abc, repo: https://user:secret@git.test/octo/tool.git, type: git}
    version: 1.0.0
snapshots:
  ms@2.1.3: {}
`

test('pnpm-lock.yaml 9: both documents, aliases by their real name, its own addresses; Git and URLs are outside', () => {
  const pins = read('pnpm-lock.yaml', pnpm9)
  assert.equal(pins.packages, 4)
  assert.deepEqual(pinned(pins, ['@octo/core', '1.0.0'], ['is-number', '7.0.0'], ['ms', '2.1.3']), [
    'sha512-core',
    'sha512-number',
    'sha512-ms',
  ])
  assert.equal(pins.of('npm', '@pnpm/plugin', '1.0.0').length, 1)
  assert.equal(pins.at('npm.test:443/download/@octo/core/1.0.0/abc')[0]?.name, '@octo/core')
  assert.deepEqual(pins.outside, [
    { name: 'is-odd', kind: 'url', host: 'codeload.github.com' },
    { name: 'tool', kind: 'git', host: 'git.test' },
  ])
})

test('pnpm-lock.yaml 6: with a slash before the name and peers behind the version; an older one says what to do', () => {
  const pins = read(
    'pnpm-lock.yaml',
    `lockfileVersion: '6.0'
packages:
  /@octo/core@1.0.0(react@18.0.0)(@types/node@20.0.0):
    resolution: {integrity: sha512-core}
  /ms@2.1.3:
    resolution: {integrity: sha512-ms}
`,
  )
  assert.deepEqual(pinned(pins, ['@octo/core', '1.0.0'], ['ms', '2.1.3']), ['sha512-core', 'sha512-ms'])
  for (const version of ['5.4', "'5.4'", '5.3-inlineSpecifiers'])
    assert.throws(
      () => read('pnpm-lock.yaml', `lockfileVersion: ${version}\npackages: {}\n`),
      /pnpm 8 or later/,
    )
})

test('pnpm: the host or the name of another registry before the name or version; what comes from elsewhere is told in 6, too', () => {
  const other = 'registry: https://r.test/, tarball: https://r.test/foo/-/foo-1.0.0.tgz'
  const six = read(
    'pnpm-lock.yaml',
    `lockfileVersion: '6.0'
packages:
  registry.test/foo@1.0.0:
    resolution: {integrity: sha512-foo, ${other}}
    name: foo
    version: 1.0.0
  localhost+4873/@octo/core@1.0.0(react@18.0.0):
    resolution: {integrity: sha512-core, registry: http://localhost:4873/}
    name: '@octo/core'
    version: 1.0.0
  file:kept-1.0.0.tgz:
    resolution: {integrity: sha512-kept, tarball: file:kept-1.0.0.tgz}
    name: kept
  '@codeload.github.com/jon/is-odd/tar.gz/abc':
    resolution: {tarball: https://codeload.github.com/jon/is-odd/tar.gz/abc}
    name: is-odd
    version: 3.0.1
  github.com/octo/tool/abc:
    resolution: {commit: abc, repo: https://github.com/octo/tool.git, type: git}
    name: tool
    version: 1.0.0
  strange:
    resolution: {integrity: sha512-strange}
`,
  )
  assert.deepEqual(pinned(six, ['foo', '1.0.0'], ['@octo/core', '1.0.0']), ['sha512-foo', 'sha512-core'])
  assert.equal(six.at('r.test:443/foo/-/foo-1.0.0.tgz')[0]?.name, 'foo')
  assert.equal(six.packages, 2)
  assert.deepEqual(six.outside, [
    { name: 'is-odd', kind: 'url', host: 'codeload.github.com' },
    { name: 'tool', kind: 'git', host: 'github.com' },
  ])
  assert.deepEqual(
    six.gaps.map(({ line, entry }) => [line, entry]),
    [[22, 'strange']],
  )
  const nine = read(
    'pnpm-lock.yaml',
    `lockfileVersion: '9.0'
packages:
  foo@work:1.0.0:
    resolution: {integrity: sha512-foo}
  '@octo/core@work:1.0.0-rc.1(react@18.0.0)':
    resolution: {integrity: sha512-core}
`,
  )
  assert.deepEqual(pinned(nine, ['foo', '1.0.0'], ['@octo/core', '1.0.0-rc.1']), [
    'sha512-foo',
    'sha512-core',
  ])
})

test('a dependency by its address is outside in package-lock.json, and pinned as well', () => {
  const resolved = 'https://files.test/x.tgz'
  const packages = {
    '': { dependencies: { x: resolved, y: '^1.0.0' } },
    'node_modules/x': { version: '1.0.0', resolved, integrity: 'sha512-x' },
    'node_modules/y': {
      version: '1.0.0',
      resolved: 'https://npm.test/y/-/y-1.0.0.tgz',
      integrity: 'sha512-y',
    },
  }
  const pins = read('package-lock.json', JSON.stringify({ lockfileVersion: 3, packages }))
  assert.deepEqual(pins.outside, [{ name: 'x', kind: 'url', host: 'files.test' }])
  assert.deepEqual(pinned(pins, ['x', '1.0.0'], ['y', '1.0.0']), ['sha512-x', 'sha512-y'])
})

test('an entry that cannot be read is said with its line and why, and spoils no other', () => {
  for (const [path, text, line, entry] of [
    ['package-lock.json', '{"packages":{\n"node_modules/a b":{"version":"1.0.0"}}}', 2, '"node_modules/a b"'],
    ['package-lock.json', '{"packages":{"node_modules/ms":{"version":"1/2"}}}', 1, '"node_modules/ms"'],
    [
      'pnpm-lock.yaml',
      "lockfileVersion: '9.0'\npackages:\n  odd@x y:\n    resolution: {integrity: sha512-a}\n",
      3,
      'odd@x y',
    ],
    [
      'yarn.lock',
      '# yarn lockfile v1\n\nodd\n\n"ms@1":\n  version "1.0.0"\n  resolved "https://r.test/ms"\n',
      3,
      'odd',
    ],
    ['yarn.lock', '__metadata:\n  version: 8\n"odd@npm:^1":\n  version: 1.0.0\n', 3, 'odd@npm:^1'],
    ['bun.lock', '{"packages": {\n"odd": ["odd"],}}', 2, '"odd"'],
    ['deno.lock', '{"npm":{\n"odd":{}}}', 2, '"odd"'],
    ['Cargo.lock', '[[package]]\nname = "odd"\nsource = "registry+https://r.test"\n', 2, 'name = "odd"'],
    ['go.sum', '\nexample.com/a v1.0.0 h9:x\n', 2, 'example.com/a v1.0.0 h9:x'],
    ['requirements.txt', '\nodd>=1 \\\n --hash=sha256:x\n', 2, 'odd>=1'],
    [
      'requirements.txt',
      `odd>=1 --x=https://u:secret@h/${'x'.repeat(3_000)}`,
      1,
      /^odd>=1 --x=https:\/\/h\/x{50}/,
    ],
  ] as const) {
    const [gap, ...others] = read(path, text).gaps
    assert.deepEqual([gap?.path, gap?.line, others.length], [path, line, 0], text)
    if (typeof entry === 'string') assert.equal(gap?.entry, entry)
    else assert.match(gap?.entry ?? '', entry)
    assert.ok((gap?.entry.length ?? 0) <= 100)
    assert.notEqual(gap?.why, '')
  }
})

test('a merge that is not finished is no lockfile', () => {
  const marks = '<<<<<<< HEAD\n"a@1":\n=======\n"a@2":\n>>>>>>> other\n'
  for (const [path, head] of [
    ['yarn.lock', '# yarn lockfile v1\n'],
    ['requirements.txt', '\n'],
    ['go.sum', '\n'],
  ] as const)
    assert.throws(() => read(path, `${head}${marks}`), /line 2: the mark of a merge/)
})

const sha1 = '574c8138ce1d2b5861f0b44579dbadd60c6615b2'

test('yarn.lock of yarn 1: sha1 of the address beside integrity, aliases, folders and Git', () => {
  const pins = read(
    'yarn.lock',
    `# THIS IS AN AUTOGENERATED FILE. DO NOT EDIT THIS FILE DIRECTLY.
# yarn lockfile v1


"@octo/core@^1.0.0", "@octo/core@^1.2.0":
  version "1.2.0"
  resolved "https://npm.test/@octo/core/-/core-1.2.0.tgz#${sha1}"
  integrity sha512-core
  dependencies:
    version "9.9.9"

ms@2.1.3, ms@^2.1.3:
  version "2.1.3"
  resolved "https://registry.yarnpkg.com/ms/-/ms-2.1.3.tgz#${sha1}"

"nick@npm:is-number@7.0.0":
  version "7.0.0"
  resolved "https://registry.yarnpkg.com/is-number/-/is-number-7.0.0.tgz"
  integrity sha512-number

"mine@npm:left":
  version "1.1.0"
  resolved "https://registry.yarnpkg.com/left/-/left-1.1.0.tgz"
  integrity sha512-left

"ours@npm:@octo/left":
  version "1.1.0"
  resolved "https://registry.yarnpkg.com/@octo/left/-/left-1.1.0.tgz"
  integrity sha512-octo

"kept@file:packages/kept":
  version "1.0.0"

is-odd@jon/is-odd:
  version "3.0.1"
  resolved "https://codeload.github.com/jon/is-odd/tar.gz/abc"

"tool@git+ssh://git@git.test/octo/tool.git":
  version "1.0.0"
  resolved "git+ssh://git@git.test/octo/tool.git#abc"
`.replaceAll('\n', '\r\n'),
  )
  const ofUrl = `sha1-${Buffer.from(sha1, 'hex').toString('base64')}`
  assert.deepEqual(pinned(pins, ['@octo/core', '1.2.0'], ['ms', '2.1.3'], ['is-number', '7.0.0']), [
    `sha512-core ${ofUrl}`,
    ofUrl,
    'sha512-number',
  ])
  assert.deepEqual(pinned(pins, ['left', '1.1.0'], ['@octo/left', '1.1.0']), ['sha512-left', 'sha512-octo'])
  assert.equal(pins.packages, 5)
  assert.deepEqual(pins.gaps, [])
  assert.equal(pins.at('npm.test:443/@octo/core/-/core-1.2.0.tgz').length, 1)
  assert.deepEqual(pins.outside, [
    { name: 'is-odd', kind: 'url', host: 'codeload.github.com' },
    { name: 'tool', kind: 'git', host: 'git.test' },
  ])
})

test('yarn.lock of the later yarns fixes the version alone, and says so', () => {
  const pins = read(
    'yarn.lock',
    `__metadata:
  version: 10
  cacheKey: 10c0

"@octo/core@npm:^1.0.0":
  version: 1.2.0
  resolution: "@octo/core@npm:1.2.0::__archiveUrl=https%3A%2F%2Fnpm.test%2Fdownload%2F%40octo%2Fcore%2F1.2.0%2Fabc"
  checksum: 10c0/abc
  linkType: hard

"app@workspace:.":
  version: 0.0.0-use.local
  resolution: "app@workspace:."
  linkType: soft

"nick@npm:is-number@7.0.0":
  version: 7.0.0
  resolution: "is-number@npm:7.0.0"
  checksum: 10c0/abc
  linkType: hard

"typescript@patch:typescript@npm%3A5.0.0#optional!builtin<compat/typescript>":
  version: 5.0.0
  resolution: "typescript@patch:typescript@npm%3A5.0.0#optional!builtin<compat/typescript>::version=5.0.0&hash=1"
  linkType: hard

"tool@https://git.test/octo/tool.git#commit=abc":
  version: 1.0.0
  resolution: "tool@https://git.test/octo/tool.git#commit=abc"
  linkType: hard
`,
  )
  assert.equal(pins.packages, 2)
  for (const [name, version] of [
    ['@octo/core', '1.2.0'],
    ['is-number', '7.0.0'],
  ] as const)
    assert.deepEqual(
      pins.of('npm', name, version).map(({ integrity, byRegistry }) => [integrity, byRegistry]),
      [['', true]],
    )
  assert.equal(pins.at('npm.test:443/download/@octo/core/1.2.0/abc')[0]?.name, '@octo/core')
  assert.deepEqual(pins.outside, [{ name: 'tool', kind: 'git', host: 'git.test' }])
  assert.throws(() => read('yarn.lock', 'ms: 1\n'), /run yarn install/)
})

test('bun.lock: commas too many and comments, aliases, workspaces, addresses of another registry', () => {
  const pins = read(
    'bun.lock',
    `{
  // of bun
  "lockfileVersion": 2,
  "workspaces": { "": { "name": "app, }", }, },
  "packages": {
    "@octo/core": ["@octo/core@1.0.0", "https://npm.test/core-1.0.0.tgz", { "os": "none", }, "sha512-core"],
    "ms": ["ms@2.1.3", "", {}, "sha512-//ms"],
    "nick": ["is-number@7.0.0", "", {}, "sha512-number"],
    "kept": ["kept@workspace:packages/kept"],
    "is-odd": ["is-odd@github:jon/is-odd#abc", {}, "jon-is-odd-abc"],
  },
}
`,
  )
  assert.deepEqual(pinned(pins, ['@octo/core', '1.0.0'], ['ms', '2.1.3'], ['is-number', '7.0.0']), [
    'sha512-core',
    'sha512-//ms',
    'sha512-number',
  ])
  assert.equal(pins.packages, 3)
  assert.equal(pins.at('npm.test:443/core-1.0.0.tgz').length, 1)
  assert.deepEqual(pins.outside, [{ name: 'is-odd', kind: 'git', host: 'github.com' }])
})

test('deno.lock: what it pins of npm', () => {
  const npm = {
    'ms@2.1.3': { integrity: 'sha512-ms' },
    '@octo/core@1.0.0_ms@2.1.3': { integrity: 'sha512-core' },
  }
  for (const lock of [
    { version: '5', npm },
    { version: '3', packages: { npm } },
  ])
    assert.deepEqual(
      pinned(read('deno.lock', JSON.stringify(lock)), ['ms', '2.1.3'], ['@octo/core', '1.0.0']),
      ['sha512-ms', 'sha512-core'],
    )
})

test('deno.lock: what comes from jsr.io and by an address is outside', () => {
  const lock = {
    version: '5',
    jsr: { '@std/x@1.0.0': {} },
    remote: { 'https://x.test/a.ts': '', 'https://x.test/b.ts': '' },
  }
  assert.deepEqual(read('deno.lock', JSON.stringify(lock)).outside, [
    { name: '@std/x', kind: 'url', host: 'jsr.io' },
    { name: '?', kind: 'url', host: 'x.test' },
  ])
})

test('npm: what is bundled, a link or a file has no place at the registry; without integrity a name is known, a digest is not', () => {
  const packages = {
    'node_modules/a': { version: '1.0.0', inBundle: true },
    'node_modules/b': { resolved: 'packages/b', link: true },
    'node_modules/c': { version: '1.0.0', resolved: 'file:c.tgz', integrity: 'sha512-c' },
    'node_modules/d': {
      version: '1.0.0',
      resolved: 'git+ssh://git@git.test/octo/d.git#abc',
      integrity: 'sha512-d',
    },
    'node_modules/e': { version: '1.0.0', resolved: 'https://npm.test/e/-/e-1.0.0.tgz' },
    'node_modules/f': { version: '1.0.0', optional: true, os: ['none'], integrity: 'sha512-f' },
    'node_modules/g': { version: '1.0.0', integrity: 'sha1-g' },
    'node_modules/h/node_modules/g': { version: '1.0.0', integrity: 'sha512-g' },
  }
  const text = `\uFEFF${JSON.stringify({ lockfileVersion: 3, packages })}`
  for (const name of ['package-lock.json', 'npm-shrinkwrap.json']) {
    const pins = read(name, text)
    assert.deepEqual(
      ['a', 'b', 'c', 'd', 'e', 'f', 'g'].filter((one) => pins.has('npm', one)),
      ['e', 'f', 'g'],
    )
    assert.deepEqual(pinned(pins, ['e', '1.0.0'], ['f', '1.0.0'], ['g', '1.0.0']), [
      '',
      'sha512-f',
      'sha1-g sha512-g',
    ])
    assert.deepEqual(pins.outside, [{ name: 'd', kind: 'git', host: 'git.test' }])
  }
})

test('a lockfile that cannot be read spoils no other, and says why', () => {
  const good = JSON.stringify({
    packages: { 'node_modules/ms': { version: '1.0.0', integrity: 'sha512-ms' } },
  })
  const pins = pinsOf(
    readLockfiles([
      { path: 'package-lock.json', text: good },
      { path: 'test/data/package-lock.json', text: '{' },
    ]),
  )
  assert.ok(pins.has('npm', 'ms'))
  assert.deepEqual(
    pins.files.map(({ unread }) => unread),
    [undefined, 'package-lock.json is not JSON'],
  )
})

test('whatever stands in a lockfile, it is read or refused with a reason, and pins no name of the language’s own', () => {
  const names = ['package-lock.json', 'pnpm-lock.yaml', 'yarn.lock', 'bun.lock', 'deno.lock']
  const heads = [
    '',
    '# yarn lockfile v1\n',
    '__metadata: {}\n',
    "lockfileVersion: '9.0'\npackages: ",
    '{"packages":',
  ]
  const text = fc.oneof(
    fc.string({ unit: anyCharacter }),
    fc.json(),
    fc.constantFrom(pnpm9, '{"__proto__":{"x":1}}'),
  )
  fc.assert(
    fc.property(fc.constantFrom(...names), fc.constantFrom(...heads), text, (path, head, body) => {
      try {
        read(path, head + body)
      } catch (error) {
        return error instanceof MayflyError
      }
      return Object.keys(Object.prototype).length === 0
    }),
  )
})

test('texts that are made to be slow or deep end in a reason', () => {
  for (const [path, piece] of [
    ['pnpm-lock.yaml', '['],
    ['pnpm-lock.yaml', '{a: '],
    ['pnpm-lock.yaml', '- '],
    ['pnpm-lock.yaml', '? '],
    ['yarn.lock', '{"__metadata:\n__metadata: '],
    ['bun.lock', '"\\"'],
    ['bun.lock', '/*'],
    ['bun.lock', '['],
    ['deno.lock', '['],
  ] as const)
    assert.throws(
      () => read(path, piece.repeat(20_000)),
      (error) => error instanceof MayflyError && error.code === 'bad_input',
      `${path} ${piece}`,
    )
  const bomb = `a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nlockfileVersion: '9.0'\npackages: *c\n`
  assert.throws(() => read('pnpm-lock.yaml', bomb), /not YAML/)
})

test('two digests of one file are joined where they agree, and undefined where they do not', () => {
  assert.equal(joinIntegrity('sha512-a', ''), 'sha512-a')
  assert.equal(joinIntegrity('', 'sha512-a'), 'sha512-a')
  assert.equal(joinIntegrity('sha1-a', 'sha512-a'), 'sha1-a sha512-a')
  assert.equal(joinIntegrity('sha512-a?x', 'sha512-a'), 'sha512-a')
  assert.equal(joinIntegrity('sha512-a', 'sha512-b'), undefined)
  assert.equal(joinIntegrity('sha512-a', 'sha512-a sha512-b'), undefined)
  assert.equal(joinIntegrity('sha512-a sha1-x', 'sha512-a sha1-y'), undefined)
})

test('one address has one spelling, and one with credentials is none', () => {
  for (const address of [
    'https://NPM.test/@octo%2fcore/-/a b.tgz',
    'https://npm.test:443/@octo/core/-/a%20b.tgz#sha1',
    'https://npm.test/x/../@octo/core/-/a%20b.tgz',
  ])
    assert.equal(placeOf(address), 'npm.test:443/@octo/core/-/a b.tgz', address)
  for (const address of ['', 'npm.test/x', 'file:///x', 'https://u:p@npm.test/x', 'https://npm.test/%ff'])
    assert.equal(placeOf(address), undefined, address)
  assert.notEqual(placeOf('https://npm.test/x'), placeOf('https://npm.test/x?y'))
})
