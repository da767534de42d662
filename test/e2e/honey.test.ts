import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setStage, type Stage } from '../../demo/stage.ts'

const honey = `honey:
  files:
    .aws/credentials: aws
    .netrc: netrc
    .npmrc: npm
    .git-credentials: git
    .ssh/id_ed25519: ssh
  env: { DEPLOY_TOKEN: github, OWN: npm }
  hosts: [registry.corp.example.com]
`

let stage: Stage
before(async () => {
  stage = await setStage({ policy: (text) => `${text}${honey}` })
})
after(() => stage[Symbol.asyncDispose]())

const url = 'https://git.example.com/octo-org/links'

test('a step finds them, its tools work as without, and whoever uses one is in the log with run, step and place', async (t) => {
  const script = `set -e
ls -A ~ ~/.aws ~/.ssh
cat ~/.netrc
echo "token $DEPLOY_TOKEN, own $OWN"
git ls-remote ${url} | grep -c refs/heads/main
printf '%s\\n' "$DEPLOY_TOKEN" > leaked
cat ~/.aws/credentials >> leaked
`
  const job = stage.jobEnvironment({ event_name: 'push' })
  const honest = await stage.runJob(
    ['run', '--role', 'build', '--name', 'honest', '-e', 'OWN', '--', 'sh', '-c', script],
    { ...job, OWN: 'of-the-job-itself' },
  )
  if (/isolation/.test(honest.stderr) && honest.exitCode !== 0) return t.skip('no sandbox here')
  assert.equal(honest.exitCode, 0, honest.stderr)
  for (const name of ['.netrc', '.npmrc', '.git-credentials', 'credentials', 'id_ed25519'])
    assert.match(honest.stdout, new RegExp(`^${name}$`, 'm'))
  assert.match(honest.stdout, /machine registry\.corp\.example\.com login deploy password \*\*\*/)
  assert.match(honest.stdout, /token \*\*\*, own /)
  const leaked = readFileSync(join(stage.workspace, 'leaked'), 'utf8')
  const [token = ''] = leaked.split('\n')
  assert.match(token, /^ghp_/)
  assert.equal(honest.stdout.includes(token), false)
  const touches = async () =>
    (await stage.operate(['audit', 'find', '--type', 'honey.touched', '--data', stage.dataFolder, '--json']))
      .stdout
  assert.doesNotMatch(await touches(), /"place"/)

  const identified = await stage.operate(['honey', 'identify'], leaked)
  assert.match(
    identified.stdout,
    /^planted in run run_\S+, step "honest" \(stp_\S+, role build\), env:DEPLOY_TOKEN:/m,
  )
  assert.match(identified.stdout, /file:\.aws\/credentials/)
  assert.equal((await stage.operate(['honey', 'identify'], 'AKIAIOSFODNN7EXAMPLE')).exitCode, 1)
  const asArgument = await stage.operate(['honey', 'identify', token])
  assert.deepEqual([asArgument.exitCode, asArgument.stderr.includes(token)], [2, false])

  const theft = `git -c http.extraHeader="Authorization: Bearer $DEPLOY_TOKEN" ls-remote ${url} >/dev/null && echo worked
git ls-remote https://registry.corp.example.com/x 2>&1 | tail -1; true`
  const thief = await stage.runJob(
    ['run', '--role', 'build', '--name', 'thief', '--', 'sh', '-c', theft],
    job,
  )
  assert.match(thief.stdout, /^worked$/m)
  // What was appended is published a moment later.
  let found = ''
  for (let tries = 0; tries < 100 && !/env:DEPLOY_TOKEN.*host:|host:.*env:DEPLOY_TOKEN/s.test(found); tries++)
    found = await touches()
  assert.match(found, /"place":"env:DEPLOY_TOKEN"/)
  assert.match(found, /"place":"host:registry\.corp\.example\.com"/)
  assert.match(found, /"name":"thief"/)
  assert.equal(found.includes(token), false)
})
