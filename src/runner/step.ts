import { performance } from 'node:perf_hooks'
import { MayflyError, Secret, messageOf, type Clock } from '../lib/index.ts'
import type { ProofSigner } from '../identity/index.ts'
import type { ServerApi, SessionGrant, StepActivity, StepGrant } from './api.ts'
import { startBare } from './bare.ts'
import { bareEnvironment, secretsOfJob, stepEnvironment } from './environment.ts'
import { readWorkspaceLockfile } from './lockfile.ts'
import { createRefusals, type Refusals } from './refusals.ts'
import { createRelay, type Relay } from './relay.ts'
import { keepRenewed } from './renewal.ts'
import { isolationAdvice, startSandbox, type Probe, type Running } from './sandbox/index.ts'
import { supervise, type Outcome, type Supervision } from './supervise.ts'
import { watchStep } from './watch.ts'
import { describeLeftovers, findLeftovers, type Cover } from './workspace/index.ts'

export interface StepRequest {
  readonly name: string
  readonly role: string
  /** Program and arguments. */
  readonly command: readonly string[]
  readonly workspace: string
  readonly tools: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly passEnv: readonly string[]
  readonly lockfile: string
  /** `none` must have been asked for by name. */
  readonly isolation: 'namespace' | 'none'
}

export interface StepResult {
  readonly name: string
  readonly role: string
  readonly stepId: string
  readonly exitCode: number
  readonly durationMs: number
  readonly activity: StepActivity
  /** Set if the server ended it (revoked, expired, unreachable): why. */
  readonly ended?: string
  /** Connections that it tried without the proxy; missing where the isolation cannot see them. */
  readonly directAttempts?: number
}

export interface StepDeps extends Supervision {
  readonly api: ServerApi
  readonly signer: ProofSigner
  readonly session: SessionGrant
  readonly probe: Probe
  /** The job's environment. */
  readonly job: Readonly<Record<string, string>>
  readonly clock: Clock
}

/** Exit code when Mayfly itself could not run the command (as `docker run` and `env` have it), or the server ended it. */
export const notStartedExitCode = 125

/** What one step has while it is open. */
interface OpenStep {
  readonly step: StepGrant
  readonly relay: Relay
  readonly refusals: Refusals
  readonly covers: readonly Cover[]
  /** Whether its command may have run. */
  hasStarted: () => boolean
}

/** Runs one step: open, isolate, relay, mask, wait, revoke. Throws MayflyError if it could not be started. */
export async function runStep(deps: StepDeps, request: StepRequest): Promise<StepResult> {
  const { api, redactor, notices } = deps
  const tier = chooseTier(deps.probe, request)
  redactor.add(...secretsOfJob(request.env))
  const leftovers = findLeftovers(request.workspace)
  redactor.add(...leftovers.secrets)
  const left = describeLeftovers(leftovers, deps.job, tier === 'B')
  if (left !== undefined) notices.tell(`mayfly: ${left}`)
  const step = await api.openStep(deps.session.access_token, {
    name: redactor.text(request.name),
    role: request.role,
    tier,
    command: redactor.command(request.command).slice(0, maxCommandChars),
  })
  const learn = (token: string) => redactor.add(new Secret(token))
  learn(deps.session.access_token)
  learn(step.access_token)
  const startedMs = performance.now()
  const renewal = keepRenewed({ api, grant: step, clock: deps.clock, learn })
  const refusals = createRefusals(notices.tell, step.run_id)
  const relay = createRelay({
    step,
    signer: deps.signer,
    tell: refusals.tell,
    holdsSecret: redactor.isIn,
    beforeRegistry: lockfileOnce(api, step, request, notices.tell),
  })
  const open: OpenStep = { step, relay, refusals, covers: leftovers.covers, hasStarted: () => false }
  try {
    const { outcome, ended, directAttempts, seen } = await runOpen(deps, request, open, tier)
    const durationMs = Math.round(performance.now() - startedMs)
    const activity =
      ended === undefined
        ? await report(deps, open, outcome, { durationMs, directAttempts, seen })
        : { granted: [], denied: [] }
    refusals.end()
    return {
      name: request.name,
      role: request.role,
      stepId: step.step_id,
      exitCode: ended === undefined ? outcome.exitCode : notStartedExitCode,
      durationMs,
      activity,
      ...(ended === undefined ? {} : { ended }),
      ...(directAttempts === undefined ? {} : { directAttempts }),
    }
  } catch (error) {
    relay.close()
    // What has run is never recorded as something that has not.
    const reason = open.hasStarted() ? 'cancelled' : 'failed_to_start'
    await api.finish(step, { reason }).catch(() => undefined)
    throw error
  } finally {
    renewal.stop()
  }
}

