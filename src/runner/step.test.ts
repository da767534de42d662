import assert from 'node:assert/strict'
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { test, type TestContext } from 'node:test'
import { createProofSigner } from '../identity/index.ts'
import { MayflyError, systemClock } from '../lib/index.ts'
import type { ServerApi } from './api.ts'
import type { FinishReport, StepGrant } from './api-facts.ts'
import { createCancellation } from './cancellation.ts'
import { secretsOfJob } from './job-secrets/index.ts'
import { createDotenvReports } from './dotenv-reports.ts'
import { createStepVariables } from './step-variables.ts'
import { createNotices } from './notices.ts'
import { createRedactor } from './redactor.ts'
import { probeIsolation } from './sandbox/index.ts'
import { temporaryFolder } from './sandbox/sandbox.fixture.ts'
import { roleOf } from './role-facts.fixture.ts'
import { runStep } from './step.ts'
import { createJobWorkspaces } from './workspace/index.ts'
import type { StepDeps, StepRequest } from './step-request.ts'

const grant: StepGrant = {
  step_id: 'stp_1',
  run_id: 'run_1',
  access_token: 'the.step.token',
  expires_in: 300,
  heartbeat_seconds: 60,
  gateway: 'http://127.0.0.1:1',
  ca_certificate: 'CA\n',
  grants: [],
  connections: [],
}

class Collector extends Writable {
  text = ''
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString()
    done()
  }
}

/** A supervisor before a STUB of the server, which keeps what it is told. */
async function openWorld(t: TestContext, job: Record<string, string> = { PATH: '/usr/bin:/bin' }) {
  const calls: string[] = []
  const finished: FinishReport[] = []
  const opened: object[] = []
  const api = {
    url: 'http://stub',
    async openStep(_token: string, step: object) {
      calls.push('open')
      opened.push(step)
      return grant
    },
    async heartbeat() {
      calls.push('heartbeat')
    },
    async appendLog(_step: StepGrant, offset: number, bytes: Buffer) {
      calls.push('log')
      return { size: offset + bytes.length }
    },
    async finish(_step: StepGrant, outcome: FinishReport) {
      calls.push('finish')
      finished.push(outcome)
      return { granted: [], denied: [] }
    },
  } as unknown as ServerApi
  const [stdout, stderr, cancellation] = [new Collector(), new Collector(), createCancellation(systemClock)]
  const redactor = createRedactor(secretsOfJob(job))
  const workspace = temporaryFolder(t)
  const signer = await createProofSigner({ clock: systemClock })
  const workspaces = createJobWorkspaces({
    environment: { variables: { TMPDIR: temporaryFolder(t) } },
    workspaces: [workspace],
    tell: () => undefined,
    cancel: cancellation.asked,
  })
  t.after(() => workspaces[Symbol.asyncDispose]())
  const deps: StepDeps = {
    api,
    workspaces,
    dotenvReports: createDotenvReports({ steps: [], mask: redactor.text, tell: () => undefined }),
    stepVariables: createStepVariables({ steps: [] }),
    signer,
    session: sessionFacts,
    probe: { tier: 'none', why: 'bubblewrap (bwrap) is not installed' },
    job,
    stdout,
    stderr,
    merged: false,
    redactor,
    notices: createNotices(stderr, redactor),
    cancellation,
    clock: systemClock,
    server: 'http://127.0.0.1:1',
    cacheFolder: undefined,
    toldOnce: new Set(),
    identityFor: () => Promise.reject(new Error('nobody publishes here')),
  }
  const run = (
    command: readonly string[],
    request: Partial<StepRequest> = {},
    more: Partial<StepDeps> = {},
  ) =>
    runStep(
      { ...deps, ...more },
      {
        name: 'test',
        role: 'build',
        command,
        workspace,
        tools: [],
        services: [],
        toolVariables: {},
        caches: [],
        env: {},
        passEnv: [],
        lockfile: 'package-lock.json',
        isolation: 'none',
        ...request,
      },
    )
  return { api, calls, opened, finished, stdout, stderr, cancellation, redactor, workspace, run }
}

const sessionFacts = {
  access_token: 'the.session.token',
  expires_in: 60,
  session_id: 'ses_1',
  run_id: 'run_1',
  scope: 'build',
  job: { issuer: 'ci', ref_protected: false },
  roles: [roleOf('build')],
}

const mine = (mark: string) =>
  readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(mark)
    } catch {
      return false
    }
  })

function killAll(mark: string): void {
  for (const pid of mine(mark)) {
    try {
      process.kill(Number(pid), 'SIGKILL')
    } catch {
      // It went by itself.
    }
  }
}

