import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { projectFolder, setStage, type Ran, type Stage } from '../../demo/stage.ts'
import { slow } from '../whole.ts'

let stage: Stage
before(async () => {
  const role = (name: string, more: string) =>
    `  ${name}:\n    trust: { issuer: ci, repository_id: "1296269" }\n    ${more}\n    grants: [ "git:read git/octo-org/links" ]\n`
  stage = await setStage({
    policy: (text) =>
      `${text}${role('brief', 'ttl: 6s')}${role('hasty', 'ttl: 2s\n    max_wait: 1s')}${role('calm', 'grace: 30s')}${role('bare', 'isolation: none')}`,
    upArguments: ['--heartbeat-seconds', '1'],
  })
})
after(() => stage[Symbol.asyncDispose]())

/** Runs a pipeline file in this job. */
async function pipeline(
  text: string,
  env: Record<string, string> = {},
  args: readonly string[] = [],
): Promise<Ran> {
  const file = join(stage.folder, 'pipeline.yaml')
  writeFileSync(file, text)
  return stage.runJob(['run', '-f', file, ...args], { ...stage.jobEnvironment(), ...env })
}

interface Result {
  exitCode: number
  runId: string
  steps: {
    name: string
    exitCode: number
    outcome: string
    attempt: number
    outputs: Record<string, string>
    detail?: string
    retried?: true
    tolerated?: true
    artifacts?: object
  }[]
  notRun: { name: string; why: string; detail?: string }[]
}

async function results(text: string, env: Record<string, string> = {}): Promise<Result> {
  const { stdout, stderr } = await pipeline(text, env, ['--json'])
  assert.notEqual(stdout, '', stderr)
  return JSON.parse(stdout) as Result
}

/** The log is written to disk a moment after its entries are durable. */
async function recorded(run: string, pattern: RegExp, args: readonly string[] = []): Promise<void> {
  let shown = ''
  for (let tries = 0; tries < 60 && !pattern.test(shown); tries++) {
    if (tries > 0) await new Promise((next) => setTimeout(next, 100))
    shown = (await stage.operate(['audit', 'show', '--run', run, '--data', stage.dataFolder, ...args])).stdout
  }
  assert.match(shown, pattern)
}

/** What each step became, in the order in which they ended. */
const told = ({ steps, notRun }: Result) => [
  ...steps.map(({ name, exitCode }) => [name, exitCode]),
  ...notRun.map(({ name, why }) => [name, why]),
]

/** Each waits for the other to have begun: one after the other would wait for good. */
const meet = (me: string, other: string) =>
  `touch met-${me}; for i in $(seq 600); do [ -e met-${other} ] && exit 0; sleep 0.1; done; exit 9`

test('steps that do not need each other run at the same time, in one workspace; what needs both comes after', async () => {
  const it = await results(`
defaults: { role: build }
steps:
  - { name: a, needs: [], run: "${meet('a', 'b')}" }
  - { name: b, needs: [], run: "${meet('b', 'a')}" }
  - { name: c, needs: [a, b], run: "[ -e met-a ] && [ -e met-b ]" }
`)
  assert.deepEqual([it.exitCode, it.steps.length, it.notRun], [0, 3, []])
  assert.equal(it.steps.at(-1)?.name, 'c')
})

test('--jobs 1: one after the other', async () => {
  const one = 'mkdir lock; sleep 0.2; rmdir lock'
  const ran = await pipeline(
    `defaults: { role: build }\nsteps:\n  - { name: a, needs: [], run: ${one} }\n  - { name: b, needs: [], run: ${one} }\n`,
    {},
    ['--jobs', '1'],
  )
  assert.equal(ran.exitCode, 0, ran.stderr)
})

test('the lines of steps beside each other stay whole, each with the name of its step', async () => {
  const say =
    'for i in $(seq 300); do printf "%s" "$MATRIX_ME "; echo "$i"; done; git ls-remote https://git.example.com/octo-org/other || true'
  const ran = await pipeline(
    `defaults: { role: build }\nsteps:\n  - { name: say, matrix: { me: [x, y] }, run: '${say}' }\n`,
  )
  assert.equal(ran.exitCode, 0, ran.stderr)
  for (const me of ['x', 'y']) {
    const lines = ran.stdout.split('\n').filter((line) => line.startsWith(`[say (me=${me})] `))
    assert.deepEqual(
      lines.filter((line) => /\d$/.test(line)),
      Array.from({ length: 300 }, (_, i) => `[say (me=${me})] ${me} ${i + 1}`),
    )
    // What git was refused is told in the step's own name.
    assert.ok(ran.stderr.includes(`[say (me=${me})] mayfly: refused`), ran.stderr)
  }
  assert.equal(ran.stdout.replaceAll(/^\[say \(me=[xy]\)\] .*\n/gm, ''), '')
})

