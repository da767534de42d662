import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { findLeftovers } from './leftovers.ts'

const header = '[http "https://h/"]\n\textraheader = PRIVATE-TOKEN: glpat-12345\n'
const link = (to: string) => ({ to })

/** Files of a workspace, a link where `to` is given; and the file that a step must see without its token. */
const cases: readonly [what: string, files: Record<string, string | { to: string }>, covered: string][] = [
  ['a repository', { '.git/config': header }, '.git/config'],
  ['one three folders below', { 'a/b/c/.git/config': header }, 'a/b/c/.git/config'],
  [
    'a submodule',
    { '.git/modules/x/config': header, 'x/.git': 'gitdir: ../.git/modules/x\n' },
    '.git/modules/x/config',
  ],
  [
    '--separate-git-dir',
    { '.git': 'gitdir: repo.gitdir\n', 'repo.gitdir/config': header },
    'repo.gitdir/config',
  ],
  ['.git as a link', { '.git': link('dotgit'), 'dotgit/config': header }, 'dotgit/config'],
  ['its config as a link', { '.git/config': link('../shared/gc'), 'shared/gc': header }, 'shared/gc'],
  ['a bare repository', { 'm.git/config': header, 'm.git/HEAD': 'x', 'm.git/objects/x': '' }, 'm.git/config'],
  [
    'a file that is included',
    { '.git/config': '[include] path = "../ci.cfg" ; ours\n', 'ci.cfg': header },
    'ci.cfg',
  ],
  [
    'one that the included one includes',
    {
      '.git/config': '[include]\n\tpath = ../a.cfg\n',
      'a.cfg': '[include]\npath = b.cfg # b\n',
      'b.cfg': header,
    },
    'b.cfg',
  ],
  [
    'credentials of a helper',
    { '.git/config': '[core]\n', '.git/credentials': 'https://x:glpat-12345@h\n' },
    '.git/credentials',
  ],
  [
    'a file of a helper, whatever its name',
    {
      'app/.git/config': '[credential]\n\thelper = store --file=ci/logins\n',
      'app/ci/logins': 'https://x:glpat-12345@h\n',
    },
    'app/ci/logins',
  ],
  ['.npmrc as a link', { '.npmrc': link('ci/npm'), 'ci/npm': '//r/:_authToken=glpat-12345\n' }, 'ci/npm'],
  ['a login to a cloud', { 'gha-creds-0a1b.json': '{"token":"glpat-12345"}' }, 'gha-creds-0a1b.json'],
]

for (const [what, files, covered] of cases)
  test(`${what}: its token is found, and covered where it really is`, (t) => {
    const workspace = mkdtempSync(join(tmpdir(), 'mayfly-left-'))
    t.after(() => rmSync(workspace, { recursive: true }))
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(workspace, name)), { recursive: true })
      if (typeof content === 'string') writeFileSync(join(workspace, name), content)
      else symlinkSync(content.to, join(workspace, name))
    }
    const { covers, secrets } = findLeftovers(workspace)
    assert.deepEqual(
      covers.map(({ path }) => path),
      [covered],
    )
    assert.ok(!(covers[0]?.text ?? 'glpat-12345').includes('glpat-12345'))
    assert.ok(secrets.some((one) => one.reveal() === 'glpat-12345'))
  })

test('a link out of the workspace, and one in a circle, is followed by nobody', (t) => {
  const outside = mkdtempSync(join(tmpdir(), 'mayfly-left-'))
  const workspace = join(outside, 'w')
  t.after(() => rmSync(outside, { recursive: true }))
  mkdirSync(join(workspace, 'a'), { recursive: true })
  writeFileSync(join(outside, 'npmrc'), '//r/:_authToken=glpat-12345\n')
  symlinkSync('../npmrc', join(workspace, '.npmrc'))
  symlinkSync('.git', join(workspace, '.git'))
  writeFileSync(join(workspace, 'a/.git'), 'gitdir: ../../..\n')
  assert.deepEqual(findLeftovers(workspace).covers, [])
})