test('a step is never less isolated than asked for: without a sandbox it is not even opened', async (t) => {
  const { run, calls, workspace } = await openWorld(t)
  await assert.rejects(
    run(['/bin/sh', '-c', 'echo > ran'], { isolation: 'namespace' }),
    (error) =>
      error instanceof MayflyError &&
      error.code === 'isolation_unavailable' &&
      /install it/.test(error.message),
  )
  assert.deepEqual([calls, existsSync(join(workspace, 'ran'))], [[], false])
})

test('a sandbox that cannot start is reported as such, and the error says why', async (t) => {
  const { run, finished } = await openWorld(t)
  await assert.rejects(
    run(
      ['true'],
      { isolation: 'namespace' },
      {
        probe: {
          ...{ tier: 'B', bwrap: '/no/bwrap', disableUserns: true },
          ...{ network: 'guard', ownProcesses: true, sizedFolders: true, ownHostName: true },
        },
      },
    ),
  )
  assert.deepEqual(finished, [{ reason: 'failed_to_start' }])
})

test('a sandbox that does not begin has what was remembered of this machine thrown away, and says so; one that is cancelled has not', async (t) => {
  const memory = { folder: join(temporaryFolder(t), 'cache'), workspaces: [] }
  const file = join(memory.folder, 'isolation.json')
  await probeIsolation(memory)
  const probe = await probeIsolation(memory)
  if (probe.tier === 'none') return t.skip(`no sandbox on this machine: ${probe.why}`)
  const session = { roles: [{ ...roleOf('build'), isolation: 'namespace-no-pid' }] }
  const { run, finished, stderr, cancellation } = await openWorld(t)
  const deps = { probe, session: { ...sessionFacts, ...session } }
  assert.equal((await run(['true'], { isolation: 'namespace' }, deps)).exitCode, 0)
  assert.equal(existsSync(file), true)
  const ran = await run(
    ['true'],
    { isolation: 'namespace' },
    { ...deps, probe: { ...probe, bwrap: '/bin/false' } },
  )
  assert.equal(ran.exitCode === 0, false)
  assert.equal(finished.at(-1)?.reason, 'failed_to_start')
  assert.match(stderr.text, /the sandbox did not begin as it did before .*the next run tries anew/)
  assert.equal(existsSync(file), false)
  await probeIsolation(memory)
  cancellation.request('SIGTERM')
  await run(['sleep', '60'], { isolation: 'namespace' }, deps).catch(() => undefined)
  assert.equal(existsSync(file), true)
})

test('in a sandbox: exit code, masked output and its digest are reported, once', async (t) => {
  const probe = await probeIsolation()
  if (probe.tier !== 'B') return t.skip(`no sandbox on this machine: ${probe.why}`)
  const job = { PATH: '/usr/bin:/bin', NPM_TOKEN: 'hunter22-hunter22' }
  const { run, finished, stdout } = await openWorld(t, job)
  const result = await run(
    ['/bin/sh', '-c', 'echo "token ${NPM_TOKEN:-none}"; echo hunter22-hunter22; exit 7'],
    { isolation: 'namespace' },
    { probe },
  )
  assert.equal(result.exitCode, 7)
  assert.equal(stdout.text, 'token none\n***\n')
  assert.equal(finished.length, 1)
  assert.deepEqual(
    [finished[0]?.reason, finished[0]?.exit_code, finished[0]?.output?.stdout_bytes],
    ['finished', 7, stdout.text.length],
  )
  assert.deepEqual(finished[0]?.secrets_seen, [{ name: 'NPM_TOKEN', count: 1 }])
})

test('cancelling ends a sandboxed step and all below it', async (t) => {
  const probe = await probeIsolation()
  if (probe.tier !== 'B') return t.skip(`no sandbox on this machine: ${probe.why}`)
  const { run, finished, cancellation, stdout } = await openWorld(t)
  const mark = `${process.pid}55555`
  const running = run(
    ['/bin/sh', '-c', `setsid sleep ${mark} & echo up; wait`],
    { isolation: 'namespace' },
    { probe },
  )
  while (!stdout.text.includes('up')) await new Promise((next) => setTimeout(next, 5))
  cancellation.request('SIGINT')
  assert.equal((await running).exitCode, 130)
  assert.equal(finished[0]?.reason, 'cancelled')
  while (mine(mark).length > 0) await new Promise((next) => setTimeout(next, 5))
})

