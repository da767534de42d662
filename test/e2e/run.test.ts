import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { projectFolder, setStage, type Ran, type Stage } from '../../demo/stage.ts'

let stage: Stage
before(async () => {
  // `trusted` is a role that allows a step without a sandbox.
  const withTrusted = (text: string) =>
    `${text}  trusted:\n    trust: { issuer: ci, repository_id: "1296269" }\n    isolation: none\n    grants: [ "git:read git/octo-org/links" ]\n`
  stage = await setStage({ policy: withTrusted, upArguments: ['--heartbeat-seconds', '1'] })
})
after(() => stage[Symbol.asyncDispose]())

const run = (args: readonly string[], env: Record<string, string> = {}): Promise<Ran> =>
  stage.runJob(['run', ...args], { ...stage.jobEnvironment(), ...env })
const inStep = (
  script: string,
  env: Record<string, string> = {},
  options: readonly string[] = [],
): Promise<Ran> => run(['--role', 'build', ...options, '--', 'bash', '-c', script], env)

interface Status {
  leases: { issued: number; revoked: number; active: number; openSteps: number; undelivered: number }
}
const status = async () => JSON.parse((await stage.operate(['status', '--json'])).stdout) as Status

async function eventually(what: string, look: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    if (await look()) return
    await new Promise((next) => setTimeout(next, 50))
  }
  assert.fail(`never: ${what}`)
}

test('exit codes are the command’s own', async () => {
  assert.equal((await inStep('exit 0')).exitCode, 0)
  assert.equal((await inStep('exit 42')).exitCode, 42)
  assert.equal((await inStep('kill -TERM $$')).exitCode, 143)
  assert.equal((await run(['--role', 'build', '--', 'no-such-program'])).exitCode, 127)
  assert.equal((await run(['--role', 'build', '--', '/etc/passwd'])).exitCode, 126)
})

test('a server on loopback is one server by every name of loopback: proofs and the identity token name any of them', async () => {
  const { port } = new URL(stage.server)
  const script = 'git ls-remote -q https://git.example.com/octo-org/links'
  const ran = await inStep(script, { MAYFLY_SERVER: `http://localhost:${port}` })
  assert.equal(ran.exitCode, 0, ran.stderr)
})

test('stdout and stderr stay apart, in order and byte for byte', async () => {
  const ran = await inStep(
    'for i in $(seq 200); do echo "out $i"; echo "err $i" >&2; done; printf "no newline at the end"',
  )
  const lines = (word: string) => Array.from({ length: 200 }, (_, i) => `${word} ${i + 1}\n`).join('')
  assert.equal(ran.stdout, `${lines('out')}no newline at the end`)
  assert.equal(ran.stderr.replace(/^mayfly: run run_.*\n$/m, ''), lines('err'))
})

test('a large output comes through whole', async () => {
  const ran = await inStep('head -c 30000000 /dev/zero | tr "\\0" x')
  assert.equal(ran.stdout.length, 30_000_000)
  assert.match(ran.stdout, /^x+$/)
})

