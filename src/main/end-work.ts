import type { Broker } from '../broker/index.ts'
import { messageOf, type Clock } from '../lib/index.ts'
import type { createApiServer } from '../server/index.ts'

/** How long a stop waits for upstreams that revoke. */
const revokingMs = 5_000

/** How long a stop waits for the log to take what is left. */
const deliveryMs = 5_000

const pause = () => new Promise((next) => setTimeout(next, 50))

/** Before a server stops: takes no new work, waits so long for open steps, then ends them, and has every end recorded. */
export async function endWork(
  deps: {
    broker: Broker
    server: Pick<ReturnType<typeof createApiServer>, 'untold'>
    clock: Clock
    heartbeatSeconds: number
    tell: (line: string) => void
  },
  drainSeconds: number,
): Promise<void> {
  const { broker, server, clock, tell } = deps
  broker.drain()
  const untilMs = clock.nowMs() + drainSeconds * 1000
  while ((await broker.counts()).openSteps > 0 && clock.nowMs() < untilMs) await pause()
  await broker
    .revoke({ all: true }, 'server_stopping')
    .catch((error: unknown) =>
      tell(`sessions could not be ended: ${messageOf(error)}; they end at the next start`),
    )
  // Whoever runs a step is told that it has ended before we are gone: nothing runs on past its recorded end.
  const toldBy = clock.nowMs() + (deps.heartbeatSeconds + 1) * 1000
  while (server.untold() > 0 && clock.nowMs() < toldBy) await pause()
  // Credentials that were minted are revoked now, if their upstreams answer; the next start goes on with the others.
  await Promise.race([broker.idle(), new Promise((next) => setTimeout(next, revokingMs).unref())])
  // The log has every end before it is stopped, too, if it answers; what it has not, it gets at the next start.
  const deliveredBy = clock.nowMs() + deliveryMs
  while ((await broker.counts()).undelivered > 0 && clock.nowMs() < deliveredBy) await pause()
}
