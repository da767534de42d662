import type { Clock } from '../lib/index.ts'
import type { AuditClient } from '../audit/client/index.ts'
import type { Broker, SessionMatch } from '../broker/index.ts'
import type { Rules, RulesHolder } from '../rules/index.ts'
import type { Store } from '../store/index.ts'
import { createAsking, type Asking } from './asking.ts'
import { createDeciding, type Deciding } from './deciding.ts'
import { createLocks } from './lock.ts'
import type { Notifications } from './notifications.ts'
import { createNews } from './news.ts'
import { createOperationAsking, type OperationAsking } from './operations.ts'
import { createPollPace } from './poll-pace.ts'
import { createApprovalRecords, noApproval } from './records.ts'
import { grantsOf, type ApprovalRequest, type Vote } from './request.ts'
import { describeRequirements, requirementsFor } from './requirement.ts'

/**
 * Requests of roles that people must approve: asked for by a supervisor, decided by people, bound to one job, one
 * key, one version of the policy, and used once.
 */
export interface Approvals extends Asking, Deciding {
  /** Operations of steps that run, whose grants ask for a person’s yes. */
  readonly operations: OperationAsking
  list(state?: 'pending'): Promise<Shown[]>
  show(id: string): Promise<Shown>
  /** Ends every request that matches, as `revoke` ends sessions; returns how many. */
  voidMatching(match: SessionMatch, reason: string): Promise<number>
  /** Ends what nobody answered in time. Called every second. */
  sweep(): Promise<void>
}

export interface Shown {
  readonly request: ApprovalRequest
  readonly needs: string
  readonly grants: readonly string[]
  readonly votes: readonly Vote[]
}

export function createApprovals(deps: {
  store: Store
  audit: AuditClient
  outbox: Broker['outbox']
  clock: Clock
  rules: RulesHolder
  notifications: Pick<Notifications, 'add'>
}): Approvals {
  const { clock } = deps
  const pace = createPollPace({ clock })
  const news = createNews()
  const onChange = (id: string) => {
    pace.forget(id)
    news.tell(id)
  }
  const records = createApprovalRecords({ ...deps, onEnd: onChange })
  const exclusively = createLocks()

  async function shownOf(found: ApprovalRequest): Promise<Shown> {
    const rules = deps.rules.current()
    return {
      request: found,
      needs: describeRequirements(requirementsFor(rules.document, found)),
      grants: found.operation === undefined ? givenBy(rules, found.roles) : [found.operation.grant],
      votes: await records.votes(found.id),
    }
  }

  function givenBy(rules: Rules, roles: readonly string[]): string[] {
    return grantsOf(rules, roles).roles.flatMap(({ name, shadow, grants, egress }) => [
      ...grants,
      ...egress.map((one) => (typeof one === 'string' ? `egress ${one}` : `egress ${one.host} (private)`)),
      // Who approves must see that these are not all.
      ...(shadow ? [`more on the same connections: role ${name} is in shadow mode`] : []),
    ])
  }

  return {
    ...createAsking({ ...deps, records, pace, exclusively }),
    ...createDeciding({ ...deps, records, exclusively, onChange }),
    operations: createOperationAsking({ ...deps, records, exclusively, news }),
    async show(id) {
      const found = await records.find('id', id)
      if (found === undefined) throw await noApproval(id, records)
      return shownOf(found)
    },
    list: async (state) => Promise.all((await records.newest(state)).map(shownOf)),
    async voidMatching(match, reason) {
      const matching = (await records.open()).filter((one) => matches(one, match))
      await Promise.all(matching.map((one) => exclusively(one.id, () => records.end(one, 'void', reason))))
      return matching.length
    },
    async sweep() {
      for (const one of await records.overdue()) await exclusively(one.id, () => records.expire(one))
      await records.purge()
      // Another server may have been told the answer.
      news.tellAll()
    },
  }
}

function matches({ identity, roles, runId }: ApprovalRequest, match: SessionMatch): boolean {
  const { repository_id, repository, commit } = identity.attributes
  if (match.all === true) return true
  if (match.session !== undefined) return false
  return (
    (match.run === undefined || match.run === runId) &&
    (match.role === undefined || roles.includes(match.role)) &&
    (match.issuer === undefined || match.issuer === identity.issuer) &&
    (match.commit === undefined || match.commit === commit) &&
    (match.repository === undefined || match.repository === repository_id || match.repository === repository)
  )
}
