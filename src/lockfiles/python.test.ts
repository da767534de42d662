import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { MayflyError } from '../lib/index.ts'
import { pinsOf, type Pins } from './pins.ts'
import { canonicalVersion, normalizedProject } from './python-names.ts'
import { readLockfiles } from './read.ts'

const read = (path: string, text: string): Pins => pinsOf(readLockfiles([{ path, text }]))
const hex = (what: string) => createHash('sha256').update(what).digest('hex')
const sri = (what: string) => `sha256-${createHash('sha256').update(what).digest('base64')}`
const pinned = (pins: Pins, name: string) =>
  pins.all('pypi', name).map(({ version, file, integrity }) => [version, file, integrity])

const wheel = 'octo_core-1.0-py3-none-any.whl'
const source = 'octo_core-1.0.tar.gz'
const both = [
  ['1.0', wheel, sri('wheel')],
  ['1.0', source, sri('source')],
]

test('requirements: hashes are alternatives, over several lines, with extras, markers and options of pip', () => {
  const pins = read(
    'sub/requirements-dev.txt',
    `# made by pip-compile
--index-url https://user:secret@index.example.com/simple
-r base.txt
--require-hashes
Octo.Core[fast,http2] == 1.0 ; python_version >= "3.8" and sys_platform == "linux" \\
    --hash=sha256:${hex('wheel')} \\
    --hash=sha256:${hex('source')}
    # via -r requirements.in
idna==3.10 --hash=sha256:${hex('idna')}  # a comment
epoch==1!2.0+local.1 --config-settings="--x=y" --hash sha256:${hex('epoch')}\r
bare==1.0
old==1.0 --hash=md5:${'a'.repeat(32)}
loose>=2.0
star==1.*
tool @ git+https://git.example.com/octo/tool.git@abc#egg=tool
-e git+ssh://git@git.example.com/octo/edited.git#egg=edited
archive @ https://files.example.com/archive-1.0.zip
-e .
./local.whl
`,
  )
  assert.deepEqual(pinned(pins, 'octo-core'), [['1.0', undefined, `${sri('wheel')} ${sri('source')}`]])
  assert.deepEqual(pinned(pins, 'idna'), [['3.10', undefined, sri('idna')]])
  assert.deepEqual(pinned(pins, 'epoch'), [['1!2.0+local.1', undefined, sri('epoch')]])
  assert.deepEqual(pinned(pins, 'bare'), [['1.0', undefined, '']])
  assert.deepEqual(pinned(pins, 'old'), [['1.0', undefined, '']])
  for (const name of ['loose', 'star', 'tool', 'edited', 'archive'])
    assert.equal(pins.has('pypi', name), false)
  assert.deepEqual(pins.outside, [
    { name: 'tool', kind: 'git', host: 'git.example.com' },
    { name: 'edited', kind: 'git', host: 'git.example.com' },
    { name: 'archive', kind: 'url', host: 'files.example.com' },
  ])
  assert.deepEqual(
    pins.gaps.map(({ line, entry }) => [line, entry]),
    [
      [13, 'loose>=2.0'],
      [14, 'star==1.*'],
    ],
  )
})

