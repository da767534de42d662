import { performance } from 'node:perf_hooks'
import type { Readable, Writable } from 'node:stream'
import { MayflyError, Secret, messageOf, type Clock } from '../lib/index.ts'
import type { ProofSigner } from '../identity/index.ts'
import type { ServerApi, SessionGrant, StepActivity, StepGrant } from './api.ts'
import { startBare } from './bare.ts'
import { bareEnvironment, secretsOfJob, stepEnvironment } from './environment.ts'
import { feedInput } from './input.ts'
import { readWorkspaceLockfile } from './lockfile.ts'
import { createMasker, type Masker } from './mask/index.ts'
import { createNotices, type Notices } from './notices.ts'
import { copyOutput } from './output.ts'
import { createRelay, type Relay } from './relay.ts'
import { keepRenewed } from './renewal.ts'
import { isolationAdvice, startSandbox, type Probe, type Running } from './sandbox/index.ts'

export interface StepRequest {
  readonly name: string
  readonly role: string
  /** Program and arguments. */
  readonly command: readonly string[]
  readonly workspace: string
  readonly tools: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly passEnv: readonly string[]
  readonly lockfile: string
  /** `none` must have been asked for by name. */
  readonly isolation: 'namespace' | 'none'
}

export interface StepResult {
  readonly name: string
  readonly role: string
  readonly stepId: string
  readonly exitCode: number
  readonly durationMs: number
  readonly activity: StepActivity
}

export interface StepDeps {
  readonly api: ServerApi
  readonly signer: ProofSigner
  readonly session: SessionGrant
  readonly identityToken: Secret
  readonly probe: Probe
  /** The job's environment. */
  readonly job: Readonly<Record<string, string>>
  /** What the caller says to the step; without it, the step reads /dev/null. */
  readonly stdin?: Readable
  readonly stdout: Writable
  readonly stderr: Writable
  /** Fires on ctrl-c or termination: the tree is killed and everything revoked. */
  readonly cancel: AbortSignal
  readonly clock: Clock
}

/** Exit code when Mayfly itself could not run the command (as `docker run` and `env` have it). */
export const notStartedExitCode = 125

/** Runs one step: open, isolate, relay, mask, wait, revoke. Throws MayflyError if it could not be started. */
export async function runStep(deps: StepDeps, request: StepRequest): Promise<StepResult> {
  const tier = chooseTier(deps.probe, request)
  const step = await deps.api.openStep(deps.session.access_token, {
    name: request.name,
    role: request.role,
    tier,
    command: request.command.join(' ').slice(0, 16_000),
  })
  const startedMs = performance.now()
  const renewal = keepRenewed({ api: deps.api, grant: step, clock: deps.clock })
  const notices = createNotices(deps.stderr)
  const { tell } = notices
  const relay = createRelay({
    step,
    signer: deps.signer,
    tell,
    beforeRegistry: lockfileOnce(deps.api, step, request, tell),
  })
  try {
    const running =
      deps.probe.tier === 'B' && tier === 'B'
        ? startIsolated(deps, deps.probe, request, step, relay)
        : startBare({
            ...request,
            env: {
              ...bareEnvironment(deps.job),
              ...request.env,
              MAYFLY_RUN: step.run_id,
              MAYFLY_STEP: step.step_id,
            },
            withStdin: deps.stdin !== undefined,
            stderr: deps.stderr,
          })
    // The gate closes before the tree is killed.
    const kill = () => {
      relay.close()
      running.kill()
    }
    const outcome = await supervise(deps, step, { ...running, kill }, notices)
    relay.close()
    const durationMs = Math.round(performance.now() - startedMs)
    const activity = await report(deps, step, outcome, durationMs, tell)
    return {
      name: request.name,
      role: request.role,
      stepId: step.step_id,
      exitCode: outcome.exitCode,
      durationMs,
      activity,
    }
  } catch (error) {
    relay.close()
    await deps.api.finish(step, { reason: 'failed_to_start' }).catch(() => undefined)
    throw error
  } finally {
    renewal.stop()
  }
}

function chooseTier(probe: Probe, request: StepRequest): 'B' | 'E' {
  if (request.isolation === 'none') return 'E'
  if (probe.tier === 'B') return 'B'
  throw new MayflyError(
    'isolation_unavailable',
    `step "${request.name}" cannot be isolated: ${probe.why}: ${isolationAdvice(probe.why)}; or ask for --isolation none, if the role allows it`,
  )
}

