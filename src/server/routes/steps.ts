import type { ScanAction } from '../../config/index.ts'
import { z } from 'zod'
import { MayflyError, limits, nowSeconds } from '../../lib/index.ts'
import type { AccessTokens } from '../../broker/index.ts'
import type { Honey } from '../../honey/index.ts'
import { credentialAction, isWrite } from '../../kinds/index.ts'
import type { RulesHolder } from '../../rules/index.ts'
import { createFinish, type FinishDeps } from '../finish-step.ts'
import { tokenExpiry } from '../lifetime.ts'
import { ownStep as ownStepOf } from '../own-step.ts'
import { withBody, type Call, type Route } from '../route.ts'
import { refuseWeakIsolation } from '../step-isolation.ts'
import { createStepWaits } from '../step-waits.ts'
import { checkoutSources, refuseSharedWorkspace } from '../step-workspace.ts'
import {
  artifactsBody,
  finishBody,
  finishResponse,
  heartbeatBody,
  openBody,
  openResponse,
  refusals,
} from './step-bodies.ts'

export interface StepRoutesDeps extends FinishDeps {
  rules: RulesHolder
  tokens: AccessTokens
  heartbeatSeconds: number
  honey: Pick<Honey, 'plantsIn'>
}

/** What a supervisor says of its step: open, heartbeat, lockfile, finish. */
export function stepRoutes(deps: StepRoutesDeps): Route[] {
  const { broker, gateway } = deps
  const waits = createStepWaits(deps)
  const finish = createFinish(deps)

  const ownStep = (call: Call) => ownStepOf(deps, call)

  return [
    {
      method: 'POST',
      path: '/v1/steps',
      summary: 'Open a step in one role of the session',
      auth: 'dpop',
      response: openResponse,
      status: 201,
      ...withBody(openBody, (call, body) => openStep(deps, call, body)),
    },
    {
      method: 'POST',
      path: '/v1/steps/:id/heartbeat',
      summary:
        'Say that the step still runs; three missed end it. Once it has ended: `revoked`, with `reason` and `ended_at`',
      auth: 'dpop',
      response: z.object({
        alive: z.literal(true),
        refusals,
        credentials_ended: z
          .literal(true)
          .optional()
          .describe('Something that the step was handed is dead: ask for its credentials again.'),
      }),
      ...withBody(heartbeatBody, async (call, { seen }) => {
        const step = ownStep(call)
        await broker.heartbeat(step)
        const news = await waits.news(step, seen)
        if (step.endReason !== undefined) throw deps.notices.ofStep(step.id)
        const hasEnded = deps.gateway.handOuts.hasEnded(step)
        return { alive: true, refusals: news, ...(hasEnded ? { credentials_ended: true as const } : {}) }
      }),
    },
    {
      method: 'PUT',
      path: '/v1/steps/:id/lockfiles',
      summary: 'Hand over the lockfiles whose packages the step may install; the first time counts',
      auth: 'dpop',
      bodyLimitBytes: limits.lockfileBytes,
      // As it is: to take it out of JSON would hold up everybody.
      bodyType: 'text',
      response: z.object({
        packages: z.int(),
        digest: z.string(),
        files: z
          .array(z.object({ path: z.string(), unread: z.string().optional() }))
          .describe('With why one pins nothing, if it could not be read.'),
        outside: z
          .array(z.object({ name: z.string(), kind: z.enum(['git', 'url']), host: z.string() }))
          .describe('Dependencies that no registry has; the first hundred.'),
        gaps: z
          .array(z.object({ path: z.string(), line: z.int().optional(), entry: z.string(), why: z.string() }))
          .describe('Entries that pin nothing because they cannot be read; the first hundred.'),
      }),
      ...withBody(z.string(), async (call, bundle) => {
        const { packages, digest, files, outside, gaps } = await gateway.pinLockfiles(ownStep(call), bundle)
        const told = files.map(({ path, unread }) => ({ path, ...(unread === undefined ? {} : { unread }) }))
        return { packages, digest, files: told, outside, gaps }
      }),
    },
    {
      method: 'PUT',
      path: '/v1/steps/:id/publisher-identity',
      summary: 'Hand over an identity token of the job, which a registry takes from its trusted publisher',
      auth: 'dpop',
      status: 204,
      response: z.undefined(),
      ...withBody(
        z.strictObject({
          connection: z.string().min(1).max(200),
          token: z.string().min(1).max(limits.identityTokenBytes),
        }),
        async (call, { connection, token }) => gateway.holdIdentity(ownStep(call), connection, token),
      ),
    },
    {
      method: 'POST',
      path: '/v1/steps/:id/finish',
      summary: 'End the step: gate closed, leases revoked, end recorded',
      auth: 'dpop',
      response: finishResponse,
      ...withBody(finishBody, finish),
    },
    {
      method: 'PUT',
      path: '/v1/steps/:id/artifacts',
      summary:
        'Hand over the list of all files that the step hands on, before its end; the first time counts',
      auth: 'dpop',
      bodyLimitBytes: limits.artifactListBytes,
      response: z.object({ sha256: z.string().describe('Of the list, as `sha256sum` prints it.') }),
      ...withBody(artifactsBody, async (call, { files }) => ({
        sha256: await deps.artifactLists.keep(ownStep(call), files),
      })),
    },
  ]
}

