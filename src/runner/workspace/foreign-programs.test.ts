import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { appendFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { temporaryFolder } from '../sandbox/sandbox.fixture.ts'
import { refuseForeignPrograms } from './foreign-programs.ts'

const skip = existsSync('/usr/bin/git') ? false : 'no /usr/bin/git'

function repository(
  t: TestContext,
  path = '.',
): { workspace: string; set: (key: string, value: string) => void } {
  const workspace = temporaryFolder(t)
  execFileSync('git', ['init', '-q', join(workspace, path)])
  const set = (key: string, value: string) =>
    void execFileSync('git', ['-C', join(workspace, path), 'config', '--add', key, value])
  return { workspace, set }
}

test('each key by which a repository runs a program is refused by name, with what to do', { skip }, (t) => {
  for (const key of [
    ...[
      'core.gitProxy',
      'imap.tunnel',
      'sendemail.smtpServer',
      'tar.x.command',
      'unknown.key',
      'remote.x.url',
    ],
    ...['remote.origin.pushurl', 'submodule.x.url', 'url.../e.git.insteadOf', 'url./work/e.pushInsteadOf'],
    ...['uploadpack.packObjectsHook', 'merge.tool', 'lfs.standaloneTransferAgent'],
    ...['alias.tag', 'filter.x.clean', 'filter.A.b.smudge', 'filter.lfs.process', 'diff.external'],
    ...['diff.x.command', 'diff.x.textconv', 'merge.x.driver', 'mergetool.x.cmd', 'difftool.x.path'],
    ...['remote.origin.uploadpack', 'remote.origin.receivepack', 'remote.origin.vcs', 'hook.x.command'],
    ...[
      'trailer.sign.cmd',
      'gc.recentObjectsHook',
      'sendemail.toCmd',
      'pager.log',
      'lfs.customtransfer.x.path',
    ],
  ]) {
    const { workspace, set } = repository(t)
    set(key, './evil')
    assert.throws(
      () => refuseForeignPrograms(workspace),
      (error: Error) =>
        error.message.toLowerCase().includes(`.git/config sets ${key.toLowerCase()}`) &&
        error.message.includes('leave `workspace: shared` out'),
      key,
    )
  }
  const { workspace, set } = repository(t)
  set('submodule.x.update', '!./evil')
  assert.throws(() => refuseForeignPrograms(workspace), /submodule\.x\.update/)
})

test('what a checkout, git lfs and people write is not refused', { skip }, (t) => {
  const { workspace, set } = repository(t, 'sub/app')
  refuseForeignPrograms(workspace)
  for (const [key, value] of [
    ['remote.origin.url', 'https://git.example.com/x'],
    ['branch.main.remote', 'origin'],
    ['remote.other.url', 'git@git.example.com:octo/app.git'],
    ['url.https://git.example.com/.insteadOf', 'git@git.example.com:'],
    ['http.https://git.example.com/.extraHeader', 'X-A: b'],
    ['core.hooksPath', '.husky'],
    ['submodule.x.url', 'ssh://git@git.example.com/x'],
    ['filter.lfs.clean', 'git-lfs clean -- %f'],
    ['filter.lfs.process', 'git-lfs filter-process'],
    ['filter.lfs.required', 'true'],
    ['submodule.x.update', 'rebase'],
    ['pager.log', 'false'],
    ['diff.algorithm', 'histogram'],
    ['merge.ff', 'only'],
    ['user.name', 'alias.x filter.x.clean'],
  ] as const)
    set(key, value)
  refuseForeignPrograms(workspace)
})

test('in another repository, behind an include or a link, in odd spellings: found', { skip }, (t) => {
  const deep = repository(t, 'a/b/c')
  deep.set('filter.x.clean', './evil')
  assert.throws(() => refuseForeignPrograms(deep.workspace), /a\/b\/c\/\.git\/config sets filter\.x\.clean/)
  const included = repository(t)
  mkdirSync(join(included.workspace, 'conf'))
  writeFileSync(join(included.workspace, 'conf/more'), '[include]\n path = last\n')
  writeFileSync(join(included.workspace, 'conf/last'), '[FILTER "x"] CLEAN = ./evil\n')
  included.set('includeIf.onbranch:main.path', '../conf/more')
  assert.throws(() => refuseForeignPrograms(included.workspace), /conf\/last sets filter\.x\.clean/)
  for (const text of ['[diff.x]\n\tcommand = \\\n./evil\n', '[alias]st=!./evil\n', '[merge "a]b"]driver=x']) {
    const odd = repository(t)
    appendFileSync(join(odd.workspace, '.git/config'), text)
    assert.throws(() => refuseForeignPrograms(odd.workspace), /may run a program/, text)
  }
  const broken = repository(t)
  appendFileSync(join(broken.workspace, '.git/config'), '[bad\n')
  assert.throws(() => refuseForeignPrograms(broken.workspace), /Git cannot read \.git\/config/)
})
