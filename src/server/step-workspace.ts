import { z } from 'zod'
import type { Broker, Session, StepWorkspace } from '../broker/index.ts'
import type { Role } from '../policy/index.ts'
import type { Rules } from '../rules/index.ts'
import type { Call } from './route.ts'
import { HttpProblem } from './wire-error.ts'

export const workspaceOf = z.object({
  kind: z
    .enum(['job', 'fresh', 'shared'])
    .describe('`fresh`: its own, which nobody has written to. `shared`: the job’s, asked for by name.'),
  id: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .describe('Tells the workspaces of a run apart.'),
})

/**
 * What a step wrote must not run in a step that may do more. So a role that writes gets a workspace that no other role of the
 * run has been in; another one it has to ask for, and be allowed. Throws the refusal, recorded.
 */
export async function refuseSharedWorkspace(
  { broker }: { broker: Broker },
  call: Call,
  session: Session,
  role: Role,
  step: { readonly name: string; readonly workspace?: StepWorkspace | undefined },
): Promise<void> {
  const detail = role.writes ? await refusalOf(broker, session, role, step.workspace) : undefined
  if (detail === undefined) return
  const { name, workspace } = step
  const reason = 'workspace_shared'
  const { requestId } = call
  await broker.refuseStep(session, { requestId, name, role: role.name, reason, detail, workspace })
  throw new HttpProblem({ status: 403, code: reason, detail })
}

async function refusalOf(
  broker: Broker,
  session: Session,
  role: Role,
  workspace: StepWorkspace | undefined,
): Promise<string | undefined> {
  if (workspace?.kind === 'fresh') return undefined
  if (workspace?.kind === 'shared')
    return role.allow.includes('shared-workspace')
      ? undefined
      : `role "${role.name}" writes, and does not allow a workspace that is shared: leave \`workspace: shared\` (--shared-workspace) out, or put \`allow: [shared-workspace]\` into the role`
  const before = await broker.rolesIn(session.runId, workspace?.id ?? '')
  const others = before.filter((name) => name !== role.name)
  if (others.length === 0) return undefined
  const who = others.map((name) => `"${name}"`).join(', ')
  return `role "${role.name}" writes, and steps of this run have been in this workspace in role ${who}: what they left there would run with more rights than they had: run it in a workspace of its own (--checkout, or a step of a pipeline file, which takes \`artifacts\`), or, if the role has \`allow: [shared-workspace]\`, with --shared-workspace`
}

/** The connections by which the role may read the repository that the job belongs to, and its URL there. */
export function checkoutSources(
  rules: Rules,
  role: Role,
  session: Session,
): { connection: string; url: string }[] {
  const path = session.subject.attributes['repository']
  if (path === undefined) return []
  const named = new Set(
    role.grants.filter(({ action }) => action === 'git:read').map(({ connection }) => connection),
  )
  return rules.targets.connections.flatMap(({ name: connection, url }) => {
    const operation = { action: 'git:read', connection, path }
    if (!named.has(connection)) return []
    const decision = rules.policy.decide(role.name, operation, session.subject)
    // What shadow mode lets pass is not granted.
    return decision.allow && decision.shadow === undefined
      ? [{ connection, url: `${url.replace(/\/+$/, '')}/${path}` }]
      : []
  })
}
