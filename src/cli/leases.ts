import { MayflyError } from '../lib/index.ts'
import { createOperatorApi } from './operator-api.ts'
import { print, table } from './output.ts'

interface Options {
  server?: string
  json: boolean
}

interface Lease {
  id: string
  state: string
  connection: string
  kind: string
  run: string
  role: string
  expires: string
  ends: string
  revoking_since: string | null
  attempts: number
  failure: string | null
  next_attempt: string | null
  ended: string | null
  proof: string | null
}

export async function listLeases(
  options: Options & { stuck?: true; run?: string; step?: string; connection?: string },
): Promise<void> {
  const { run, step, connection } = options
  const query = new URLSearchParams(
    Object.entries({ run, step, connection, stuck: options.stuck === true ? 'true' : undefined }).filter(
      (one): one is [string, string] => one[1] !== undefined,
    ),
  )
  const result = await createOperatorApi(options).call<{ leases: Lease[]; more: boolean }>(
    'GET',
    `/v1/leases?${query.toString()}`,
  )
  const { leases, more } = result
  const head = ['ID', 'STATE', 'CONNECTION', 'KIND', 'RUN', 'ROLE', 'WHAT REVOKING MEANS', 'NOTE']
  const rows = leases.map((one) => [
    ...[one.id, one.state, one.connection, one.kind, one.run, one.role, one.ends, note(one)],
  ])
  const none = options.stuck === true ? await noneStuck(options) : 'no lease is in force'
  print(options.json, result, [
    ...(rows.length === 0 ? [none] : table([head, ...rows])),
    ...(more ? ['and more: narrow it with --run, --step or --connection'] : []),
  ])
}

/** None for ten minutes yet; which fail at the moment is said all the same. */
async function noneStuck(options: Options): Promise<string> {
  const { leases } = await createOperatorApi(options).call<{ leases: Lease[] }>('GET', '/v1/leases?')
  const failing = leases.filter(({ state, failure }) => state === 'revoking' && failure !== null)
  if (failing.length === 0) return 'every lease that is over could be revoked, or ends by itself'
  const [first] = failing
  const many = failing.length === 1 ? '1 lease' : `${failing.length} leases`
  return `${many} cannot be revoked at the moment: ${first?.connection}: ${first?.failure}; none for ten minutes yet: mayfly leases`
}

export async function retryLease(id: string, options: Options): Promise<void> {
  const result = await call(options, id, 'retry')
  const { lease } = result
  print(options.json, result, [
    `${lease.id}: ${lease.connection} is asked to revoke it now: mayfly leases --run ${lease.run} shows what it says`,
  ])
}

export async function forgetLease(id: string, options: Options & { reason?: string }): Promise<void> {
  const { reason } = options
  if (reason === undefined || reason.trim() === '')
    throw new MayflyError('bad_input', 'say how you know that it is dead: --reason "dropped by hand"')
  const result = await call(options, id, 'forget', { reason })
  print(options.json, result, [`${result.lease.id} is taken for dead, on your word; recorded`])
}

async function call(options: Options, id: string, what: string, body?: object) {
  return await createOperatorApi(options).call<{ lease: Lease }>(
    'POST',
    `/v1/leases/${encodeURIComponent(id)}/${what}`,
    body,
  )
}

function note({ failure, attempts, next_attempt: next, ended, proof }: Lease): string {
  if (ended !== null) return `ended ${ended}${proof === null ? '' : ` (${proof})`}`
  if (failure === null) return ''
  return `tried ${attempts} times: ${failure}${next === null ? '' : `; again at ${next}`}`
}
