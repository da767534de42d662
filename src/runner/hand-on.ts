import { escapeUnseen, limits, messageOf } from '../lib/index.ts'
import { collectArtifacts, TooMuch, type Artifacts } from './artifacts/index.ts'
import type { OpenStep } from './opened-step.ts'
import type { StepDeps, StepRequest } from './step-request.ts'
import type { Outcome } from './supervise.ts'

/** A step may put a secret into any number of files. */
const maxLines = 20

/**
 * Takes what the step declares as artifacts, when all its processes are gone: the digest of each, and a copy if other steps may have
 * it. What is not there, or holds a secret that cannot be masked, fails a step that has succeeded; undefined if it declares none.
 */
export async function handOn(
  deps: Pick<StepDeps, 'workspaces' | 'notices' | 'redactor'>,
  request: StepRequest,
  open: OpenStep,
  outcome: Pick<Outcome, 'exitCode'>,
): Promise<{ readonly isComplete: boolean; readonly artifacts?: Artifacts } | undefined> {
  const { artifacts: patterns = [], name: step, artifactsStay = false } = request
  if (patterns.length === 0 || !open.hasStarted()) return undefined
  // Names of files are the step's to choose, and these lines go to a terminal.
  const tell = (line: string) =>
    deps.notices.tell(escapeUnseen(`mayfly: artifacts of step "${step}": ${line}`))
  const succeeded = outcome.exitCode === 0
  try {
    const { artifacts, missing, passedOver, masked } = await collectArtifacts({
      ...{ step, patterns, workspace: open.place },
      store: artifactsStay ? undefined : await deps.workspaces.store(),
      isCovered: open.isCovered,
      masker: deps.redactor.masker(),
      onSeen: open.secretsSeen.add,
      // Holes in a file take no room where it lies, and all of it where it is copied to.
      maxBytes: artifactsStay ? limits.artifactBytes : Math.min(limits.artifactBytes, open.limits.diskBytes),
    })
    for (const line of masked.slice(0, maxLines)) tell(`masked: ${line}`)
    if (masked.length > maxLines) tell(`masked: ${masked.length - maxLines} more files`)
    for (const line of passedOver) tell(`not ${artifactsStay ? 'attested' : 'handed on'}: ${line}`)
    if (succeeded) for (const line of missing) tell(line)
    return { isComplete: !succeeded || missing.length === 0, artifacts }
  } catch (error) {
    // Its own files, in whatever state it left them, do not take the record of its end away.
    tell(
      `${error instanceof TooMuch ? error.message : messageOf(error)}: none is ${artifactsStay ? 'attested' : 'handed on'}`,
    )
    return { isComplete: !succeeded }
  }
}
