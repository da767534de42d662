import { messageOf } from '../lib/index.ts'
import type { StepActivity, StepGrant } from './api.ts'
import { startBare } from './bare.ts'
import { bareEnvironment, stepEnvironment } from './environment.ts'
import type { CacheReport } from './cache/index.ts'
import { checkDotenv, ciFilesOf, handBack } from './conventions/index.ts'
import { showRefusals, type Refusals } from './refusals.ts'
import type { Relay } from './relay.ts'
import {
  startSandbox,
  type HeldBy,
  type LimitName,
  type Probe,
  type Running,
  type SandboxRequest,
  type StepLimits,
} from './sandbox/index.ts'
import { watchStepLimits } from './step-limits.ts'
import type { StepDeps, StepRequest } from './step-request.ts'
import { supervise, type Outcome } from './supervise.ts'
import { watchStep } from './watch.ts'
import type { Cover } from './workspace/index.ts'

/** What one step has while it is open. */
export interface OpenStep {
  readonly step: StepGrant
  readonly relay: Relay
  readonly refusals: Refusals
  readonly covers: readonly Cover[]
  /** Further folders that it may write to: its caches. */
  folders: NonNullable<SandboxRequest['folders']>
  readonly limits: StepLimits
  /** Whether its command may have run. */
  hasStarted: () => boolean
}

export interface Ran {
  readonly outcome: Outcome
  /** Why the server ended it, if it did. */
  readonly ended: string | undefined
  readonly directAttempts: number | undefined
  /** The limit that ended it. */
  readonly limit: LimitName | undefined
  readonly heldBy: HeldBy
  /** Refusals that were shown already. */
  readonly seen: number
}

/** Runs its command, isolated or not, until it ends or is ended; its gate is closed then. */
export async function runOpen(
  deps: StepDeps,
  request: StepRequest,
  open: OpenStep,
  tier: 'B' | 'E',
): Promise<Ran> {
  const { step, relay, refusals } = open
  const { tell } = deps.notices
  let running: Running | undefined
  let ended: string | undefined
  // The gate closes before the tree is killed.
  const kill = () => {
    relay.close()
    running?.kill()
  }
  try {
    running =
      deps.probe.tier === 'B' && tier === 'B'
        ? startIsolated(deps, deps.probe, request, open)
        : startBare({
            ...request,
            env: {
              ...bareEnvironment(deps.job),
              ...request.env,
              MAYFLY_RUN: step.run_id,
              MAYFLY_STEP: step.step_id,
            },
            withStdin: deps.stdin !== undefined,
            merged: deps.merged,
            tell,
          })
    const { hasStarted } = running
    open.hasStarted = hasStarted
    const limit = watchStepLimits({ ...deps, request, limits: open.limits, step, running, kill })
    const watch = watchStep({
      api: deps.api,
      step,
      clock: deps.clock,
      refused: (more) => showRefusals(refusals, more),
      ended(why) {
        ended = why
        tell(`mayfly: the step was ended by the server: ${why}`)
        kill()
      },
    })
    const outcome = await supervise(deps, step, running, kill).finally(() => {
      watch.stop()
      limit.stop()
    })
    takeBack(deps, request, running)
    const counted = { directAttempts: tellAttempts(running, tell), seen: watch.seen() }
    const how = hasStarted() ? limit.outcome(outcome) : notStarted(outcome)
    return { outcome: how, ended, limit: limit.name(), heldBy: running.heldBy, ...counted }
  } finally {
    relay.close()
  }
}

/** Its sandbox could not be made, or its program is not there: nothing of it has run. */
function notStarted(outcome: Outcome): Outcome {
  return outcome.reason === 'finished' ? { ...outcome, reason: 'failed_to_start' } : outcome
}

function startIsolated(
  deps: StepDeps,
  probe: Probe & { tier: 'B' },
  request: StepRequest,
  { step, relay, covers, folders, limits }: OpenStep,
): Running {
  const { passEnv, env, tools } = request
  const files = ciFilesOf(deps.job)
  const sandbox = startSandbox({
    workspace: request.workspace,
    tools,
    env: stepEnvironment({
      job: deps.job,
      passEnv,
      env: {
        ...Object.fromEntries(files.map(({ variable, inside }) => [variable, inside])),
        ...request.toolVariables,
        ...env,
      },
      tools,
      step,
      workspaceInside: request.workspace,
    }),
    handed: files.map(({ inside }) => inside),
    command: request.command,
    caCertificate: step.ca_certificate,
    covers,
    folders,
    withStdin: deps.stdin !== undefined,
    merged: deps.merged,
    limits,
    bwrap: probe.bwrap,
    disableUserns: probe.disableUserns,
  })
  sandbox.onListener((listener) => relay.serve(listener))
  return sandbox
}

/** What it wrote for the steps after it goes to the CI as far as it may; the rest is told. */
function takeBack(deps: StepDeps, request: StepRequest, running: Running): void {
  const mask = deps.redactor.text
  const role = deps.session.roles.find(({ name }) => name === request.role)
  const startupAllowed = role?.allow.includes('startup-variables') === true
  const { refused } = handBack({
    files: ciFilesOf(deps.job),
    written: running.written(),
    startupAllowed,
    workspaceInside: request.workspace,
    mask,
  })
  const dotenv =
    request.dotenv === undefined
      ? []
      : checkDotenv({ workspace: request.workspace, path: request.dotenv, startupAllowed, mask })
  for (const why of [...refused, ...dotenv]) deps.notices.tell(`mayfly: ${why}`)
}

function tellAttempts(running: Running, tell: (line: string) => void): number | undefined {
  const attempts = running.directAttempts()
  if (attempts === undefined) return undefined
  const count = attempts.ipv4 + attempts.ipv6
  if (count > 0)
    tell(
      `mayfly: ${count} direct network ${count === 1 ? 'attempt' : 'attempts'} went nowhere: only the proxy leads out of the sandbox (HTTPS_PROXY, HTTP_PROXY); a program that does not read these needs a proxy setting of its own`,
    )
  return count
}

/** Tells the server how it ended. What was denied is shown, and comes back with what was granted. */
export async function report(
  { api, notices }: StepDeps,
  { step, refusals, relay }: OpenStep,
  { exitCode, reason, output }: Outcome,
  ran: Omit<Ran, 'outcome' | 'ended'> & { durationMs: number; caches: readonly CacheReport[] | undefined },
): Promise<StepActivity> {
  try {
    const answer = await api.finish(step, {
      reason,
      exit_code: exitCode,
      duration_ms: ran.durationMs,
      output,
      ...(ran.directAttempts === undefined ? {} : { direct_attempts: ran.directAttempts }),
      ...(ran.caches === undefined ? {} : { caches: ran.caches }),
      ...(ran.limit === undefined ? {} : { limit: ran.limit }),
      limits_held_by: ran.heldBy,
      withheld_requests: relay.withheld(),
      refusals_seen: ran.seen,
    })
    if (answer.refusals !== undefined) showRefusals(refusals, answer.refusals)
    return { granted: answer.granted, denied: answer.denied }
  } catch (error) {
    // The server revokes by itself when heartbeats stop; the command's own result stands.
    notices.tell(
      `mayfly: the end of the step could not be reported (${messageOf(error)}); its leases end with its heartbeat`,
    )
    return { granted: [], denied: [] }
  }
}
