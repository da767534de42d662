import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Readable, Writable } from 'node:stream'
import { createProofSigner } from '../identity/index.ts'
import { MayflyError, Secret, type Clock } from '../lib/index.ts'
import type { Environment } from '../config/environment.ts'
import { createServerApi } from './api.ts'
import type { Cancellation } from './cancellation.ts'
import { fetchIdentityToken } from './ci-token.ts'
import { exchangePatiently } from './exchange.ts'
import { createJobSessions } from './job-sessions.ts'
import { kindOfWorkspace } from './kind-of-workspace.ts'
import type { Notices } from './notices.ts'
import type { Redactor } from './redactor.ts'
import { probeIsolation } from './sandbox/index.ts'
import { createJobWorkspaces } from './workspace/index.ts'
import { runStep } from './step.ts'
import type { StepRequest, StepResult } from './step-request.ts'

export interface JobRequest {
  readonly server: string
  readonly environment: Environment
  readonly steps: readonly (StepRequest & { readonly continueOnError: boolean })[]
  readonly clock: Clock
  /** For the step, if there is one step and it is to read something. */
  readonly stdin?: Readable
  readonly stdout: Writable
  readonly stderr: Writable
  /** Both lead to one place, and so the step's two are one. */
  readonly merged: boolean
  /** The way of every line of ours; to `stderr`. */
  readonly notices: Notices
  readonly redactor: Redactor
  readonly cancellation: Cancellation
  /** Called around each step of a pipeline file, for the reader of the log. */
  readonly onStep?: (
    event: { kind: 'start'; step: StepRequest } | { kind: 'end'; result: StepResult },
  ) => void
}

export interface JobResult {
  readonly runId: string
  /** Of the first step; one that people approved has a session of its own. */
  readonly sessionId: string
  readonly steps: readonly StepResult[]
  /** Of the first step that failed, else 0; if it was asked to end, that of the signal. */
  readonly exitCode: number
}

/**
 * Runs the steps one after the other under one session, each with its own role. Throws MayflyError if the job
 * gets no session or a step cannot be started; the session is ended in every case.
 */
export async function runJob(request: JobRequest): Promise<JobResult> {
  const { environment, clock, redactor, cancellation } = request
  const job = environment.variables
  const roles = [...new Set(request.steps.map((step) => step.role))]
  const isolated = request.steps.some((step) => step.isolation === 'namespace')
  const probing = isolated
    ? probeIsolation()
    : Promise.resolve({ tier: 'none', why: 'not asked for' } as const)
  const tell = (line: string) => request.notices.tell(`mayfly: ${line}`)
  await using workspaces = createJobWorkspaces({
    environment,
    workspaces: request.steps.map(({ workspace }) => workspace),
    tell,
    cancel: cancellation.asked,
  })
  // Before the CI's token is used up: the wait may be long.
  if (request.steps.some(({ workspaceKind }) => workspaceKind !== 'fresh')) await workspaces.take()
  const signer = await createProofSigner({ clock })
  const api = createServerApi({ url: request.server, signer })
  for (const role of roles) refuseSecretRole(role, redactor)
  try {
    // The CI is asked for the token meanwhile, so the nonce costs no time of its own.
    const preparing = api.prepare()
    const identityToken = await fetchIdentityToken({
      environment,
      audience: environment.audience ?? request.server,
      untrusted: request.steps.map((step) => step.workspace),
    })
    await preparing
    const cancel = cancellation.asked
    redactor.addOwn(identityToken)
    const exchanging = exchangePatiently(
      { api, tell, cancel, sleep, clock },
      { identityToken: identityToken.reveal(), roles },
    )
    exchanging.catch(() => undefined)
    // It takes some milliseconds, and the server has its own to do meanwhile.
    setImmediate(redactor.warm)
    const answer = await exchanging
    const learn = (token: string) => redactor.addOwn(new Secret(token))
    const sessions = createJobSessions({
      ...{ api, answer, tell, cancel, sleep, clock, learn },
      beforeWaiting: () => workspaces.giveWay(),
    })
    tellUnmasked(redactor, tell)
    let runId = ''
    let sessionId = ''
    const results: StepResult[] = []
    let exitCode = 0
    try {
      const probe = await probing
      for (const [at, step] of request.steps.entries()) {
        if (cancel.aborted) break
        request.onStep?.({ kind: 'start', step })
        const session = await sessions.of(step.role)
        runId = session.run_id
        if (sessionId === '') sessionId = session.session_id
        const { cacheFolder } = environment
        // Other jobs may have the workspace that no step of this one needs any more.
        if (request.steps.slice(at).every((one) => kindOfWorkspace(session, one) === 'fresh'))
          workspaces.giveWay()
        const result = await runStep(
          { ...request, api, signer, session, probe, job, cacheFolder, workspaces },
          { ...step, inputs: results.flatMap(({ artifacts }) => artifacts ?? []) },
        )
        results.push(result)
        request.onStep?.({ kind: 'end', result })
        if (exitCode === 0 && (!step.continueOnError || result.ended !== undefined))
          exitCode = result.exitCode
        // The next step has no session either.
        if (exitCode !== 0 || result.ended !== undefined) break
      }
    } finally {
      // However it went, no session outlives the job.
      await sessions.end()
    }
    if (cancel.aborted) exitCode = cancellation.exitCode()
    return { runId, sessionId, steps: results, exitCode }
  } finally {
    api.close()
  }
}

/** A role's name goes to the server as it is, and into its log: a secret that was put in its place must not. */
function refuseSecretRole(role: string, redactor: Redactor): void {
  if (/^[a-z][a-z0-9-]{0,62}$/.test(role) || !redactor.isIn(role)) return
  throw new MayflyError(
    'bad_input',
    'a secret of this job stands where the name of a role should: nothing was sent',
  )
}

function tellUnmasked(redactor: Redactor, tell: (line: string) => void): void {
  const count = redactor.unmasked()
  if (count > 0) tell(`${count} secret values of the job cannot be masked (too short, blank or too long)`)
}

/** The shell that runs a pipeline step's script: as GitHub and GitLab do, stopping at the first failure. */
export function shellCommand(script: string): string[] {
  const bash = '/bin/bash'
  return existsSync(bash) ? [bash, '-e', '-o', 'pipefail', '-c', script] : ['/bin/sh', '-e', '-c', script]
}
