import { isAtLeast, isolationOf, type Engine, type Tier } from '../lib/index.ts'
import type { Broker, Session, StepWorkspace } from '../broker/index.ts'
import type { Role } from '../policy/index.ts'
import type { Call } from './route.ts'
import { HttpProblem } from './wire-error.ts'

/** Refuses, and records, a step that its runner isolates less than the role asks for. Throws HttpProblem `isolation_unavailable`. */
export async function refuseWeakIsolation(
  { broker }: { broker: Broker },
  call: Call,
  session: Session,
  role: Role,
  step: {
    readonly name: string
    readonly tier: Tier
    readonly engine?: Engine | undefined
    readonly workspace?: StepWorkspace | undefined
  },
): Promise<void> {
  const { name, tier, engine, workspace } = step
  const isolation = isolationOf(tier, engine)
  if (isAtLeast(isolation, role.isolation)) return
  const reason = 'isolation_unavailable'
  const detail = `role "${role.name}" needs isolation "${role.isolation}" and this step has "${isolation}": see what its runner lacks with mayfly doctor, or allow "isolation: ${isolation}" in the role`
  const { requestId } = call
  await broker.refuseStep(session, { requestId, name, role: role.name, reason, detail, workspace })
  throw new HttpProblem({ status: 403, code: reason, detail })
}