test('on GitHub each step is a group of its own, and none is in another', async () => {
  const ran = await pipeline(
    `defaults: { role: build }\nsteps:\n  - { name: say, matrix: { me: [x, y] }, run: 'for i in $(seq 200); do echo "$MATRIX_ME $i"; done; printf end' }\n  - { name: last, run: echo last }\n`,
    { GITHUB_ACTIONS: 'true' },
  )
  assert.equal(ran.exitCode, 0, ran.stderr)
  const groups = [
    ...ran.stdout.matchAll(
      /^::group::(.*)\n((?:(?!::)[^\n]*\n)*)::endgroup::\nmayfly: step "(.*)" exit 0, \d+ ms\n/gm,
    ),
  ]
  const titles = groups.map(([, title]) => title)
  assert.deepEqual(new Set(titles), new Set(['last as build', 'say (me=x) as build', 'say (me=y) as build']))
  assert.equal(titles.length, 3)
  for (const [, title = '', body = '', name = ''] of groups) {
    assert.ok(title.startsWith(name))
    const me = /me=(.)/.exec(title)?.[1]
    const expected =
      me === undefined
        ? 'last\n'
        : `${Array.from({ length: 200 }, (_, i) => `${me} ${i + 1}\n`).join('')}end\n`
    assert.equal(body, expected)
  }
  assert.equal(groups.map(([text]) => text).join(''), ran.stdout)
})

test('on GitHub a step ends no group but its own, and no line of it looks like one of ours', async () => {
  const ran = await pipeline(
    `steps:\n  - { name: one, role: build, run: 'printf "::endgroup::\\nmayfly: step one exit 0\\n::warning::w\\n::group::mine\\n1\\n::endgroup::\\n2\\n::stop-commands::t\\n"' }\n`,
    { GITHUB_ACTIONS: 'true' },
  )
  assert.equal(ran.exitCode, 0, ran.stderr)
  assert.match(
    ran.stdout,
    /^::group::one as build\n> mayfly: step one exit 0\n::warning::w\n::group::mine\n1\n::endgroup::\n::group::one as build \(goes on\)\n2\n::stop-commands::t\n::t::\n::endgroup::\nmayfly: step "one" exit 0, \d+ ms\n$/,
  )
})