test('without a sandbox: codes and signals as a shell reports them', async (t) => {
  const { run, stderr, workspace } = await openWorld(t)
  assert.equal((await run(['/bin/sh', '-c', 'exit 9'])).exitCode, 9)
  assert.equal((await run(['/bin/sh', '-c', 'kill -TERM $$'])).exitCode, 143)
  assert.equal((await run(['/no/such/program'])).exitCode, 127)
  assert.equal((await run([workspace])).exitCode, 126)
  assert.match(stderr.text, /cannot run \/no\/such\/program/)
})

test('what the server finds in the output is masked from then on, each of several that come one after the other', async (t) => {
  const texts = ['first-found-text', 'second-found-text', 'third-found-text']
  const { api: stub, run, stdout, stderr, workspace } = await openWorld(t)
  let kept = Buffer.alloc(0)
  const api = {
    ...stub,
    // A STUB of the server: it finds each of the texts in the first piece that has it.
    async appendLog(_step: StepGrant, offset: number, bytes: Buffer) {
      kept = Buffer.concat([kept, bytes])
      const mask = texts.flatMap((text) => {
        const from = kept.indexOf(text)
        return from < offset ? [] : [{ from, to: from + text.length }]
      })
      return { size: kept.length, mask }
    },
  } as unknown as ServerApi
  const script = texts.map(
    (text, i) =>
      `echo ${text}; until [ -e ${i} ]; do sleep 0.05; done; echo ${texts.slice(0, i + 1).join(' ')}`,
  )
  const running = run(['/bin/sh', '-c', script.join(';')], {}, { api })
  for (let i = 0; i < texts.length; i++) {
    // What the next piece has is shown once this is masked.
    while (!kept.includes(texts[i] ?? '')) await new Promise((next) => setTimeout(next, 20))
    await new Promise((next) => setImmediate(next))
    writeFileSync(join(workspace, String(i)), '')
  }
  await running
  const shown = texts.flatMap((text, i) => [
    text,
    Array(i + 1)
      .fill('***')
      .join(' '),
  ])
  assert.deepEqual(stdout.text.trim().split('\n'), shown)
  assert.equal(stderr.text.match(/a secret was found in what the step writes/g)?.length, 1)
})

test('without a sandbox: what makes identity tokens is kept back all the same', async (t) => {
  const { run, stdout } = await openWorld(t)
  const job = {
    PATH: '/usr/bin:/bin',
    MAYFLY_ID_TOKEN: 'x-identity',
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'x-bearer',
    ACTIONS_ID_TOKEN_REQUEST_URL: 'https://x',
    KEPT: 'yes',
  }
  await run(['/usr/bin/env'], {}, { job })
  assert.match(stdout.text, /^KEPT=yes$/m)
  assert.doesNotMatch(stdout.text, /MAYFLY_ID_TOKEN|ACTIONS_ID_TOKEN|x-identity|x-bearer/)
})

test('without a sandbox: cancelling ends the process group', async (t) => {
  const { run, finished, cancellation, stdout } = await openWorld(t)
  const mark = `${process.pid}66666`
  const running = run(['/bin/sh', '-c', `sleep ${mark} & echo up; wait`])
  while (!stdout.text.includes('up')) await new Promise((next) => setTimeout(next, 5))
  cancellation.request('SIGINT')
  assert.equal((await running).exitCode, 130)
  assert.equal(finished[0]?.reason, 'cancelled')
  while (mine(mark).length > 0) await new Promise((next) => setTimeout(next, 5))
})

// Was so once: `close` waits for the pipes, which a daemon of the step holds; and killing a group that is empty throws ESRCH
// out of the abort listener, which ends the supervisor before it has ended the session.
test('without a sandbox: a daemon that holds the output does not hold the step', async (t) => {
  const { run, cancellation } = await openWorld(t)
  const mark = `${process.pid}44444`
  t.after(() => killAll(mark))
  const thrown: unknown[] = []
  const listen = (error: unknown) => thrown.push(error)
  process.on('uncaughtException', listen)
  t.after(() => process.off('uncaughtException', listen))
  const running = run(['/bin/sh', '-c', `setsid sleep ${mark} & exit 0`])
  await new Promise((next) => setTimeout(next, 300))
  cancellation.request('SIGINT')
  const ended = await Promise.race([
    running.then(() => true),
    new Promise<false>((give) => setTimeout(() => give(false), 2000).unref()),
  ])
  killAll(mark)
  await running
  assert.deepEqual([thrown.map(String), ended], [[], true])
})

test('tokens that a checkout left are named with the remedy, and masked where the step can read them', async (t) => {
  const { run, stdout, stderr, workspace } = await openWorld(t)
  writeFileSync(join(workspace, '.npmrc'), '//r.test/:_authToken=npm_left-behind-1\n')
  await run(['/bin/cat', '.npmrc'])
  assert.equal(stdout.text, '//r.test/:_authToken=***\n')
  assert.match(
    stderr.text,
    /^mayfly: credentials are left in the workspace, in \.npmrc: they are masked, and the step can read them, because it has no sandbox: .+\n$/m,
  )
})

