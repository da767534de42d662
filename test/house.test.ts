import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { projectFolder } from '../demo/stage.ts'
import { findCircles, findViolations, readImports, roomOf, specifiersOf } from './imports.ts'
import { rooms } from './rooms.ts'

const files = readImports(join(projectFolder, 'src'))

test('every room sees only what the table of rooms gives it, and enters by the door', () => {
  assert.ok(files.length > 200)
  assert.deepEqual(findViolations(files), [])
})

test('no file imports itself by way of others', () => {
  assert.deepEqual(findCircles(files), [])
})

test('the table has no line, and no entry in a line, that nothing uses', () => {
  // A line says what its own room sees: no other file than its own could miss it.
  const without = (room: string, seen: string) =>
    findViolations(
      files.filter(({ file }) => roomOf(file) === room),
      { ...rooms, [room]: (rooms[room] ?? []).filter((one) => one !== seen) },
    )
  const idle = Object.entries(rooms).flatMap(([room, seen]) =>
    seen.filter((one) => without(room, one).length === 0).map((one) => `${room}: ${one}`),
  )
  assert.deepEqual(idle, [])
})

const planted: [file: string, imported: string, allowed: boolean][] = [
  ['policy/planted.ts', '../vault/index.ts', false],
  ['lib/planted.ts', '../config/index.ts', false],
  ['gateway/git/planted.ts', '../npm/index.ts', false],
  ['gateway/git/planted.ts', '../../vault/index.ts', false],
  ['runner/planted.ts', '../gateway/index.ts', false],
  ['runner/planted.ts', '../../cli/index.ts', false],
  ['server/planted.ts', '../store/store.ts', false],
  ['audit/log/planted.ts', '../client/index.ts', false],
  ['nowhere/planted.ts', '../lib/index.ts', false],
  ['server/planted.ts', '../operators/access.ts', false],
  ['rules/planted.ts', '../server/index.ts', false],
  ['operators/planted.ts', '../approval/index.ts', false],
  ['audit/log/planted.ts', '../../vault/index.ts', false],
  ['audit/verify/planted.ts', '../../lib/index.ts', false],
  ['audit/verify/planted.ts', 'jose', false],
  ['audit/verify/planted.ts', 'node:crypto', false],
  ['attest/verify/planted.ts', '../../lib/index.ts', false],
  ['attest/verify/planted.ts', 'node:fs', false],
  ['attest/verify/key.ts', 'node:crypto', true],
  ['attest/verify/key.ts', 'node:net', false],
  ['audit/client/planted.ts', '../sign/index.ts', false],
  ['audit/witness/planted.ts', '../log/index.ts', false],
  ['audit/forward/planted.ts', '../sign/index.ts', false],
  ['audit/log/planted.ts', '../sign/index.ts', true],
  ['cli/planted.ts', '../audit/verify/node.ts', true],
  ['broker/planted.ts', '../audit/log/index.ts', false],
  ['identity/planted.ts', '../policy/index.ts', false],
  ['broker/planted.ts', '../vault/index.ts', true],
  ['gateway/npm/planted.ts', '../../lockfiles/index.ts', true],
  ['gateway/npm/planted.ts', '../../broker/index.ts', false],
  ['audit/log/planted.ts', '../verify/index.ts', true],
]

for (const [file, imported, allowed] of planted) {
  test(`the table ${allowed ? 'allows' : 'catches'} ${imported} in ${file}`, () => {
    for (const text of [
      `import { a } from '${imported}'`,
      `import type { A } from "${imported}"`,
      `export * from '${imported}'`,
      `const a = await import('${imported}')`,
    ])
      assert.equal(findViolations([{ file, specifiers: specifiersOf(text) }]).length, allowed ? 0 : 1, text)
  })
}

test('what is imported by an expression is refused', () => {
  const specifiers = specifiersOf('await import(name)')
  assert.equal(findViolations([{ file: 'lib/a.ts', specifiers }]).length, 1)
})

test('a circle is found', () => {
  const circle = [
    { file: 'lib/a.ts', specifiers: ['./b.ts'] },
    { file: 'lib/b.ts', specifiers: ['./c.ts'] },
    { file: 'lib/c.ts', specifiers: ['./a.ts'] },
  ]
  assert.deepEqual(findCircles(circle), ['lib/a.ts -> lib/b.ts -> lib/c.ts -> lib/a.ts'])
})

test('what we commit names no registry host', () => {
  const ran = spawnSync(
    'git',
    ['grep', '-nE', '"resolved":', '--', 'package-lock.json', 'examples/app/package-lock.json'],
    { cwd: projectFolder, encoding: 'utf8' },
  )
  assert.equal(ran.stdout, '')
})

test('docs/configuration.md is what the schema says', () => {
  const ran = spawnSync(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', 'scripts/config-docs.ts', '--check'],
    { cwd: projectFolder, encoding: 'utf8' },
  )
  assert.equal(ran.status, 0, ran.stderr)
})

test('who checks a log needs the one file of audit/verify, which imports nothing', async () => {
  const text = readFileSync(join(projectFolder, 'dist/verify.js'), 'utf8')
  assert.doesNotMatch(text, /\bimport\s*[{*'"(]|\brequire\(/)
  const built = (name: string): Promise<unknown> => import(name)
  const { verifyLog, parseVerifierKey } = (await built('mayfly/audit/verify')) as {
    verifyLog: unknown
    parseVerifierKey: (text: string) => unknown
  }
  assert.equal(typeof verifyLog, 'function')
  assert.equal(parseVerifierKey('nonsense'), undefined)
  const { verifyFolder } = (await built('mayfly/audit/verify/node')) as {
    verifyFolder: (folder: string, key: string) => Promise<{ ok: boolean }>
  }
  assert.equal((await verifyFolder('/nowhere', 'nonsense')).ok, false)
})

test('no protocol passes an upstream’s bytes to a step by itself: only by digest, or looked through for the credential', () => {
  const own = globSync('src/gateway/*/*.ts', { cwd: projectFolder })
    .filter((name) => !/\.(?:test|fixture)\.ts$/.test(name))
    .filter((name) =>
      /\.pipe\((?:exchange\.)?response|pipeline\([^)]*response/.test(
        readFileSync(join(projectFolder, name), 'utf8'),
      ),
    )
  assert.deepEqual(own, [])
})
