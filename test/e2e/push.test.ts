import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { setStage, type Stage } from '../../demo/stage.ts'

let stage: Stage
before(async () => {
  const policy = (text: string) =>
    text.replace(
      /^( *- )\{ grant: (git:push git\/octo-org\/links@refs\/tags\/v\*), .*$/m,
      '$1$2\n$1git:push git/octo-org/links@refs/heads/*',
    )
  stage = await setStage({ policy })
})
after(() => stage[Symbol.asyncDispose]())
beforeEach(() => {
  for (const name of readdirSync(stage.workspace)) rmSync(join(stage.workspace, name), { recursive: true })
})

const clone = 'set -u; git clone -q https://git.example.com/octo-org/links .'
const commit = 'git -c user.name=ci -c user.email=ci@example.com commit -q --allow-empty -m'
const inStep = (script: string) =>
  stage.runJob(
    ['run', '--role', 'release', '--', 'bash', '-c', `${clone}\n${script}`],
    stage.jobEnvironment(),
  )
const onServer = (ref: string) =>
  execFileSync(
    'git',
    [
      '-c',
      'safe.directory=*',
      '-C',
      join(stage.git.root, 'octo-org/links.git'),
      'for-each-ref',
      '--format=%(objectname)',
      ref,
    ],
    { encoding: 'utf8' },
  ).trim()

test('with git itself: forward it goes, with new commits, without, atomically and with a lease', async () => {
  const ran = await inStep(`set -e
    git push -q origin HEAD:refs/heads/next
    ${commit} one; echo text > file; git add file; ${commit} two
    git push -q origin HEAD:refs/heads/main
    git push -q --atomic --force-with-lease origin HEAD:refs/heads/next HEAD:refs/heads/third
    git rev-parse HEAD`)
  assert.equal(ran.exitCode, 0, ran.stderr)
  const [head = ''] = /[0-9a-f]{40}/.exec(ran.stdout) ?? []
  assert.deepEqual(
    ['main', 'next', 'third'].map((name) => onServer(`refs/heads/${name}`)),
    [head, head, head],
  )
})

test('with git itself: a forced push, a moved tag, a deletion and a mirror are refused, and git says which grant is missing', async () => {
  assert.equal((await inStep('git push -q origin HEAD:refs/tags/v50.0.0 HEAD:refs/heads/fixed')).exitCode, 0)
  const [tag, branch] = [onServer('refs/tags/v50.0.0'), onServer('refs/heads/fixed')]
  const ran = await inStep(`
    git checkout -q --orphan other; ${commit} evil
    git push --force origin HEAD:refs/heads/fixed
    git push --force origin HEAD:refs/tags/v50.0.0
    git push origin :refs/tags/v50.0.0
    git push --mirror origin
    exit 0`)
  assert.deepEqual([onServer('refs/tags/v50.0.0'), onServer('refs/heads/fixed')], [tag, branch])
  for (const grant of [
    'git:force git/octo-org/links@refs/heads/fixed',
    'git:force git/octo-org/links@refs/tags/v50.0.0',
    'git:delete git/octo-org/links@refs/tags/v50.0.0',
  ])
    assert.ok(ran.stderr.includes(`"${grant}"`), `${grant} is not named: ${ran.stderr}`)
  assert.match(ran.stderr, /\[remote rejected\] HEAD -> fixed \(not granted: not a fast-forward\)/)
  assert.match(
    ran.stderr,
    /remote: mayfly: refs\/heads\/fixed: not a fast-forward: \w+ does not descend from \w+/,
  )
  assert.match(ran.stderr, /\[remote rejected\] HEAD -> v50\.0\.0 \(not granted: the tag exists\)/)
  assert.match(ran.stderr, /\[remote rejected\] v50\.0\.0 \(not granted: a deletion\)/)
})

test('with git itself: a shallow clone that is behind is told so by git, and nothing else', async () => {
  assert.equal((await inStep('git push -q origin HEAD:refs/heads/ahead')).exitCode, 0)
  const ran = await inStep(`
    git clone -q --depth 1 https://git.example.com/octo-org/links shallow; cd shallow
    git checkout -q --orphan other; ${commit} other
    git push origin HEAD:refs/heads/ahead; git push -o ci.skip origin HEAD:refs/heads/opted; exit 0`)
  assert.match(ran.stderr, /\[rejected\] +HEAD -> ahead/)
  assert.doesNotMatch(ran.stderr, /a push without refs carries nothing/)
  assert.equal(onServer('refs/heads/opted'), '')
})

test('with git itself: a secret of the vault is refused with its file and line, also in base64, and passes once no commit has it', async () => {
  const value = `tok_${randomBytes(27).toString('base64url')}`
  const set = await stage.operate(['secret', 'set', 'leaked'], value)
  assert.equal(set.exitCode, 0, set.stderr)
  const push = (name: string, text: string, ref: string) => `
    mkdir -p deep/folder; printf '%s\\n' 'first line' '${text}' > deep/folder/${name}
    git add -A; ${commit} ${name}; git push origin HEAD:refs/heads/${ref}`
  // Fingerprints of a new secret are made within a second or two.
  await new Promise((done) => setTimeout(done, 3_000))
  const ran = await inStep(`
    ${push('config.ts', `const key = "${value}"`, 'leak')}
    git rm -q deep/folder/config.ts; ${commit} removed; git push origin HEAD:refs/heads/leak
    git reset -q --hard origin/HEAD
    ${push('values.yaml', `auth: ${Buffer.from(`user:${value}`).toString('base64')}`, 'leak64')}
    git reset -q --hard origin/HEAD
    ${push('config.ts', 'const key = process.env.KEY', 'clean')}`)
  assert.deepEqual([onServer('refs/heads/leak'), onServer('refs/heads/leak64')], ['', ''])
  assert.notEqual(onServer('refs/heads/clean'), '')
  const found =
    ran.stderr.match(/remote: .*deep\/folder\/\S+:2: secret "leaked" of the vault \(version 1\)/g) ?? []
  assert.deepEqual(
    found.map((line) => /deep\/folder\/[a-z.]+/.exec(line)?.[0]),
    ['config.ts', 'config.ts', 'values.yaml'].map((name) => `deep/folder/${name}`),
    ran.stderr,
  )
  assert.match(ran.stderr, /remote: .*take it from every commit that this push brings/)
  assert.ok(!ran.stderr.includes(value.slice(0, 12)))
  const status = await stage.operate(['secret', 'status', 'leaked'])
  assert.match(status.stdout, /COMPROMISED/)
})

test('a secret of the vault that a step writes is masked from there on, and counts as compromised', async () => {
  const value = `tok_${randomBytes(27).toString('base64url')}`
  assert.equal((await stage.operate(['secret', 'set', 'shown'], value)).exitCode, 0)
  await new Promise((done) => setTimeout(done, 3_000))
  const [left, right] = [value.slice(0, 20), value.slice(20)]
  // The command line is masked, too, so the step puts it together itself.
  const ran = await inStep(`for i in 1 2 3 4 5 6; do echo "round $i ${left}""${right}"; sleep 1; done`)
  const rounds = ran.stdout.split('\n').filter((line) => line.startsWith('round'))
  assert.match(rounds[0] ?? '', new RegExp(value))
  assert.equal(rounds[5], 'round 6 ***', ran.stdout)
  assert.match(ran.stderr, /a secret was found in what the step writes: it is masked from here on/)
  assert.match((await stage.operate(['secret', 'status', 'shown'])).stdout, /COMPROMISED/)
})

test('with git itself: who pushes the credential of the very connection is told where it is, too', async () => {
  const ran = await inStep(`
    mkdir -p deep; printf '%s\\n' 'first line' '${stage.git.credential}' > deep/config.ts
    git add -A; ${commit} config; git push origin HEAD:refs/heads/own; exit 0`)
  assert.equal(onServer('refs/heads/own'), '')
  assert.match(ran.stderr, /remote: .*deep\/config\.ts:2: secret "git" of the vault/, ran.stderr)
  assert.match(ran.stderr, /remote: .*secret "git" counts as compromised from now on/)
  assert.match((await stage.operate(['secret', 'status', 'git'])).stdout, /COMPROMISED/)
})
