import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import { setStage, type Stage } from '../../demo/stage.ts'
import { builtInRules, fillTemplate, seededRandom } from '../../src/scan/rules/index.ts'

/** What was found in real pushes, asked for by `mayfly scan findings`: a real server, audit log and git. */
let stage: Stage
before(async () => {
  const role = (name: string, push: string) =>
    `  ${name}:\n    trust: { issuer: ci, repository_id: "1296269", event: push, ref: refs/heads/main }\n    scan: { push: ${push} }\n    grants: [ "git:read git/octo-org/links", "git:push git/octo-org/links@refs/heads/*" ]\n`
  stage = await setStage({ policy: (text) => `${text}${role('strict', 'block')}${role('told', 'warn')}` })
})
after(() => stage?.[Symbol.asyncDispose]())

const template =
  builtInRules.find(({ id }) => id === 'github-personal-access-token')?.examples.positive[0] ?? ''
const token = /ghp_\w{36}/.exec(fillTemplate(template, seededRandom(21)))?.[0] ?? ''
const deploy = `tok_${randomBytes(27).toString('base64url')}`

/** The command line is masked, and so the step puts the value together itself. */
const write = (name: string, value: string) =>
  `printf '%s%s\\n' '${value.slice(0, 9)}' '${value.slice(9)}' > ${name}`

function push(role: string, run: string, files: string) {
  const script = `set -eu; rm -rf ${run}; git clone -q https://git.example.com/octo-org/links ${run}; cd ${run}
    ${files}; git add -A; git -c user.name=ci -c user.email=ci@example.com commit -q -m one
    git push origin HEAD:refs/heads/${run}`
  return stage.runJob(
    ['run', '--role', role, '--', 'bash', '-c', script],
    stage.jobEnvironment({ run_id: run.replace(/\D/g, '') }),
  )
}

interface Finding {
  readonly run: string
  readonly fingerprint: string
  readonly path: string
}

async function findings(...args: string[]) {
  const ran = await stage.operate(['scan', 'findings', ...args])
  for (const value of [token, deploy]) assert.ok(!`${ran.stdout}${ran.stderr}`.includes(value.slice(0, 16)))
  return ran
}

/** An entry of a refusal comes to the log a moment later. */
async function listed(least: number, ...args: string[]): Promise<Finding[]> {
  for (let tries = 0; ; tries++) {
    const ran = await findings('--json', ...args)
    assert.equal(ran.exitCode, 0, ran.stderr)
    const { findings: all } = JSON.parse(ran.stdout) as { findings: Finding[] }
    if (all.length >= least || tries === 40) return all
    await new Promise((next) => setTimeout(next, 200))
  }
}

test('pushes with secrets in them are found again: by run, role, rule, secret, fingerprint and time', async () => {
  assert.deepEqual(await listed(0), [])
  assert.match((await findings()).stdout, /^nothing was found$/m)
  assert.equal((await stage.operate(['secret', 'set', 'deploy'], deploy)).exitCode, 0)
  const refused = await push('strict', 'r71', `${write('app.env', token)}; ${write('deploy.env', deploy)}`)
  assert.notEqual(refused.exitCode, 0)
  const passed = await push('told', 'r72', write(`"$(printf 'odd\\033[31m')"`, token))
  assert.equal(passed.exitCode, 0, passed.stderr)
  assert.match(
    passed.stderr,
    /^remote: mayfly: warning: odd\\u001b\[31m:1:\d+: GitHub personal access token .*$/m,
  )
  assert.match(passed.stderr, /\[new branch\] +HEAD -> r72/)
  assert.ok(!`${refused.stderr}${passed.stderr}`.includes(token))

  const all = await listed(3)
  const job = { repository: 'octo-org/links', place: 'push' }
  const rule = 'github-personal-access-token'
  assert.partialDeepStrictEqual(all, [
    { ...job, role: 'told', decision: 'passed', rule, path: 'odd\\u001b[31m', line: 1 },
    { ...job, role: 'strict', decision: 'refused', rule, path: 'app.env', line: 1 },
    { ...job, role: 'strict', decision: 'refused', secret: 'deploy', version: 1, path: 'deploy.env' },
  ])
  const [last, first, ofVault] = all
  assert.ok(last !== undefined && ofVault !== undefined && first !== undefined)
  assert.equal(first.fingerprint, last.fingerprint)
  const cases: [string[], Finding[]][] = [
    [['--run', last.run], [last]],
    [
      ['--role', 'strict'],
      [first, ofVault],
    ],
    [
      ['--rule', rule],
      [last, first],
    ],
    [['--secret', 'deploy'], [ofVault]],
    [
      ['--fingerprint', first.fingerprint],
      [last, first],
    ],
    [['--since', '1h', '-n', '1'], [last]],
    [['--since', '2999-01-01'], []],
  ]
  for (const [args, expected] of cases) assert.deepEqual(await listed(0, ...args), expected, args.join(' '))

  const { stdout } = await findings()
  assert.match(stdout, /refused {2}app\.env:1 {2}github-personal-access-token \(\w+\)/)
  assert.match(stdout, /refused {2}deploy\.env:1 {2}secret "deploy" of the vault \(version 1\)/)
  assert.match(stdout, /of octo-org\/links, role strict, triggered by per_\w+/)
  assert.match(stdout, /^ {4}push git octo-org\/links@refs\/heads\/r71$/m)
  assert.doesNotMatch(stdout, /\u001B/)
  assert.match((await findings('-n', '1')).stdout, /^and more: --lines/m)
  const wrong = await findings('--since', 'soon')
  assert.equal(wrong.exitCode, 2)
  assert.match(wrong.stderr, /soon is no time/)
})
