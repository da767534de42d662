import { performance } from 'node:perf_hooks'
import { setTimeout } from 'node:timers/promises'
import { escapeUnseen, MayflyError, messageOf } from '../lib/index.ts'
import type { Attested, FinishAnswer } from './api-facts.ts'
import { filesOf, type Artifact } from './artifacts/index.ts'
import {
  attestationFiles,
  attestationNames,
  readHanded,
  takenName,
  writeAttestations,
} from './attestations/index.ts'
import type { OpenStep } from './opened-step.ts'
import type { StepDeps, StepRequest } from './step-request.ts'

/**
 * Tells the server of all artifacts, before the end of the step is told. False if it was not told, or if the step has put something
 * where its attestations are to go: then it has failed.
 */
export async function declareArtifacts(
  deps: Pick<StepDeps, 'api' | 'notices' | 'redactor'>,
  { name, attestations }: StepRequest,
  { step }: OpenStep,
  artifacts: readonly Artifact[] = [],
): Promise<boolean> {
  const tell = tellerOf(deps, name)
  if (artifacts.length > 0)
    try {
      await deps.api.declareArtifacts(step, filesOf(artifacts, deps.redactor.text))
    } catch (error) {
      // A server from before there were attestations.
      if (error instanceof MayflyError && error.code === 'not_found') return true
      tell(`the server was not told of the artifacts (${messageOf(error)}): nothing is signed about them`)
      return attestations === undefined
    }
  if (attestations === undefined) return true
  const taken = await takenName(attestations, attestationNames(artifacts))
  if (taken !== undefined)
    tell(
      `the step wrote ${JSON.stringify(taken)} in ${attestations.shown}, where its attestations go: it is not replaced; have it write elsewhere`,
    )
  return taken === undefined
}

/** Writes what the server signed of a step that has succeeded to the folder that was asked for. False if that failed. */
export async function takeAttestations(
  deps: Pick<StepDeps, 'api' | 'notices'>,
  { name, attestations: place }: StepRequest,
  { step }: OpenStep,
  atEnd: Signed | undefined,
  artifacts: readonly Artifact[] = [],
  waitMs = longestWaitMs,
): Promise<{ readonly isComplete: boolean; readonly attested?: Attested }> {
  const tell = tellerOf(deps, name)
  const failed = atEnd?.attestations_failed ?? []
  for (const why of failed.slice(0, 10)) tell(`never signed as it is: ${why}`)
  if (failed.length > 0 && place !== undefined) return { isComplete: false }
  const isAwaited = atEnd?.attestations_pending === true && place !== undefined
  const answer: Later | undefined = isAwaited ? await signedLater(deps, step, waitMs) : atEnd
  if (answer?.attestations_pending === true) {
    tell(
      place === undefined
        ? 'they are signed later, and found at the server by their digests; a grant that demands them waits for them'
        : `${answer.unread === undefined ? 'they are not signed yet, and this job has waited for them' : `this job could not ask for them (${answer.unread})`}: they will be found at the server by their digests, and a grant that demands them waits for them; the files come by an API token of scope session:read: mayfly attest fetch ${step.step_id} -o ${place.shown}`,
    )
    const first = artifacts[0] === undefined ? {} : { digest: `sha256:${artifacts[0].sha256}` }
    return { isComplete: true, attested: { artifacts: artifacts.length, ...first, pending: true } }
  }
  const handed = readHanded(answer?.attestations ?? [])
  if (handed.provenance === undefined) {
    if (place !== undefined) tell('the server signed nothing about this step')
    return { isComplete: place === undefined }
  }
  const attested = handed.about
  if (place === undefined) return { isComplete: true, attested }
  const why = await writeAttestations(place, attestationFiles(handed, artifacts))
  if (why === undefined) return { isComplete: true, attested: { ...attested, written: place.shown } }
  tell(`not written: ${why}; elsewhere: mayfly attest fetch ${step.step_id} -o DIR`)
  return { isComplete: false, attested }
}

type Signed = Pick<FinishAnswer, `attestations${'' | '_pending' | '_failed'}`>

/** `unread`: why the server did not answer when it was last asked. */
type Later = Signed & { readonly unread?: string }

/** A log or a key service that is started anew is back by then. */
const longestWaitMs = 30_000
const pauseMs = 1_000

/** Asks by the step's own token, which outlives its end: nobody else in a job could fetch them later. */
async function signedLater(
  { api }: Pick<StepDeps, 'api'>,
  step: OpenStep['step'],
  waitMs: number,
): Promise<Later> {
  const until = performance.now() + waitMs
  for (;;) {
    const { signed, pending, ...rest } = await api
      .attestations(step)
      .catch((error: unknown) => ({ signed: [], pending: true, unread: messageOf(error) }))
    if (!pending) return { attestations: signed }
    if (performance.now() + pauseMs > until) return { attestations_pending: true, ...rest }
    await setTimeout(pauseMs)
  }
}

/** What stands in a folder is the step's to choose, and these lines go to a terminal. */
function tellerOf({ notices }: Pick<StepDeps, 'notices'>, step: string): (line: string) => void {
  return (line) => notices.tell(escapeUnseen(`mayfly: attestations of step "${step}": ${line}`))
}
