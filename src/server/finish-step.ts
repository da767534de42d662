import type { z } from 'zod'
import type { Attestor } from '../attest/attestor/index.ts'
import {
  stepEvent,
  artifactListProblem,
  type Broker,
  type Step,
  type StepOutcome,
  type StoredArtifactLists,
} from '../broker/index.ts'
import type { Gateway } from '../gateway/index.ts'
import { MayflyError, messageOf, type StepId } from '../lib/index.ts'
import { attachImages, type AttachDeps } from './attach-images.ts'
import type { EndNotices } from './end-notices.ts'
import { ownStep } from './own-step.ts'
import type { Call } from './route.ts'
import { supervisorReasons, type finishBody, type finishResponse } from './routes/step-bodies.ts'

export interface FinishDeps extends AttachDeps {
  readonly broker: Broker
  readonly gateway: Gateway
  readonly notices: EndNotices
  readonly attestor: Pick<Attestor, 'handed' | 'beforeEnd'>
  readonly artifactLists: StoredArtifactLists
  readonly signingIdentities?: SigningIdentities | undefined
}

/** Where attestations are signed with the job's own token. */
export interface SigningIdentities {
  readonly audience: string
  /** Throws `bad_token` for one that is for another audience. */
  hold(stepId: string, token: string): void
}

type Body = z.output<typeof finishBody>
type Answer = z.input<typeof finishResponse>

/** How long the end of a step waits for what is signed of it; it has ended by then, and nothing is open. */
const attestMs = 5_000

/**
 * Ends steps as their supervisors ask. Whoever got no answer asks again, and is answered the same way; two that ask at once are
 * answered by one end.
 */
export function createFinish(deps: FinishDeps): (call: Call, body: Body) => Promise<Answer> {
  const underWay = new Map<StepId, Promise<Answer>>()
  return (call, body) => {
    const ended = endedByItself(deps, call)
    const step = ended ?? ownStep(deps, call)
    const id = typeof step === 'string' ? step : step.id
    const known = underWay.get(id)
    if (known !== undefined) return known
    const answer = (typeof step === 'string' ? answerOf(deps, step, {}) : finish(deps, step, body)).finally(
      () => underWay.delete(id),
    )
    underWay.set(id, answer)
    return answer
  }
}

/** A step that its supervisor has ended before: its id once that is in the store. Of an end that was somebody else's it is told. */
function endedByItself({ broker }: FinishDeps, call: Call): StepId | Step | undefined {
  const id = call.access?.step
  if (id === undefined || id !== call.params['id']) return undefined
  const end = broker.endOf({ step: id })
  if (end === undefined || !supervisorReasons.has(end.reason)) return undefined
  return broker.endingStep(id) ?? id
}

async function finish(deps: FinishDeps, step: Step, body: Body): Promise<Answer> {
  const { gateway, broker } = deps
  // The token stands in no summary: that is recorded.
  const { reason, exit_code: exitCode, refusals_seen: seen, signing_identity: token, ...rest } = body
  const { artifact_findings: found, ...summary } = rest
  const before = gateway.activity(step.id)
  // A log that is away does not keep a step from ending: what waits is written when the step is over.
  await gateway.recordDownloads(step).catch(() => undefined)
  const warnings = await declare(deps, step, body)
  const refused = holdIdentity(deps, step, token)
  if (found !== undefined) await recordFound(deps, step, found)
  const outcome: StepOutcome = {
    reason,
    ...(exitCode === undefined ? {} : { exitCode }),
    activity: { granted: before.granted, denied: before.denied },
    summary,
  }
  try {
    const beside = await attachImages(deps, step, outcome)
    warnings.push(...beside.warnings)
    const unseen = gateway.refusals(step.id, seen)
    const told = beside.attached.flatMap(({ image, failure }) =>
      failure === undefined ? [] : [`no attestation stands beside ${image}: ${failure}`],
    )
    await record(deps, step, [...warnings, ...told])
    await broker.endStep(step, outcome)
    gateway.forget(step.id)
    return {
      ...(await answerOf(deps, step.id, { refused })),
      ...countedOf(before),
      refusals: { ...unseen, lines: [...unseen.lines] },
      ...(beside.attached.length === 0 ? {} : { attached: beside.attached.map(attachedOf) }),
      ...(warnings.length === 0 ? {} : { warnings }),
    }
  } catch (error) {
    throw await closedButNotWritten(deps, step, outcome, error)
  }
}

