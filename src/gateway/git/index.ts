import type { Clock } from '../../lib/index.ts'
import { plainAnswer, type Exchange, type HttpHandler } from '../exchange.ts'
import type { PushScanner } from '../push-scanner.ts'
import { advertise } from './advertise.ts'
import { readFetchRequest } from './fetch-request.ts'
import { createLfs } from './lfs/index.ts'
import { push } from './push.ts'
import { forward, operationOn, passOn, routeOf, type Route } from './route.ts'

/**
 * Git over smart HTTP (gitprotocol-http): advertisement, fetch and push. Names repository, refs, commits and what a push
 * does to each ref. Git LFS beside it. Refuses the dumb protocol, signed pushes, and any push of which one ref is not granted: what
 * the names tell before upstream sees a byte, what only the objects tell before it sees the last ones.
 */
export function createGitHandler(deps: { clock: Clock; scanner?: PushScanner }): HttpHandler {
  const lfs = createLfs(deps)
  return async (exchange) => {
    if (await lfs(exchange)) return
    const route = routeOf(exchange)
    if (route === undefined) {
      const what = `${exchange.connection.name} ${exchange.request.method} ${exchange.path}`
      return plainAnswer(
        exchange.response,
        403,
        exchange.deny(what, 'only git fetch and push over smart HTTP pass here'),
      )
    }
    if (route.kind === 'advertise')
      return advertise(exchange, route, deps.scanner !== undefined || exchange.looksAt('push'))
    return route.service === 'git-upload-pack'
      ? fetchObjects(exchange, route)
      : push(exchange, route, deps.scanner)
  }
}

async function fetchObjects(exchange: Exchange, route: Route): Promise<void> {
  // First, since what may not be read is not unpacked either.
  const denial = exchange.precheck(operationOn(exchange, route, 'git:read'))
  if (denial !== undefined) return plainAnswer(exchange.response, 403, denial.message)
  const { command, wants, wantCount, refused, body } = await readFetchRequest(
    exchange.request,
    exchange.request.headers['content-encoding'],
  )
  if (refused !== undefined) {
    const what = `git:read ${exchange.connection.name}/${route.repository}`
    return plainAnswer(exchange.response, 403, exchange.deny(what, refused))
  }
  const permit = await exchange.permit(operationOn(exchange, route, 'git:read'), {
    git: { phase: command, wants, wantCount },
  })
  if (!permit.allow) return plainAnswer(exchange.response, 403, permit.message)
  const upstream = await forward(exchange, permit, body)
  // A host may not be what its name says to others; the id of a commit says what it is.
  if (command === 'fetch' && upstream.statusCode === 200)
    await exchange.gives(
      wants.map((commit) => ({
        type: 'fetched',
        item: { repository: repositoryUrl(exchange, route), commit },
      })),
    )
  await passOn(exchange, upstream)
}

function repositoryUrl({ connection }: Exchange, { repository }: Route): string {
  return `${connection.url.replace(/\/+$/, '')}/${repository}`
}
