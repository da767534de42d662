import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import { setStage, type Stage } from '../../demo/stage.ts'
import { builtInRules, fillTemplate, seededRandom } from '../../src/scan/rules/index.ts'

/** What steps write is looked at by a real server, and masked by real runners. */
let stage: Stage
before(async () => {
  const role = `  strict:\n    trust: { issuer: ci, repository_id: "1296269", event: push, ref: refs/heads/main }\n    scan: { output: block }\n    grants: [ "git:read git/octo-org/links" ]\n`
  stage = await setStage({ policy: (text) => `${text}${role}` })
})
after(() => stage?.[Symbol.asyncDispose]())

const template =
  builtInRules.find(({ id }) => id === 'github-personal-access-token')?.examples.positive[0] ?? ''
const tokenOf = (i: number) => /ghp_\w{36}/.exec(fillTemplate(template, seededRandom(i)))?.[0] ?? ''
const deploy = `tok_${randomBytes(27).toString('base64url')}`

/** The command line is masked, and so the step puts each value together itself. */
const variable = (name: string, value: string) => `${name}='${value.slice(0, 9)}''${value.slice(9)}'`

const run = (role: string, script: string, run_id: string) =>
  stage.runJob(['run', '--role', role, '--', 'bash', '-c', script], stage.jobEnvironment({ run_id }))

test('each of several secrets that come one after the other is masked from then on, in the output and in the log', async () => {
  assert.equal((await stage.operate(['secret', 'set', 'deploy'], deploy)).exitCode, 0)
  const values = { one: tokenOf(1), two: tokenOf(2), ours: deploy }
  const rounds = (name: string) => `for i in $(seq 50); do echo "${name} $${name}"; sleep 0.1; done`
  const names = Object.keys(values)
  const script = [
    ...Object.entries(values).map(([name, value]) => variable(name, value)),
    ...names.map(rounds),
    `echo "end ${names.map((name) => `$${name}`).join(' ')}"; echo "run $MAYFLY_RUN"`,
  ].join('\n')
  const ran = await run('build', script, '88')
  assert.equal(ran.exitCode, 0, ran.stderr)
  assert.match(ran.stdout, /^end \*{3} \*{3} \*{3}$/m)
  const kept = await stage.operate([
    'logs',
    /^run (\w+)$/m.exec(ran.stdout)?.[1] ?? '',
    '--data',
    stage.dataFolder,
  ])
  assert.match(kept.stdout, /^end \*{3} \*{3} \*{3}$/m)
})

test('a step that writes more secrets than are masked is ended where its role says so', async () => {
  // 1,001 at once, each with a checksum of its own.
  const many = Array.from({ length: 1_100 }, (_, i) => Buffer.from(tokenOf(100 + i)).toString('base64'))
  const script = `printf '%s\\n' ${many.join(' ')} | while read -r one; do echo "$one" | base64 -d; echo; done >all; cat all; sleep 60; echo never`
  const ran = await run('strict', script, '89')
  assert.notEqual(ran.exitCode, 0)
  assert.match(ran.stderr, /ended by the server: more secrets are in what it writes than are masked/)
  assert.doesNotMatch(ran.stdout, /never/)
})
