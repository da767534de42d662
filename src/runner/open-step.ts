import { messageOf } from '../lib/index.ts'
import type { StepActivity } from './api.ts'
import { fileListOf, type Artifacts } from './artifacts/index.ts'
import { startBare } from './bare.ts'
import type { CacheReport } from './cache/index.ts'
import {
  checkDotenv,
  ciFilesOf,
  createOutputFile,
  handBack,
  outputFileInside,
  outputVariable,
  placeVariables,
  readOutputs,
} from './conventions/index.ts'
import { bareEnvironment } from './environment.ts'
import type { OpenStep, Ran } from './opened-step.ts'
import { prepareWorkspace } from './prepare-workspace.ts'
import { scriptRecord, usageRecord, watchPrograms, type LogSummary } from './record/index.ts'
import { showRefusals } from './refusals.ts'
import type { Running } from './sandbox/index.ts'
import { hasOutputs, startIsolated } from './start-isolated.ts'
import { openStepCaches } from './step-caches.ts'
import { watchStepLimits } from './step-limits.ts'
import type { StepDeps, StepRequest } from './step-request.ts'
import { supervise, type Outcome } from './supervise.ts'
import { watchStep } from './watch.ts'
import { readInside, replaceInside, type StepWorkspace } from './workspace/index.ts'

/** Runs its command, isolated or not, until it ends or is ended; its gate is closed then. */
export async function runOpen(deps: StepDeps, request: StepRequest, open: OpenStep): Promise<Ran> {
  const { step, relay, refusals } = open
  const { tier } = open.isolation
  const { tell } = deps.notices
  using ownFile = tier === 'E' && hasOutputs(request) ? createOutputFile() : undefined
  let running: Running | undefined
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
        directAttempts: undefined,
        limit: undefined,
      }
    }
    // Without a sandbox nothing is mounted that others could lead elsewhere.
    if (tier === 'E') await deps.mayBegin?.()
    else await openStepCaches(deps, request, open)
    running = startCommand(deps, request, open, ownFile?.path)
    const { hasStarted } = running
    open.hasStarted = hasStarted
    const limit = watchStepLimits({ ...deps, request, limits: open.limits, step, running, kill })
    const looking = watchPrograms(running, tier !== 'E')
    const outcome = await supervise({ ...deps, log: open.log }, step, running, kill).finally(() => {
      looking.stop()
      watch.stop()
      limit.stop()
    })
    takeBack(deps, request, open, running)
    const written = ownFile === undefined ? running.written().get(outputFileInside) : ownFile.read()
    const outputs = takeOutputs(deps, request, written)
    const used = running.used?.()
    const programs = looking.seen(deps.redactor.text)
    const counted = {
      ...{ directAttempts: tellAttempts(running, tell), seen: watch.seen(), inputs },
      ...(used === undefined ? {} : { used }),
      ...(programs === undefined ? {} : { programs }),
    }
    const how = hasStarted() ? limit.outcome(outcome) : notStarted(outcome)
    return { outcome: how, ended, outputs, limit: limit.name(), heldBy: running.heldBy, ...counted }
  } finally {
    watch.stop()
    relay.close()
  }
}

/** Its sandbox could not be made, or its program is not there: nothing of it has run. */
function notStarted(outcome: Outcome): Outcome {
  return outcome.reason === 'finished' ? { ...outcome, reason: 'failed_to_start' } : outcome
}

/** Without a sandbox there is no gateway, so no grant either. */
function startCommand(
  deps: StepDeps,
  request: StepRequest,
  open: OpenStep,
  outputFile: string | undefined,
): Running {
  if (open.isolation.tier !== 'E') return startIsolated(deps, open.isolation, request, open)
  const { step } = open
  return startBare({
    ...request,
    env: {
      ...bareEnvironment(deps.job),
      ...(open.place.kind === 'fresh' ? placeVariables(deps.job, request.workspace) : {}),
      ...request.env,
      ...request.handed,
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
): Readonly<Record<string, string>> {
  if (!hasOutputs(request)) return {}
  const { outputs, refused } = readOutputs(written, request.outputs ?? [], redactor.text)
  for (const why of refused) notices.tell(`mayfly: ${why}`)
  return outputs
}

/** What it wrote for the steps after it goes to the CI as far as it may; the rest is told. */
function takeBack(deps: StepDeps, request: StepRequest, { place }: OpenStep, running: Running): void {
  const mask = deps.redactor.text
  const role = deps.session.roles.find(({ name }) => name === request.role)
  const startupAllowed = role?.allow.includes('startup-variables') === true
  const { refused } = handBack({
    files: ciFilesOf(deps.job),
    written: running.written(),
    startupAllowed,
    workspaceInside: request.workspaceInside ?? request.workspace,
    mask,
  })
  const dotenv =
    request.dotenv === undefined
      ? []
      : checkDotenv({ workspace: request.workspace, path: request.dotenv, startupAllowed, mask })
  if (request.dotenv !== undefined && place.kind === 'fresh') handDotenv(place, request.dotenv)
  for (const why of [...refused, ...dotenv]) deps.notices.tell(`mayfly: ${why}`)
}

/** The CI takes it from the job's workspace. */
function handDotenv({ path: workspace, inside }: StepWorkspace, path: string): void {
  const text = readInside(workspace, path, maxDotenvBytes)
  if (text !== undefined) replaceInside(inside, path, text)
}

const maxDotenvBytes = 1_048_576

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

/** Tells the server how it ended. What was denied is shown, and comes back with what was granted. */
export async function report(
  { api, notices, redactor }: StepDeps,
  request: StepRequest,
  { step, refusals, relay, secretsSeen }: OpenStep,
  { exitCode, reason, output }: Outcome,
  ran: Omit<Ran, 'outcome' | 'ended'> & {
    durationMs: number
    caches: readonly CacheReport[] | undefined
    artifacts: Artifacts | undefined
    log: LogSummary | undefined
  },
): Promise<StepActivity> {
  const seen = secretsSeen.list()
  try {
    const answer = await api.finish(step, {
      reason,
      exit_code: exitCode,
      duration_ms: ran.durationMs,
      output,
      script: scriptRecord(request, redactor),
      ...usageRecord(ran.used, redactor),
      ...(ran.programs === undefined ? {} : { programs: ran.programs }),
      ...(ran.log === undefined ? {} : { log: ran.log }),
      ...(ran.directAttempts === undefined ? {} : { direct_attempts: ran.directAttempts }),
      ...(ran.caches === undefined ? {} : { caches: ran.caches }),
      ...(ran.limit === undefined ? {} : { limit: ran.limit }),
      limits_held_by: ran.heldBy,
      ...(ran.artifacts === undefined ? {} : { artifacts: fileListOf(ran.artifacts.files, redactor.text) }),
      ...(ran.inputs.length === 0 ? {} : { inputs: fileListOf(ran.inputs, redactor.text) }),
      withheld_requests: relay.withheld(),
      ...(relay.services().size === 0
        ? {}
        : { services: [...relay.services()].map(([port, connections]) => ({ port, connections })) }),
      refusals_seen: ran.seen,
      ...(seen.length === 0 ? {} : { secrets_seen: seen }),
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
