import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { gitVariables } from './git-variables.ts'
import { temporaryFolder } from './sandbox/sandbox.fixture.ts'

const shared = { writes: true, isOwn: false }

test('in a role that writes, Git runs no program that the repository names, unless the step itself does', (t) => {
  const folder = temporaryFolder(t)
  const base = { PATH: process.env['PATH'], HOME: folder, GIT_CONFIG_NOSYSTEM: '1' }
  const git = (env: Record<string, string>, ...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=x', '-c', 'user.email=x@x', ...args], {
      cwd: folder,
      encoding: 'utf8',
      stdio: 'pipe',
      env: { ...base, ...env },
    })
  git({}, 'init', '-q', '.')
  const mark = (name: string) => `touch ${join(folder, name)}; true`
  for (const [key, name] of [
    ['core.fsmonitor', 'fsmonitor'],
    ['core.pager', 'pager'],
    ['credential.helper', 'helper'],
  ])
    git({}, 'config', key ?? '', key === 'credential.helper' ? `!${mark(name ?? '')}` : mark(name ?? ''))
  mkdirSync(join(folder, 'evil'))
  writeFileSync(join(folder, 'evil/gpg'), `#!/bin/sh\n${mark('gpg')}\n`, { mode: 0o755 })
  for (const key of ['gpg.program', 'gpg.openpgp.program']) git({}, 'config', key, join(folder, 'evil/gpg'))
  writeFileSync(join(folder, 'evil/pre-commit'), `#!/bin/sh\n${mark('hook')}\n`, { mode: 0o755 })
  git({}, 'config', 'core.hooksPath', join(folder, 'evil'))
  const use = (env: Record<string, string>) => {
    git(env, 'status', '-s')
    git(env, 'commit', '-q', '--allow-empty', '-m', 'one')
    // There is no key: it fails in any case.
    assert.throws(() => git(env, 'tag', '-s', '-m', 'x', 'v1'))
    execFileSync('git', ['credential', 'fill'], {
      cwd: folder,
      input: 'url=https://me:x@git.test/\n\n',
      env: { ...base, ...env, GIT_TERMINAL_PROMPT: '0' },
    })
  }
  use(gitVariables({}, shared))
  const ran = () =>
    ['fsmonitor', 'hook', 'pager', 'helper', 'gpg'].filter((name) => existsSync(join(folder, name)))
  assert.deepEqual(ran(), [])
  // What the pipeline's own environment says stays.
  const own = {
    GIT_CONFIG_COUNT: '1',
    GIT_CONFIG_KEY_0: 'core.hooksPath',
    GIT_CONFIG_VALUE_0: join(folder, 'evil'),
  }
  use(gitVariables(own, shared))
  assert.deepEqual(ran(), ['hook'])
  use({})
  assert.deepEqual(ran(), ['fsmonitor', 'hook', 'gpg'], 'the repository would have run them')
})

test('a folder that only looks like a repository is none in a role that writes', (t) => {
  const folder = temporaryFolder(t)
  execFileSync('git', ['init', '-q', '--bare', '.'], { cwd: folder })
  const env = (more: Record<string, string>) => ({ PATH: process.env['PATH'], HOME: folder, ...more })
  const look = (more: Record<string, string>) =>
    execFileSync('git', ['rev-parse', '--git-dir'], {
      cwd: folder,
      encoding: 'utf8',
      stdio: 'pipe',
      env: env(more),
    })
  assert.throws(() => look(gitVariables({}, { writes: true, isOwn: true })), /bareRepository/)
  assert.equal(look(gitVariables({}, { writes: false, isOwn: false })), '.\n')
})