async function openStep(
  deps: StepRoutesDeps,
  call: Call,
  body: z.output<typeof openBody>,
): Promise<z.output<typeof openResponse>> {
  const { broker, gateway, tokens, clock } = deps
  if (call.access === undefined || call.access.step !== undefined)
    throw new MayflyError('denied', 'a step is opened with the session’s token')
  const session = await broker.session(call.access.session)
  if (session === undefined) throw deps.notices.ofSession(broker.endOf({ session: call.access.session }))
  if (!session.roles.includes(body.role)) {
    throw new MayflyError(
      'denied',
      `the session has not assumed role "${body.role}" (it has ${session.roles.join(', ')})`,
    )
  }
  const rules = deps.rules.current()
  const role = rules.policy.roles.get(body.role)
  if (role === undefined) throw new MayflyError('revoked', `role "${body.role}" is no longer in the policy`)
  // The policy may have changed since the job assumed it; a step begins under the one in force.
  const { subject, claims } = session
  const assumption = rules.policy.assume(body.role, { ...subject, claims })
  if (!assumption.allow)
    throw new MayflyError('revoked', `role "${body.role}" no longer trusts this job: the policy has changed`)
  await refuseWeakIsolation(deps, call, session, role, body)
  await refuseSharedWorkspace(deps, call, session, role, body)
  const service = body.services.find((port) => !role.services.includes(port))
  if (service !== undefined)
    throw new MayflyError(
      'denied',
      `role "${role.name}" does not allow service ${service}: add it to roles.${role.name}.services in mayfly.yaml`,
    )
  const grants = role.grants.map((grant) => grant.source)
  const reached = rules.targets.egress.of(role.name)
  const egress = reached.map((rule) => rule.source)
  // Made while the entry and the row are written.
  const certifying = gateway.caCertificate(session)
  certifying.catch(() => undefined)
  const step = await broker.openStep(session, {
    name: body.name,
    role: role.name,
    ttlSeconds: role.ttlSeconds,
    maxWaitSeconds: role.maxWaitSeconds,
    tier: body.tier,
    engine: body.engine,
    image: body.image,
    command: body.command,
    grants,
    egress,
    workspace: body.workspace,
    services: body.services,
    policyVersion: rules.version,
  })
  const ca_certificate = await certifying.catch(async (error: unknown) => {
    // Nobody will run it: without its end it would take the session with it.
    await broker.endStep(step, { reason: 'not_started' })
    throw error
  })
  const expiresSeconds = tokenExpiry(step.expiresMs, clock)
  const { id, runId, jkt, actor } = session
  const names = new Set(role.grants.map((grant) => grant.connection))
  const writes = new Set(role.grants.filter(({ action }) => isWrite(action)).map((grant) => grant.connection))
  const handed = new Set(role.grants.map(({ action, connection }) => `${action} ${connection}`))
  const usesSsh = rules.targets.connections.some(({ name, kind }) => kind === 'ssh' && names.has(name))
  return {
    step_id: step.id,
    run_id: runId,
    access_token: tokens.sign({
      session: id,
      run: runId,
      roles: [role.name],
      step: step.id,
      jkt,
      actor,
      expiresSeconds,
    }),
    expires_in: expiresSeconds - nowSeconds(clock),
    heartbeat_seconds: deps.heartbeatSeconds,
    grace_seconds: role.graceSeconds,
    gateway: gateway.url,
    ca_certificate,
    ...(usesSsh ? { ssh_host_key: gateway.hostKey(session) } : {}),
    grants,
    connections: rules.targets.connections
      .filter(({ name }) => names.has(name))
      .map((one) => ({
        ...{ name: one.name, kind: one.kind, url: one.url, authority: `${one.host}:${one.port}` },
        ...(one.packages?.only === undefined ? {} : { only: [...one.packages.only] }),
        ...(one.sumdb?.setting === undefined ? {} : { sumdb: one.sumdb.setting }),
        ...(one.told === undefined ? {} : { settings: { ...one.told } }),
        ...(handed.has(`${credentialAction(one.kind)} ${one.name}`) ? { delivers: true as const } : {}),
        // An identity token is asked for only by who may publish there.
        ...(one.trustedPublishing !== undefined && writes.has(one.name)
          ? { publisher_audience: one.trustedPublishing.audience }
          : {}),
        storage: (one.storage ?? [])
          .filter(({ host, port }) => rules.targets.at(host, port)[0]?.storageOf === one)
          .map(({ host, port }) => `${host}:${port}`),
      })),
    ...(deps.honey.plantsIn(role.name) ? { plants: true as const } : {}),
    checkout: checkoutSources(rules, role, session),
    egress: reached.filter((rule) => !rule.anyLabelBefore).map(({ host, port }) => `${host}:${port}`),
    ...artifactScan(role.scan.actions.artifacts),
    ...(deps.signingIdentities === undefined ? {} : { signing_audience: deps.signingIdentities.audience }),
  }
}

/** What the vault knows is not given to a runner, so there is nothing more to know than what rules say. */
function artifactScan(action: ScanAction): { scan_artifacts?: 'block' | 'warn' | 'record' } {
  if (action === 'off') return {}
  return { scan_artifacts: action === 'known' ? 'warn' : action }
}