test('what a lockfile of Python names without a version that is one is said, by its line', () => {
  for (const [path, text, line] of [
    ['Pipfile.lock', '{"default": {\n"a": {"version": "==1.0"},\n"b": {"version": "*"}}}', 3],
    [
      'poetry.lock',
      '[[package]]\nname = "a"\nversion = "1.0"\n[[package]]\nname = "b"\nversion = "x y"\n',
      5,
    ],
    ['uv.lock', '[[package]]\nname = "b"\nsource = { registry = "https://i" }\n', 2],
    ['pdm.lock', '[[package]]\nname = "b"\n', 2],
    ['pylock.toml', 'lock-version = "1.0"\n[[packages]]\nname = "b"\n', 3],
  ] as const) {
    const { gaps } = read(path, text)
    assert.deepEqual(
      gaps.map(({ path: of, line: at }) => [of, at]),
      [[path, line]],
    )
    assert.match(read(path, text).unreadAbout('b'), /^ \(its entry in .*, line \d, .*: it names no /)
    assert.equal(read(path, text).unreadAbout('c'), '')
  }
})

test('poetry.lock: files by name, also of the versions that have them apart; Git, URLs and folders are none', () => {
  const files = `[{file = "${wheel}", hash = "sha256:${hex('wheel')}"}, {file = "${source}", hash = "sha256:${hex('source')}"}]`
  const pins = read(
    'poetry.lock',
    `[[package]]
name = "Octo_Core"
version = "1.0"
files = ${files}

[[package]]
name = "tool"
version = "1.0"
files = []
[package.source]
type = "git"
url = "https://git.example.com/octo/tool.git"
resolved_reference = "abc"

[[package]]
name = "folder"
version = "1.0"
files = []
[package.source]
type = "directory"
url = "packages/folder"

[[package]]
name = "private"
version = "2.0"
files = [{file = "private-2.0-py3-none-any.whl", hash = "sha256:${hex('private')}"}]
[package.source]
type = "legacy"
url = "https://index.example.com/simple"

[metadata]
lock-version = "2.1"
`,
  )
  assert.deepEqual(pinned(pins, 'octo-core'), both)
  assert.equal(pinned(pins, 'private').length, 1)
  assert.deepEqual([pins.has('pypi', 'tool'), pins.has('pypi', 'folder')], [false, false])
  assert.deepEqual(pins.outside, [{ name: 'tool', kind: 'git', host: 'git.example.com' }])
  const old = `[[package]]\nname = "octo-core"\nversion = "1.0"\n[metadata]\nlock-version = "1.1"\n[metadata.files]\nocto-core = ${files}\n`
  assert.deepEqual(pinned(read('poetry.lock', old), 'octo-core'), both)
})

test('uv.lock, pdm.lock and pylock.toml: files by their addresses', () => {
  const at = (file: string) => `https://files.example.com/packages/ab/${file}`
  const uv = read(
    'uv.lock',
    `version = 1
requires-python = ">=3.9"
[[package]]
name = "octo-core"
version = "1.0"
source = { registry = "https://pypi.org/simple" }
sdist = { url = "${at(source)}", hash = "sha256:${hex('source')}", size = 10 }
wheels = [{ url = "${at(wheel)}", hash = "sha256:${hex('wheel')}" }]
[[package]]
name = "app"
version = "0.1.0"
source = { virtual = "." }
[[package]]
name = "tool"
version = "1.0"
source = { git = "https://git.example.com/octo/tool.git?rev=main#abc" }
`,
  )
  assert.deepEqual(pinned(uv, 'octo-core'), both.toReversed())
  assert.equal(uv.at(`files.example.com:443/packages/ab/${wheel}`)[0]?.name, 'octo-core')
  assert.equal(uv.has('pypi', 'app'), false)
  assert.equal(uv.outside.length, 1)
  const pdm = read(
    'pdm.lock',
    `[metadata]
lock_version = "4.5.0"
[[package]]
name = "octo-core"
version = "1.0"
files = [{url = "${at(wheel)}", hash = "sha256:${hex('wheel')}"}, {file = "${source}", hash = "sha256:${hex('source')}"}]
[[package]]
name = "folder"
version = "1.0"
path = "./folder"
`,
  )
  assert.deepEqual(pinned(pdm, 'octo-core'), both)
  assert.equal(pdm.has('pypi', 'folder'), false)
  const pylock = read(
    'pylock.dev.toml',
    `lock-version = "1.0"
created-by = "test"
[[packages]]
name = "octo-core"
version = "1.0"
[packages.sdist]
url = "${at(source)}"
hashes = {md5 = "aa", sha256 = "${hex('source')}"}
[[packages.wheels]]
name = "${wheel}"
path = "wheels/${wheel}"
hashes = {sha256 = "${hex('wheel')}"}
[[packages]]
name = "tool"
[packages.vcs]
type = "git"
url = "https://git.example.com/octo/tool.git"
commit-id = "abc"
`,
  )
  assert.deepEqual(pinned(pylock, 'octo-core'), both.toReversed())
  assert.equal(pylock.outside.length, 1)
})

test('Pipfile.lock: every category', () => {
  const one = (name: string) => ({ hashes: [`sha256:${hex(name)}`], version: '==1.0', markers: 'x' })
  const pins = read(
    'Pipfile.lock',
    JSON.stringify({
      _meta: { hash: { sha256: 'x' }, sources: [] },
      default: { 'octo-core': one('a'), tool: { git: 'https://git.example.com/tool.git', ref: 'abc' } },
      develop: { pytest: one('b'), folder: { path: '.', editable: true } },
      docs: { sphinx: one('c') },
    }),
  )
  assert.deepEqual(
    ['octo-core', 'pytest', 'sphinx', 'folder', 'tool'].map((name) => pins.has('pypi', name)),
    [true, true, true, false, false],
  )
})

const wrong: readonly (readonly [string, string, RegExp])[] = [
  ['poetry.lock', '[[package', /poetry\.lock is not TOML/],
  ['Pipfile.lock', '{', /Pipfile\.lock is not JSON/],
  ['pylock.toml', 'lock-version = "2.0"', /lock-version/],
  ['uv.lock', `x = ${'['.repeat(100_000)}`, /uv\.lock is not TOML/],
  [
    'poetry.lock',
    `[[package]]\nname="a"\nversion="1"\nfiles=[{file="a-1.zip",hash="sha256:${hex('a')}"},{file="a-1.zip",hash="sha256:${hex('b')}"}]`,
    /pins a-1\.zip to two digests/,
  ],
]
for (const [path, text, expected] of wrong)
  test(`${path} that cannot be read says why: ${expected.source}`, () => {
    assert.throws(() => read(path, text), expected)
  })

test('names and versions that lead elsewhere pin nothing', () => {
  const pins = read(
    'uv.lock',
    ['../x', '__proto__', 'a/b', 'ä', 'а'] // the last one is Cyrillic
      .map((name) => `[[package]]\nname = "${name}"\nversion = "1"\nsource = {registry = "r"}`)
      .join('\n'),
  )
  assert.equal(pins.packages, 0)
  assert.equal(read('uv.lock', '[[package]]\nname="a"\nversion="../1"\nsource={registry="r"}').packages, 0)
})

test('versions are compared by PEP 440', () => {
  for (const [one, other] of [
    ['1.0', '1'],
    ['v1.0.0-RC.1', '1rc1'],
    ['1.0.alpha', '1a0'],
    ['1-1', '1.post1'],
    ['1.0.REV2', '1.post2'],
    ['01.02.dev', '1.2.dev0'],
    ['0!1.0+Ubuntu-01', '1+ubuntu.1'],
    ['0.0', '0'],
  ] as const)
    assert.equal(canonicalVersion(one), other)
  for (const [one, other] of [
    ['1.0', '1.1'],
    ['1.10', '1.1'],
    ['1!1', '1'],
    ['1+a', '1'],
    ['1rc1', '1'],
  ] as const)
    assert.notEqual(canonicalVersion(one), canonicalVersion(other))
})

test('property: one spelling of a version and of a name stays what it is', () => {
  const unit = fc.constantFrom(...'012.-_+!abcrpostdevABV')
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 20 }), (text) => {
      assert.equal(canonicalVersion(canonicalVersion(text)), canonicalVersion(text))
      assert.equal(normalizedProject(normalizedProject(text)), normalizedProject(text))
    }),
    { numRuns: 3_000 },
  )
})

