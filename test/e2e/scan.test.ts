import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { after, before, test } from 'node:test'
import { parse } from 'yaml'
import { baseEnvironment, projectFolder } from '../../demo/stage.ts'
import { isVisible } from '../../src/lib/index.ts'
import { builtInRules, fillTemplate, seededRandom } from '../../src/scan/rules/index.ts'

// A repository, and nothing else: no server, no mayfly.yaml.
let root: string
let token: string
let line: string

const write = (name: string, text: string) => writeFileSync(join(root, name), text)
const environment = () => ({
  ...baseEnvironment(),
  PATH: [join(projectFolder, 'bin'), process.env['PATH']].join(delimiter),
  GIT_CONFIG_GLOBAL: '/dev/null',
  ...Object.fromEntries(
    ['AUTHOR', 'COMMITTER'].flatMap((who) => [
      [`GIT_${who}_NAME`, 'Ann'],
      [`GIT_${who}_EMAIL`, 'ann@example.com'],
    ]),
  ),
})

function run(program: string, args: readonly string[], input = '', folder = '.') {
  const { status, stdout, stderr } = spawnSync(program, args, {
    cwd: join(root, folder),
    env: environment(),
    input,
    encoding: 'utf8',
  })
  // Whatever is told, the secret is not.
  assert.ok(!`${stdout}${stderr}`.includes(token), stdout + stderr)
  return { status, stdout, stderr }
}
const git = (...args: string[]) => run('git', args)
const scan = (...args: string[]) => run('mayfly', ['scan', ...args])

before(() => {
  root = mkdtempSync(join(tmpdir(), 'mayfly-scan-'))
  const template =
    builtInRules.find(({ id }) => id === 'github-personal-access-token')?.examples.positive[0] ?? ''
  line = fillTemplate(template, seededRandom(4))
  token = /ghp_\w{36}/.exec(line)?.[0] ?? ''
  assert.notEqual(token, '')
  git('init', '--quiet')
  write('README.md', 'nothing here\n')
  mkdirSync(join(root, 'src'))
  write('src/app.env', `# ours\nGITHUB_TOKEN=${token}\n`)
})
after(() => rmSync(root, { recursive: true, force: true }))

