import { availableParallelism } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { createProofSigner } from '../identity/index.ts'
import { MayflyError, Secret } from '../lib/index.ts'
import { refuseEarlier } from './attestations/index.ts'
import { createServerApi, type ServerApi } from './api.ts'
import { canGiveAnotherToken, fetchIdentityToken } from './ci-token.ts'
import { createDotenvReports } from './dotenv-reports.ts'
import { createStepVariables } from './step-variables.ts'
import { exchangePatiently } from './exchange.ts'
import type { JobRequest } from './job/job-request.ts'
import type { JobResult } from './job/results.ts'
import { runSteps } from './job/run-steps.ts'
import { createJobSessions, type JobSessions } from './job/sessions.ts'
import type { Redactor } from './redactor.ts'
import { probeIsolation } from './sandbox/index.ts'
import { createJobWorkspaces, type JobWorkspaces } from './workspace/index.ts'

/**
 * Runs the steps, each in its own role, once those that it needs have ended. Throws MayflyError if the job gets no session;
 * every session is ended in every case.
 */
export async function runJob(request: JobRequest): Promise<JobResult> {
  const { cancellation, redactor, steps } = request
  const isolated = steps.some((step) => step.isolation !== 'none')
  const probing = isolated
    ? probeIsolation({
        folder: request.environment.cacheFolder,
        workspaces: steps.map(({ workspace }) => workspace),
      })
    : Promise.resolve({ tier: 'none', why: 'not asked for' } as const)
  const tell = (line: string) => request.notices.tell(`mayfly: ${line}`)
  await using workspaces = createJobWorkspaces({
    environment: request.environment,
    workspaces: steps.map(({ workspace }) => workspace),
    ...{ tell, cancel: cancellation.asked },
  })
  // Before the CI's token is used up: the wait may be long.
  if (steps.some(({ workspaceKind }) => workspaceKind !== 'fresh')) await workspaces.take()
  const dotenvReports = createDotenvReports({ steps, mask: redactor.text, tell })
  const signer = await createProofSigner({ clock: request.clock })
  const api = createServerApi({ url: request.server, signer })
  for (const { role, attestations } of steps) {
    refuseSecretRole(role, redactor)
    if (attestations !== undefined) await refuseEarlier(attestations)
  }
  try {
    const sessions = await openSessions(request, api, workspaces, tell)
    tellUnmasked(redactor, tell)
    try {
      return await runSteps({
        ...request,
        ...{ api, signer, sessions, workspaces, dotenvReports },
        stepVariables: createStepVariables({ steps }),
        probe: await probing,
        jobs: request.jobs ?? availableParallelism(),
        toldOnce: new Set(),
      })
    } finally {
      // However it went, no session outlives the job.
      await sessions.end()
      dotenvReports.settle()
    }
  } finally {
    api.close()
  }
}

/** Assumes the roles of the first steps, or where the CI gives its job one token all of them. */
async function openSessions(
  request: JobRequest,
  api: ServerApi,
  workspaces: JobWorkspaces,
  tell: (line: string) => void,
): Promise<JobSessions> {
  const { environment, steps, redactor, clock } = request
  const cancel = request.cancellation.asked
  const roles = [...new Set(steps.map((step) => step.role))]
  const first = [...new Set(steps.filter(({ needs }) => needs.length === 0).map((step) => step.role))]
  const tokens = {
    environment,
    audience: environment.audience ?? request.server,
    untrusted: steps.map((step) => step.workspace),
  }
  // The CI is asked for the token meanwhile, so the nonce costs no time of its own.
  const preparing = api.prepare()
  const exchange = async (asked: Omit<Parameters<ServerApi['exchange']>[0], 'identityToken'>) => {
    const identityToken = await fetchIdentityToken(tokens)
    await preparing
    redactor.addOwn(identityToken)
    const exchanging = exchangePatiently(
      { api, tell, cancel, sleep, clock },
      { ...asked, identityToken: identityToken.reveal() },
    )
    exchanging.catch(() => undefined)
    // It takes some milliseconds, and the server has its own to do meanwhile.
    setImmediate(redactor.warm)
    return exchanging
  }
  const isOne = steps.length === 1
  const again = !isOne && canGiveAnotherToken(tokens)
  const later = roles.filter((role) => !first.includes(role))
  // A pull request runs the file whose last step releases: it must not fail for a role that its `if` keeps it from.
  const optional = roles.filter((role) => steps.every((step) => step.role !== role || step.isConditional))
  const answer = await exchange(again ? { roles: first, later, optional } : { roles, optional, wait: !isOne })
  return createJobSessions({
    ...{ api, answer, tell, cancel, sleep, clock },
    beforeWaiting: () => workspaces.giveWay(),
    learn: (token) => redactor.addOwn(new Secret(token, '(token of Mayfly)')),
    assume: again ? (role) => exchange({ roles: [role] }) : undefined,
  })
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