test('standard input reaches the step if that is asked for, as a pipe of its own; else it stays with the caller', async () => {
  const mayfly = join(projectFolder, 'bin/mayfly')
  const said = async (options: string[], input: string) => {
    const args = ['run', '--role', 'build', ...options, '--', 'sh', '-c', 'cat; readlink /proc/self/fd/0']
    const script = `"$0" "$@"; echo "left: $(cat)"`
    const child = spawn('sh', ['-c', script, mayfly, ...args], {
      cwd: stage.workspace,
      env: stage.jobEnvironment(),
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    child.stdin.end(input)
    let out = ''
    for await (const chunk of child.stdout) out += String(chunk)
    return out
  }
  const large = `${'x'.repeat(3_000_000)}\n`
  assert.match(await said(['--stdin'], large), /^x{3000000}\n\/[^\n]+ \(deleted\)\nleft: \n$/)
  assert.equal(await said([], 'what was said'), '/dev/null\nleft: what was said\n')
})

test('input that does not end does not keep the run from ending', async () => {
  const child = spawn(
    join(projectFolder, 'bin/mayfly'),
    ['run', '--role', 'build', '--stdin', '--', 'head', '-1'],
    { cwd: stage.workspace, env: stage.jobEnvironment(), stdio: ['pipe', 'pipe', 'inherit'] },
  )
  child.stdin.on('error', () => undefined).write('one\ntwo\n')
  const ended = new Promise((done) => child.once('close', done))
  assert.equal(await text(child.stdout), 'one\n')
  assert.equal(await ended, 0)
  child.stdin.destroy()
})

test('the steps of a pipeline file read nothing of the caller', async () => {
  const ran = await run(['-f', 'pipeline.yaml', '--stdin'])
  assert.equal(ran.exitCode, 2)
  assert.match(ran.stderr, /--stdin is for a single command/)
})

test('secrets of the job are masked, given or not, in one piece or in base64', async () => {
  const secret = 'q7Rk-very-secret-value-01'
  const script = `printf %s "$GIVEN_TOKEN"; echo; printf %s "$GIVEN_TOKEN" | base64; printf %s "x$GIVEN_TOKEN" | base64 | base64 -w0; echo; for i in $(seq 1 \${#GIVEN_TOKEN}); do printf %s "\${GIVEN_TOKEN:i-1:1}"; sleep 0.01; done; echo " $OTHER_TOKEN."; cat .npmrc-left`
  writeFileSync(join(stage.workspace, '.npmrc-left'), 'left-behind-secret-77')
  const ran = await inStep(script, { GIVEN_TOKEN: secret, OTHER_TOKEN: 'left-behind-secret-77' }, [
    '--env',
    'GIVEN_TOKEN',
  ])
  assert.equal(ran.exitCode, 0)
  assert.match(ran.stdout, /\*\*\*/)
  for (const form of [secret, Buffer.from(secret).toString('base64').slice(0, -2), 'left-behind-secret-77'])
    assert.ok(!ran.stdout.includes(form), form)
  assert.match(ran.stdout, / \.\n\*\*\*/, 'the variable that was not handed on is empty')
})

test('the step’s environment is what was asked for; the way to a token of the CI is not in it', async () => {
  const ran = await inStep(
    'env',
    { AWS_SECRET_ACCESS_KEY: 'aws-secret-value-1', PLAIN: 'not asked for', ASKED: 'asked for' },
    ['--env', 'ASKED'],
  )
  assert.match(ran.stdout, /^ASKED=asked for$/m)
  assert.match(ran.stdout, /^GITHUB_REPOSITORY=octo-org\/links$/m)
  assert.doesNotMatch(ran.stdout, /PLAIN|AWS_SECRET|ACTIONS_ID|MAYFLY_(?!RUN|STEP|OUTPUT)/)
})

test('a step on GitHub has the files of its steps; what it wrote reaches the job’s own, checked and masked', async () => {
  const folder = join(stage.workspace, '..', 'runner-files')
  mkdirSync(folder, { recursive: true })
  const names = ['GITHUB_ENV', 'GITHUB_PATH', 'GITHUB_OUTPUT', 'GITHUB_STEP_SUMMARY']
  const files = Object.fromEntries(names.map((name) => [name, join(folder, name)]))
  for (const file of Object.values(files)) writeFileSync(file, '')
  const script = [
    'test "$GITHUB_WORKSPACE" = "$PWD"; for f in "$GITHUB_ENV" "$GITHUB_OUTPUT"; do case $f in /run/mayfly/ci/*) ;; *) exit 9;; esac; done',
    'echo VERSION=1.2 >> "$GITHUB_ENV"; echo LD_PRELOAD=/x.so >> "$GITHUB_ENV"; echo "$PWD/bin" >> "$GITHUB_PATH"',
    'echo "tag=v1 $SOME_TOKEN" >> "$GITHUB_OUTPUT"; echo "# Done" >> "$GITHUB_STEP_SUMMARY"',
    'rm -f "$GITHUB_STEP_SUMMARY"; ln -sf /etc/shadow "$GITHUB_STEP_SUMMARY"; true',
  ].join('\n')
  const env = {
    ...files,
    GITHUB_ACTIONS: 'true',
    GITHUB_WORKSPACE: '/elsewhere',
    SOME_TOKEN: 'tok-0123456789abcdef',
  }
  const ran = await inStep(script, env, ['-e', 'SOME_TOKEN'])
  assert.equal(ran.exitCode, 0, ran.stderr)
  const of = (name: string) => readFileSync(join(folder, name), 'utf8')
  assert.match(of('GITHUB_ENV'), /^VERSION<<(\w+)\n1\.2\n\1\n$/)
  assert.match(of('GITHUB_OUTPUT'), /^tag<<(\w+)\nv1 \*\*\*\n\1\n$/)
  assert.equal(of('GITHUB_PATH'), '')
  assert.equal(of('GITHUB_STEP_SUMMARY'), '# Done\n')
  assert.match(
    ran.stderr,
    /mayfly: \$GITHUB_ENV: LD_PRELOAD was not handed on, since it changes how later programs start/,
  )
  assert.match(
    ran.stderr,
    /mayfly: \$GITHUB_PATH: ".*\/bin" was not handed on, since it changes how later programs start/,
  )
})

test('tools of the runner’s home that are on its PATH run in a step, read-only; --tools none leaves them out', async () => {
  const home = join(stage.workspace, '..', 'runner-home')
  const [bin, tool] = [join(home, '.cargo/bin'), join(home, '.cargo/bin/its-tool')]
  mkdirSync(bin, { recursive: true })
  writeFileSync(tool, '#!/bin/sh\necho it runs\n', { mode: 0o755 })
  writeFileSync(join(home, '.cargo/credentials.toml'), 'token = "cio0123456789"\n')
  const env = { HOME: home, PATH: `${bin}:${stage.jobEnvironment()['PATH'] ?? '/usr/bin:/bin'}` }
  const script = `its-tool; echo x 2>/dev/null >> ${tool} || echo read-only; ls -A ${home}/.cargo`
  const ran = await inStep(script, env)
  assert.equal(ran.stdout, 'it runs\nread-only\nbin\n', ran.stderr)
  assert.equal((await inStep('its-tool', env, ['--tools', 'none'])).exitCode, 127)
})

test('a cache is what a step on a protected ref left; a pull request reads it and changes nothing for others', async () => {
  const home = { XDG_CACHE_HOME: join(stage.workspace, '..', 'runner-cache') }
  const cached = (script: string, claims: Record<string, unknown> = {}) =>
    stage.runJob(['run', '--role', 'build', '--cache', '.cache/x', '--', 'sh', '-c', script], {
      ...stage.jobEnvironment(claims),
      ...home,
    })
  const pull = { ref_protected: 'false', ref: 'refs/pull/7/merge', event_name: 'pull_request' }
  assert.equal((await cached('echo good > .cache/x/tool')).exitCode, 0)
  const poisoned = await cached('cat .cache/x/tool; echo poison > .cache/x/tool', pull)
  assert.equal(poisoned.stdout, 'good\n', poisoned.stderr)
  assert.match(poisoned.stderr, /not on a protected ref/)
  assert.equal((await cached('cat .cache/x/tool')).stdout, 'good\n')
  assert.deepEqual(readdirSync(join(stage.workspace, '.cache/x')), [])
  const release = ['run', '--role', 'release', '--cache', '.cache/x', '--', 'true']
  const refused = await stage.runJob(release, { ...stage.jobEnvironment({ run_id: '91' }), ...home })
  assert.match(refused.stderr, /nothing confirms what other steps put there/)
})

test('ctrl-c kills the whole tree and revokes', async () => {
  const marker = `mayfly-tree-${process.pid}`
  const child = spawn(
    join(projectFolder, 'bin/mayfly'),
    [
      'run',
      '--role',
      'build',
      '--',
      'bash',
      '-c',
      `git ls-remote https://git.example.com/octo-org/links >/dev/null; echo begun; (setsid bash -c "exec -a ${marker} sleep 600" &) ; exec -a ${marker} sleep 600`,
    ],
    {
      cwd: stage.workspace,
      env: stage.jobEnvironment(),
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  const ended = new Promise<number | null>((done) => child.once('close', (code) => done(code)))
  await new Promise((begun) => child.stdout.once('data', begun))
  assert.equal((await status()).leases.active, 1)
  child.kill('SIGINT')
  assert.equal(await ended, 130)
  await eventually('no process of the step is left', async () => !isRunning(marker))
  const { leases } = await status()
  assert.deepEqual([leases.active, leases.openSteps], [0, 0])
})

test('a supervisor that dies takes its step along; the server revokes after three missed heartbeats', async () => {
  const marker = `mayfly-orphan-${process.pid}`
  const child = spawn(
    join(projectFolder, 'bin/mayfly'),
    [
      'run',
      '--role',
      'build',
      '--',
      'bash',
      '-c',
      `git ls-remote https://git.example.com/octo-org/links >/dev/null; echo begun; exec -a ${marker} sleep 600`,
    ],
    {
      cwd: stage.workspace,
      env: stage.jobEnvironment(),
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  )
  await new Promise((begun) => child.stdout.once('data', begun))
  child.kill('SIGKILL')
  await eventually('the step is dead', async () => !isRunning(marker))
  assert.equal((await status()).leases.active, 1)
  await eventually('the lease is revoked', async () => (await status()).leases.active === 0)
})

test('a revocation ends a running step and cuts its connections', async () => {
  const child = spawn(
    join(projectFolder, 'bin/mayfly'),
    ['run', '--role', 'build', '--', 'bash', '-c', 'echo begun; sleep 600'],
    {
      cwd: stage.workspace,
      env: stage.jobEnvironment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  let said = ''
  child.stderr.on('data', (chunk) => (said += String(chunk)))
  const ended = new Promise<number | null>((done) => child.once('close', (code) => done(code)))
  await new Promise((begun) => child.stdout.once('data', begun))
  assert.match((await stage.operate(['revoke', '--role', 'build'])).stdout, /1 session ended/)
  assert.notEqual(await ended, 0)
  assert.match(said, /the step was ended by the server/)
})

test('without bubblewrap nothing runs, and it says what to do; without a sandbox only if the role allows it by name', async (t) => {
  if (spawnSync('unshare', ['-Urm', 'true']).status !== 0)
    return t.skip('no right to a mount namespace, in which bwrap could be hidden')
  const hidden = (args: string) =>
    spawnAndWait(
      'unshare',
      [
        '-Urm',
        'sh',
        '-c',
        `mount --bind /dev/null /usr/bin/bwrap && exec "${join(projectFolder, 'bin/mayfly')}" run ${args}`,
      ],
      {
        cwd: stage.workspace,
        env: stage.jobEnvironment(),
      },
    )
  const refused = await hidden('--role build -- touch should-not-exist')
  assert.equal(refused.status, 125)
  assert.match(
    refused.stderr,
    /bubblewrap \(bwrap\) is not installed: install it .*apt-get install bubblewrap/,
  )
  assert.equal(refused.stderr.trim().split('\n').length, 1)
  assert.equal(spawnSync('ls', [join(stage.workspace, 'should-not-exist')]).status, 2)
  const byName = await hidden('--role build --isolation none -- echo ran')
  assert.equal(byName.status, 125)
  assert.match(byName.stderr, /role "build" needs isolation "namespace"/)
  const allowed = await hidden(
    '--role trusted --isolation none -- sh -c "echo ran; env | grep -c proxy; exit 3"',
  )
  assert.equal(allowed.stdout, 'ran\n0\n')
  assert.equal(allowed.status, 3)
})

test('no server, a role that does not trust the job, no identity token: one line, exit 125', async () => {
  const gone = await run(['--role', 'build', '--server', 'http://127.0.0.1:9', '--', 'true'])
  assert.equal(gone.exitCode, 125)
  const job = stage.jobEnvironment({ ref: 'refs/heads/feature', ref_protected: 'false' })
  const untrusted = await stage.runJob(['run', '--role', 'release', '--', 'true'], job)
  assert.equal(untrusted.exitCode, 125)
  assert.match(
    untrusted.stderr,
    /role "release" does not trust this job: ref: expected refs\/heads\/main, got refs\/heads\/feature/,
  )
  const { ACTIONS_ID_TOKEN_REQUEST_URL: _, ...without } = stage.jobEnvironment()
  const tokenless = await stage.runJob(['run', '--role', 'build', '--', 'true'], without)
  assert.match(tokenless.stderr, /no identity token: on GitHub give the job `permissions: id-token: write`/)
  for (const { stderr } of [gone, untrusted, tokenless])
    assert.equal(stderr.trim().split('\n').length, 1, stderr)
})

test('an agent that an earlier step left in the workspace is not asked for the job’s token', async () => {
  const bin = join(stage.workspace, 'bin')
  const trap = join(stage.folder, 'trap')
  mkdirSync(bin)
  writeFileSync(join(bin, 'buildkite-agent'), `#!/bin/sh\necho ran > ${trap}\n`, { mode: 0o755 })
  const ran = await run(['--role', 'build', '--', 'true'], {
    BUILDKITE: 'true',
    ACTIONS_ID_TOKEN_REQUEST_URL: '',
    PATH: `${bin}:${stage.jobEnvironment()['PATH']}`,
  })
  assert.equal(ran.exitCode, 125)
  assert.match(ran.stderr, /^mayfly: there is no buildkite-agent on the PATH outside the workspace/)
  assert.equal(existsSync(trap), false)
})

test('a pipeline stops at the first step that fails, and says which', async () => {
  const file = join(stage.folder, 'pipeline.yaml')
  writeFileSync(
    file,
    'steps:\n  - { name: one, role: build, run: "echo one; false; echo not this" }\n  - { name: two, role: build, run: echo two }\n',
  )
  const ran = await run(['-f', file])
  assert.equal(ran.exitCode, 1)
  assert.equal(ran.stdout, 'one\n')
  writeFileSync(file, 'steps:\n  - { name: one, rol: build, run: echo }\n')
  const typo = await run(['-f', file])
  assert.match(typo.stderr, /pipeline\.yaml:2:\d+: unknown key "rol" in steps\.0: did you mean "role"\?/)
  assert.equal(typo.exitCode, 2)
})

test('audit show tells the run as a story', async () => {
  const job = stage.jobEnvironment({ run_id: '9000000077' })
  const ran = JSON.parse(
    (
      await stage.runJob(
        [
          'run',
          '--json',
          '--role',
          'build',
          '--name',
          'list',
          '--',
          'git',
          'ls-remote',
          'https://git.example.com/octo-org/links',
        ],
        job,
      )
    ).stdout,
  ) as { runId: string }
  await eventually('the end is published', async () =>
    /session ended/.test(
      (await stage.operate(['audit', 'show', '--data', stage.dataFolder, '--run', ran.runId])).stdout,
    ),
  )
  const story = (await stage.operate(['audit', 'show', '--data', stage.dataFolder, '--run', ran.runId]))
    .stdout
  for (const part of [
    /octocat triggered push in octo-org\/links at refs\/heads\/main/,
    /step "list" began as build, isolation B: git ls-remote/,
    /it could reach: git:read git\/octo-org\/links, npm:install npm/,
    /a lease on git was issued/,
    /was granted git:read git\/octo-org\/links/,
    /the lease on git was revoked: finished/,
    /step "list" ended: finished, exit 0/,
  ])
    assert.match(story, part)
  assert.ok(!story.includes(stage.git.credential.split(':')[1] ?? ''))
  assert.ok(
    !readFileSync(join(stage.dataFolder, 'server/mayfly.db')).includes(
      stage.git.credential.split(':')[1] ?? '',
    ),
    'the database holds the secret in the clear',
  )
})

test('every command has --help and the program is completion-friendly', () => {
  for (const command of [
    '',
    'up',
    'audit-log',
    'run',
    'apply',
    'secret',
    'secret set',
    'secret list',
    'token',
    'token create',
    'token list',
    'token revoke',
    'revoke',
    'status',
    'audit',
    'audit verify',
    'audit show',
  ]) {
    const help = execFileSync(
      join(projectFolder, 'bin/mayfly'),
      [...command.split(' ').filter((word) => word !== ''), '--help'],
      { encoding: 'utf8' },
    )
    assert.match(help, /Usage: mayfly/)
  }
  const wrong = spawnSync(join(projectFolder, 'bin/mayfly'), ['rn'], { encoding: 'utf8' })
  assert.equal(wrong.status, 2)
  assert.match(wrong.stderr, /Did you mean run/)
})

async function spawnAndWait(
  program: string,
  args: readonly string[],
  options: { cwd: string; env: Record<string, string> },
): Promise<{ status: number | null; stdout: string; stderr: string }> {
  const child = spawn(program, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk) => (stdout += String(chunk)))
  child.stderr.on('data', (chunk) => (stderr += String(chunk)))
  const status = await new Promise<number | null>((done) => child.once('close', (code) => done(code)))
  return { status, stdout, stderr }
}

/** Is there a process whose command line begins with this? */
function isRunning(marker: string): boolean {
  return readdirSync('/proc').some((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith(marker)
    } catch {
      return false
    }
  })
}
