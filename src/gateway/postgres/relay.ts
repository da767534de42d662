import type { Duplex } from 'node:stream'
import { createFromClient } from './from-client.ts'
import { createFromServer, type Outcome } from './from-server.ts'
import { Pending } from './pending.ts'
import { SessionNames } from './session-names.ts'
import { SocketOutput } from './socket-output.ts'
import { Splitter, type Seen } from './splitter.ts'
import type { Judge, Statement } from './statement.ts'
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
    pending.wake()
  }
  const fromClient = createFromClient<S>({
    ...{ judge, names, pending, counted },
    output: toServer,
    splitter: () => ofClient,
    calls: deps.calls,
  })
  const fromServer = createFromServer<S>({
    ...{ judge, names, pending, counted, end },
    output: toClient,
    splitter: () => ofServer,
  })
  const ofClient: Splitter = new Splitter(fromClient.wanted)
  const ofServer: Splitter = new Splitter(fromServer.wanted)
  server.once('close', () => pending.wake())
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
        .catch((error: unknown) => end(error instanceof Error ? error.message : 'it cannot be carried on'))
        .finally(() => (at === 0 ? server : client).end()),
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
  for await (const chunk of from as AsyncIterable<Buffer>) {
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
