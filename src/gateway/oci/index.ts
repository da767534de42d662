import { MayflyError, messageOf, type Clock } from '../../lib/index.ts'
import { queryText } from '../../images/index.ts'
import { UpstreamBusy } from '../busy.ts'
import type { HttpHandler } from '../exchange.ts'
import { createTurns } from '../turns.ts'
import { answer, answerBusy, answerError, refuse } from './answer.ts'
import { erase } from './erase.ts'
import { list } from './list.ts'
import type { Job } from './job.ts'
import { createMemories } from './memory.ts'
import { pullBlob, pullManifest, pullReferrers } from './pull.ts'
import { pushManifest } from './push.ts'
import { openRegistry } from './registry.ts'
import { routeOf, type Query, type Route } from './route.ts'
import { upload } from './upload.ts'

export { attach, type Attached } from './attach.ts'
export { openOwnRegistry, readerOf } from './beside.ts'

/**
 * A container registry (OCI distribution-spec 1.1). Names repository, tag and digest of each operation; hashes every manifest
 * and blob that passes, in and out, whatever the registry says of it. Refuses what it cannot hold against a digest or a grant:
 * a manifest that means two things, a tag that would move without `oci:force`, a mount from a repository that the step may not
 * pull, a place to go on with that is on another host. Clients need no login: the gateway does the registry's.
 */
export function createOciHandler(deps: { clock: Clock }): HttpHandler {
  const memoryOf = createMemories()
  const turns = createTurns()
  return async (exchange) => {
    const { request, path, query } = exchange
    const memory = memoryOf(exchange)
    const isPage = (named: Query) => memory.pages.has(path, queryText(named))
    const route = routeOf(request.method ?? '', path, query, isPage)
    if (typeof route === 'string') return refuse(exchange, route)
    const job = { exchange, memory, turns, registry: openRegistry(exchange, memory, deps.clock) }
    try {
      await handle(job, route)
    } catch (error) {
      if (exchange.response.headersSent || exchange.response.destroyed)
        return void exchange.response.destroy()
      if (error instanceof UpstreamBusy) return answerBusy(exchange, error)
      const isDown = error instanceof MayflyError && error.code === 'upstream_unreachable'
      // That it is down is recorded already.
      if (isDown) return answerError(exchange, 502, 'UNKNOWN', `mayfly: ${messageOf(error)}`)
      refuse(exchange, messageOf(error))
    }
  }
}

async function handle(job: Job, route: Route): Promise<void> {
  const { method } = job.exchange.request
  switch (route.kind) {
    case 'ping':
      // Whether this is a registry, and whether it asks for a login: for a step it does not.
      return answer(
        job.exchange,
        200,
        { 'content-type': 'application/json', 'docker-distribution-api-version': 'registry/2.0' },
        Buffer.from('{}'),
      )
    case 'catalog':
    case 'tags':
      return list(job, route)
    case 'referrers':
      return pullReferrers(job, route)
    case 'upload':
      return upload(job, route)
    case 'manifest':
      if (method === 'PUT') return pushManifest(job, route)
      return method === 'DELETE' ? erase(job, route) : pullManifest(job, route)
    case 'blob':
      return method === 'DELETE' ? erase(job, route) : pullBlob(job, route)
  }
}
