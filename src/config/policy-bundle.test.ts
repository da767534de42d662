import { execFileSync } from 'node:child_process'
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync, symlinkSync, unlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import fc from 'fast-check'
import { parseConfig, policySchema, readBundle, readPolicyFiles, writeBundle } from './index.ts'

test('property: what is written is read, and the same files give the same text', () => {
  const name = fc.stringMatching(/^policies\/[a-z0-9]{1,8}\.(?:cedar|test\.yaml)$/)
  fc.assert(
    fc.property(fc.string(), fc.dictionary(name, fc.string(), { maxKeys: 4 }), (policy, files) => {
      fc.pre(!policy.startsWith('{"mayfly_bundle"'))
      const text = writeBundle({ policy, files })
      const bundle = readBundle(text)
      assert.equal(bundle.policy, policy)
      assert.deepEqual({ ...bundle.files }, { ...files })
      const reversed = Object.fromEntries(Object.entries(files).toReversed())
      assert.equal(writeBundle({ policy, files: reversed }), text)
    }),
  )
})

test('a mayfly.yaml alone is its own text, as it was before there were bundles', () => {
  assert.equal(writeBundle({ policy: 'issuers: {}\n', files: {} }), 'issuers: {}\n')
})

test('no mayfly.yaml that could be applied is taken for a bundle', () => {
  const parsed = parseConfig('{"mayfly_bundle":1,"issuers":{}}', 'f', policySchema)
  assert.ok(!parsed.ok && parsed.problems.some(({ message }) => message.includes('"mayfly_bundle"')))
})

test('refused: a bundle with another file, another key, or cut', () => {
  for (const text of [
    '{"mayfly_bundle":1,"policy":"","files":{"../x.cedar":""}}',
    '{"mayfly_bundle":1,"policy":"","files":{"policies/x.sh":""}}',
    '{"mayfly_bundle":1,"policy":"","files":{"policies/../x.cedar":""}}',
    '{"mayfly_bundle":1,"policy":"","files":{},"more":1}',
    '{"mayfly_bundle":1,"policy":"',
  ])
    assert.throws(() => readBundle(text), { code: 'config_invalid' }, text)
})

function folder(t: TestContext, files: Readonly<Record<string, string>>): string {
  const at = mkdtempSync(join(tmpdir(), 'mayfly-policy-'))
  t.after(() => rmSync(at, { recursive: true }))
  mkdirSync(join(at, 'policies'))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(at, name)), { recursive: true })
    writeFileSync(join(at, name), text)
  }
  return at
}

test('a folder and a file in it are read alike, with what stands in policies/', (t) => {
  const at = folder(t, {
    'mayfly.yaml': 'a',
    'policies/x.cedar': 'b',
    'policies/y.test.yaml': 'c',
    'policies/README.md': 'd',
  })
  const read = readPolicyFiles(at)
  assert.deepEqual(read, readPolicyFiles(join(at, 'mayfly.yaml')))
  const { policy, files } = readBundle(read.text)
  assert.equal(policy, 'a')
  assert.deepEqual({ ...files }, { 'policies/x.cedar': 'b', 'policies/y.test.yaml': 'c' })
})

test('refused: a file that its author would believe in, although it is not read', (t) => {
  for (const name of [
    'policies/no main.cedar',
    'policies/.hidden.cedar',
    'policies/x.test.yml',
    'policies/X.CEDAR',
    'policies/team/x.cedar',
    'policies/x.cedar/y.cedar',
    'policies/x.cedar ',
    'policies/x.cedar\n',
    'policies/x.cedar\u200b',
    'policies/x.cedar.',
    'policies/x.cedar.txt',
    'policies/x.cedarpolicy',
    'policies/x.\u0441edar',
    'policies/test.yaml',
    'policies/a.txt\tb.cedar',
    'policies/..x.cedar',
    'policies/..team/x.cedar',
    'Policies/x.cedar',
    'POLICIES /x.cedar',
  ]) {
    const at = folder(t, { 'mayfly.yaml': 'a', [name]: 'b' })
    assert.throws(() => readPolicyFiles(at), { code: 'bad_input' }, name)
  }
})

test('policies/ as Kubernetes mounts a ConfigMap are read', (t) => {
  const at = folder(t, { 'mayfly.yaml': 'a', 'policies/..2026_11_26_10_00_00.123/x.cedar': 'b' })
  symlinkSync('..2026_11_26_10_00_00.123', join(at, 'policies/..data'))
  symlinkSync('..data/x.cedar', join(at, 'policies/x.cedar'))
  assert.deepEqual({ ...readBundle(readPolicyFiles(at).text).files }, { 'policies/x.cedar': 'b' })
})

test('refused: policies that are a link to nowhere, and a mayfly.yaml that is a link to where there are others', (t) => {
  const at = folder(t, { 'mayfly.yaml': 'a', 'rules/mayfly.yaml': 'b', 'rules/policies/x.cedar': 'c' })
  rmdirSync(join(at, 'policies'))
  assert.equal(readPolicyFiles(at).text, 'a')
  symlinkSync('nowhere', join(at, 'policies'))
  assert.throws(() => readPolicyFiles(at), { code: 'bad_input' })
  unlinkSync(join(at, 'policies'))
  unlinkSync(join(at, 'mayfly.yaml'))
  symlinkSync('rules/mayfly.yaml', join(at, 'mayfly.yaml'))
  assert.throws(
    () => readPolicyFiles(at),
    /it is a link, and what stands in .*rules\/policies would not be read/,
  )
  symlinkSync('rules/policies', join(at, 'policies'))
  assert.equal(readBundle(readPolicyFiles(at).text).files['policies/x.cedar'], 'c')
})

test('a pipe is read, as a shell hands one over; a link to itself is refused in so many words', (t) => {
  const module = JSON.stringify(new URL('./policy-folder.ts', import.meta.url).href)
  const script = `import(${module}).then(({ readPolicyFiles }) => process.stdout.write(readPolicyFiles(process.argv[1]).text))`
  const command = `"$0" --disable-warning=ExperimentalWarning -e "$1" <(printf 'roles: {}')`
  const read = execFileSync('bash', ['-c', command, process.execPath, script], { encoding: 'utf8' })
  assert.equal(read, 'roles: {}')
  const at = folder(t, { 'mayfly.yaml': 'a' })
  symlinkSync('x.cedar', join(at, 'policies/x.cedar'))
  assert.throws(() => readPolicyFiles(at), { code: 'bad_input' })
})

test('a link to a file is read as the file; one to a folder, or to nothing, is refused', (t) => {
  const at = folder(t, { 'mayfly.yaml': 'a', 'shared/x.cedar': 'b', 'policies/y.cedar': 'c' })
  symlinkSync('../shared/x.cedar', join(at, 'policies/x.cedar'))
  assert.equal(readBundle(readPolicyFiles(at).text).files['policies/x.cedar'], 'b')
  for (const target of ['../shared', '../nowhere']) {
    symlinkSync(target, join(at, 'policies/team'))
    assert.throws(() => readPolicyFiles(at), /policies\/team: policies\/ holds files only/)
    unlinkSync(join(at, 'policies/team'))
  }
})

test('refused: no file', () => {
  assert.throws(() => readPolicyFiles('/no/such/mayfly.yaml'), { code: 'bad_input' })
})
