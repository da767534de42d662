import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import type { TestContext } from 'node:test'

/** A network between Mayfly and a server, that fails when it is told to. */
export interface Relay {
  readonly port: number
  /** Once a client sent this, it is passed on, and both sides are cut before any answer. */
  cutAfter: string | undefined
  /** Takes connections and passes nothing. */
  silent: boolean
  /** Sends this to whoever comes, again and again, and nothing else. */
  flood: Buffer | undefined
  /** Until the next connection has been taken. */
  taken(): Promise<void>
}

export async function startRelay(t: Pick<TestContext, 'after'>, port: number): Promise<Relay> {
  const open = new Set<Socket>()
  const server = createServer((client) => {
    open.add(client)
    client.on('error', () => undefined)
    if (relay.silent) return
    const { flood } = relay
    if (flood !== undefined) {
      const more = () => {
        while (!client.destroyed && client.write(flood));
      }
      client.on('drain', more)
      return more()
    }
    const upstream = connect(port, '127.0.0.1')
    open.add(upstream)
    let muted = false
    upstream.on('error', () => client.destroy())
    upstream.on('data', (piece) => muted || client.write(piece))
    upstream.on('end', () => client.end())
    client.on('close', () => upstream.destroy())
    client.on('data', (piece) => {
      upstream.write(piece)
      if (relay.cutAfter === undefined || !piece.includes(relay.cutAfter)) return
      muted = true
      // The server has answered by then, and nobody hears it.
      upstream.once('data', () => client.destroy())
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  t.after(() => {
    server.close()
    for (const socket of open) socket.destroy()
  })
  const relay: Relay = {
    taken: async () => void (await once(server, 'connection')),
    port: (server.address() as AddressInfo).port,
    cutAfter: undefined,
    silent: false,
    flood: undefined,
  }
  return relay
}
