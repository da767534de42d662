import { performance } from 'node:perf_hooks'
import { Secret } from '../lib/index.ts'
import { secretsOfJob } from './environment.ts'
import { chooseTier } from './isolation.ts'
import { lockfileOnce } from './lockfile.ts'
import { report, runOpen, type OpenStep } from './open-step.ts'
import { createRefusals } from './refusals.ts'
import { createRelay } from './relay.ts'
import { keepRenewed } from './renewal.ts'
import type { StepDeps, StepRequest, StepResult } from './step-request.ts'
import { describeLeftovers, findLeftovers } from './workspace/index.ts'

/** Exit code when Mayfly itself could not run the command (as `docker run` and `env` have it), or the server ended it. */
export const notStartedExitCode = 125

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
