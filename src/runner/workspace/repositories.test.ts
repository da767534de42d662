import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryFolder } from '../sandbox/sandbox.fixture.ts'
import { refuseForeignPrograms } from './foreign-programs.ts'
import { lookThrough } from './repositories.ts'

test('a folder with any number of names is not read to its end, what makes it a repository is found all the same', (t) => {
  const workspace = temporaryFolder(t)
  mkdirSync(join(workspace, 'many'))
  for (let i = 0; i < 300; i++) writeFileSync(join(workspace, 'many', `n${i}`), '')
  execFileSync('git', ['init', '-q', join(workspace, 'many')])
  writeFileSync(join(workspace, 'many/.npmrc'), '')
  const found = lookThrough(workspace, { depth: 9, folders: 9, names: 20, passedOver: [] })
  assert.equal(found.cutAt, 'many')
  assert.ok(found.files.length < 30)
  assert.ok(found.files.includes('many/.npmrc'))
  assert.deepEqual(found.repositories, ['many/.git'])
  const whole = lookThrough(workspace)
  assert.deepEqual([whole.cutAt, whole.unseen, whole.files.length], [undefined, undefined, 301])
})

test('a workspace that cannot be looked at as a whole is none for a role that writes and shares it', (t) => {
  const workspace = temporaryFolder(t)
  let folder = workspace
  for (let depth = 0; depth < 70; depth++) mkdirSync((folder = join(folder, 'd')))
  assert.throws(
    () => refuseForeignPrograms(workspace),
    /too large to look for repositories.*leave `workspace: shared` out/,
  )
})

test('in a role that writes repositories are looked for in node_modules, too', (t) => {
  const workspace = temporaryFolder(t)
  execFileSync('git', ['init', '-q', join(workspace, 'node_modules/x')])
  execFileSync('git', ['-C', join(workspace, 'node_modules/x'), 'config', 'alias.st', '!evil'])
  assert.throws(() => refuseForeignPrograms(workspace), /node_modules\/x\/\.git\/config sets alias\.st/)
})
