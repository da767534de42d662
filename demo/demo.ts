import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { findLeaks, type Leak } from './leaks.ts'
import { plantHostileStep, projectFolder, setStage, type Stage } from './stage.ts'

interface StepReport {
  name: string
  role: string
  exitCode: number
  granted: string[]
  denied: string[]
  ms: number
}

interface DemoReport {
  steps: StepReport[]
  leases: { issued: number; revoked: number; active: number }
  audit: { size: number; verified: boolean }
  leaks: Leak[]
  seconds: number
}

interface JobJson {
  runId: string
  steps: {
    name: string
    role: string
    exitCode: number
    durationMs: number
    activity: { granted: Counted[]; denied: Counted[] }
  }[]
}
type Counted = { what: string; count: number; reason?: string }

const json = process.argv.includes('--json')
const say = (text: string) => void (json || process.stderr.write(text))

/** The main job: a pipeline with no secret in it, a hostile step that gets nothing, a log that proves both. */
async function demo(): Promise<boolean> {
  const startedMs = performance.now()
  say('starting: mayfly up (server, gateway, audit log), a private Git server, a CI issuer\n')
  await using stage = await setStage()
  say(
    `ready after ${seconds(startedMs)} s; mayfly.yaml applied: roles build and release, connections git and npm\n`,
  )
  const decoy = `decoy-${crypto.randomUUID()}`
  const env = stage.jobEnvironment()
  const pipeline = await stage.runJob(
    ['run', '--json', '-f', join(projectFolder, 'examples/pipeline.yaml')],
    env,
    say,
  )
  say('\nnow the same job with a compromised dependency\n')
  plantHostileStep(stage.workspace)
  const hostile = await stage.runJob(
    ['run', '--json', '-f', join(projectFolder, 'demo/hostile.yaml')],
    { ...env, DECOY_TOKEN: decoy },
    say,
  )
  const jobs = [pipeline, hostile].map(({ stdout, stderr }) => parseJob(stdout, stderr))
  const { leases, audit, story } = await inspect(stage, jobs.at(-1)?.runId ?? '')
  const report: DemoReport = {
    steps: jobs.flatMap((job) => job.steps.map(describe)),
    leases,
    audit,
    leaks: findLeaks({
      secrets: {
        'git password': stage.git.credential.split(':')[1] ?? '',
        'operator token': stage.operatorToken,
        'CI request token': env['ACTIONS_ID_TOKEN_REQUEST_TOKEN'] ?? '',
      },
      outputOnly: { decoy },
      outputs: { 'pipeline output': pipeline.stderr, 'hostile output': hostile.stderr, 'audit log': story },
      loot: existsSync(join(stage.workspace, '.loot'))
        ? readFileSync(join(stage.workspace, '.loot'), 'latin1')
        : '',
      seenByGit: stage.git.seen.map(({ authorization }) => authorization),
      expectedAuthorization: `Basic ${Buffer.from(stage.git.credential).toString('base64')}`,
    }),
    seconds: Number(seconds(startedMs)),
  }
  if (json) process.stdout.write(`${JSON.stringify(report)}\n`)
  else process.stdout.write(`\n${render(report, story)}\n`)
  return isGood(report)
}

function parseJob(stdout: string, stderr: string): JobJson {
  try {
    return JSON.parse(stdout) as JobJson
  } catch {
    throw new Error(`the job did not run: ${stderr.trim().split('\n').at(-1)}`)
  }
}

async function inspect(
  stage: Stage,
  runId: string,
): Promise<{ leases: DemoReport['leases']; audit: DemoReport['audit']; story: string }> {
  const status = async () =>
    JSON.parse((await stage.operate(['status', '--json'])).stdout) as {
      leases: { issued: number; revoked: number; active: number; undelivered: number }
      audit_size: number
    }
  let now = await status()
  while (now.leases.undelivered > 0) now = await status()
  // The log publishes every second; what was appended just now is in the next checkpoint.
  let verdict: { ok: boolean; size?: number } = { ok: false }
  for (let tries = 0; tries < 50 && (verdict.size ?? 0) < now.audit_size; tries++) {
    await new Promise((next) => setTimeout(next, 100))
    verdict = JSON.parse(
      (await stage.operate(['audit', 'verify', '--json', '--data', stage.dataFolder])).stdout,
    ) as typeof verdict
  }
  const story = await stage.operate([
    'audit',
    'show',
    '--data',
    stage.dataFolder,
    ...(runId === '' ? [] : ['--run', runId]),
  ])
  const { issued, revoked, active } = now.leases
  return {
    leases: { issued, revoked, active },
    audit: { size: verdict.size ?? 0, verified: verdict.ok },
    story: story.stdout,
  }
}

function describe(step: JobJson['steps'][number]): StepReport {
  const { name, role, exitCode, durationMs, activity } = step
  return {
    name,
    role,
    exitCode,
    granted: activity.granted.map(({ what, count }) => (count > 1 ? `${what} x${count}` : what)),
    denied: activity.denied.map(({ what, reason }) => `${what}: ${reason?.split(';')[0]}`),
    ms: durationMs,
  }
}

function render(report: DemoReport, story: string): string {
  const { leases, audit, leaks } = report
  const lines = report.steps.flatMap((step) => [
    `${step.name.padEnd(9)} as ${step.role.padEnd(8)} exit ${step.exitCode}  ${String(step.ms).padStart(5)} ms`,
    ...short(step.granted).map((line) => `    given    ${line}`),
    ...(step.granted.length === 0 ? ['    given    nothing'] : []),
    ...short(step.denied).map((line) => `    refused  ${line}`),
  ])
  return [
    ...lines,
    '',
    `leases     ${leases.issued} issued, ${leases.revoked} revoked, ${leases.active} active`,
    `audit log  ${audit.size} entries, ${audit.verified ? 'verified' : 'NOT VERIFIED'}`,
    `leaks      ${leaks.length === 0 ? 'none: no secret in any output, in the loot, or at the Git server' : leaks.map(({ secret, where }) => `${secret} in ${where}`).join(', ')}`,
    `time       ${report.seconds} s`,
    '',
    'the last lines of `mayfly audit show`, as they read afterwards:',
    ...story
      .trimEnd()
      .split('\n')
      .slice(-4)
      .map((line) => `  ${line.slice(0, 150)}`),
    '',
    'where to look next: examples/mayfly.yaml, examples/pipeline.yaml, demo/hostile.sh, docs/concepts.md',
  ].join('\n')
}

function short(lines: readonly string[]): string[] {
  const most = 12
  const shown = lines.slice(0, most).map((line) => (line.length > 130 ? `${line.slice(0, 129)}…` : line))
  return lines.length > most ? [...shown, `and ${lines.length - most} more`] : shown
}

function isGood({ steps, leases, audit, leaks }: DemoReport): boolean {
  const hostile = steps.find((step) => step.name === 'hostile')
  return (
    steps.length === 6 &&
    steps.every((step) => step.exitCode === 0) &&
    hostile !== undefined &&
    hostile.denied.length > 0 &&
    leases.issued > 0 &&
    leases.active === 0 &&
    audit.verified &&
    leaks.length === 0
  )
}

function seconds(sinceMs: number): string {
  return ((performance.now() - sinceMs) / 1000).toFixed(1)
}

try {
  if (!(await demo())) {
    process.stderr.write('mayfly demo: not everything came out as it must: see above\n')
    process.exitCode = 1
  }
} catch (error) {
  process.stderr.write(`mayfly demo: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