test('what is left in the workspace is told once a job, and again when it is something else', async (t) => {
  const { run, stderr, workspace } = await openWorld(t)
  writeFileSync(join(workspace, '.npmrc'), '//r.test/:_authToken=npm_left-behind-1\n')
  for (let i = 0; i < 3; i++) await run(['/bin/true'])
  const told = () => stderr.text.split('\n').filter((line) => line.includes('credentials are left')).length
  assert.equal(told(), 1)
  writeFileSync(join(workspace, '.netrc'), 'machine a login b password npm_left-behind-2\n')
  for (let i = 0; i < 2; i++) await run(['/bin/true'])
  assert.equal(told(), 2)
})

test('a step that reaches a limit is ended and told which, and its end says so', async (t) => {
  const probe = await probeIsolation()
  if (probe.tier !== 'B') return t.skip(`no sandbox on this machine: ${probe.why}`)
  const session = {
    ...{ access_token: 'a', expires_in: 60, session_id: 'ses_1', run_id: 'run_1', scope: 'build' },
    job: { issuer: 'github', ref_protected: false },
    roles: [
      roleOf('build', { limits: { ...roleOf('build').limits, output_bytes: 2 ** 20, time_seconds: 1 } }),
    ],
  }
  const { run, finished, stderr } = await openWorld(t)
  const talks = await run(['/usr/bin/yes'], { isolation: 'namespace' }, { probe, session })
  assert.deepEqual([talks.exitCode, talks.limit], [137, 'output'])
  assert.match(
    stderr.text,
    /^mayfly: the step was ended: it printed more than its limit of 1MiB; if it needs more, write in role "build": limits: \{ output: 2MiB \}$/m,
  )
  const sleeps = await run(['/bin/sleep', '60'], { isolation: 'namespace' }, { probe, session })
  assert.deepEqual([sleeps.exitCode, sleeps.limit], [124, 'time'])
  const bare = await run(['/bin/sleep', '60'], {}, { session })
  assert.deepEqual([bare.exitCode, bare.limit], [124, 'time'])
  assert.deepEqual(
    finished.map(({ reason, limit }) => [reason, limit]),
    [
      ['cancelled', 'output'],
      ['timed_out', 'time'],
      ['timed_out', 'time'],
    ],
  )
  assert.match(finished[0]?.limits_held_by ?? '', /^(?:cgroup[12]|rlimits)$/)
  assert.equal(finished[2]?.limits_held_by, 'watch')
})

test('a step whose sandbox could not be set up has not started', async (t) => {
  const probe = await probeIsolation()
  if (probe.tier !== 'B') return t.skip(`no sandbox on this machine: ${probe.why}`)
  const { run, finished, stderr } = await openWorld(t)
  // A tool folder that is gone: bubblewrap says so, and ends with 1.
  const result = await run(['true'], { isolation: 'namespace', tools: ['/no/such/tool'] }, { probe })
  assert.equal(result.exitCode, 125)
  assert.match(stderr.text, /bwrap: .*\/no\/such\/tool/)
  assert.deepEqual(
    finished.map(({ reason }) => reason),
    ['failed_to_start'],
  )
})

test('without a sandbox, too, what a step hands on is looked at before anybody has it, and a dotenv report, wherever it runs', async (t) => {
  const { api, run, workspace, stderr } = await openWorld(t)
  const looked: Record<string, string> = {}
  Object.assign(api, {
    async lookAtWritten(_step: StepGrant, name: string, bytes: Buffer) {
      looked[name] = bytes.toString()
      const from = bytes.indexOf('found-by-the-server')
      return { mask: [{ from, to: from + 'found-by-the-server'.length }] }
    },
  })
  const script = 'echo key=found-by-the-server >> "$MAYFLY_OUTPUT"; echo A=found-by-the-server > build.env'
  const { outputs } = await run(['/bin/sh', '-c', script], { outputs: ['key'], dotenv: 'build.env' })
  assert.deepEqual(looked, { MAYFLY_OUTPUT: 'key=found-by-the-server\n', DOTENV: 'A=***\n' })
  assert.deepEqual(outputs, { key: '***' })
  assert.equal(readFileSync(join(workspace, 'build.env'), 'utf8'), 'A=***\n')
  assert.match(stderr.text, /\$MAYFLY_OUTPUT: a secret was found in it/)
})