test('a folder is scanned: where, which rule, what to do; exit code 1, and 0 without it', () => {
  const found = scan()
  assert.equal(found.status, 1, found.stderr)
  assert.match(found.stdout, /^src\/app\.env\n {2}2:14 {2}GitHub personal access token/m)
  assert.match(found.stdout, /GITHUB_TOKEN=ghp_\*{4}/)
  assert.match(found.stdout, /a connection of kind github/)
  const { status, stdout } = scan('README.md')
  assert.equal(status, 0)
  assert.match(stdout, /^README\.md: no secret found \(1 file/)
})

test('standard input, and what is no way to ask', () => {
  const { status, stdout } = run('mayfly', ['scan', '--stdin', '--report', 'json'], line)
  assert.equal(status, 1)
  const { findings } = JSON.parse(stdout) as { findings: { file: string }[] }
  assert.deepEqual(
    findings.map(({ file }) => file),
    ['standard input'],
  )
  for (const [args, said] of [
    [['--stdin', '--staged'], /choose one/],
    [['nowhere'], /cannot be scanned/],
    [['--baseline', 'README.md'], /the baseline README\.md cannot be read/],
  ] as const) {
    const refused = scan(...args)
    assert.equal(refused.status, 2)
    assert.match(refused.stderr, said)
    assert.equal(refused.stdout, '')
  }
})

test('whatever a rule file says, a terminal and a CI obey none of it', () => {
  const title = String.raw`::error::x\e[2J\e]0;pwn\a ##[error]y\n::error::z`
  const rule = `{ id: acme-token, title: "${title}", vendor: "${title}", revoke: "${title}", keywords: [acme_]`
  const examples = 'examples: { positive: ["acme_{upper:8}"], negative: [acme_1] }'
  write('hostile.yaml', `rules: [${rule}, pattern: "acme_[A-Z]{8}", ${examples} }]\n`)
  write('acme.txt', 'acme_ABCDEFGH\n')
  const toml = `[[rules]]\nid = "x"\ndescription = "::error::x\\u001b[2J\\n::error::z"\nregex = "acme_[A-Z]{8}"\n`
  write('hostile.toml', toml)
  write('wrong.yaml', `rules: []\n"::error::\\e[2J\\n::error::x": 1\n`)
  for (const args of [
    ['--rules', 'hostile.yaml', 'acme.txt'],
    ['--rules', 'hostile.yaml', '--list-rules'],
    ['--rules', 'hostile.yaml', 'acme.txt', '--output', 'told.txt'],
    ['--gitleaks-config', 'hostile.toml', 'acme.txt'],
    ['--gitleaks-config', 'hostile.toml', '--list-rules'],
    ['--rules', 'wrong.yaml'],
  ]) {
    const { stdout, stderr } = scan(...args)
    assert.notEqual(stdout + stderr, '')
    for (const one of `${stdout}${stderr}`.split('\n')) {
      assert.ok(isVisible(one), one)
      assert.doesNotMatch(one, /^\s*::|##\w*\[/, one)
    }
  }
  assert.match(scan('--rules', 'hostile.yaml', 'acme.txt').stdout, /acme-token/)
  for (const name of ['hostile.yaml', 'hostile.toml', 'wrong.yaml', 'acme.txt', 'told.txt'])
    rmSync(join(root, name))
})

test('a report, or a baseline, follows no link of what is scanned, and is not written over standard output', () => {
  const outside = mkdtempSync(join(tmpdir(), 'mayfly-outside-'))
  writeFileSync(join(outside, 'kept'), 'kept')
  symlinkSync(join(outside, 'kept'), join(root, 'report'))
  symlinkSync(join(outside, 'none'), join(root, 'dangling'))
  symlinkSync(outside, join(root, 'reports'))
  for (const option of ['--output', '--write-baseline']) {
    for (const name of ['report', 'dangling', '/proc/self/fd/1', '/dev/stdout', '/dev/fd/1']) {
      const { status, stderr } = scan('README.md', option, name)
      assert.equal(status, 2)
      assert.match(
        stderr,
        /it is a link: name the file itself|the baseline .* cannot be read|is not there/,
        stderr,
      )
    }
    const inside = scan('README.md', option, 'reports/new')
    assert.equal(inside.status, 2)
    assert.match(inside.stderr, /its folder is a link to .*: name that one/)
    // Who names a folder elsewhere means it.
    assert.equal(scan('README.md', option, join(outside, `new${option}`)).status, 0)
    const log = join(root, 'app.log')
    writeFileSync(log, 'line\n')
    const command = `mayfly scan README.md ${option} /dev/stdout >> app.log; echo end >> app.log`
    assert.equal(run('sh', ['-c', command]).status, 0)
    assert.equal(readFileSync(log, 'utf8'), 'line\nend\n')
  }
  assert.deepEqual(readdirSync(outside).toSorted(), ['kept', 'new--output', 'new--write-baseline'])
  assert.equal(readFileSync(join(outside, 'kept'), 'utf8'), 'kept')
  for (const name of ['report', 'dangling', 'reports', 'app.log']) rmSync(join(root, name))
  rmSync(outside, { recursive: true })
})

test('what is no file stays in the place of a hook, and is not waited for', () => {
  const hook = join(root, '.git/hooks/pre-commit')
  mkdirSync(join(root, '.git/hooks'), { recursive: true })
  for (const [make, said] of [
    [() => run('mkfifo', [hook]), /is no file, not Mayfly’s, and stays as it is/],
    [() => symlinkSync('elsewhere', hook), /is a link, not Mayfly’s, and stays as it is/],
  ] as const) {
    make()
    for (const what of ['install', 'remove']) {
      const { status, stderr } = scan('hook', what)
      assert.equal(status, 1)
      assert.match(stderr, said)
    }
    rmSync(hook)
  }
})

test('a hook refuses the commit that adds a secret, by what is staged and not by what is in the folder', () => {
  assert.equal(scan('hook', 'install').status, 0)
  assert.match(readFileSync(join(root, '.git/hooks/pre-commit'), 'utf8'), /mayfly scan --staged/)
  git('add', 'README.md')
  assert.equal(git('commit', '--quiet', '-m', 'one').status, 0)
  git('add', 'src')
  write('src/app.env', 'nothing any more\n')
  const refused = git('commit', '--quiet', '-m', 'two')
  assert.equal(refused.status, 1, refused.stderr)
  assert.match(refused.stdout + refused.stderr, /src\/app\.env\n {2}2:14 {2}GitHub/)
  // As `git commit FILE` does, with an index of its own.
  write('other.env', `T=${token}\n`)
  git('add', '-N', 'other.env')
  assert.equal(git('commit', '--quiet', '-m', 'three', 'other.env').status, 1)
  rmSync(join(root, 'other.env'))
  git('add', '-A')
  assert.equal(git('commit', '--quiet', '-m', 'four').status, 0)
  assert.equal(scan('hook', 'remove').status, 0)
  write('.git/hooks/pre-commit', '#!/bin/sh\n')
  const conflict = scan('hook', 'install')
  assert.equal(conflict.status, 1)
  assert.match(
    conflict.stderr,
    /is another hook, and stays as it is: add the line "mayfly scan --staged \|\| exit 1"/,
  )
  assert.equal(scan('hook', 'remove').status, 1)
  rmSync(join(root, '.git/hooks/pre-commit'))
  const hooks = parse(readFileSync(join(projectFolder, '.pre-commit-hooks.yaml'), 'utf8')) as {
    entry: string
  }[]
  assert.deepEqual(
    hooks.map(({ entry }) => entry),
    ['mayfly scan --staged'],
  )
})

test('a hook takes a baseline, rule files and what fails; one that cannot be read is refused when it is installed', () => {
  write('old.env', `OLD=${token}\n`)
  assert.equal(scan('old.env', '--write-baseline', 'known one.json').status, 0)
  for (const [args, said] of [
    [['--baseline', 'none.json'], /none\.json cannot be read/],
    [['--baseline', 'old.env'], /old\.env cannot be read: it is not JSON/],
    [['--gitleaks-config', 'old.env'], /old\.env: it is not TOML: line 1, column 5/],
    [['--rules', 'old.env'], /old\.env:1:1/],
  ] as const) {
    const { status, stderr } = scan('hook', 'install', ...args)
    assert.ok(status !== 0 && status !== null, args.join(' '))
    assert.match(stderr, said)
  }
  write('gitleaks.toml', '[extend]\nuseDefault = true\n')
  mkdirSync(join(root, 'sub'))
  const options = [
    '--baseline',
    'known one.json',
    '--gitleaks-config',
    'gitleaks.toml',
    '--fail-on',
    'certain',
  ]
  const installed = run('mayfly', ['scan', 'hook', 'install', ...options], '', 'sub')
  assert.equal(installed.status, 0, installed.stderr)
  const text = readFileSync(join(root, '.git/hooks/pre-commit'), 'utf8')
  assert.match(
    text,
    /mayfly scan --staged --gitleaks-config gitleaks\.toml --baseline 'known one\.json' --fail-on certain\n/,
  )
  git('add', 'old.env')
  assert.equal(git('commit', '--quiet', '-m', 'known').status, 0)
  assert.equal(scan('hook', 'install').status, 0)
  git('rm', '--quiet', '--cached', 'old.env')
  assert.equal(git('commit', '--quiet', '-m', 'gone').status, 0)
  git('add', 'old.env')
  assert.equal(git('commit', '--quiet', '-m', 'again').status, 1)
  git('reset', '--quiet')
  assert.equal(scan('hook', 'remove').status, 0)
  for (const name of ['old.env', 'known one.json', 'gitleaks.toml', 'sub'])
    rmSync(join(root, name), { recursive: true })
})

test('a history has what is no more in the folder, with who brought it; a range what came in it', () => {
  write('lost.env', `T=${token}\n`)
  git('add', '-A')
  assert.equal(git('commit', '--quiet', '-m', 'five').status, 0)
  const bad = git('rev-parse', 'HEAD').stdout.trim()
  git('rm', '--quiet', 'lost.env')
  assert.equal(git('commit', '--quiet', '-m', 'six').status, 0)
  assert.equal(scan('--no-rules').status, 0)
  for (const args of [['--history'], ['--since', 'HEAD~2']]) {
    const { status, stdout } = scan(...args, '--report', 'json')
    assert.equal(status, 1)
    const { findings } = JSON.parse(stdout) as { findings: { file: string; line: number; commit: object }[] }
    const found = findings.filter(({ file }) => file === 'lost.env')
    assert.deepEqual(
      found.map(({ line, commit }) => ({ line, ...commit, date: '' })),
      [{ line: 1, id: bad, author: 'Ann <ann@example.com>', date: '' }],
    )
  }
  assert.equal(scan('--since', 'HEAD~1..HEAD').status, 0)
  mkdirSync(join(root, '.mayfly'))
  write('.mayfly/scan.yaml', 'allow: [{ reason: they are dead, paths: ["*.env"] }]\n')
  // What was staged once, and is in no commit, is there still.
  const left = scan('--history', '--report', 'github')
    .stdout.split('\n')
    .filter((one) => one.startsWith('::'))
  assert.equal(left.length, 1)
  for (const one of left) assert.match(one, /^::error file=blob [0-9a-f]{40},line=/)
})
