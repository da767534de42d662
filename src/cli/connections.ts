import { createOperatorApi } from './operator-api.ts'
import { print, table } from './output.ts'

interface Options {
  server?: string
  json: boolean
}

interface OpenConnection {
  id: string
  run: string
  session: string
  step: string
  step_name: string
  role: string
  connection: string | null
  host: string
  since: string
  bytes_up: number
  bytes_down: number
  requests: number
}

export async function listConnections(options: Options): Promise<void> {
  const result = await createOperatorApi(options).call<{ gateway: string; connections: OpenConnection[] }>(
    'GET',
    '/v1/connections',
  )
  const { gateway, connections } = result
  const rows = connections.map((one) => [
    one.id,
    one.run,
    `${one.step_name} (${one.role})`,
    one.connection ?? 'egress',
    one.host,
    one.since,
    String(one.bytes_up),
    String(one.bytes_down),
    String(one.requests),
  ])
  const head = ['ID', 'RUN', 'STEP', 'CONNECTION', 'HOST', 'SINCE', 'UP', 'DOWN', 'REQUESTS']
  print(options.json, result, rows.length === 0 ? [`nothing is open at ${gateway}`] : table([head, ...rows]))
}

export async function killConnection(id: string, options: Options): Promise<void> {
  const result = await createOperatorApi(options).call<{ killed: OpenConnection }>(
    'DELETE',
    `/v1/connections/${encodeURIComponent(id)}`,
  )
  const { killed } = result
  print(options.json, result, [
    `${killed.id} to ${killed.host} is closed; step "${killed.step_name}" goes on, and may open another (mayfly revoke --session ${killed.session} ends it)`,
  ])
}
