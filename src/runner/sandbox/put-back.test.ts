import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openBench, temporaryFolder } from './sandbox.fixture.ts'

test('a configuration that is a link, and hooks that are, are as they were after a step; what they lead to is read-only', async (t) => {
  const workspace = temporaryFolder(t)
  execFileSync('git', ['init', '-q', workspace])
  mkdirSync(join(workspace, '.repo/hooks'), { recursive: true })
  renameSync(join(workspace, '.git/config'), join(workspace, '.repo/config'))
  symlinkSync('../.repo/config', join(workspace, '.git/config'))
  execFileSync('rm', ['-rf', join(workspace, '.git/hooks')])
  symlinkSync('../.repo/hooks', join(workspace, '.git/hooks'))
  symlinkSync('.repo/none.yml', join(workspace, '.gitlab-ci.yml'))
  const before = readFileSync(join(workspace, '.repo/config'), 'utf8')
  const bench = await openBench(t, workspace)
  if (bench === undefined) return
  for (const script of [
    'git config core.fsmonitor evil; echo "[core] fsmonitor = evil" >> .git/config; echo x > .repo/config; mv .repo r; rm -f .repo/config; echo evil > .git/hooks/pre-push',
    'rm .git/config; printf "[core]\\nfsmonitor = evil\\n" > .git/config; rm .git/hooks; mkdir .git/hooks; echo evil > .git/hooks/pre-push; ln -sf evil .gitlab-ci.yml',
    'rm .git/config .git/hooks; ln -s ../evil .git/config; mkdir -p .git/config/x; mv .git .g; chmod 500 .git',
  ]) {
    await bench.sh(script)
    assert.equal(readlinkSync(join(workspace, '.git/config')), '../.repo/config', script)
    assert.equal(readlinkSync(join(workspace, '.git/hooks')), '../.repo/hooks', script)
    assert.equal(readlinkSync(join(workspace, '.gitlab-ci.yml')), '.repo/none.yml', script)
    assert.equal(readFileSync(join(workspace, '.repo/config'), 'utf8'), before, script)
    assert.ok(!lstatSync(join(workspace, '.repo/hooks/pre-push'), { throwIfNoEntry: false }), script)
  }
})

test('the files that a job has in use are read-only for every step, wherever they are and however they are named', async (t) => {
  const workspace = temporaryFolder(t)
  mkdirSync(join(workspace, 'ci/deep'), { recursive: true })
  writeFileSync(join(workspace, 'ci/deep/pipeline.yaml'), 'ours\n')
  writeFileSync(join(workspace, 'env'), 'ours\n')
  symlinkSync('ci', join(workspace, 'link'))
  const inUse = [join(workspace, 'link/deep/pipeline.yaml'), join(workspace, 'env'), '/etc/passwd']
  const bench = await openBench(t, workspace, {}, { inUse })
  if (bench === undefined) return
  const { code } = await bench.sh(
    'exec 2> /dev/null; echo evil >> ci/deep/pipeline.yaml; rm -f ci/deep/pipeline.yaml; mv ci c; mv ci/deep d; echo evil > env; rm link; mkdir -p link/deep; echo evil > link/deep/pipeline.yaml; touch other',
  )
  assert.equal(code, 0)
  for (const path of ['ci/deep/pipeline.yaml', 'link/deep/pipeline.yaml', 'env'])
    assert.equal(readFileSync(join(workspace, path), 'utf8'), 'ours\n', path)
  assert.equal(readlinkSync(join(workspace, 'link')), 'ci')
})
