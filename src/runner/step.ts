import { performance } from 'node:perf_hooks'
import { Secret, type Engine, type Tier } from '../lib/index.ts'
import { checkServices } from './doors.ts'
import { handOn } from './hand-on.ts'
import { chooseTier, type Chosen } from './isolation.ts'
import { secretsOfJob } from './job-secrets/index.ts'
import { lockfileOnce } from './lockfile.ts'
import { report, runOpen } from './open-step.ts'
import type { OpenStep } from './opened-step.ts'
import { kindOfWorkspace } from './kind-of-workspace.ts'
import { createStepLog } from './record/index.ts'
import { createRefusals } from './refusals.ts'
import { createRelay } from './relay.ts'
import { keepRenewed } from './renewal.ts'
import { notStartedExitCode } from './sandbox/index.ts'
import { createSecretsSeen } from './secrets-seen.ts'
import { closeCaches } from './step-caches.ts'
import type { Outcome } from './supervise.ts'
import { stepLimits } from './step-limits.ts'
import type { StepDeps, StepRequest, StepResult } from './step-request.ts'
import { describeLeftovers, findLeftovers, refuseUnwritable, type StepWorkspace } from './workspace/index.ts'

/** Runs one step in its workspace. Throws MayflyError if it could not be started. */
export async function runStep(deps: StepDeps, request: StepRequest): Promise<StepResult> {
  const isolation = await chooseTier(deps, request)
  checkServices(
    request,
    deps.session.roles.find(({ name }) => name === request.role),
  )
  const kind = kindOfWorkspace(deps.session, request)
  using place = await deps.workspaces.open(kind, request.workspace, deps.session.run_id)
  return await runAt(
    place,
    deps,
    { ...request, workspace: place.path, workspaceInside: place.inside },
    isolation,
  )
}

function wireOf(isolation: Chosen): { tier: Tier; engine?: Engine; image?: string } {
  if (!('engine' in isolation)) return { tier: isolation.tier }
  const { tier, engine, image, digest } = isolation
  return { tier, engine, image: `${image}@${digest}` }
}

/** Open, prepare, isolate, relay, mask, wait, collect, revoke. */
async function runAt(
  place: StepWorkspace,
  deps: StepDeps,
  request: StepRequest,
  isolation: Chosen,
): Promise<StepResult> {
  const { api, redactor, notices } = deps
  const limits = stepLimits(deps, request)
  if (isolation.tier !== 'E') refuseUnwritable(request.workspace)
  redactor.add(
    ...secretsOfJob(request.env, Object.keys(request.env)),
    ...secretsOfJob(deps.job, request.passEnv),
  )
  const leftovers = findLeftovers(request.workspace)
  redactor.add(...leftovers.secrets)
  const left = describeLeftovers(leftovers, deps.job, isolation.tier !== 'E')
  if (left !== undefined) notices.tell(`mayfly: ${left}`)
  const step = await api.openStep(deps.session.access_token, {
    name: redactor.text(request.name),
    role: request.role,
    ...wireOf(isolation),
    command: redactor.command(request.command).slice(0, maxCommandChars),
    workspace: { kind: place.kind, id: place.id },
    services: request.services,
  })
  const learn = (token: string) => redactor.addOwn(new Secret(token, '(token of Mayfly)'))
  learn(deps.session.access_token)
  learn(step.access_token)
  const startedMs = performance.now()
  const startedAt = new Date(deps.clock.nowMs()).toISOString()
  const renewal = keepRenewed({ api, grant: step, clock: deps.clock, learn })
  const refusals = createRefusals(notices.tell, step.run_id)
  const relay = createRelay({
    step,
    signer: deps.signer,
    tell: refusals.tell,
    holdsSecret: redactor.isIn,
    beforeRegistry: lockfileOnce(api, step, request, notices.tell),
  })
  const log = createStepLog({
    send: (offset, bytes, timeoutMs) => api.appendLog(step, offset, bytes, timeoutMs),
    tell: notices.tell,
    nowMs: () => deps.clock.nowMs(),
  })
  const secretsSeen = createSecretsSeen(redactor.text)
  const heard = { ...deps, redactor: redactor.counting(secretsSeen.add) }
  const open: OpenStep = {
    ...{ step, relay, refusals, covers: leftovers.covers, limits, place, log, secretsSeen, isolation },
    isCovered: () => false,
    caches: undefined,
    hasStarted: () => false,
  }
  try {
    const { outcome: asRun, ended, ...ran } = await runOpen(heard, request, open)
    const { directAttempts, limit } = ran
    const handed = ended === undefined ? await handOn(heard, request, open, asRun) : undefined
    const outcome = handed?.isComplete === false ? { ...asRun, exitCode: notStartedExitCode } : asRun
    const artifacts = handed?.artifacts
    const succeeded = ended === undefined && outcome.reason === 'finished' && outcome.exitCode === 0
    const kept = await closeCaches(open, succeeded)
    // Before its end is told: with that its log is closed.
    const summary = await log.end()
    const durationMs = Math.round(performance.now() - startedMs)
    const activity =
      ended === undefined
        ? await report(deps, request, open, outcome, {
            durationMs,
            ...ran,
            caches: kept,
            artifacts,
            log: summary,
          })
        : { granted: [], denied: [] }
    refusals.end()
    return {
      name: request.name,
      role: request.role,
      stepId: step.step_id,
      exitCode: ended === undefined ? outcome.exitCode : notStartedExitCode,
      outcome: outcomeOf(outcome, ended, limit),
      attempt: 1,
      startedAt,
      durationMs,
      activity,
      outputs: ran.outputs,
      ...(ended === undefined ? {} : { ended }),
      ...(limit === undefined ? {} : { limit }),
      ...(directAttempts === undefined ? {} : { directAttempts }),
      ...(artifacts === undefined ? {} : { artifacts }),
    }
  } catch (error) {
    relay.close()
    await log.end()
    await closeCaches(open, false).catch(() => undefined)
    // What has run is never recorded as something that has not.
    const reason = open.hasStarted() ? 'cancelled' : 'failed_to_start'
    await api.finish(step, { reason }).catch(() => undefined)
    throw error
  } finally {
    renewal.stop()
  }
}

function outcomeOf(
  { reason, exitCode }: Outcome,
  ended: string | undefined,
  limit: string | undefined,
): StepResult['outcome'] {
  if (ended !== undefined) return 'ended'
  if (reason === 'timed_out') return reason
  // What it has used up is its own; a wish to end is not.
  if (reason === 'cancelled' && limit === undefined) return reason
  return exitCode === 0 ? 'succeeded' : 'failed'
}

const maxCommandChars = 16_000