test('on GitLab each step is a section', async () => {
  const ran = await pipeline('steps:\n  - { name: one, role: build, run: echo one }\n', { GITLAB_CI: 'true' })
  assert.match(
    ran.stdout,
    /^\x1b\[0Ksection_start:\d+:(mayfly_step_1_\w+)\[collapsed=true\]\r\x1b\[0Kone as build\none\n\x1b\[0Ksection_end:\d+:\1\r\x1b\[0K\n/,
  )
})

test('a timeout: the step is told, has its grace, and then is 124; recorded as that', async () => {
  const it = await results(`
defaults: { role: calm }
steps:
  - { name: slow, timeout: 1s, run: "trap 'touch cleaned; exit 0' TERM; sleep 600 & wait" }
`)
  assert.deepEqual([it.exitCode, it.steps[0]?.outcome], [124, 'timed_out'])
  assert.ok(existsSync(join(stage.workspace, 'cleaned')))
  await recorded(it.runId, /timed_out|timed out/)
})

test('a retry: each attempt is a step of its own in the record, and the last one counts', async () => {
  const it = await results(`
defaults: { role: build }
steps:
  - { name: flaky, retries: 3, run: 'n=$(cat tries 2>/dev/null || echo 0); echo $((n + 1)) > tries; [ "$n" -ge 2 ]' }
  - { name: other, retries: { count: 2, on: [75] }, run: exit 3 }
`)
  assert.deepEqual(told(it), [
    ['flaky', 1],
    ['flaky', 1],
    ['flaky', 0],
    ['other', 3],
  ])
  assert.deepEqual(
    it.steps.map(({ attempt }) => attempt),
    [1, 2, 3, 1],
  )
  assert.equal(it.exitCode, 3)
  await recorded(it.runId, /flaky \(attempt 3\)/)
})

test('if: on failure, always, by branch and variable; what has failed decides the exit code', async () => {
  const it = await results(
    `
defaults: { role: build }
steps:
  - { name: main, if: job.ref == "refs/heads/main" and env.GITHUB_REF_NAME != "", run: "true" }
  - { name: other, if: job.ref == "refs/heads/other", run: "true" }
  - { name: hidden, if: env.SECRET_TOKEN != "", run: "true" }
  - { name: bad, run: exit 7 }
  - { name: not this, run: "true" }
  - { name: report, if: failure(), run: exit 8 }
  - { name: tidy, if: always(), run: "true" }
`,
    { GITHUB_REF_NAME: 'main', SECRET_TOKEN: 'is-not-handed-on' },
  )
  assert.deepEqual(told(it), [
    ['main', 0],
    ['bad', 7],
    ['report', 8],
    ['tidy', 0],
    ['other', 'condition'],
    ['hidden', 'condition'],
    ['not this', 'failure'],
  ])
  assert.equal(it.exitCode, 7)
})

test('a failure ends what runs beside it, which is told first; steps that nobody asks for are not started', async () => {
  const it = await results(`
defaults: { role: calm }
steps:
  - { name: long, needs: [], run: "trap 'touch told; exit 5' TERM; touch long-began; sleep 600 & wait" }
  - { name: bad, needs: [], run: "for i in $(seq 600); do [ -e long-began ] && exit 4; sleep 0.1; done" }
  - { name: next, needs: [long], run: "true" }
`)
  assert.equal(it.exitCode, 4)
  assert.deepEqual(
    it.steps.map(({ name, outcome }) => [name, outcome]),
    [
      ['bad', 'failed'],
      ['long', 'cancelled'],
    ],
  )
  assert.ok(existsSync(join(stage.workspace, 'told')))
  assert.deepEqual(
    it.notRun.map(({ name, why }) => [name, why]),
    [['next', 'failure']],
  )
})

test('outputs: declared names only, masked, for the steps that need them, also in their if', async () => {
  const token = 'kJ8-secret-of-the-job-01'
  const it = await results(
    `
defaults: { role: build }
steps:
  - name: version
    outputs: [tag, notes, leak]
    pass_env: [A_TOKEN]
    run: |
      echo "tag=v1.2" >> "$MAYFLY_OUTPUT"
      printf 'notes<<END\\none\\ntwo\\nEND\\n' >> "$MAYFLY_OUTPUT"
      echo "leak=$A_TOKEN" >> "$MAYFLY_OUTPUT"
      echo "other=x" >> "$MAYFLY_OUTPUT"
  - name: use
    if: outputs.version.tag == "v1.2"
    run: '[ "$NEEDS_VERSION_TAG" = v1.2 ] && [ "$NEEDS_VERSION_NOTES" = "$(printf "one\\ntwo")" ] && [ "$NEEDS_VERSION_LEAK" = "***" ]'
  - name: not needed
    needs: [use]
    run: '[ -z "\${NEEDS_VERSION_TAG+x}" ]'
`.replace('\\${NEEDS', '${NEEDS'),
    { A_TOKEN: token },
  )
  assert.deepEqual(told(it), [
    ['version', 0],
    ['use', 0],
    ['not needed', 0],
  ])
  assert.deepEqual(it.steps[0]?.outputs, { tag: 'v1.2', notes: 'one\ntwo', leak: '***' })
})

test('outputs that are not declared are told in one line, with or without a sandbox; a matrix is given as variables', async () => {
  const ran = await pipeline(`
steps:
  - { name: say, role: build, outputs: [a], run: 'for n in b c d; do echo $n=1 >> "$MAYFLY_OUTPUT"; done' }
  - { name: none, role: build, run: 'echo e=1 >> $MAYFLY_OUTPUT' }
  - { name: bare, role: bare, isolation: none, run: 'echo f=1 >> $MAYFLY_OUTPUT' }
  - { name: odd, role: build, run: 'echo just words >> $MAYFLY_OUTPUT' }
  - { name: each, role: build, matrix: { os: ["a b", c] }, run: 'echo "on <$MATRIX_OS>"' }
`)
  assert.equal(ran.exitCode, 0, ran.stderr)
  assert.match(
    ran.stderr,
    /\$MAYFLY_OUTPUT: "b", "c", "d" were not taken: the step’s `outputs` do not name them/,
  )
  for (const name of ['e', 'f'])
    assert.ok(
      ran.stderr.includes(`"${name}" was not taken: the step’s \`outputs\` do not name it`),
      ran.stderr,
    )
  assert.match(ran.stderr, /\$MAYFLY_OUTPUT: line 1 is not NAME=VALUE/)
  assert.match(ran.stdout, /^\[each \(os=a b\)\] on <a b>$/m)
})

test('a step that could not be started fails for itself: what is for failures still runs', async () => {
  const it = await results(`
steps:
  - { name: build, role: build, run: "true" }
  - { name: bare, role: build, isolation: none, run: "true" }
  - { name: tidy, role: build, if: always(), run: "true" }
`)
  assert.equal(it.exitCode, 125)
  assert.deepEqual(told(it), [
    ['build', 0],
    ['bare', 125],
    ['tidy', 0],
  ])
  assert.equal(it.steps[1]?.outcome, 'not_started')
  assert.match(it.steps[1]?.detail ?? '', /needs isolation "namespace"/)
})

test('ctrl-c reaches every step that runs; nothing more is started', async () => {
  const file = join(stage.folder, 'cancelled.yaml')
  const wait = (name: string) =>
    `trap 'touch ${name}-told; exit 0' TERM INT; touch ${name}-began; sleep 600 & wait`
  writeFileSync(
    file,
    `defaults: { role: calm }\nsteps:\n  - { name: one, needs: [], run: "${wait('one')}" }\n  - { name: two, needs: [], run: "${wait('two')}" }\n  - { name: three, if: always(), needs: [one, two], run: touch three-began }\n`,
  )
  const child = spawn(join(projectFolder, 'bin/mayfly'), ['run', '-f', file], {
    cwd: stage.workspace,
    env: stage.jobEnvironment(),
    stdio: 'ignore',
  })
  const ended = new Promise((done) => child.once('close', done))
  const at = (name: string) => existsSync(join(stage.workspace, name))
  for (let i = 0; i < 600 && !(at('one-began') && at('two-began')); i++)
    await new Promise((next) => setTimeout(next, 50))
  child.kill('SIGINT')
  assert.equal(await ended, 130)
  assert.deepEqual([at('one-told'), at('two-told'), at('three-began')], [true, true, false])
})

test('results: every attempt, what was tolerated, no folder of ours; a job that is refused says of each step why', async () => {
  const file = join(stage.folder, 'told.json')
  const junit = join(stage.folder, 'told.xml')
  const read = () => JSON.parse(readFileSync(file, 'utf8')) as Result
  const ran = await pipeline(
    `
defaults: { role: build }
steps:
  - { name: bare, needs: [], isolation: none, retries: 2, run: "true" }
  - { name: lint, needs: [], continue_on_error: true, artifacts: [a], run: "echo a > a; exit 9" }
`,
    {},
    ['--results', file, '--junit', junit, '--jobs', '1'],
  )
  assert.equal(ran.exitCode, 125, ran.stderr)
  const bare = read().steps.filter(({ name }) => name === 'bare')
  assert.deepEqual(
    bare.map(({ outcome, attempt, retried }) => [outcome, attempt, retried]),
    [
      ['not_started', 1, true],
      ['not_started', 2, true],
      ['not_started', 3, undefined],
    ],
  )
  const calm = await pipeline(
    'steps:\n  - { name: lint, role: build, continue_on_error: true, artifacts: [a], run: "echo a > a; exit 9" }\n',
    {},
    ['--results', file, '--junit', junit],
  )
  assert.equal(calm.exitCode, 0, calm.stderr)
  assert.match(calm.stderr, /^lint .* 9 \(tolerated\)/m)
  assert.deepEqual([read().steps[0]?.outcome, read().steps[0]?.tolerated], ['failed', true])
  assert.deepEqual(Object.keys(read().steps[0]?.artifacts ?? {}), ['files', 'count', 'bytes', 'sha256'])
  assert.match(readFileSync(junit, 'utf8'), / failures="0" errors="0" skipped="1" /)

  const refused =
    'steps:\n  - { name: a, role: build, run: x }\n  - { name: b, role: no-such-role, run: x }\n'
  for (const [text, exitCode, why] of [
    [refused, 125, ['a', 'b']],
    ['steps: []\n', 2, []],
  ] as const) {
    const none = await pipeline(text, {}, ['--results', file, '--junit', junit])
    assert.equal(none.exitCode, exitCode)
    assert.deepEqual([read().exitCode, read().steps], [exitCode, []])
    assert.deepEqual(
      read().notRun.map(({ name, why }) => [name, why]),
      why.map((name) => [name, 'refused']),
    )
    assert.match(readFileSync(junit, 'utf8'), /<error message="the job was refused before its first step: /)
  }
})

test('results go to files, masked; a link that a step puts in the place of one is not followed', async () => {
  const outside = join(stage.folder, 'outside')
  writeFileSync(outside, 'untouched')
  const ran = await pipeline(
    `
defaults: { role: build }
steps:
  - { name: link, run: ln -s ../outside junit.xml }
  - { name: bad, outputs: [a], run: 'echo "a=$A_TOKEN" >> "$MAYFLY_OUTPUT"; exit 3', pass_env: [A_TOKEN] }
  - { name: left, run: "true" }
`,
    { A_TOKEN: 'pL2-secret-of-the-job-02' },
    ['--junit', join(stage.workspace, 'junit.xml'), '--results', join(stage.folder, 'results.json')],
  )
  assert.equal(ran.exitCode, 3, ran.stderr)
  assert.equal(readFileSync(outside, 'utf8'), 'untouched')
  const xml = readFileSync(join(stage.workspace, 'junit.xml'), 'utf8')
  assert.match(xml, /<testsuite name="run_\w+" tests="3" failures="1" errors="0" skipped="1" /)
  assert.match(xml, /<testcase name="bad" .*><failure message="failed, exit code 3" type="failed"\/>/)
  const json = JSON.parse(readFileSync(join(stage.folder, 'results.json'), 'utf8')) as Result
  assert.deepEqual(told(json), [
    ['link', 0],
    ['bad', 3],
    ['left', 'failure'],
  ])
  assert.equal(json.steps[1]?.outputs['a'], '***')
  const nowhere = await pipeline('steps:\n  - { name: a, role: build, run: x }\n', {}, [
    '--junit',
    '/no/such/x.xml',
  ])
  assert.equal(nowhere.exitCode, 2)
})

// --- The time of a role.

const idToken = () => stage.issuer.sign(stage.server)

test(
  'a long build, then a release whose role lasts less long: its time counts from its own step',
  slow,
  async () => {
    const text = `
steps:
  - { name: build, role: build, run: sleep 8 }
  - { name: release, role: brief, run: git ls-remote -q https://git.example.com/octo-org/links }
  - { name: again, role: brief, run: git ls-remote -q https://git.example.com/octo-org/links }
`
    // A CI that gives a token whenever it is asked, and one that gives its job a single one.
    for (const env of [{}, { MAYFLY_ID_TOKEN: await idToken() }]) {
      const it = await results(text, env)
      assert.deepEqual(told(it), [
        ['build', 0],
        ['release', 0],
        ['again', 0],
      ])
    }
  },
)

test('a step that may begin a second after the job at most says so when it is later', slow, async () => {
  const it = await results(
    `
steps:
  - { name: build, role: build, run: sleep 3 }
  - { name: late, role: hasty, run: "true" }
`,
    { MAYFLY_ID_TOKEN: await idToken() },
  )
  assert.match(
    it.steps[1]?.detail ?? '',
    /a step in role "hasty" may begin 1 s after the job assumed it at most/,
  )
  assert.match(it.steps[1]?.detail ?? '', /longer max_wait/)
})

test(
  'a step that outlives its role is told which, and for how long it had it; recorded, too',
  slow,
  async () => {
    const ran = await pipeline('steps:\n  - { name: slow, role: hasty, run: sleep 600 }\n')
    assert.equal(ran.exitCode, 125)
    assert.match(
      ran.stderr,
      /the time of its role is over: it had 2 s in role "hasty"; give the role a longer ttl/,
    )
    const run = /mayfly audit show --run (run_\w+)/.exec(ran.stderr)?.[1] ?? ''
    await recorded(run, /"lifetimeSeconds":2/, ['--json'])
  },
)

test('roles that are refused are refused before anything runs, also those of later steps', async () => {
  const ran = await pipeline(`
steps:
  - { name: build, role: build, run: touch began-for-nothing }
  - { name: release, role: no-such-role, run: "true" }
`)
  assert.equal(ran.exitCode, 125)
  assert.match(ran.stderr, /there is no role "no-such-role"/)
  assert.equal(existsSync(join(stage.workspace, 'began-for-nothing')), false)
})

test('a pull request runs the file whose release step its `if` keeps from running; a step that comes to a role without trust says why', async () => {
  const file = (condition: string) =>
    `steps:\n  - { name: a, role: build, run: "true" }\n  - { name: b, role: release, workspace: shared, if: '${condition}', run: "true" }\n`
  const pull = { ref: 'refs/pull/7/merge', event_name: 'pull_request', ref_protected: 'false' }
  for (const env of [{}, { MAYFLY_ID_TOKEN: await stage.issuer.sign(stage.server, pull) }]) {
    const job = { ...stage.jobEnvironment(pull), ...env }
    const skipped = await results(file('job.ref == "refs/heads/main"'), job)
    assert.deepEqual(
      [skipped.exitCode, ...told(skipped)],
      [0, ['a', 0], ['b', 'condition']],
      JSON.stringify(skipped),
    )
    const refused = await results(file('success()'), { ...stage.jobEnvironment(pull) })
    assert.deepEqual([refused.exitCode, ...told(refused)], [125, ['a', 0], ['b', 125]])
    assert.match(refused.steps[1]?.detail ?? '', /role "release" does not trust this job: /)
  }
})

test('outputs that cannot be read fail their step: nothing that needs it goes on without them', async () => {
  for (const wrong of [
    'echo just words >> "$MAYFLY_OUTPUT"',
    'printf "a<<END\\nno end" >> "$MAYFLY_OUTPUT"',
  ]) {
    const it = await results(
      `steps:\n  - { name: a, role: build, outputs: [a], run: 'echo a=1 >> "$MAYFLY_OUTPUT"; ${wrong}' }\n  - { name: b, role: build, needs: [a], run: "true" }\n`,
    )
    assert.deepEqual([it.exitCode, ...told(it)], [1, ['a', 1], ['b', 'failure']], wrong)
    assert.match(it.steps[0]?.detail ?? '', /its command ended with 0, but not all that it hands on is there/)
  }
})

test('a script that is too long for an argument runs as another does, isolated or not', async () => {
  const text = (isolation: string) => `steps:
  - name: long
    role: ${isolation === 'none' ? 'bare' : 'build'}
    isolation: ${isolation}
    run: |
      echo "$0 $# $-"
${'      : 0123456789012345678901234567890123456789012345678901234567890123456789\n'.repeat(2_000)}
      echo whole >&2
      false | true
      echo not reached
`
  for (const isolation of ['namespace', 'none']) {
    const ran = await pipeline(text(isolation))
    assert.equal(ran.exitCode, 1, ran.stderr)
    assert.match(ran.stdout, /^\S*sh 0 \w*e\w*$/m)
    assert.match(ran.stderr, /^whole$/m)
    assert.doesNotMatch(ran.stdout, /not reached/)
    assert.match(ran.stderr, /^long +\w+ +1 /m)
  }
})

test('what a step wrote to $GITHUB_ENV is set for later steps in its role, not for one in another role, and that is said', async () => {
  const file = join(stage.folder, 'github-env')
  writeFileSync(file, '')
  const ran = await pipeline(
    `
steps:
  - { name: sets, role: build, run: 'echo VERSION=1.2 >> "$GITHUB_ENV"; echo LD_PRELOAD=/x.so >> "$GITHUB_ENV"' }
  - { name: same, role: build, run: 'echo "same=$VERSION preload=$LD_PRELOAD"' }
  - { name: own, role: build, env: { VERSION: "3" }, run: 'echo "own=$VERSION"' }
  - { name: other, role: calm, run: 'echo "other=$VERSION"' }
`,
    { GITHUB_ACTIONS: 'true', GITHUB_ENV: file },
  )
  assert.equal(ran.exitCode, 0, ran.stderr)
  const said = ran.stdout + ran.stderr
  for (const line of [/same=1\.2 preload=$/m, /own=3$/m, /other=$/m]) assert.match(said, line)
  assert.match(said, /\$GITHUB_ENV sets variables for later steps in role "build"; .*\("other"\) .*outputs/)
})
