import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Readable, Writable } from 'node:stream'
import { createProofSigner } from '../identity/index.ts'
import type { Clock } from '../lib/index.ts'
import type { Environment } from '../config/environment.ts'
import { createServerApi } from './api.ts'
import { fetchIdentityToken } from './ci-token.ts'
import { exchangePatiently } from './exchange.ts'
import { createJobSessions } from './job-sessions.ts'
import { probeIsolation } from './sandbox/index.ts'
import { runStep, type StepRequest, type StepResult } from './step.ts'

export interface JobRequest {
  readonly server: string
  readonly environment: Environment
  readonly steps: readonly (StepRequest & { readonly continueOnError: boolean })[]
  readonly clock: Clock
  /** For the step, if there is one step and it is to read something. */
  readonly stdin?: Readable
  readonly stdout: Writable
  readonly stderr: Writable
  readonly cancel: AbortSignal
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
  /** Of the first step that failed, else 0. */
  readonly exitCode: number
}

/**
 * Runs the steps one after the other under one session, each with its own role. Throws MayflyError if the job
 * gets no session or a step cannot be started; the session is ended in every case.
 */
export async function runJob(request: JobRequest): Promise<JobResult> {
  const { environment, clock, stdin, stdout, stderr, cancel } = request
  const streams = { stdout, stderr, ...(stdin === undefined ? {} : { stdin }) }
  const job = environment.variables
  const roles = [...new Set(request.steps.map((step) => step.role))]
  const isolated = request.steps.some((step) => step.isolation === 'namespace')
  const probing = isolated
    ? probeIsolation()
    : Promise.resolve({ tier: 'none', why: 'not asked for' } as const)
  const signer = await createProofSigner({ clock })
  const api = createServerApi({ url: request.server, signer })
  const tell = (line: string) => stderr.write(`mayfly: ${line}\n`)
  try {
    // The CI is asked for the token meanwhile, so the nonce costs no time of its own.
    const preparing = api.prepare()
    const identityToken = await fetchIdentityToken({
      environment,
      audience: environment.audience ?? request.server,
      untrusted: request.steps.map((step) => step.workspace),
    })
    await preparing
    const answer = await exchangePatiently(
      { api, tell, cancel, sleep, clock },
      { identityToken: identityToken.reveal(), roles },
    )
    const sessions = createJobSessions({ api, answer, tell, cancel, sleep, clock })
    let runId = ''
    let sessionId = ''
    const results: StepResult[] = []
    let exitCode = 0
    try {
      const probe = await probing
      for (const step of request.steps) {
        request.onStep?.({ kind: 'start', step })
        const session = await sessions.of(step.role)
        runId = session.run_id
        if (sessionId === '') sessionId = session.session_id
        const result = await runStep(
          { ...streams, api, signer, session, identityToken, probe, job, cancel, clock },
          step,
        )
        results.push(result)
        request.onStep?.({ kind: 'end', result })
        if (exitCode === 0 && !step.continueOnError) exitCode = result.exitCode
        if (cancel.aborted || exitCode !== 0) break
      }
    } finally {
      // However it went, no session outlives the job.
      await sessions.end()
    }
    return { runId, sessionId, steps: results, exitCode }
  } finally {
    api.close()
  }
}

/** The shell that runs a pipeline step's script: as GitHub and GitLab do, stopping at the first failure. */
export function shellCommand(script: string): string[] {
  const bash = '/bin/bash'
  return existsSync(bash) ? [bash, '-e', '-o', 'pipefail', '-c', script] : ['/bin/sh', '-e', '-c', script]
}
