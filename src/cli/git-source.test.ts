import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { test, type TestContext } from 'node:test'
import { MayflyError } from '../lib/index.ts'
import { parseGitSource, readFromGit } from './git-source.ts'
import { readBundle } from '../config/index.ts'
import { readPolicy } from './policy-source.ts'

/** A repository with two commits on main and a tag on the first. */
function repository(t: TestContext, files: Record<string, string> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-git-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], {
      cwd: folder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  const commit = (content: Record<string, string>) => {
    for (const [name, text] of Object.entries(content)) {
      mkdirSync(join(folder, name, '..'), { recursive: true })
      writeFileSync(join(folder, name), text)
    }
    git('add', '-A')
    git('commit', '-qm', 'x')
    return git('rev-parse', 'HEAD')
  }
  git('init', '-q', '-b', 'main')
  const first = commit({ 'mayfly.yaml': 'one', 'team/mayfly.yaml': 'team', ...files })
  git('tag', 'v1')
  const second = commit({ 'mayfly.yaml': 'two' })
  return { folder, git, first, second }
}

test('a branch, a tag, a commit, another path: the text and the commit it is of', async (t) => {
  const { folder, first, second } = repository(t)
  assert.deepEqual(await readFromGit(`${folder}@main`, 'mayfly.yaml'), {
    file: 'mayfly.yaml',
    text: 'two',
    source: { repository: folder, ref: 'main', commit: second },
  })
  const tagged = await readFromGit(`file://${folder}@v1:team/mayfly.yaml`, 'mayfly.yaml')
  assert.deepEqual([tagged.text, tagged.source?.commit], ['team', first])
  assert.equal((await readFromGit(`${folder}@${second}`, 'mayfly.yaml')).text, 'two')
  await assert.rejects(readPolicy('mayfly.yaml', `${folder}@main`), /mayfly\.yaml:1:1: the file/)
  assert.equal((await readFromGit(`${relative(process.cwd(), folder)}@main`, 'mayfly.yaml')).text, 'two')
})

test('nothing of the repository is run, whatever hooks and filters say', async (t) => {
  const mark = join(mkdtempSync(join(tmpdir(), 'mayfly-mark-')), 'ran')
  t.after(() => rmSync(join(mark, '..'), { recursive: true, force: true }))
  const { folder } = repository(t, {
    '.gitattributes': '* filter=evil\n',
    '.gitmodules': '[submodule "x"]\n\tpath = x\n\turl = ext::sh -c "touch ran"\n',
  })
  for (const hook of ['post-checkout', 'reference-transaction', 'post-merge']) {
    writeFileSync(join(folder, '.git/hooks', hook), `#!/bin/sh\ntouch ${mark}\n`, { mode: 0o755 })
  }
  assert.equal((await readFromGit(`${folder}@main`, 'mayfly.yaml')).text, 'two')
  assert.equal(existsSync(mark), false)
})

const refused: readonly (readonly [string, RegExp])[] = [
  ['', /takes REPOSITORY@REF/],
  ['https://git.example.com/x', /takes REPOSITORY@REF/],
  ['ext::sh -c id@main', /no repository/],
  ['fd::17@main', /no repository/],
  ['--upload-pack=id@main', /no repository/],
  ['-x@main', /no repository/],
  ['git://git.example.com/x@main', /no repository/],
  ['http://git.example.com/x@main', /no repository/],
  ['ssh://-oProxyCommand=id/x@main', /names no host/],
  ['ssh://git@-oProxyCommand=id/x@main', /names no host/],
  ['-oProxyCommand=id@host:x@main', /no repository/],
  ['git@-oProxyCommand=id:x@main', /no repository/],
  ['./x@--upload-pack=id', /no branch, tag or commit/],
  ['./x@-main', /no branch, tag or commit/],
  ['./x@+main', /no branch, tag or commit/],
  ['./x@^main', /no branch, tag or commit/],
  ['./x@main^{/x}', /no branch, tag or commit/],
  ['./x@main~1', /no branch, tag or commit/],
  ['./x@a..b', /no branch, tag or commit/],
  ['./x@+refs/heads/*', /no branch, tag or commit/],
  ['./x@a b', /no branch, tag or commit/],
  ['./x@main.lock', /no branch, tag or commit/],
  ['./x@main:/etc/passwd', /no path inside/],
  ['./x@main:../mayfly.yaml', /no path inside/],
  ['./x@main:a/../../b', /no path inside/],
  ['./x@main:--help', /no path inside/],
]
for (const [text, says] of refused) {
  test(`refused: --git "${text}"`, () => {
    assert.throws(
      () => parseGitSource(text),
      (error) => error instanceof MayflyError && error.code === 'bad_input' && says.test(error.message),
    )
  })
}

test('what git can be given is taken apart from the right', () => {
  const parse = (text: string) => Object.values(parseGitSource(text))
  assert.deepEqual(parse('git@git.example.com:org/repo@main:a/b.yaml'), [
    'git@git.example.com:org/repo',
    'main',
    'a/b.yaml',
  ])
  assert.deepEqual(parse('https://u@git.example.com:8443/org/repo@refs/tags/v1'), [
    'https://u@git.example.com:8443/org/repo',
    'refs/tags/v1',
    'mayfly.yaml',
  ])
})

