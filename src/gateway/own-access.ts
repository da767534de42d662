import type { IncomingMessage } from 'node:http'
import type { Connection } from '../connections/index.ts'
import { busyAnswer, isBusy } from './busy.ts'
import { discard, type Exchange } from './exchange.ts'
import { hostMeant } from './host-beside.ts'
import { readAnswer } from './relay-answer.ts'
import type { Upstream } from './upstream/index.ts'

/** What the gateway itself asks the host of a connection for a step. Nothing of the answers goes to the step. Throws `UpstreamBusy`. */
export type OwnAccess = Pick<Exchange, 'connection' | 'send' | 'sendTo' | 'notTaken' | 'read'>

export function openOwnAccess(connection: Connection, upstream: Upstream, abandoned: AbortSignal): OwnAccess {
  async function unlessBusy(sent: Promise<IncomingMessage>): Promise<IncomingMessage> {
    const answer = await sent
    if (!isBusy(answer)) return answer
    discard(answer)
    throw busyAnswer(connection.name, answer)
  }

  return {
    connection,
    send: (permit, { headers, path, ...asked }) =>
      unlessBusy(
        upstream.send(connection, {
          ...asked,
          path: `${connection.basePath}${path}`,
          ...{ headers, abandoned, authorization: permit.authorization },
          clientIdentity: permit.clientIdentity,
        }),
      ),
    sendTo(permit, url, asked, beside) {
      const meant = hostMeant(connection, url, beside)
      if (meant === undefined) return undefined
      const { host, path, withCredential } = meant
      return unlessBusy(
        upstream.send(host, {
          ...asked,
          ...{ path, abandoned, authorization: withCredential ? permit.authorization : undefined },
          clientIdentity: host === connection ? permit.clientIdentity : undefined,
        }),
      )
    },
    notTaken: () => undefined,
    read: (answer, maxBytes) => readAnswer(answer, undefined, maxBytes),
  }
}
