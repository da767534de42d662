import type { Duplex } from 'node:stream'
import { createFromClient } from './from-client.ts'
import { createFromServer, type Outcome } from './from-server.ts'
import type { Masks } from './masks/masks.ts'
import { Pending } from './pending.ts'
import { SessionNames } from './session-names.ts'
import { SocketOutput } from './socket-output.ts'
import { Splitter, type Seen } from './splitter.ts'
import type { Judge, Soon, Statement } from './statement.ts'
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
  fromServer.over()
  return cut
}

/** One half, until its side ends. What is at hand is done at once: most messages need no waiting. */
function pump(
  from: Duplex,
  splitter: Splitter,
  output: SocketOutput,
  take: (seen: Seen) => Soon<void>,
  isOver: () => boolean,
): Promise<void> {
  /** Returns a promise where something has to be waited for; then the rest of the chunk comes after it. */
  function go(pieces: Iterator<Buffer | Seen>): Soon<void> {
    for (let piece = pieces.next(); piece.done !== true; piece = pieces.next()) {
      if (isOver()) return undefined
      if (Buffer.isBuffer(piece.value)) output.put(piece.value)
      else {
        const taking = take(piece.value)
        if (taking !== undefined) return taking.then(() => go(pieces))
      }
    }
    output.flush()
    return output.room()
  }

  return new Promise((resolve, reject) => {
    let isBusy = false
    let isEnded = false
    const fail = (error: unknown) => {
      // A fault is to be told on the same socket.
      from.off('data', onData).pause()
      reject(error instanceof Error ? error : new Error(String(error)))
    }
    const onData = (chunk: Buffer) => {
      try {
        const busy = go(splitter.split(chunk))
        if (busy === undefined) return
        isBusy = true
        from.pause()
        busy.then(() => {
          isBusy = false
          if (isEnded) resolve()
          else from.resume()
        }, fail)
      } catch (error) {
        fail(error)
      }
    }
    const onEnd = () => {
      isEnded = true
      if (!isBusy) resolve()
    }
    from.on('data', onData).once('end', onEnd).once('close', onEnd).once('error', onEnd)
    if (from.destroyed) onEnd()
    else from.resume()
  })
}

const lingerMs = 2_000

/** What was written goes out; who does not close their side then is not waited for. */
function hangUp(socket: Duplex): void {
  socket.end()
  const timer = setTimeout(() => socket.destroy(), lingerMs).unref()
  socket.once('close', () => clearTimeout(timer))
}
