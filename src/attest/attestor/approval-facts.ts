import type { PeopleDirectory } from '../../audit/client/index.ts'
import type { Step } from '../../broker/index.ts'
import type { ApprovalFact } from '../statements/index.ts'
import type { Store } from '../../store/index.ts'
import { personOf } from './person.ts'

/** What people said yes to before the session was opened with the step's role, and while the step ran. */
export async function approvalsOf(
  step: Step,
  { store, people }: { store: Store; people: PeopleDirectory },
): Promise<ApprovalFact[]> {
  const { runId, jkt } = step.session
  const rows = await store.read
    .selectFrom('approvals')
    .select(['id', 'roles', 'operation', 'ended_ms', 'created_ms'])
    .where('run_id', '=', runId)
    .where('state', 'in', ['used', 'approved'])
    .where((e) =>
      e.or([
        e('step_id', '=', step.id),
        e.and([e('step_id', 'is', null), e('jkt', '=', jkt), e('state', '=', 'used')]),
      ]),
    )
    .orderBy('created_ms')
    .limit(mostApprovals)
    .execute()
  const ofStep = rows.filter(
    ({ operation, roles }) => operation !== null || (JSON.parse(roles) as string[]).includes(step.role),
  )
  const first = store.find('steps', { id: step.id })?.first_entry ?? Number.POSITIVE_INFINITY
  const facts = await Promise.all(ofStep.map((row) => approvalOf(row, store, people)))
  // A yes to another session that the same job asked for later allowed nothing in this one.
  return facts.filter(({ of, entries = [] }) => of !== 'session' || entries.every((index) => index < first))
}

const mostApprovals = 100

/** As `operators` keeps it: by these the audit log knows the person. */
interface Login {
  readonly issuer: string
  readonly subject: string
  readonly email?: string
}

async function approvalOf(
  row: { id: string; operation: string | null; ended_ms: number | null; created_ms: number },
  store: Store,
  people: PeopleDirectory,
): Promise<ApprovalFact> {
  const votes = await store.read
    .selectFrom('approval_votes')
    .select(['login', 'created_ms', 'entry'])
    .where('approval_id', '=', row.id)
    .orderBy('created_ms')
    .execute()
  const asked = JSON.parse(row.operation ?? '{}') as { operations?: readonly string[]; approvers?: string }
  const said = await Promise.all(
    votes.map((vote) => {
      const { issuer, subject, email } = JSON.parse(vote.login) as Login
      const who = `${issuer}:${subject}`
      return personOf(people, who, email ?? who)
    }),
  )
  return {
    id: row.id,
    ...(asked.approvers === undefined ? {} : { group: asked.approvers }),
    people: said.filter((person) => person !== undefined),
    atMs: votes.at(-1)?.created_ms ?? row.ended_ms ?? row.created_ms,
    entries: votes.flatMap(({ entry }) => entry ?? []),
    of: row.operation === null ? 'session' : (asked.operations ?? []).join(', '),
  }
}