test('property: whatever stands in a lockfile, it is read or refused with a reason', () => {
  const names = ['requirements.txt', 'poetry.lock', 'uv.lock', 'pdm.lock', 'Pipfile.lock', 'pylock.toml']
  const piece = fc.constantFrom(
    ...[
      '[[package]]\n',
      '[[packages]]\n',
      'name = "a"\n',
      'version = "1"\n',
      'files = [',
      ']\n',
      '{file = "a-1.zip"}',
      '1',
      '"',
      '\\\n',
    ],
    ...[
      'source = {registry = 1}\n',
      'wheels = 1\n',
      '{"default":',
      '{"a":',
      '}',
      'null',
      'a==1 ',
      '--hash=',
      'sha256:',
      ';',
      '#',
      '\0',
    ],
  )
  fc.assert(
    fc.property(fc.constantFrom(...names), fc.array(piece, { maxLength: 12 }), (path, pieces) => {
      try {
        read(path, pieces.join(''))
      } catch (error) {
        assert.ok(error instanceof MayflyError && error.code === 'bad_input', String(error))
      }
    }),
    { numRuns: 3_000 },
  )
})

test('a requirements file of one endless line, or of spaces, is read at once', () => {
  for (const text of [
    ' '.repeat(3e6),
    `a${' '.repeat(3e6)}b`,
    `a==1${' --hash=sha256:a'.repeat(2e5)}`,
    '#egg='.repeat(5e5),
    `a${'['.repeat(3e6)}`,
  ])
    assert.ok(read('requirements.txt', text).packages <= 1)
})
