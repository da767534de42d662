import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { baseEnvironment, projectFolder } from '../../demo/stage.ts'
import { builtInRules, fillTemplate, seededRandom } from '../../src/scan/rules/index.ts'

const template =
  builtInRules.find(({ id }) => id === 'github-personal-access-token')?.examples.positive[0] ?? ''
const line = fillTemplate(template, seededRandom(8))
const token = /ghp_\w{36}/.exec(line)?.[0] ?? ''

const environment = {
  ...baseEnvironment(),
  PATH: [join(projectFolder, 'bin'), process.env['PATH']].join(delimiter),
  ...{ GIT_CONFIG_GLOBAL: '/dev/null', GIT_EDITOR: 'true' },
  ...Object.fromEntries(
    ['AUTHOR', 'COMMITTER'].flatMap((who) => [
      [`GIT_${who}_NAME`, 'Ann'],
      [`GIT_${who}_EMAIL`, 'ann@example.com'],
    ]),
  ),
}

/** A repository with one commit, and what runs in it. */
function repository(t: TestContext) {
  const root = mkdtempSync(join(tmpdir(), 'mayfly-hooks-'))
  t.after(() => rmSync(root, { recursive: true, force: true }))
  const run = (program: string, ...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(program, args, {
      ...{ cwd: root, env: environment, encoding: 'utf8' },
    })
    return { status, said: stdout + stderr }
  }
  const git = (...args: string[]) => run('git', ...args)
  const did = (...args: string[]) => {
    const { status, said } = git(...args)
    assert.equal(status, 0, `${args.join(' ')}: ${said}`)
    return said.trim()
  }
  const commit = (name: string, content: string, ...how: string[]) => {
    writeFileSync(join(root, name), content)
    did('add', '-A')
    did('commit', '--quiet', '--no-verify', '-m', name, ...how)
    return did('rev-parse', 'HEAD')
  }
  did('init', '--quiet', '--initial-branch=main')
  commit('README', 'nothing\n')
  return { root, git, did, commit, hook: (...args: string[]) => run('mayfly', 'scan', 'hook', ...args) }
}

/** A branch that brings a secret past the hook, and another commit on main. */
function sideBranch(t: TestContext) {
  const made = repository(t)
  made.did('checkout', '--quiet', '-b', 'side')
  const secret = made.commit('leak.env', `TOKEN=${token}\n`)
  made.did('checkout', '--quiet', 'main')
  made.commit('other', 'nothing\n')
  return { ...made, secret }
}

test('a merge that brings a secret is refused, also where it meets no conflict', (t) => {
  const { did, git, hook } = sideBranch(t)
  const installed = hook('install')
  assert.equal(installed.status, 0)
  assert.match(installed.said, /cherry-pick, rebase and am run neither/)
  const head = did('rev-parse', 'HEAD')
  const merged = git('merge', '--no-edit', 'side')
  assert.notEqual(merged.status, 0)
  assert.match(merged.said, /leak\.env/)
  assert.equal(did('rev-parse', 'HEAD'), head)
  did('merge', '--abort')
  assert.equal(hook('remove').status, 0)
  did('merge', '--quiet', '--no-edit', 'side')
})

