import { MayflyError } from '../lib/index.ts'
import { startBare } from './bare.ts'
import {
  createOutputFile,
  outputFileInside,
  outputVariable,
  placeVariables,
  readOutputs,
  type StepOutputs,
} from './conventions/index.ts'
import { takeCredentials, type StepCredentials } from './credentials/index.ts'
import { bareEnvironment } from './environment.ts'
import { startedBare } from './long-script.ts'
import type { OpenStep, Ran } from './opened-step.ts'
import { prepareWorkspace } from './prepare-workspace.ts'
import { watchPrograms } from './record/index.ts'
import { showRefusals } from './refusals.ts'
import type { Running } from './sandbox/index.ts'
import { startIsolated } from './start-isolated.ts'
import { openStepCaches } from './step-caches.ts'
import { watchStepLimits } from './step-limits.ts'
import type { StepDeps, StepRequest } from './step-request.ts'
import { supervise, type Outcome } from './supervise.ts'
import { takeBack } from './take-back.ts'
import { watchStep } from './watch.ts'

/** Runs its command, isolated or not, until it ends or is ended; its gate is closed then. */
export async function runOpen(deps: StepDeps, request: StepRequest, open: OpenStep): Promise<Ran> {
  const { step, relay, refusals } = open
  const { tier } = open.isolation
  const { tell } = deps.notices
  using ownFile = tier === 'E' ? createOutputFile() : undefined
  using bare = tier === 'E' ? startedBare(request) : undefined
  let running: Running | undefined
  let handed: StepCredentials | undefined
  let ended: string | undefined
  // The gate closes before the tree is killed.
  const kill = () => {
    relay.close()
    running?.kill()
  }
  const watch = watchStep({
    api: deps.api,
    step,
    clock: deps.clock,
    refused: (more) => showRefusals(refusals, more),
    credentialsEnded: () => handed?.renew(),
    ended(why) {
      ended = why
      tell(`mayfly: the step was ended by the server: ${why}`)
      kill()
    },
  })
  try {
    const prepared = await prepareWorkspace(deps, request, open, {
      began: (preparing) => (running = preparing),
      kill,
      isOver: () => ended !== undefined,
    })
    const { inputs } = prepared
    if (!prepared.ready) {
      const { outcome, heldBy } = prepared
      return {
        outcome,
        heldBy,
        ended,
        inputs,
        seen: watch.seen(),
        outputs: {},
        saidWhole: true,
        directAttempts: undefined,
        limit: undefined,
      }
    }
    // Without a sandbox nothing is mounted that others could lead elsewhere.
    if (tier === 'E') await deps.mayBegin?.()
    else await openStepCaches(deps, request, open)
    using credentials = await takeCredentials({ ...deps, tell }, step, {
      isolated: tier !== 'E',
      named: Object.keys({ ...request.env, ...request.handed }),
      taken: open.caches?.folders.map(({ inside }) => inside) ?? [],
    })
    handed = credentials
    if (ended !== undefined) throw new MayflyError('revoked', ended)
    running = startCommand(deps, request, open, {
      ...{ command: bare?.command, outputFile: ownFile?.path, credentials },
    })
    const { hasStarted } = running
    open.hasStarted = hasStarted
    const limit = watchStepLimits({ ...deps, request, limits: open.limits, step, running, kill })
    const looking = watchPrograms(running, tier !== 'E')
    const outcome = await supervise({ ...deps, log: open.log }, step, running, kill).finally(() => {
      looking.stop()
      watch.stop()
      limit.stop()
    })
    const written = ownFile === undefined ? running.written().get(outputFileInside) : ownFile.read()
    const tookBack = await takeBack(deps, request, open, { written: running.written(), outputs: written })
    const { outputs, isWhole } = takeOutputs(deps, request, written)
    const used = running.used?.()
    const programs = looking.seen(deps.redactor.text)
    const counted = {
      ...{ directAttempts: tellAttempts(running, tell), seen: watch.seen(), inputs },
      ...(used === undefined ? {} : { used }),
      ...(programs === undefined ? {} : { programs }),
    }
    const how = hasStarted() ? limit.outcome(outcome, used) : notStarted(outcome)
    return {
      ...{ outcome: how, ended, outputs, limit: limit.name(), heldBy: running.heldBy },
      ...{ saidWhole: tookBack && isWhole, ...counted },
    }
  } finally {
    watch.stop()
    relay.close()
  }
}

/** Its sandbox could not be made, or its program is not there: nothing of it has run. */
function notStarted(outcome: Outcome): Outcome {
  return outcome.reason === 'finished' ? { ...outcome, reason: 'failed_to_start' } : outcome
}

/** What is made for a command: the first two without a sandbox. */
interface Made {
  readonly command: readonly string[] | undefined
  readonly outputFile: string | undefined
  readonly credentials: StepCredentials | undefined
}

/** Without a sandbox there is no gateway, so no grant either. */
function startCommand(
  deps: StepDeps,
  request: StepRequest,
  open: OpenStep,
  { command = request.command, outputFile, credentials }: Made,
): Running {
  if (open.isolation.tier !== 'E') return startIsolated(deps, open.isolation, request, open, { credentials })
  const { step } = open
  return startBare({
    ...request,
    command,
    env: {
      ...bareEnvironment(deps.job),
      ...(open.place.kind === 'fresh' ? placeVariables(deps.job, request.workspace) : {}),
      ...request.env,
      ...request.handed,
      ...credentials?.env,
      ...(outputFile === undefined ? {} : { [outputVariable]: outputFile }),
      MAYFLY_RUN: step.run_id,
      MAYFLY_STEP: step.step_id,
    },
    withStdin: deps.stdin !== undefined,
    merged: deps.merged,
    tell: deps.notices.tell,
  })
}

function takeOutputs(
  { notices, redactor }: StepDeps,
  request: StepRequest,
  written: string | undefined,
): StepOutputs {
  const read = readOutputs(written, request.outputs ?? [], redactor.text)
  for (const why of read.refused) notices.tell(`mayfly: ${why}`)
  return read
}

function tellAttempts(running: Running, tell: (line: string) => void): number | undefined {
  const attempts = running.directAttempts()
  if (attempts === undefined) return undefined
  const count = attempts.ipv4 + attempts.ipv6
  if (count > 0)
    tell(
      `mayfly: ${count} direct network ${count === 1 ? 'attempt' : 'attempts'} went nowhere: out of the sandbox lead the hosts that the policy names, by name, and the proxy (HTTPS_PROXY, HTTP_PROXY); an address that is not named has no way`,
    )
  return count
}
