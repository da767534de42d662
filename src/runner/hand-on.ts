import { escapeUnseen, limits, messageOf } from '../lib/index.ts'
import type { ArtifactFindings } from './api-facts.ts'
import { collectArtifacts, lookAtArtifacts, TooMuch, type Artifacts } from './artifacts/index.ts'
import type { OpenStep } from './opened-step.ts'
import type { StepDeps, StepRequest } from './step-request.ts'
import type { Outcome } from './supervise.ts'

/** A step may put a secret into any number of files. */
const maxLines = 20

interface HandedOn {
  readonly isComplete: boolean
  readonly artifacts?: Artifacts
  /** What looks like a secret in them. */
  readonly found?: ArtifactFindings
}

/**
 * Takes what the step declares as artifacts, when all its processes are gone: the digest of each, and a copy if other steps may have
 * it. What is not there, or holds a secret that cannot be masked, fails a step that has succeeded; undefined if it declares none.
 */
export async function handOn(
  deps: Pick<StepDeps, 'workspaces' | 'notices' | 'redactor' | 'clock'>,
  request: StepRequest,
  open: OpenStep,
  outcome: Pick<Outcome, 'exitCode'>,
): Promise<HandedOn | undefined> {
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
    const found = await look(deps, open, artifacts, tell)
    if (found?.refused === true) return { isComplete: !succeeded, found }
    return {
      isComplete: !succeeded || missing.length === 0,
      artifacts,
      ...(found === undefined ? {} : { found }),
    }
  } catch (error) {
    // Its own files, in whatever state it left them, do not take the record of its end away.
    tell(
      `${error instanceof TooMuch ? error.message : messageOf(error)}: none is ${artifactsStay ? 'attested' : 'handed on'}`,
    )
    return { isComplete: !succeeded }
  }
}

/** Throws what a scan fails with where a finding would be refused: then none is handed on. */
async function look(
  { redactor, clock }: Pick<StepDeps, 'redactor' | 'clock'>,
  { step: { scan_artifacts: action } }: OpenStep,
  { folder, ...artifacts }: Artifacts,
  tell: (line: string) => void,
): Promise<ArtifactFindings | undefined> {
  // What stays where it is goes to no other step.
  if (action === undefined || folder === undefined || artifacts.files.length === 0) return undefined
  const looked = await lookAtArtifacts({ ...artifacts, folder }, redactor.text, clock.nowMs()).catch(
    (error: unknown) => {
      if (action === 'block') throw error
      tell(`not looked at for secrets: ${messageOf(error)}`)
    },
  )
  if (looked === undefined) return undefined
  const { found, lines, isSerious } = looked
  const isRefused = action === 'block' && isSerious
  if (action !== 'record')
    for (const line of lines.slice(0, maxLines))
      tell(`${isRefused ? 'none is handed on: ' : ''}a secret may be in ${line}`)
  return found === undefined || !isRefused ? found : { ...found, refused: true }
}
