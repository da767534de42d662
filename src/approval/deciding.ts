import { MayflyError, type Clock } from '../lib/index.ts'
import type { AuditClient } from '../audit/client/index.ts'
import { type Operator, identifyPerson, recordedLogin, recordedOperator } from '../operators/index.ts'
import type { RulesHolder } from '../rules/index.ts'
import type { Exclusively } from './lock.ts'
import { approvalEvent, noApproval, type ApprovalRecords } from './records.ts'
import type { ApprovalRequest } from './request.ts'
import { eligibility, isSatisfied, requirementsFor } from './requirement.ts'
import { votersOf, whatChanged } from './standing.ts'

/** The people's side. Both throw `denied`, `not_found`, `conflict` or `bad_input` with what to do. */
export interface Deciding {
  /** One person's yes. */
  approve(id: string, by: Operator, reason: string | undefined): Promise<void>
  /** One person's no, which ends it. */
  deny(id: string, by: Operator, reason: string | undefined): Promise<void>
}

export function createDeciding(deps: {
  records: ApprovalRecords
  audit: AuditClient
  clock: Clock
  rules: RulesHolder
  exclusively: Exclusively
  /** Called when a request has more votes, or has ended. */
  onChange: (id: string) => void
}): Deciding {
  const { records, audit, clock, exclusively } = deps

  /** Who may decide on it now, or an error that says why not. */
  async function decidable(id: string, by: Operator, states: readonly ApprovalRequest['state'][]) {
    if (by.login === undefined)
      throw new MayflyError(
        'denied',
        'this API token stands for no person, so it cannot approve: mayfly login',
      )
    const found = await records.find('id', id)
    if (found === undefined) throw await noApproval(id, records)
    if (!states.includes(found.state))
      throw new MayflyError('conflict', `approval ${id} is ${found.state} already`)
    if (found.expiresMs <= clock.nowMs()) {
      await records.expire(found)
      throw new MayflyError('conflict', `approval ${id} has expired: the step has to ask again`)
    }
    const rules = deps.rules.current()
    const requirements = requirementsFor(rules.document, found)
    return { found, rules, requirements, login: by.login }
  }

  async function approve(id: string, by: Operator, reason: string | undefined): Promise<void> {
    return exclusively(id, async () => {
      const { found, rules, requirements, login } = await decidable(id, by, ['pending'])
      const changed = whatChanged(rules, found)
      if (changed !== undefined) {
        await records.end(found, 'void', changed)
        throw new MayflyError('conflict', changed)
      }
      const able = eligibility(rules.document, requirements, found.identity, login)
      if (!able.ok) {
        await refused(found, by, able.reason)
        throw new MayflyError('denied', able.detail)
      }
      if (reason === undefined && requirements.some(({ approval }) => approval.reason === 'required'))
        throw new MayflyError('bad_input', 'this approval needs a reason: --reason')
      const person = identifyPerson(rules.document, login)
      if (person === undefined) throw new MayflyError('denied', 'who you are is not clear')
      const earlier = await records.votes(id)
      if (earlier.some((vote) => vote.person === person.key))
        throw new MayflyError('conflict', `${person.name} has approved ${id} already: one person counts once`)
      const complete = isSatisfied(requirements, [
        ...votersOf(rules, requirements, found.identity, earlier),
        able.groups,
      ])
      const { index: entry } = await audit.append(
        approvalEvent('approval.granted', found, {
          by: recordedLogin(login, person.name),
          token: by.id,
          reason: reason ?? null,
          groups: [...able.groups],
          complete,
        }),
      )
      await records.addVote(
        found,
        { person: person.key, name: person.name, reason: reason ?? null, login, entry },
        complete,
      )
      deps.onChange(id)
    })
  }

  async function deny(id: string, by: Operator, reason: string | undefined): Promise<void> {
    return exclusively(id, async () => {
      // Also after enough have said yes, until the session is open.
      const { found, rules, requirements, login } = await decidable(id, by, ['pending', 'approved'])
      const able = eligibility(rules.document, requirements, found.identity, login)
      // Their own run, or an account that nobody knows, is no reason against a no.
      if (!able.ok && (able.reason === 'not_in_group' || able.reason === 'ambiguous_person')) {
        await refused(found, by, able.reason)
        throw new MayflyError('denied', able.detail)
      }
      const person = identifyPerson(rules.document, login)
      const name = person?.name ?? login.subject
      const ended = await records.end(
        found,
        'denied',
        `denied by ${name}${reason === undefined ? '' : `: ${reason}`}`,
        {
          reason: reason ?? null,
          by: recordedLogin(login, name),
          token: by.id,
        },
      )
      if (!ended) throw new MayflyError('conflict', `approval ${id} was used or ended in the meantime`)
    })
  }

  /** Who tried what they may not is in the log; the attempt changes nothing, so it waits for no receipt. */
  async function refused(request: ApprovalRequest, by: Operator, reason: string): Promise<void> {
    await audit
      .append(approvalEvent('approval.refused', request, { by: recordedOperator(by), token: by.id, reason }))
      .catch(() => undefined)
  }

  return { approve, deny }
}