const maxCommandChars = 16_000

interface Ran {
  readonly outcome: Outcome
  /** Why the server ended it, if it did. */
  readonly ended: string | undefined
  readonly directAttempts: number | undefined
  /** Refusals that were shown already. */
  readonly seen: number
}

async function runOpen(deps: StepDeps, request: StepRequest, open: OpenStep, tier: 'B' | 'E'): Promise<Ran> {
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
    const outcome = await supervise(deps, step, running, kill).finally(watch.stop)
    return { outcome, ended, directAttempts: tellAttempts(running, tell), seen: watch.seen() }
  } finally {
    relay.close()
  }
}

function startIsolated(
  deps: StepDeps,
  probe: Probe & { tier: 'B' },
  request: StepRequest,
  { step, relay, covers }: OpenStep,
): Running {
  const { passEnv, env, tools } = request
  const sandbox = startSandbox({
    workspace: request.workspace,
    tools,
    env: stepEnvironment({ job: deps.job, passEnv, env, tools, step }),
    command: request.command,
    caCertificate: step.ca_certificate,
    covers,
    withStdin: deps.stdin !== undefined,
    merged: deps.merged,
    bwrap: probe.bwrap,
    disableUserns: probe.disableUserns,
  })
  sandbox.onListener((listener) => relay.serve(listener))
  return sandbox
}

function showRefusals(
  refusals: Refusals,
  { lines, more }: { readonly lines: readonly string[]; readonly more: number },
): void {
  for (const line of lines) refusals.tell(line)
  refusals.more(more)
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

function chooseTier(probe: Probe, request: StepRequest): 'B' | 'E' {
  if (request.isolation === 'none') return 'E'
  if (probe.tier === 'B') return 'B'
  throw new MayflyError(
    'isolation_unavailable',
    `step "${request.name}" cannot be isolated: ${probe.why}: ${isolationAdvice(probe.why)}; or ask for --isolation none, if the role allows it`,
  )
}

async function report(
  { api, notices }: StepDeps,
  { step, refusals, relay }: OpenStep,
  { exitCode, reason, output }: Outcome,
  ran: { durationMs: number; directAttempts: number | undefined; seen: number },
): Promise<StepActivity> {
  try {
    const answer = await api.finish(step, {
      reason,
      exit_code: exitCode,
      duration_ms: ran.durationMs,
      output,
      ...(ran.directAttempts === undefined ? {} : { direct_attempts: ran.directAttempts }),
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

/** Hands the lockfile over before the first request to a registry, once there is one. */
function lockfileOnce(
  api: ServerApi,
  step: StepGrant,
  request: StepRequest,
  tell: (line: string) => void,
): () => Promise<void> {
  let handing: Promise<void> | undefined
  return () => {
    handing ??= (async () => {
      const text = readWorkspaceLockfile(request.workspace, request.lockfile)
      if (text === undefined) {
        handing = undefined
        return
      }
      await api
        .pinLockfile(step, text)
        .catch((error: unknown) => tell(`mayfly: ${request.lockfile} is not usable: ${messageOf(error)}`))
    })()
    return handing
  }
}
