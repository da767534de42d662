import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import { openFindings } from '../../scan/reports/index.ts'
import { builtInRules, fillTemplate, seededRandom } from '../../scan/rules/index.ts'
import { runGit, temporaryFolder } from '../../scan/sources/sources.fixture.ts'
import type { FileRules, ScanOptions } from './options.ts'
import { codeOf, scanned } from './scan.ts'

const sample = (id: string) =>
  fillTemplate(builtInRules.find((one) => one.id === id)?.examples.positive[0] ?? '', seededRandom(4))
const pgpass = sample('pgpass-password')
const token = `TOKEN=${/ghp_\w{36}/.exec(sample('github-personal-access-token'))?.[0] ?? ''}\n`
const noRules: FileRules = {
  ...{ rules: [], without: [], allow: [], gitleaksAllow: false, mayBeUnseen: [], warnings: [] },
}

function repository(t: TestContext) {
  const root = temporaryFolder(t)
  runGit(root, 'init', '--quiet', '-b', 'main')
  return {
    root,
    git: (...args: string[]) => runGit(root, ...args),
    write(name: string, content: string | Buffer) {
      mkdirSync(dirname(join(root, name)), { recursive: true })
      writeFileSync(join(root, name), content)
    },
  }
}

async function scan(path: string, more: Partial<ScanOptions>, rules = noRules) {
  const options = { confidence: 'possible', failOn: 'likely', report: 'text', jobs: 1, ...more } as const
  const report = await scanned([path], options, rules)
  const told = openFindings(report).map(({ file, rule }) => `${file} ${rule}`)
  return { told, report, exitCode: codeOf(report, options) }
}

test('rules of some paths are asked in a history, by every path that a blob had, also in archives', async (t) => {
  const { root, git, write } = repository(t)
  // The same content, first under a name that the rule does not ask for.
  write('notes/example.txt', pgpass)
  git('add', '.')
  git('commit', '--quiet', '-m', 'one')
  assert.deepEqual((await scan(root, { history: true })).told, [])
  write('home/.pgpass', pgpass)
  write('old.gz', gzipSync('nothing'))
  git('add', '.')
  git('commit', '--quiet', '-m', 'two')
  git('rm', '--quiet', 'home/.pgpass')
  git('commit', '--quiet', '-m', 'three')
  const { told, exitCode } = await scan(root, { history: true })
  assert.deepEqual([told, exitCode], [['notes/example.txt pgpass-password'], 1])
  const since = await scan(root, { since: 'HEAD~2' })
  assert.deepEqual(since.told, ['home/.pgpass pgpass-password'])
  // Also where no branch leads to any more.
  git('checkout', '--quiet', '--orphan', 'fresh')
  git('commit', '--quiet', '-m', 'fresh')
  git('branch', '-D', 'main')
  git('reflog', 'expire', '--expire=now', '--all')
  assert.equal((await scan(root, { history: true })).told.length, 1)
})

test('what Git ignores is looked at, unless somebody says skip; what Git has is looked at always', async (t) => {
  const { root, git, write } = repository(t)
  for (const name of ['.env', 'build/deep/out.js', 'kept.env', 'plain.txt']) write(name, token)
  write('.gitignore', '*.env\nbuild/\n')
  git('add', '--force', 'kept.env', 'plain.txt', '.gitignore')
  const id = 'github-personal-access-token'
  const all = ['.env', 'build/deep/out.js', 'kept.env', 'plain.txt'].map(
    (name) => `${join(root, name)} ${id}`,
  )
  const look = await scan(root, {})
  assert.deepEqual(look.told, all)
  assert.deepEqual(look.report.warnings, [])
  const skip = await scan(root, { gitIgnored: 'skip' })
  assert.deepEqual(skip.told, all.slice(2))
  assert.deepEqual(skip.report.warnings, [
    '2 files and folders that Git ignores were not looked at (--git-ignored skip)',
  ])
  // What is named is meant, a folder or a file.
  assert.equal((await scan(join(root, 'build'), { gitIgnored: 'skip' })).exitCode, 1)
  assert.equal((await scan(join(root, '.env'), { gitIgnored: 'skip' })).exitCode, 1)
  await assert.rejects(scan(temporaryFolder(t), { gitIgnored: 'skip' }), /not a git repository/i)
})

test('what a repository’s configuration names is not run to find out what it ignores', async (t) => {
  const { root, git, write } = repository(t)
  const mark = join(root, 'mark')
  write('program', `#!/bin/sh\ntouch ${mark}\n`)
  chmodSync(join(root, 'program'), 0o755)
  const program = join(root, 'program')
  write('.gitattributes', '* filter=own diff=own\n')
  write('a.env', token)
  write('.gitignore', 'a.env\n')
  git('add', '.gitignore', '.gitattributes')
  for (const name of ['core.fsmonitor', 'core.pager', 'core.editor', 'core.sshCommand', 'filter.own.clean'])
    git('config', name, program)
  git('config', 'filter.own.process', program)
  git('config', 'diff.own.textconv', program)
  git('config', 'core.hooksPath', root)
  write('post-index-change', `#!/bin/sh\ntouch ${mark}\n`)
  chmodSync(join(root, 'post-index-change'), 0o755)
  assert.deepEqual((await scan(root, { gitIgnored: 'skip' })).told, [])
  assert.equal(existsSync(mark), false)
})

test('submodules are said not to be looked at', async (t) => {
  const { root, git, write } = repository(t)
  const inner = repository(t)
  inner.write('a.env', token)
  inner.git('add', '.')
  inner.git('commit', '--quiet', '-m', 'one')
  git('submodule', '--quiet', 'add', inner.root, 'vendor/inner')
  write('b.txt', 'nothing')
  git('add', '.')
  git('commit', '--quiet', '-m', 'one')
  const said =
    'submodules are repositories of their own, and not looked at: scan each in its folder (vendor/inner)'
  for (const more of [{ history: true }, { staged: true }])
    assert.partialDeepStrictEqual((await scan(root, more)).report.warnings, [said])
  // In a folder its files are looked at as all others.
  assert.deepEqual((await scan(root, {})).told, [
    `${join(root, 'vendor/inner/a.env')} github-personal-access-token`,
  ])
})

test('what is only possible is told, and fails nothing unless somebody says so', async (t) => {
  const { root, write } = repository(t)
  const rule = builtInRules.find(({ id }) => id === 'json-web-token')
  assert.equal(rule?.confidence, 'possible')
  write('a.txt', sample('json-web-token'))
  for (const [failOn, exitCode] of [
    ['likely', 0],
    ['possible', 1],
    ['certain', 0],
  ] as const) {
    const ran = await scan(join(root, 'a.txt'), { failOn })
    assert.deepEqual([ran.told.length, ran.exitCode], [1, exitCode], failOn)
  }
})
