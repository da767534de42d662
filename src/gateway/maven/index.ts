import { plainAnswer, type Exchange, type HttpHandler } from '../exchange.ts'
import { download } from './download.ts'
import { createTurns } from '../turns.ts'
import { publish } from './publish.ts'
import { createReading } from './reading.ts'
import { routeOf } from './route.ts'

/**
 * Maven repositories, as Maven and Gradle speak to them: files, what stands beside them (checksums, signatures) and metadata by
 * GET, deploying by PUT. Names artifact and version. Refuses folders, indexes, and every other method.
 */
export function createMavenHandler(): HttpHandler {
  const publishing = { turns: createTurns(), reading: createReading() }
  return async (exchange) => {
    const { request, path, query } = exchange
    const route = query === '' ? routeOf(path) : undefined
    if (route === undefined) return deny(exchange, 'only files of artifacts and their metadata pass here')
    if (request.method === 'GET' || request.method === 'HEAD') return download(exchange, route)
    if (request.method === 'PUT') return publish(exchange, route, publishing)
    deny(exchange, 'files are read by GET and deployed by PUT, and nothing is deleted')
  }
}

function deny(exchange: Exchange, reason: string): void {
  const { request, response, connection, path } = exchange
  plainAnswer(response, 403, exchange.deny(`maven ${request.method} ${connection.name}${path}`, reason))
}
