import { detailLines } from './operation-detail.ts'
import { createOperatorApi } from './operator-api.ts'
import { print, table } from './output.ts'

interface Approval {
  id: string
  state: string
  roles: string[]
  grants: string[]
  operation?: {
    step: string
    step_name: string
    mode: 'always' | 'first'
    operations: string[]
    detail: Record<string, unknown>
  }
  needs: string
  identity: Record<string, string>
  expires: string
  reason: string | null
  approved_by: { name: string; reason: string | null; at: string }[]
}

interface Options {
  deny: boolean
  reason?: string
  show: boolean
  server?: string
  json: boolean
}

/** `mayfly approve`: what waits; with an id, a yes or a no. */
export async function approve(id: string | undefined, options: Options): Promise<void> {
  const api = createOperatorApi(options)
  if (id === undefined) {
    const waiting = await api.call<{ approvals: Approval[] }>('GET', '/v1/approvals')
    const rows = waiting.approvals.map((one) => [
      one.id,
      whatOf(one),
      one.identity['repository'] ?? '',
      one.identity['ref'] ?? '',
      one.identity['actor'] ?? '',
      one.expires,
      one.needs,
    ])
    const head = ['ID', 'WHAT', 'REPOSITORY', 'REF', 'BY', 'EXPIRES', 'NEEDS']
    return print(
      options.json,
      waiting,
      rows.length === 0 ? ['nothing waits for approval'] : table([head, ...rows].map(onOneLine)),
    )
  }
  const path = `/v1/approvals/${encodeURIComponent(id)}`
  if (options.show) {
    const one = await api.call<Approval>('GET', path)
    return print(options.json, one, describe(one))
  }
  const reason = options.reason === undefined ? {} : { reason: options.reason }
  const one = await api.call<Approval>('POST', `${path}/${options.deny ? 'deny' : 'approve'}`, reason)
  const outcome = one.state === 'pending' ? `still needs ${one.needs}` : `${one.id} is ${one.state}`
  print(options.json, one, [...describe(one), outcome])
}

function describe(one: Approval): string[] {
  const { repository, ref, commit, workflow, workflow_digest, environment, event, actor } = one.identity
  const facts = { repository, ref, commit, workflow, workflow_digest, environment, event, actor }
  const rows = Object.entries({
    ...facts,
    roles: one.roles.join(' '),
    needs: one.needs,
    expires: one.expires,
  })
  return [
    ...operationLines(one),
    ...table(rows.flatMap(([name, value]) => (value === undefined ? [] : [onOneLine([name, value])]))),
    ...one.grants.map((grant) => `  ${grant}`),
    ...one.approved_by.map(
      ({ name, at, reason }) => onOneLine([`approved by ${name}, ${at} ${reason ?? ''}`])[0] ?? '',
    ),
  ]
}

/** Of a statement, in the list of what waits; `--show` has all of it. */
const maxShownChars = 80

/** A step's operation, or the roles that a session is asked for. */
function whatOf({ operation, roles }: Approval): string {
  if (operation === undefined) return roles.join(' ')
  const [first = '', ...more] = operation.operations
  const named = more.length === 0 ? first : `${first} and ${more.length} more`
  const { statement } = operation.detail
  if (typeof statement !== 'string') return named
  return `${named}: ${statement.length > maxShownChars ? `${statement.slice(0, maxShownChars)}…` : statement}`
}

function operationLines({ operation }: Approval): string[] {
  if (operation === undefined) return []
  const { operations, detail, step_name: step, mode } = operation
  const goodFor = mode === 'first' ? 'this and all that the grant allows in this step' : 'this alone'
  return [
    ...operations.flatMap((one) => onOneLine([`about to: ${one}`])),
    ...detailLines(detail).flatMap((line) => onOneLine([`  ${line}`])),
    ...onOneLine([`in step ${step}; a yes is good for ${goodFor}, by the grant`]),
  ]
}

/** Names of branches are the job's to choose: no escape sequence of theirs reaches the terminal. */
function onOneLine(cells: readonly string[]): string[] {
  // eslint-disable-next-line no-control-regex -- control characters are what we look for
  return cells.map((cell) => cell.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, '?'))
}
