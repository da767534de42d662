import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { projectFolder } from '../demo/stage.ts'

const planted: [file: string, imported: string, allowed: boolean][] = [
  ['src/policy/planted.ts', '../vault/index.ts', false],
  ['src/lib/planted.ts', '../config/index.ts', false],
  ['src/gateway/git/planted.ts', '../npm/index.ts', false],
  ['src/gateway/git/planted.ts', '../../vault/index.ts', false],
  ['src/runner/planted.ts', '../gateway/index.ts', false],
  ['src/runner/planted.ts', '../../cli/index.ts', false],
  ['src/server/planted.ts', '../store/store.ts', false],
  ['src/audit/log/planted.ts', '../client/index.ts', false],
  ['src/audit/log/planted.ts', '../../vault/index.ts', false],
  ['src/audit/verify/planted.ts', '../../lib/index.ts', false],
  ['src/audit/verify/planted.ts', 'jose', false],
  ['src/audit/verify/planted.ts', 'node:crypto', false],
  ['src/audit/client/planted.ts', '../sign/index.ts', false],
  ['src/audit/witness/planted.ts', '../log/index.ts', false],
  ['src/audit/forward/planted.ts', '../sign/index.ts', false],
  ['src/audit/log/planted.ts', '../sign/index.ts', true],
  ['src/cli/planted.ts', '../audit/verify/node.ts', true],
  ['src/broker/planted.ts', '../audit/log/index.ts', false],
  ['src/identity/planted.ts', '../policy/index.ts', false],
  ['src/broker/planted.ts', '../vault/index.ts', true],
  ['src/gateway/git/planted.ts', '../../broker/index.ts', true],
  ['src/audit/log/planted.ts', '../verify/index.ts', true],
]

for (const [file, imported, allowed] of planted) {
  test(`the linter ${allowed ? 'allows' : 'catches'} ${imported} in ${dirname(file)}`, () => {
    const folder = mkdtempSync(join(tmpdir(), 'mayfly-planted-'))
    try {
      cpSync(join(projectFolder, '.oxlintrc.json'), join(folder, '.oxlintrc.json'))
      mkdirSync(dirname(join(folder, file)), { recursive: true })
      writeFileSync(join(folder, file), `import { thing } from '${imported}'\n\nexport const used = thing\n`)
      const ran = spawnSync(join(projectFolder, 'node_modules/.bin/oxlint'), ['--deny-warnings', '.'], {
        cwd: folder,
        encoding: 'utf8',
      })
      assert.equal(/no-restricted-imports/.test(ran.stdout), !allowed, ran.stdout)
      assert.equal(ran.status, allowed ? 0 : 1)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
}

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
  // No literal: tsc would look for types of what is only there once it is built.
  const [inBrowsers, inNode]: [string, string] = ['mayfly/audit/verify', 'mayfly/audit/verify/node']
  const { verifyLog, parseVerifierKey } = (await import(inBrowsers)) as {
    verifyLog: unknown
    parseVerifierKey: (text: string) => unknown
  }
  assert.equal(typeof verifyLog, 'function')
  assert.equal(parseVerifierKey('nonsense'), undefined)
  const { verifyFolder } = (await import(inNode)) as {
    verifyFolder: (folder: string, key: string) => Promise<{ ok: boolean }>
  }
  assert.equal((await verifyFolder('/nowhere', 'nonsense')).ok, false)
})
