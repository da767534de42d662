import { z } from 'zod'
import { MayflyError, shown } from '../../lib/index.ts'
import type { Approvals, Shown } from '../../approval/index.ts'
import type { Operator } from '../../operators/index.ts'
import { withBody, type Call, type Route } from '../route.ts'

const approval = z.object({
  id: z.string(),
  state: z.string(),
  roles: z.array(z.string()),
  grants: z.array(z.string()),
  operation: z
    .object({
      step: z.string(),
      step_name: z.string(),
      mode: z.enum(['always', 'first']),
      operations: z.array(z.string()),
      detail: z.record(z.string(), z.unknown()),
    })
    .optional()
    .describe('What a step that runs is about to do; left out where a session is asked for.'),
  needs: z.string(),
  issuer: z.string(),
  run: z.string(),
  identity: z
    .record(z.string(), z.string())
    .describe('The job, as its issuer describes it: repository, ref, commit, ...'),
  policy_version: z.int(),
  requested: z.string(),
  expires: z.string(),
  reason: z.string().nullable().describe('Why it ended.'),
  approved_by: z.array(z.object({ name: z.string(), reason: z.string().nullable(), at: z.string() })),
})
/** It is shown in terminals and messages: one line, and nothing that moves a cursor or turns a line around. */
export const decisionReason = z
  .string()
  .trim()
  .min(1)
  .max(500)
  .regex(/^[^\p{Cc}\u2028-\u202e\u2066-\u2069]*$/u, 'one line without control characters')
const decision = z.object({ reason: decisionReason.optional() })

/** People's yes and no. What each is bound to stands in the log with it. */
export function approvalRoutes({ approvals }: { approvals: Approvals }): Route[] {
  const decide = (
    verb: 'approve' | 'deny',
    summary: string,
    work: (id: string, by: Operator, reason: string | undefined) => Promise<void>,
  ): Route => ({
    method: 'POST',
    path: `/v1/approvals/:id/${verb}`,
    summary,
    auth: 'approval:decide',
    response: approval,
    ...withBody(decision, async (call: Call, { reason }) => {
      if (call.operator === undefined) throw new MayflyError('unauthorized', 'sign in first')
      const id = call.params['id'] ?? ''
      await work(id, call.operator, reason)
      return describeApproval(await approvals.show(id))
    }),
  })
  return [
    {
      method: 'GET',
      path: '/v1/approvals',
      summary: 'What waits for approval',
      auth: 'approval:read',
      response: z.object({ approvals: z.array(approval) }),
      handle: async () => ({ approvals: (await approvals.list('pending')).map(describeApproval) }),
    },
    {
      method: 'GET',
      path: '/v1/approvals/:id',
      summary: 'One request for approval: who asks, for what, who has said yes',
      auth: 'approval:read',
      response: approval,
      handle: async (call) => describeApproval(await approvals.show(call.params['id'] ?? '')),
    },
    decide('approve', 'One person’s yes; never of the one who triggered the run', (...all) =>
      approvals.approve(...all),
    ),
    decide('deny', 'One person’s no, which ends the request', (...all) => approvals.deny(...all)),
  ]
}

type Asked = NonNullable<Shown['request']['operation']>

/** A step chooses names and statements: what people decide by must not pass for something else. */
function describeOperation({ step, stepName, mode, operations, detail }: Asked) {
  const plain = JSON.parse(JSON.stringify(detail), (_, value: unknown) =>
    typeof value === 'string' ? shown(value) : value,
  ) as Record<string, unknown>
  return { step, step_name: shown(stepName), mode, operations: operations.map(shown), detail: plain }
}

export function describeApproval({ request, needs, grants, votes }: Shown): z.output<typeof approval> {
  const iso = (ms: number) => new Date(ms).toISOString()
  return {
    id: request.id,
    state: request.state,
    roles: [...request.roles],
    grants: [...grants],
    ...(request.operation === undefined ? {} : { operation: describeOperation(request.operation) }),
    needs,
    issuer: request.identity.issuer,
    run: request.runId,
    // Here people decide by it: a look-alike must not pass for the real one.
    identity: Object.fromEntries(
      Object.entries(request.identity.attributes).map(([name, value]) => [name, shown(value)]),
    ),
    policy_version: request.policyVersion,
    requested: iso(request.createdMs),
    expires: iso(request.expiresMs),
    reason: request.endReason,
    approved_by: votes.map(({ name, reason, createdMs }) => ({ name, reason, at: iso(createdMs) })),
  }
}
