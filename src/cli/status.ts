import { createOperatorApi } from './operator-api.ts'
import { exitCodes, print } from './output.ts'

interface Status {
  ready: boolean
  reasons: string[]
  warnings: string[]
  policy: number | null
  audit_size?: number
  waiting: { session: string; run: string; roles: string[]; until: string }[]
  leases: { issued: number; revoked: number; active: number; openSteps: number; undelivered: number }
}

export async function status(options: { server?: string; json: boolean }): Promise<number> {
  const result = await createOperatorApi(options).call<Status>('GET', '/v1/status')
  const { leases } = result
  print(options.json, result, [
    result.ready ? 'ready' : `not ready: ${result.reasons.join('; ')}`,
    `policy: ${result.policy === null ? 'none (mayfly apply)' : `version ${result.policy}`}`,
    `leases: ${leases.issued} issued, ${leases.revoked} revoked, ${leases.active} active; open steps: ${leases.openSteps}`,
    `audit log: ${result.audit_size ?? '?'} entries, ${leases.undelivered} waiting`,
    ...result.waiting.map(
      ({ run, session, roles, until }) =>
        `waiting: ${session} of ${run} may begin steps in ${roles.join(', ')} until ${until}`,
    ),
    ...result.warnings.map((warning) => `degraded: ${warning}`),
  ])
  return result.ready ? exitCodes.ok : exitCodes.unavailable
}
