import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { openFindings, writeReport } from '../../scan/reports/index.ts'
import { builtInRules, fillTemplate, seededRandom } from '../../scan/rules/index.ts'
import type { ScanOptions } from './options.ts'
import { readRules } from './rules.ts'
import { codeOf, scanned } from './scan.ts'

const id = 'github-personal-access-token'
const template = builtInRules.find((rule) => rule.id === id)?.examples.positive[0] ?? ''
const tokenOf = (seed: number) => /ghp_\w{36}/.exec(fillTemplate(template, seededRandom(seed)))?.[0] ?? ''
const token = tokenOf(4)

// Paths are told as people name them from where they are.
const start = process.cwd()
let root: string
let folder: string
before(() => {
  root = mkdtempSync(join(tmpdir(), 'mayfly-scan-'))
})
after(() => {
  process.chdir(start)
  rmSync(root, { recursive: true, force: true })
})

function write(name: string, content: string | Buffer): void {
  mkdirSync(dirname(join(folder, name)), { recursive: true })
  writeFileSync(join(folder, name), content)
}

const who = Object.fromEntries(
  ['AUTHOR', 'COMMITTER'].flatMap((one) => [
    [`GIT_${one}_NAME`, 'Ann'],
    [`GIT_${one}_EMAIL`, 'ann@example.com'],
  ]),
)
const environment = { PATH: process.env['PATH'], GIT_CONFIG_GLOBAL: '/dev/null', ...who }
const git = (...args: string[]) =>
  execFileSync('git', ['-c', 'protocol.file.allow=always', ...args], {
    ...{ cwd: folder, env: environment, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] },
  }).trim()

/** A repository with one commit, where the tests go on. */
function repository(name: string): void {
  folder = join(root, name)
  mkdirSync(folder)
  process.chdir(folder)
  git('init', '-q', '-b', 'main')
  write('README', 'nothing\n')
  commit('begin')
}

function commit(message: string): string {
  git('add', '-A')
  git('commit', '-q', '--allow-empty', '-m', message)
  return git('rev-parse', 'HEAD')
}

async function scan(more: Partial<ScanOptions>) {
  const options: ScanOptions = { confidence: 'possible', failOn: 'likely', report: 'text', jobs: 1, ...more }
  const report = await scanned([], options, await readRules(options))
  const open = openFindings(report)
  return {
    ...{ report, open, exitCode: codeOf(report, options) },
    files: open.map(({ file }) => file),
    unseen: report.unseen.map(({ name, why }) => `${name}: ${why}`),
  }
}

const allowTests = 'allow: [{ reason: keys of the test server, paths: ["test/*"] }]\n'

test('a path of the allow list accepts a blob only if it accepts all its paths; the one that it does not is told', async () => {
  for (const [how, copy] of [
    [
      'in one commit',
      () => {
        write('test/a', `k=${token}\n`)
        write('src/prod', `k=${token}\n`)
      },
    ],
    [
      'moved by a later one',
      () => {
        write('test/a', `k=${token}\n`)
        commit('tests')
        mkdirSync('src')
        git('mv', 'test/a', 'src/prod')
      },
    ],
    [
      'moved away by a later one',
      () => {
        write('src/prod', `k=${token}\n`)
        commit('in use')
        mkdirSync('test')
        git('mv', 'src/prod', 'test/a')
      },
    ],
  ] as const) {
    repository(how)
    write('.mayfly/scan.yaml', allowTests)
    const first = git('rev-parse', 'HEAD')
    copy()
    commit('the other')
    const whats = how === 'in one commit' ? [{ history: true }, { since: first }] : [{ since: first }]
    for (const what of whats) {
      const { files, exitCode, open } = await scan(what)
      assert.deepEqual([how, files, exitCode], [how, ['src/prod'], 1])
      assert.equal(open[0]?.commit?.author, 'Ann <ann@example.com>')
    }
    write('.mayfly/scan.yaml', allowTests.replace('"test/*"', '"test/*", "src/*"'))
    for (const what of whats.slice(-1)) {
      const { report, exitCode } = await scan(what)
      assert.equal(report.findings[0]?.accepted?.reason, 'keys of the test server')
      assert.equal(exitCode, 0)
    }
  }
})

test('a path of a commit that nothing leads to any more counts', async () => {
  repository('rewritten')
  write('src/prod', `k=${token}\n`)
  commit('in use')
  git('reset', '-q', '--hard', 'HEAD^')
  git('reflog', 'expire', '--expire=now', '--all')
  write('test/a', `k=${token}\n`)
  commit('tests')
  write('.mayfly/scan.yaml', allowTests)
  assert.deepEqual((await scan({ history: true })).files, ['src/prod'])
})

test('a blob of more paths than are kept is accepted by none', async () => {
  repository('many')
  for (let i = 0; i < 1_001; i++) write(`test/${i}`, `k=${token}\n`)
  commit('tests')
  write('.mayfly/scan.yaml', allowTests)
  assert.equal((await scan({ history: true })).exitCode, 1)
  rmSync(join(folder, 'test/0'))
  git('add', '-A')
  git('commit', '-q', '--amend', '-m', 'one less')
  git('reflog', 'expire', '--expire=now', '--all')
  git('gc', '-q', '--prune=now')
  assert.equal((await scan({ history: true })).exitCode, 0)
})

