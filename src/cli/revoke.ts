import { MayflyError } from '../lib/index.ts'
import { createOperatorApi } from './operator-api.ts'
import { print } from './output.ts'

export async function revoke(options: {
  run?: string
  session?: string
  role?: string
  issuer?: string
  repository?: string
  commit?: string
  all?: true
  server?: string
  json: boolean
}): Promise<void> {
  const { run, session, role, issuer, repository, commit, all } = options
  const named = Object.entries({ run, session, role, issuer, repository, commit, all })
  const given = named.filter(([, value]) => value !== undefined)
  if (given.length !== 1)
    throw new MayflyError(
      'bad_input',
      'say one: --run ID, --session ID, --role NAME, --issuer NAME, --repository ID, --commit SHA, or --all',
    )
  const match = Object.fromEntries(given)
  const result = await createOperatorApi(options).call<{ sessions: number; approvals?: number }>(
    'POST',
    '/v1/revoke',
    match,
  )
  const { sessions, approvals = 0 } = result
  print(options.json, result, [
    sessions + approvals === 0
      ? 'nothing was open: 0 sessions ended'
      : `${counted(sessions, 'session')} ended${approvals === 0 ? '' : `, ${counted(approvals, 'request')} for approval`}`,
  ])
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}
