import { discard, pickHeaders, type Exchange, type HttpHandler } from '../exchange.ts'
import { standIn } from '../trusted-publishing.ts'
import { addressOf, ask } from '../ask.ts'
import { answerPlain, refuse } from './answer.ts'
import { createShelf } from './aside.ts'
import { serveFile } from './file-request.ts'
import { permitProject, serveIndex } from './index-request.ts'
import { createPages } from './pages.ts'
import { createTurns } from '../turns.ts'
import { routeOf } from './route.ts'
import { serveUpload, type UploadDeps } from './upload.ts'

/**
 * A Python package index: pages of projects in JSON and HTML (PEP 503, 691), files and their metadata, and uploads. What comes
 * is held against the lockfile's hashes, or under a grant to resolve against the index's. Refuses the list of all projects, and
 * every project that is neither pinned nor granted by name.
 */
export function createPypiHandler(): HttpHandler {
  const deps = { pages: createPages(), turns: createTurns(), shelf: createShelf() }
  return (exchange) => serve(exchange, deps)
}

async function serve(exchange: Exchange, deps: UploadDeps): Promise<void> {
  const { pages } = deps
  const { request, path, query, storage } = exchange
  const route = routeOf(request.method ?? '', path, storage !== undefined)
  if (route === undefined || (query !== '' && route.kind !== 'file' && route.kind !== 'mint'))
    return refuse(exchange, 'it is neither the page of a project, nor a file of a release, nor an upload')
  switch (route.kind) {
    case 'index':
      return serveIndex(exchange, pages, route)
    case 'file':
      return serveFile(exchange, pages, route)
    case 'about':
      return serveAbout(exchange, route.project)
    case 'upload':
      return serveUpload(exchange, deps)
    case 'mint':
      return giveStandIn(exchange)
  }
}

/**
 * Publishers that see an identity token of the CI exchange it by themselves. That one goes nowhere, and what they get opens
 * nothing: they publish with it on this connection, where the gateway leaves it out and adds what it holds.
 */
function giveStandIn(exchange: Exchange): void {
  const { connection, path, request, response } = exchange
  const audience = connection.trustedPublishing?.audience
  if (audience === undefined)
    return refuse(
      exchange,
      'a step needs no token to publish: the gateway adds the credential of the connection; publish with any user name and password',
    )
  // Who sends a body reads no answer before its end.
  request.resume()
  const said = path.endsWith('/audience') ? { audience } : { success: true, token: standIn }
  const body = Buffer.from(JSON.stringify(said))
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length })
  response.end(body)
}

/** What is told about a project, and decides nothing here: files are held against their digests all the same. */
async function serveAbout(exchange: Exchange, project: string): Promise<void> {
  const { request } = exchange
  const permit = await permitProject(exchange, project, await exchange.pins())
  if (typeof permit === 'string') return refuse(exchange, permit)
  if (!permit.allow) return answerPlain(exchange, 403, permit.message)
  const headers = pickHeaders(request, ['accept', 'accept-encoding', 'if-none-match', 'user-agent'])
  const asked = await ask(exchange, permit, addressOf(exchange), { method: request.method ?? 'GET', headers })
  if (!asked.ok) return refuse(exchange, asked.why, 502)
  const { upstream } = asked
  const { statusCode = 0 } = upstream
  if (statusCode !== 200 && statusCode !== 304 && statusCode !== 404) {
    discard(upstream)
    return refuse(exchange, `the index answered ${statusCode}`, 502)
  }
  await exchange.relay(upstream)
}
