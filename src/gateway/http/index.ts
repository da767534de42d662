import { plainAnswer, type HttpHandler } from '../exchange.ts'
import { passHttp } from '../pass-http.ts'
import { passWebSocket, plainSocket } from '../web-socket/index.ts'

/** Any HTTP API: an operation is method and path. Refuses methods without an action. */
export function createHttpHandler(): HttpHandler {
  return async (exchange) => {
    const { request, response, connection, path, asksUpgrade } = exchange
    if (asksUpgrade !== undefined)
      return passWebSocket(exchange, asksUpgrade, plainSocket(exchange, 'http:connect'))
    const what = `http ${request.method} ${connection.name}${path}`
    const action = actions.get(request.method ?? '')
    if (action === undefined)
      return plainAnswer(response, 403, exchange.deny(what, `no grant is for the method ${request.method}`))
    await passHttp(exchange, what, [{ action, connection: connection.name, path: path.slice(1) }])
  }
}

const actions: ReadonlyMap<string, string> = new Map([
  ['GET', 'http:get'],
  ['HEAD', 'http:get'],
  ['OPTIONS', 'http:get'],
  ['POST', 'http:post'],
  ['PUT', 'http:put'],
  ['PATCH', 'http:patch'],
  ['DELETE', 'http:delete'],
])