/** What its supervisor has found in files that it hands on: nobody here has seen them. */
async function recordFound(
  { broker, log }: FinishDeps,
  step: Step,
  { refused, unseen, ...found }: NonNullable<Body['artifact_findings']>,
): Promise<void> {
  const where = { place: 'artifacts', connection: '', what: step.name, reported: true }
  const data = {
    ...{ ...where, outcome: refused === true ? 'refused' : 'passed', secrets: [], ...found },
    ...(unseen === 0 ? {} : { unseen }),
  }
  await broker.outbox
    .write(async (_, add) => add([stepEvent(step, 'scan.found', data)]))
    .catch((error: unknown) => log.error({ step: step.id, error }, 'a finding was not recorded'))
}

function attachedOf({ manifests, ...one }: Awaited<ReturnType<Gateway['attach']>>[number]) {
  return { ...one, manifests: [...manifests] }
}

/** Of no run: it may have been ended by somebody else meanwhile. */
async function record({ broker, log }: FinishDeps, step: Step, warnings: readonly string[]): Promise<void> {
  if (warnings.length === 0) return
  const { run: of, ...event } = stepEvent(step, 'step.warned', { warnings })
  await broker.outbox
    .write(async (_, add) => add([{ ...event, data: { of, ...event.data } }]))
    .catch((error: unknown) => log.error({ step: step.id, error, warnings }, 'a warning was not recorded'))
}

/** Nothing is open for the step any more, whatever could not be written: that is what its supervisor has to know. */
async function closedButNotWritten(
  { broker }: FinishDeps,
  step: Step,
  outcome: StepOutcome,
  error: unknown,
): Promise<unknown> {
  if (!(error instanceof MayflyError) || (error.code !== 'disk_full' && error.code !== 'store_failed'))
    return error
  // Its gate closes, and what it had is revoked as far as that can be; the sweep writes the end once there is room.
  await broker.endStep(step, outcome).catch(() => undefined)
  if (broker.endingStep(step.id) === undefined) return error
  return new MayflyError(
    error.code,
    `the step is over and nothing more is given to it, but its end is not on the disk yet: ${messageOf(error)}. The server writes it as soon as it can; the same request may be sent again`,
    { cause: error },
  )
}

/** Keeps what it hands on, for later steps of the run. */
async function declare(deps: FinishDeps, step: Step, { artifacts }: Body): Promise<string[]> {
  const { files = [] } = deps.artifactLists.of(step.id) ?? artifacts ?? {}
  const problem = artifactListProblem(files)
  if (problem !== undefined) return [`its artifacts are not taken as those of the run: ${problem}`]
  try {
    await deps.gateway.declareArtifacts(
      step,
      files.map(({ sha256 }) => `sha256:${sha256}`),
    )
    return []
  } catch (error) {
    return [`later steps do not get its artifacts as those of the run: ${messageOf(error)}`]
  }
}

/** Why the token for signing is not taken, if so: the step ends all the same. */
function holdIdentity(
  { signingIdentities }: FinishDeps,
  step: Step,
  token: string | undefined,
): string | undefined {
  try {
    if (token !== undefined) signingIdentities?.hold(step.id, token)
    return undefined
  } catch (error) {
    if (error instanceof MayflyError) return error.message
    throw error
  }
}

/** Of a step that has ended: what it did, as far as it is known, and what is signed of it. */
async function answerOf(
  { attestor, gateway }: FinishDeps,
  step: StepId,
  { refused }: { refused?: string | undefined },
): Promise<Answer> {
  const counted = { ...countedOf(gateway.activity(step)), refusals: { lines: [], next: 0, more: 0 } }
  // What cannot be said here is asked for later.
  const handed = await attestor.handed(step, attestMs).catch(() => undefined)
  if (handed === undefined) return { ...counted, attestations_pending: true }
  const { bundles, pending } = handed
  const failures = [...handed.failures, ...(refused === undefined ? [] : [refused])]
  return {
    ...counted,
    ...(bundles.length === 0 ? {} : { attestations: bundles.map(bundleOf) }),
    ...(pending ? { attestations_pending: true as const } : {}),
    ...(failures.length === 0 ? {} : { attestations_failed: failures }),
  }
}

function countedOf({ granted, denied }: ReturnType<Gateway['activity']>) {
  return { granted: [...granted], denied: [...denied] }
}

function bundleOf({
  kind,
  predicateType,
  bundle,
  text,
}: Awaited<ReturnType<Attestor['handed']>>['bundles'][number]) {
  return {
    kind,
    ...(predicateType === undefined ? {} : { predicate_type: predicateType }),
    bundle,
    ...(text === undefined ? {} : { text }),
  }
}