function startIsolated(
  deps: StepDeps,
  probe: Probe & { tier: 'B' },
  request: StepRequest,
  step: StepGrant,
  relay: Relay,
): Running {
  const env = stepEnvironment({
    job: deps.job,
    passEnv: request.passEnv,
    env: request.env,
    tools: request.tools,
    step,
  })
  const sandbox = startSandbox({
    workspace: request.workspace,
    tools: request.tools,
    env,
    command: request.command,
    caCertificate: step.ca_certificate,
    withStdin: deps.stdin !== undefined,
    bwrap: probe.bwrap,
    disableUserns: probe.disableUserns,
  })
  sandbox.onListener((listener) => relay.serve(listener))
  return sandbox
}

interface Outcome {
  readonly exitCode: number
  readonly reason: 'finished' | 'cancelled'
  readonly output: {
    stdout_bytes: number
    stderr_bytes: number
    stdout_sha256: string
    stderr_sha256: string
  }
}

async function supervise(
  deps: StepDeps,
  step: StepGrant,
  running: Running,
  notices: Notices,
): Promise<Outcome> {
  let masker: Masker | undefined
  const tokens = [deps.identityToken, new Secret(deps.session.access_token), new Secret(step.access_token)]
  const maskerOnce = () => {
    if (masker !== undefined) return masker
    masker = createMasker([...secretsOfJob(deps.job), ...tokens])
    const unmasked = masker.refused.length
    if (unmasked > 0)
      notices.tell(
        `mayfly: ${unmasked} secret values of the job cannot be masked (too short, blank or too long)`,
      )
    return masker
  }
  const stdout = copyOutput(running.stdout, deps.stdout, maskerOnce, () => undefined)
  const stderr = copyOutput(running.stderr, deps.stderr, maskerOnce, notices.shown)
  const stop = () => running.kill()
  deps.cancel.addEventListener('abort', stop, { once: true })
  if (deps.cancel.aborted) stop()
  const heartbeat = beat(deps, step, stop)
  const endInput =
    deps.stdin !== undefined && running.stdin !== undefined
      ? feedInput(deps.stdin, running.stdin)
      : () => undefined
  try {
    const exitCode = await running.exit
    await Promise.all([stdout.done, stderr.done])
    notices.end()
    const [out, err] = [stdout.summary(), stderr.summary()]
    return {
      exitCode: deps.cancel.aborted ? 130 : exitCode,
      reason: deps.cancel.aborted ? 'cancelled' : 'finished',
      output: {
        stdout_bytes: out.bytes,
        stderr_bytes: err.bytes,
        stdout_sha256: out.sha256,
        stderr_sha256: err.sha256,
      },
    }
  } catch (error) {
    // Nothing runs on unsupervised.
    stop()
    throw error
  } finally {
    clearInterval(heartbeat)
    endInput()
    deps.cancel.removeEventListener('abort', stop)
  }
}

/** Says that the step lives. If the server says that it has ended (revoked, expired), it ends here too. */
function beat(deps: StepDeps, step: StepGrant, stop: () => void): NodeJS.Timeout {
  return setInterval(() => {
    deps.api.heartbeat(step).catch((error: unknown) => {
      if (!(error instanceof MayflyError) || (error.code !== 'revoked' && error.code !== 'denied')) return
      deps.stderr.write(`mayfly: the step was ended by the server: ${error.message}\n`)
      stop()
    })
  }, step.heartbeat_seconds * 1000)
}

async function report(
  deps: StepDeps,
  step: StepGrant,
  outcome: Outcome,
  durationMs: number,
  tell: (line: string) => void,
): Promise<StepActivity> {
  const { exitCode, reason, output } = outcome
  try {
    return await deps.api.finish(step, { reason, exit_code: exitCode, duration_ms: durationMs, output })
  } catch (error) {
    // The server revokes by itself when heartbeats stop; the command's own result stands.
    tell(
      `mayfly: the end of the step could not be reported (${messageOf(error)}); its leases end with its heartbeat`,
    )
    return { granted: [], denied: [] }
  }
}

/** Hands the lockfile over before the first request to a registry, once there is one. */
function lockfileOnce(
  api: ServerApi,
  step: StepGrant,
  request: StepRequest,
  tell: (line: string) => void,
): () => Promise<void> {
  let handing: Promise<void> | undefined
  return () => {
    handing ??= (async () => {
      const text = readWorkspaceLockfile(request.workspace, request.lockfile)
      if (text === undefined) {
        handing = undefined
        return
      }
      await api
        .pinLockfile(step, text)
        .catch((error: unknown) => tell(`mayfly: ${request.lockfile} is not usable: ${messageOf(error)}`))
    })()
    return handing
  }
}
