import { performance } from 'node:perf_hooks'
import { escapeUnseen, messageOf } from '../lib/index.ts'
import type { ArtifactFindings, FinishAnswer } from './api-facts.ts'
import { fileListOf, type Artifacts } from './artifacts/index.ts'
import { declareArtifacts, takeAttestations } from './attest-step.ts'
import type { CacheReport } from './cache/index.ts'
import { handOn } from './hand-on.ts'
import type { OpenStep, Ran } from './opened-step.ts'
import { scriptRecord, usageRecord, type LogSummary } from './record/index.ts'
import { showRefusals } from './refusals.ts'
import { notStartedExitCode } from './sandbox/index.ts'
import { signingIdentity } from './signing-identity.ts'
import { closeCaches } from './step-caches.ts'
import type { StepDeps, StepRequest, StepResult } from './step-request.ts'
import type { Outcome } from './supervise.ts'

/**
 * Collects what it hands on, closes its caches and its log, tells the server, and takes what that signed; in this order, since the end
 * closes all of them.
 */
export async function endStep(
  deps: StepDeps,
  request: StepRequest,
  open: OpenStep,
  ran: Ran,
): Promise<StepResult> {
  const { outcome: asRun, ended } = ran
  const handed = ended === undefined ? await handOn(deps, request, open, asRun) : undefined
  const artifacts = handed?.artifacts
  const isDeclared = ended !== undefined || (await declareArtifacts(deps, request, open, artifacts?.files))
  const isWhole = handed?.isComplete !== false && ((ran.saidWhole && isDeclared) || asRun.exitCode !== 0)
  const outcome = isWhole ? asRun : { ...asRun, exitCode: incompleteExitCode }
  const succeeded = ended === undefined && outcome.reason === 'finished' && outcome.exitCode === 0
  const caches = await closeCaches(open, succeeded)
  // Before its end is told: with that its log is closed.
  const log = await open.log.end()
  const durationMs = Math.round(performance.now() - open.startedMs)
  const told = { durationMs, ...ran, caches, artifacts, found: handed?.found, log }
  const answer = ended === undefined ? await report(deps, request, open, outcome, told) : undefined
  const signed = succeeded ? await takeAttestations(deps, request, open, answer, artifacts?.files) : undefined
  open.refusals.end()
  const isAttested = signed?.isComplete !== false
  return {
    ...{ name: request.name, role: request.role, stepId: open.step.step_id, attempt: 1 },
    ...endOf(isAttested ? outcome : { ...outcome, exitCode: incompleteExitCode }, ran),
    ...{ startedAt: open.startedAt, durationMs, outputs: ran.outputs },
    activity: { granted: answer?.granted ?? [], denied: answer?.denied ?? [] },
    ...(isWhole && isAttested ? {} : { detail: isWhole ? notAttested : notAllThere }),
    ...(artifacts === undefined ? {} : { artifacts }),
    ...(signed?.attested === undefined ? {} : { attested: signed.attested }),
  }
}

const notAllThere = 'its command ended with 0, but not all that it hands on is there'
const notAttested = 'its command ended with 0, but its attestations could not be written'

function endOf(
  outcome: Outcome,
  { ended, limit, directAttempts }: Ran,
): Pick<StepResult, 'exitCode' | 'outcome' | 'ended' | 'limit' | 'directAttempts'> {
  return {
    exitCode: ended === undefined ? outcome.exitCode : notStartedExitCode,
    outcome: outcomeOf(outcome, ended, limit),
    ...(ended === undefined ? {} : { ended }),
    ...(limit === undefined ? {} : { limit }),
    ...(directAttempts === undefined ? {} : { directAttempts }),
  }
}

/** Its command has succeeded; what it was to hand on is missing, or cannot be read. */
const incompleteExitCode = 1

/** It went wrong on our side: what is open is closed, and the server told. What has run is never recorded as something that has not. */
export async function abandonStep(deps: StepDeps, open: OpenStep): Promise<void> {
  open.relay.close()
  await open.log.end()
  await closeCaches(open, false).catch(() => undefined)
  const reason = open.hasStarted() ? 'cancelled' : 'failed_to_start'
  await deps.api.finish(open.step, { reason }).catch(() => undefined)
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

/** Tells the server how it ended. What was denied is shown, and comes back with what was granted. Undefined if it could not be told. */
async function report(
  deps: StepDeps,
  request: StepRequest,
  { step, refusals, relay, secretsSeen }: OpenStep,
  { exitCode, reason, output }: Outcome,
  ran: Omit<Ran, 'outcome' | 'ended'> & {
    durationMs: number
    caches: readonly CacheReport[] | undefined
    artifacts: Artifacts | undefined
    found: ArtifactFindings | undefined
    log: LogSummary | undefined
  },
): Promise<FinishAnswer | undefined> {
  const { api, notices, redactor } = deps
  const seen = secretsSeen.list()
  try {
    const identity = await signingIdentity(deps, step)
    const answer = await api.finish(step, {
      reason,
      ...(identity === undefined ? {} : { signing_identity: identity }),
      exit_code: exitCode,
      ...(ran.found === undefined ? {} : { artifact_findings: ran.found }),
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
    for (const line of answer.warnings ?? []) notices.tell(escapeUnseen(`mayfly: ${line}`))
    return answer
  } catch (error) {
    // The server revokes by itself when heartbeats stop; the command's own result stands.
    notices.tell(
      `mayfly: the end of the step could not be reported (${messageOf(error)}); its leases end with its heartbeat`,
    )
    return undefined
  }
}
