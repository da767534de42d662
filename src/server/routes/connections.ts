import { z } from 'zod'
import { noSuch } from '../../lib/index.ts'
import { stepEvent, type Broker } from '../../broker/index.ts'
import type { Gateway, OpenConnection } from '../../gateway/index.ts'
import { operatorEvent } from '../operator-event.ts'
import type { Route } from '../route.ts'

const openConnection = z.object({
  id: z.string(),
  run: z.string(),
  session: z.string(),
  step: z.string(),
  step_name: z.string(),
  role: z.string(),
  connection: z.string().nullable().describe('Its name in mayfly.yaml; null for an egress host.'),
  host: z.string().describe('host:port'),
  since: z.string(),
  bytes_up: z.int().describe('From the step.'),
  bytes_down: z.int(),
  requests: z.int().describe('Of HTTP; 0 where only bytes pass.'),
})

/** What steps have open at the gateway of this server, and the end of one. */
export function connectionRoutes({ gateway, broker }: { gateway: Gateway; broker: Broker }): Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/connections',
      summary: 'What steps have open now at this server’s gateway',
      auth: 'session:read',
      response: z.object({ gateway: z.string(), connections: z.array(openConnection) }),
      handle: async () => ({ gateway: gateway.url, connections: gateway.connections().map(describe) }),
    },
    {
      method: 'DELETE',
      path: '/v1/connections/:id',
      summary: 'Close one of them; its step goes on, and may open another',
      auth: 'session:revoke',
      response: z.object({ killed: openConnection }),
      handle: async (call) => {
        const id = call.params['id'] ?? ''
        const known = gateway.connections().map((one) => one.id)
        const was = gateway.killConnection(id)
        if (was === undefined) throw noSuch('open connection called', id, known)
        const killed = describe(was)
        // Closed first, and told for sure: a log that is down must not keep it open.
        const { connection, host, since, bytes_up, bytes_down, requests } = killed
        const what = { id, connection, host, since, bytes_up, bytes_down, requests }
        const { data: operator } = operatorEvent(call, 'connection.killed', what)
        const { data, ...entry } = stepEvent(was.step, 'connection.killed', {})
        await broker.outbox.write(async (_tx, add) => add([{ ...entry, data: { ...data, ...operator } }]))
        return { killed }
      },
    },
  ]
}

function describe(one: OpenConnection): z.output<typeof openConnection> {
  const { step } = one
  return {
    id: one.id,
    run: step.session.runId,
    session: step.session.id,
    step: step.id,
    step_name: step.name,
    role: step.role,
    connection: one.connection ?? null,
    host: `${one.host.includes(':') ? `[${one.host}]` : one.host}:${one.port}`,
    since: new Date(one.sinceMs).toISOString(),
    bytes_up: one.bytesUp,
    bytes_down: one.bytesDown,
    requests: one.requests,
  }
}