test('an entry that asks for a path and a value allows what has both, in a history too', async () => {
  repository('both')
  const other = tokenOf(5)
  write('test/a', `k=${token}\n`)
  write('test/b', `k=${other}\n`)
  write('src/c', `k=${token}\n# not the same blob\n`)
  commit('all')
  write('.mayfly/scan.yaml', `allow: [{ reason: ours, paths: ["test/*"], values: ["${token}"] }]\n`)
  for (const what of [{ history: true }, { since: 'HEAD^' }])
    assert.deepEqual((await scan(what)).files, ['src/c', 'test/b'])
  // Nothing that has no path yet is taken for a file of the top folder.
  write(
    'top.toml',
    "[[allowlists]]\nregexTarget = 'match'\npaths = ['''^[^/]*$''']\n[extend]\nuseDefault = true\n",
  )
  const { files } = await scan({ history: true, rules: false, gitleaksConfig: ['top.toml'] })
  assert.deepEqual(files, ['src/c', 'test/a', 'test/b'])
})

test('what could not be looked at in a history has its path, and may be unseen if all its paths may', async () => {
  repository('unseen')
  const broken = Buffer.from('1f8b0800000000000003', 'hex')
  write('backup/a.gz', broken)
  write('src/a.gz', broken)
  commit('two')
  write('.mayfly/scan.yaml', 'unseen: [{ reason: old, paths: ["backup/*"] }]\n')
  for (const what of [{ history: true }, { since: 'HEAD^' }] as const) {
    const { unseen, exitCode } = await scan(what)
    assert.equal(exitCode, 2)
    assert.match(unseen.join(), /^src\/a\.gz: [^,]*$/)
  }
  write('.mayfly/scan.yaml', 'unseen: [{ reason: old, paths: ["*.gz"] }]\n')
  assert.equal((await scan({ history: true })).exitCode, 0)
})

test('a history before its first commit is looked at', async () => {
  repository('unborn')
  folder = join(root, 'unborn', 'inner')
  mkdirSync(folder)
  process.chdir(folder)
  git('init', '-q')
  write('a', `k=${token}\n`)
  git('add', 'a')
  const blob = git('rev-parse', ':a')
  assert.deepEqual((await scan({ history: true })).files, [`blob ${blob}`])
})

test('a secret in a message is found in a history and in a range, by the commit that says it, and can be accepted by it', async () => {
  repository('messages')
  const id = commit(`begin\n\nk=${token}`)
  for (const what of [{ history: true }, { since: 'HEAD^' }])
    assert.deepEqual((await scan(what)).files, [`commit ${id} (message)`])
  write('.mayfly/scan.yaml', `allow: [{ reason: it is dead, paths: ["commit ${id} *"] }]\n`)
  assert.equal((await scan({ history: true })).exitCode, 0)
})

test('a shallow clone is one thing that was not looked at, and a rule file may name it', async () => {
  repository('whole')
  commit('more')
  folder = join(root, 'shallow')
  execFileSync('git', ['clone', '-q', '--depth=1', `file://${root}/whole`, folder], { env: environment })
  process.chdir(folder)
  const { unseen, exitCode } = await scan({ history: true })
  assert.equal(exitCode, 2)
  assert.match(unseen.join('\n'), /^the history: the clone is shallow.*fetch --unshallow.*$/)
  write('.mayfly/scan.yaml', 'unseen: [{ reason: we scan each push, paths: ["the history"] }]\n')
  assert.equal((await scan({ history: true })).exitCode, 0)
})

test('what a commit says has the commit beside it, as GitLab wants it', async () => {
  repository('said')
  const id = commit(`with ${token}`)
  commit('another')
  for (const more of [{ history: true }, { since: `${id}^` }]) {
    const { open, report } = await scan(more)
    assert.deepEqual(
      open.map(({ file, commit: of }) => [file, of?.id, of?.author]),
      [[`commit ${id} (message)`, id, 'Ann <ann@example.com>']],
    )
    assert.match(writeReport(report, 'gitlab'), new RegExp(`"sha": "${id}"`))
  }
})

test('a rule of some paths is asked of a file that had one of them, however many others it had', async () => {
  repository('many-paths')
  const base = git('rev-parse', 'HEAD')
  write(
    '.mayfly/scan.yaml',
    `rules:
  - id: acme-token
    title: Acme API token
    keywords: [acme_]
    pattern: '\\b(acme_[A-Za-z0-9]{32})\\b'
    path: '^c/'
    confidence: certain
    revoke: https://acme.example/tokens
    examples: { positive: ["ACME_TOKEN=acme_{alnum:32}"], negative: ["ACME_TOKEN=acme_{alnum:8} "] }
`,
  )
  const content = `key: acme_${'a1B2'.repeat(8)}\n`
  for (let i = 0; i < 12; i++) write(`a/${i}.txt`, content)
  commit('before')
  write('c/wanted.txt', content)
  commit('wanted')
  for (let i = 0; i < 12; i++) write(`z/${i}.txt`, content)
  commit('after')
  for (const more of [{ since: base }, { history: true }]) {
    const { open, unseen } = await scan(more)
    assert.deepEqual(
      open.map(({ rule }) => rule),
      ['acme-token'],
    )
    assert.deepEqual(unseen, [])
  }
})
