import type { Duplex } from 'node:stream'
import { createFromClient } from './from-client.ts'
import { createFromServer, type Outcome } from './from-server.ts'
import type { Masks } from './masks/masks.ts'
import { Pending } from './pending.ts'
import { SessionNames } from './session-names.ts'
import { SocketOutput } from './socket-output.ts'
import { Splitter, type Seen } from './splitter.ts'
import type { Judge, Statement } from './statement.ts'
import { ProtocolFault } from '../read-exactly.ts'
import { errorResponse, type Fault } from './wire.ts'

/**
 * Carries a session until one side ends it, each half in its own pace and in memory that does not grow with what passes. Statements
 * of the client are judged before the server sees them. Returns why it was cut, if one of the two broke the protocol.
 */
export async function relay<S extends Statement>(deps: {
  readonly client: Duplex
  readonly server: Duplex
  readonly judge: Judge<S>
  readonly calls: Fault | undefined
  readonly masks: Masks | undefined
  readonly counted: (statements: readonly S[], outcome: Outcome) => void
}): Promise<string | undefined> {
  const { client, server, judge, counted } = deps
  const names = new SessionNames<S>()
  const pending = new Pending<S>()
  const toServer = new SocketOutput(server)
  const toClient = new SocketOutput(client)
  let cut: string | undefined
  const end = (why: string) => {
    cut ??= why
    if (!client.destroyed && client.writable) {
      toClient.flush()
      client.end(errorResponse({ severity: 'FATAL', code: '08P01', message: `mayfly: ${why}` }))
    }
    server.destroy()
  }
  const fromClient = createFromClient<S>({
    ...{ judge, names, pending, counted },
    output: toServer,
    splitter: () => ofClient,
    calls: deps.calls,
    describes: deps.masks !== undefined,
  })
  const fromServer = createFromServer<S>({
    ...{ judge, names, pending, counted, end, masks: deps.masks },
    output: toClient,
    splitter: () => ofServer,
  })
  const ofClient: Splitter = new Splitter(fromClient.wanted)
  const ofServer: Splitter = new Splitter(fromServer.wanted)
  for (const socket of [server, client]) socket.once('close', () => pending.over())
  const halves = [
    pump(
      client,
      ofClient,
      toServer,
      (seen) => fromClient.take(seen),
      () => server.destroyed,
    ),
    pump(
      server,
      ofServer,
      toClient,
      (seen) => fromServer.take(seen),
      () => client.destroyed,
    ),
  ]
  await Promise.all(
    halves.map((half, at) =>
      half
        .catch((error: unknown) => {
          if (error instanceof ProtocolFault) end(error.message)
        })
        .finally(() => hangUp(at === 0 ? server : client)),
    ),
  )
  return cut
}

/** One half, until its side ends. */
async function pump(
  from: Duplex,
  splitter: Splitter,
  output: SocketOutput,
  take: (seen: Seen) => Promise<void> | void,
  isOver: () => boolean,
): Promise<void> {
  // A fault is to be told on the same socket.
  const chunks = from.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>
  for await (const chunk of chunks) {
    for (const piece of splitter.split(chunk)) {
      if (isOver()) return
      if (Buffer.isBuffer(piece)) output.put(piece)
      else {
        const taking = take(piece)
        if (taking !== undefined) await taking
      }
    }
    output.flush()
    await output.room()
  }
}

const lingerMs = 2_000

/** What was written goes out; who does not close their side then is not waited for. */
function hangUp(socket: Duplex): void {
  socket.end()
  const timer = setTimeout(() => socket.destroy(), lingerMs).unref()
  socket.once('close', () => clearTimeout(timer))
}
