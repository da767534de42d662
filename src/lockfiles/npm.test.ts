import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MayflyError, limits, sha256Hex, type ErrorCode } from '../lib/index.ts'
import { packLockfiles } from './bundle.ts'
import { pinsOf } from './pins.ts'
import { readLockfiles } from './read.ts'
import { createLockfileReader } from './thread.ts'

const fileOf = (text: string) => [{ path: 'package-lock.json', text }]

function readLockfile(text: string) {
  const pins = pinsOf(readLockfiles(fileOf(text)))
  return {
    packages: pins.packages,
    digest: pins.digest,
    has: (name: string) => pins.has('npm', name),
    integrity: (name: string, version: string) => pins.of('npm', name, version)[0]?.integrity,
  }
}

const lock = (packages: unknown, lockfileVersion: unknown = 3) =>
  JSON.stringify({ name: 'app', lockfileVersion, packages })
const coded =
  (code: ErrorCode, message = /./) =>
  (error: unknown) =>
    error instanceof MayflyError && error.code === code && message.test(error.message)

test('versions 2 and 3 pin packages, scoped, nested and aliased', () => {
  const packages = {
    '': { name: 'app', version: '1.0.0' },
    'node_modules/ms': { version: '2.1.3', integrity: 'sha512-ms213' },
    'node_modules/debug/node_modules/ms': { version: '2.0.0', integrity: 'sha512-ms200' },
    'node_modules/@octo/core': { version: '1.0.0-rc.1+build.5', integrity: 'sha512-core' },
    'node_modules/nickname': { name: '@octo/real', version: '3.0.0', integrity: 'sha512-real' },
    'packages/tool/node_modules/@octo/inner': { version: '1.0.0', integrity: 'sha512-inner' },
  }
  for (const version of [2, 3]) {
    const text = lock(packages, version)
    const pins = readLockfile(text)
    assert.deepEqual([pins.packages, pins.digest], [5, sha256Hex(text)])
    assert.equal(pins.integrity('ms', '2.1.3'), 'sha512-ms213')
    assert.equal(pins.integrity('ms', '2.0.0'), 'sha512-ms200')
    assert.equal(pins.integrity('@octo/core', '1.0.0-rc.1+build.5'), 'sha512-core')
    assert.equal(pins.integrity('@octo/real', '3.0.0'), 'sha512-real')
    assert.equal(pins.integrity('@octo/inner', '1.0.0'), 'sha512-inner')
    assert.ok(!pins.has('nickname') && !pins.has('app') && !pins.has('core'))
    assert.equal(pins.integrity('ms', '9.9.9'), undefined)
  }
})

test('version 1, which has no "packages", is refused and says what to do', () => {
  const text = JSON.stringify({
    lockfileVersion: 1,
    dependencies: { ms: { version: '2.1.3', integrity: 'sha512-x' } },
  })
  assert.throws(() => readLockfile(text), coded('bad_input', /npm 7 or later/))
})

test('one version with two digests is refused, the same digest twice is not', () => {
  const twice = (other: string) =>
    lock({
      'node_modules/ms': { version: '1.0.0', integrity: 'sha512-a' },
      'node_modules/x/node_modules/ms': { version: '1.0.0', integrity: other },
    })
  assert.throws(() => readLockfile(twice('sha512-b')), coded('bad_input', /ms@1\.0\.0 to two digests/))
  assert.equal(readLockfile(twice('sha512-a')).integrity('ms', '1.0.0'), 'sha512-a')
})

test('nothing is pinned of links, git and what is malformed', () => {
  const entries = [
    { integrity: 'sha512-a' },
    { version: 1, integrity: 'sha512-a' },
    { name: 7, version: '1.0.0', integrity: 'sha512-a' },
    { resolved: 'packages/x', link: true },
    { version: '1.0.0', resolved: 'git+ssh://git@host/x.git#abc' },
    null,
    'ms',
    3,
    [],
  ]
  for (const entry of entries) {
    const pins = readLockfile(lock({ 'node_modules/ms': entry }))
    assert.deepEqual([pins.packages, pins.has('ms')], [0, false], JSON.stringify(entry))
  }
})

test('names of the language’s own pin nothing and spoil nothing', () => {
  const text =
    '{"lockfileVersion":3,"packages":{"__proto__":{"version":"1"},"node_modules/__proto__":{"version":"1.0.0","integrity":"sha512-p"},"node_modules/ms":{"version":"__proto__","integrity":"sha512-v"}}}'
  const pins = readLockfile(text)
  assert.deepEqual(
    [pins.has('constructor'), pins.has('toString'), pins.integrity('ms', 'constructor')],
    [false, false, undefined],
  )
  assert.equal(pins.integrity('__proto__', '1.0.0'), 'sha512-p')
  assert.equal(({} as Record<string, unknown>)['version'], undefined)
})

test('what is no lockfile is refused with a code', () => {
  for (const text of [
    '',
    'null',
    '[]',
    '1',
    '"x"',
    '{}',
    '{"packages":null}',
    '{"packages":1}',
    '{',
    lock({}).slice(1),
    '['.repeat(100_000),
  ])
    assert.throws(() => readLockfile(text), coded('bad_input'), text.slice(0, 40))
  assert.throws(() => readLockfile(' '.repeat(limits.lockfileBytes + 1)), coded('limit_exceeded'))
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      try {
        return readLockfile(text).packages === 0
      } catch (error) {
        return error instanceof MayflyError
      }
    }),
  )
})

// Was so once: a package named `..` or `.` is a path of its own once `%2f` is read as a slash.
test('a name that is a path elsewhere pins nothing', () => {
  for (const name of ['@octo/..', '@octo/.', '..', '.', '@octo/-'.replace('-', '.'), ''])
    assert.equal(
      readLockfile(lock({ [`node_modules/x`]: { name, version: '1.0.0', integrity: 'sha512-a' } })).has(name),
      false,
      name,
    )
})

test('a large lockfile is read aside, with the same outcome, and others are served meanwhile', async () => {
  const packages = Object.fromEntries(
    Array.from({ length: 20_000 }, (_, i) => [
      `node_modules/p${i}`,
      { version: '1.0.0', integrity: `sha512-${'x'.repeat(80)}${i}` },
    ]),
  )
  const text = lock(packages)
  const reader = createLockfileReader()
  const readAside = (text: string) => reader(packLockfiles(fileOf(text)))
  let served = 0
  const serving = setInterval(() => served++, 1)
  const pins = await readAside(text)
  clearInterval(serving)
  assert.ok(served > 0)
  assert.deepEqual([pins.packages, pins.digest], [20_000, sha256Hex(text)])
  assert.equal(pins.of('npm', 'p19999', '1.0.0')[0]?.integrity, `sha512-${'x'.repeat(80)}19999`)
  assert.equal(pins.has('npm', 'p20000'), false)
  await assert.rejects(readAside(`${text}x`), coded('bad_input', /not JSON/))
  assert.equal((await readAside(text)).packages, 20_000)
})

test('more packages than any project has, and a text that would take all memory, are refused', async () => {
  const many = Object.fromEntries(
    Array.from({ length: limits.lockfilePackages + 1 }, (_, i) => [
      `node_modules/p${i}`,
      { version: '1', integrity: 'sha512-x' },
    ]),
  )
  const reader = createLockfileReader()
  const readAside = (text: string) => reader(packLockfiles(fileOf(text)))
  await assert.rejects(readAside(lock(many)), coded('limit_exceeded', /packages/))
  await assert.rejects(readAside('['.repeat(4_000_000)), coded('bad_input'))
})
