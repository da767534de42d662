import { performance } from 'node:perf_hooks'
import { limits, Secret, type Engine, type Tier } from '../lib/index.ts'
import type { Chosen } from './isolation.ts'
import { secretsOfJob } from './job-secrets/index.ts'
import { lockfilesOnce } from './lockfile.ts'
import type { OpenStep } from './opened-step.ts'
import { createStepLog } from './record/index.ts'
import { publisherIdentityOnce } from './publisher-identity.ts'
import { createRefusals } from './refusals.ts'
import { createRelay } from './relay.ts'
import { keepRenewed } from './renewal.ts'
import type { Redactor } from './redactor.ts'
import { createSecretsSeen } from './secrets-seen.ts'
import { stepLimits } from './step-limits.ts'
import type { StepDeps, StepRequest } from './step-request.ts'
import {
  describeLeftovers,
  findLeftovers,
  openToOwner,
  refuseForeignPrograms,
  refuseUnwritable,
  type StepWorkspace,
} from './workspace/index.ts'

/**
 * Looks for what must not be seen, opens the step at the server, and makes what it has while it is open: relay, log, renewal of
 * its token. Nothing of it runs yet.
 */
export async function openStep(
  deps: StepDeps,
  request: StepRequest,
  place: StepWorkspace,
  isolation: Chosen,
): Promise<OpenStep> {
  const { api, redactor, notices } = deps
  const ofRole = stepLimits(deps, request)
  if (isolation.tier !== 'E') {
    openToOwner(request.workspace)
    refuseUnwritable(request.workspace)
  }
  const writes = deps.session.roles.find(({ name }) => name === request.role)?.writes ?? true
  if (writes && place.kind === 'shared') refuseForeignPrograms(request.workspace)
  redactor.add(
    ...secretsOfJob(request.env, Object.keys(request.env)),
    ...secretsOfJob(deps.job, request.passEnv),
  )
  const leftovers = findLeftovers(request.workspace)
  redactor.add(...leftovers.secrets)
  const left = describeLeftovers(leftovers, deps.job, isolation.tier !== 'E')
  if (left !== undefined && !deps.toldOnce.has(left)) {
    deps.toldOnce.add(left)
    notices.tell(`mayfly: ${left}`)
  }
  if (leftovers.cutAt !== undefined)
    notices.tell(
      `mayfly: the workspace has too many files to look at: from ${redactor.text(leftovers.cutAt).replaceAll(/[^\x20-\x7e]/g, '?')} on, credentials and repositories were not looked for: clean it, or give the step a workspace of its own (workspace: fresh)`,
    )
  const step = await api.openStep(deps.session.access_token, {
    name: redactor.text(request.name),
    role: request.role,
    ...wireOf(isolation),
    command: redactor.command(request.command).slice(0, maxCommandChars),
    workspace: { kind: place.kind, id: place.id },
    services: request.services,
  })
  const learn = (token: string) => redactor.addOwn(new Secret(token, '(token of Mayfly)'))
  learn(deps.session.access_token)
  learn(step.access_token)
  const startedMs = performance.now()
  const startedAt = new Date(deps.clock.nowMs()).toISOString()
  const renewal = keepRenewed({ api, grant: step, clock: deps.clock, learn })
  const refusals = createRefusals(notices.tell, step.run_id)
  const pinned = lockfilesOnce(api, step, request, notices.tell)
  const publisher = publisherIdentityOnce({
    ...{ api, step, tell: notices.tell, learn: redactor.addOwn, clock: deps.clock },
    identityFor: deps.identityFor,
  })
  const relay = createRelay({
    step,
    signer: deps.signer,
    tell: refusals.tell,
    holdsSecret: redactor.isIn,
    beforeRegistry: async (authority) => {
      await Promise.all([pinned(), publisher(authority)])
    },
  })
  const log = createStepLog({
    send: (offset, bytes, timeoutMs) => api.appendLog(step, offset, bytes, timeoutMs),
    tell: notices.tell,
    nowMs: () => deps.clock.nowMs(),
    found: maskFound(redactor, notices.tell),
  })
  const secretsSeen = createSecretsSeen(redactor.text)
  return {
    ...{
      step,
      relay,
      refusals,
      covers: leftovers.covers,
      limits: ofRole,
      place,
      log,
      secretsSeen,
      isolation,
    },
    ...{ renewal, startedMs, startedAt },
    isCovered: () => false,
    caches: undefined,
    hasStarted: () => false,
  }
}

/** What the server has found in the output is masked from here on; what was shown, was. */
function maskFound(redactor: Redactor, tell: (line: string) => void): (values: readonly string[]) => void {
  let isTold = false
  const known = new Set<string>()
  return (values) => {
    const fresh = new Set(values).difference(known)
    for (const value of fresh) if (known.size < limits.maskedOfStep) known.add(value)
    // A server hands no more.
    redactor.addFound([...fresh.intersection(known)], 'a secret in the output')
    if (!isTold)
      tell(
        'mayfly: a secret was found in what the step writes: it is masked from here on, and in the audit log',
      )
    isTold = true
  }
}

const maxCommandChars = 16_000

function wireOf(isolation: Chosen): { tier: Tier; engine?: Engine; image?: string } {
  if (!('engine' in isolation)) return { tier: isolation.tier }
  const { tier, engine, image, digest } = isolation
  return { tier, engine, image: `${image}@${digest}` }
}