test('what no hook sees before a commit is refused when it is pushed, with what the remote does not have', (t) => {
  const { root, did, git, commit, hook, secret } = sideBranch(t)
  const remote = join(root, '..', `${root.split('/').at(-1)}-remote.git`)
  t.after(() => rmSync(remote, { recursive: true, force: true }))
  did('init', '--quiet', '--bare', remote)
  did('remote', 'add', 'origin', remote)
  assert.equal(hook('install', '--pre-push').status, 0)
  did('push', '--quiet', 'origin', 'main')
  did('cherry-pick', secret)
  const refused = git('push', 'origin', 'main')
  assert.notEqual(refused.status, 0)
  assert.match(refused.said, /leak\.env/)
  // By another name, by an expression, as a new branch, beside others; and what was removed again.
  did('rm', '--quiet', 'leak.env')
  did('commit', '--quiet', '-m', 'removed')
  for (const refs of [
    ['HEAD:other'],
    ['HEAD^{/removed}:refs/heads/x'],
    ['HEAD~2:refs/heads/clean', 'HEAD~1:y'],
  ])
    assert.notEqual(git('push', '--force', 'origin', ...refs).status, 0, refs.join(' '))
  // A tag on what the remote has, and a tag of that: what they say is new.
  did('tag', '-a', 'v1', '-m', `with ${token}`, 'HEAD~2')
  did('tag', '-a', 'v2', '-m', 'around it', 'v1')
  did('update-ref', '-d', 'refs/tags/v1')
  assert.match(git('push', 'origin', 'v2').said, /tag [0-9a-f]+ \(message\)/)
  did('push', '--quiet', 'origin', 'HEAD~2:refs/heads/clean')
  did('push', '--quiet', '--no-verify', 'origin', 'main')
  // It is there already, and a branch is deleted.
  commit('more', 'nothing\n')
  did('push', '--quiet', 'origin', 'main', ':clean')
  const blob = did('rev-parse', 'HEAD:more')
  assert.match(git('push', 'origin', `${blob}:refs/tags/blob`).said, /is no commit and no tag/)
  assert.equal(hook('remove').status, 0)
  assert.ok(!existsSync(join(root, '.git/hooks/pre-push')))
})

test('a remote that is no name, and whose refs were never fetched, is sent nothing unseen', (t) => {
  const { root, did, git, commit, hook } = repository(t)
  const remote = `${root}/.git/elsewhere.git`
  did('init', '--quiet', '--bare', remote)
  assert.equal(hook('install', '--pre-push').status, 0)
  commit('leak.env', `TOKEN=${token}\n`)
  assert.match(git('push', remote, 'main').said, /leak\.env/)
  did('push', '--quiet', '--no-verify', remote, 'main')
  commit('more', 'nothing\n')
  did('push', '--quiet', remote, 'main')
})

test('a hook of somebody else’s stays, and what is free is written', (t) => {
  const { root, hook } = repository(t)
  mkdirSync(join(root, '.git/hooks'), { recursive: true })
  const merge = join(root, '.git/hooks/pre-merge-commit')
  writeFileSync(merge, '#!/bin/sh\n')
  const installed = hook('install')
  assert.equal(installed.status, 1)
  assert.match(installed.said, /pre-merge-commit is another hook.*mayfly scan --staged \|\| exit 1" to it/)
  assert.ok(existsSync(join(root, '.git/hooks/pre-commit')))
  assert.equal(hook('remove').status, 0)
  assert.equal(readFileSync(merge, 'utf8'), '#!/bin/sh\n')
})

test('where another program writes the hooks, what is named is the file that people edit', (t) => {
  const { root, did, hook } = repository(t)
  const preCommit = join(root, '.git/hooks/pre-commit')
  mkdirSync(join(root, '.git/hooks'), { recursive: true })
  for (const [text, said] of [
    [
      '#!/usr/bin/env bash\n# File generated by pre-commit: https://pre-commit.com\n',
      /mayfly-scan to \.pre-commit-config\.yaml/,
    ],
    ['#!/bin/sh\nif [ "$LEFTHOOK" = "0" ]; then exit 0; fi\n', /to lefthook\.yml/],
  ] as const) {
    writeFileSync(preCommit, text)
    assert.match(hook('install').said, said)
  }
  // As husky 9 has it: it writes its own folder anew with each `npm install`.
  mkdirSync(join(root, '.husky/_'), { recursive: true })
  writeFileSync(join(root, '.husky/_/h'), '#!/usr/bin/env sh\n')
  did('config', 'core.hooksPath', '.husky/_')
  const { status, said } = hook('install')
  assert.equal(status, 1)
  assert.match(said, /"mayfly scan --staged \|\| exit 1" to \S+\/\.husky\/pre-commit/)
  did('config', 'core.hooksPath', join(root, 'shared'))
  assert.match(hook('install').said, /to \S+\/shared\/pre-commit/)
})
