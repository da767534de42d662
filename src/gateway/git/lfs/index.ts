import type { Clock } from '../../../lib/index.ts'
import type { Exchange } from '../../exchange.ts'
import { answerError } from './answer.ts'
import { batch } from './batch.ts'
import { createHeldActions } from './held.ts'
import { locks } from './locks.ts'
import { lfsRouteOf } from './route.ts'
import { transfer } from './transfer.ts'

/**
 * Git LFS: batch, the basic transfer, and locks. The step sees no address and no header by which the server would know it:
 * the gateway holds them, goes there itself, and holds every object against its name, which is its SHA-256.
 * Resolves to false for a request that is none of LFS.
 */
export function createLfs({ clock }: { clock: Clock }): (exchange: Exchange) => Promise<boolean> {
  const deps = { held: createHeldActions(), clock }
  return async (exchange) => {
    const route = lfsRouteOf(exchange)
    if (route === undefined) return false
    if (route === 'unknown') {
      const what = `${exchange.connection.name} ${exchange.request.method} ${exchange.path}`
      const why = 'of Git LFS the batch API, the basic transfer and locks pass here'
      answerError(exchange.response, 403, exchange.deny(what, why))
    } else if (route.kind === 'batch') await batch(exchange, route.repository, deps)
    else if (route.kind === 'transfer') await transfer(exchange, route, deps)
    else await locks(exchange, route)
    return true
  }
}