test('refused: policies/ that are a link or a submodule, whose forbids would be left out', async (t) => {
  const linked = repository(t, { 'rules/a.cedar': 'forbid(principal, action, resource);' })
  symlinkSync('rules', join(linked.folder, 'policies'))
  linked.git('add', '-A')
  linked.git('commit', '-qm', 'x')
  await assert.rejects(
    readFromGit(`${linked.folder}@main`, 'mayfly.yaml'),
    /policies is a link or a submodule/,
  )
  const outer = repository(t)
  outer.git('update-index', '--add', '--cacheinfo', `160000,${outer.first},team/policies`)
  outer.git('commit', '-qm', 'x')
  await assert.rejects(
    readFromGit(`${outer.folder}@main:team/mayfly.yaml`, 'mayfly.yaml'),
    /team\/policies is a link or a submodule/,
  )
})

test('refused: what is not there, in one line, without a password', async (t) => {
  const { folder } = repository(t)
  await assert.rejects(readFromGit(`${folder}@none`, 'mayfly.yaml'), /cannot be read: .*none/)
  await assert.rejects(
    readFromGit(`${folder}@main:none.yaml`, 'mayfly.yaml'),
    /none\.yaml of .* cannot be read/,
  )
  await assert.rejects(readFromGit('https://u:hunter2@127.0.0.1:1/x@main', 'mayfly.yaml'), (error) => {
    assert.ok(error instanceof MayflyError)
    assert.doesNotMatch(error.message, /hunter2|\n/)
    return true
  })
})

test('what stands in policies/ beside it comes along; a name that would be passed over is refused', async (t) => {
  const forbid = 'forbid(principal, action, resource);'
  const { folder } = repository(t, {
    'policies/forbid.cedar': forbid,
    'team/policies/x.test.yaml': 'tests: []',
  })
  const bundle = readBundle((await readFromGit(`${folder}@main`, 'mayfly.yaml')).text)
  assert.deepEqual(bundle, { policy: 'two', files: { 'policies/forbid.cedar': forbid } })
  const team = readBundle((await readFromGit(`${folder}@main:team/mayfly.yaml`, 'mayfly.yaml')).text)
  assert.deepEqual(team, { policy: 'team', files: { 'policies/x.test.yaml': 'tests: []' } })
  const strange = repository(t, { 'policies/for bid.cedar': forbid })
  await assert.rejects(
    readFromGit(`${strange.folder}@main`, 'mayfly.yaml'),
    /for bid\.cedar: a name has letters/,
  )
  for (const [name, message] of [
    ['policies/a.txt\tb.cedar', /b\.cedar: a name has letters/],
    ['policies/x.cedar ', /x\.cedar : a name has letters/],
    ['Policies/x.cedar', /Policies would not be read: its name is policies/],
    ['team/Policies/x.cedar', /team\/Policies would not be read/],
  ] as const) {
    const one = repository(t, { [name]: forbid })
    const at = name.startsWith('team/') ? ':team/mayfly.yaml' : ''
    await assert.rejects(readFromGit(`${one.folder}@main${at}`, 'mayfly.yaml'), message, name)
  }
  const deep = repository(t, { 'policies/team/a.cedar': forbid })
  await assert.rejects(
    readFromGit(`${deep.folder}@main`, 'mayfly.yaml'),
    /policies\/team: policies\/ holds files/,
  )
  const linked = repository(t, { 'shared/a.cedar': forbid, 'policies/b.cedar': forbid })
  symlinkSync('../shared/a.cedar', join(linked.folder, 'policies/a.cedar'))
  linked.git('add', '-A')
  linked.git('commit', '-qm', 'x')
  await assert.rejects(
    readFromGit(`${linked.folder}@main`, 'mayfly.yaml'),
    /policies\/a\.cedar: policies\/ holds files/,
  )
})

test('a ca by path comes from the same commit; nothing outside of the repository does', async (t) => {
  const pem = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'
  const { folder } = repository(t, {
    'team/mayfly.yaml': 'connections: { git: { ca: ../certs/corp.pem } }',
    'certs/corp.pem': pem,
    'out/mayfly.yaml': 'connections: { git: { ca: ../../corp.pem } }',
    'root/mayfly.yaml': 'connections: { git: { ca: /etc/ssl/cert.pem } }',
  })
  const read = await readFromGit(`${folder}@v1:team/mayfly.yaml`, 'mayfly.yaml')
  assert.deepEqual({ ...readBundle(read.text).files }, { 'ca:../certs/corp.pem': pem })
  for (const path of ['out', 'root'])
    await assert.rejects(
      readFromGit(`${folder}@v1:${path}/mayfly.yaml`, 'mayfly.yaml'),
      /no path inside the repository/,
    )
})

test('a token in the URL is not repeated, as password or as user', async () => {
  for (const url of [
    'http://bot:hunter2@git.example.com/x',
    'http://hunter2@git.example.com/x',
    'https://hunter2@127.0.0.1:1/x',
    'https://bot:hunter2@127.0.0.1:1/x',
  ])
    await assert.rejects(readFromGit(`${url}@main`, 'mayfly.yaml'), (error) => {
      assert.ok(error instanceof MayflyError)
      assert.doesNotMatch(error.message, /hunter2/, url)
      return true
    })
})
