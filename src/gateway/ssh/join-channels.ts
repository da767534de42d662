import type { Channel, ClientChannel, ServerChannel } from 'ssh2'
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'

/** What passed, once both sides are done. */
export type Passed = Readonly<Record<string, string | number>>

/** Carries bytes and standard error, the end, and how it ended, between a client's channel and the host's. */
export async function joinChannels(client: ServerChannel, host: ClientChannel): Promise<Passed> {
  const facts: Record<string, string | number> = { sent: 0, received: 0 }
  const count = (from: Readable, name: 'sent' | 'received') =>
    from.on('data', (chunk: Buffer) => (facts[name] = Number(facts[name]) + chunk.length))
  count(client, 'sent')
  count(host, 'received')
  client.pipe(host as Writable)
  host.pipe(client as Writable, { end: false })
  host.stderr.on('data', (chunk: Buffer) => (facts['received'] = Number(facts['received']) + chunk.length))
  host.stderr.pipe(client.stderr, { end: false })
  const { code, signal } = await closed(client, host)
  return {
    ...facts,
    ...(code === undefined ? {} : { exit: code }),
    ...(signal === undefined ? {} : { signal }),
  }
}

/** How what ran on the host ended; neither, if it has not said. */
export interface Exit {
  readonly code?: number
  readonly signal?: string
}

/** Whichever closes first closes the other, once what it said last has gone: how it ended goes before the end. */
export async function closed(client: ServerChannel, host: Channel): Promise<Exit> {
  client.on('error', () => host.close())
  host.on('error', () => client.close())
  client.once('close', () => host.close())
  // The library says it again with the end: what ends at once has ended before anybody listens.
  const exit = await new Promise<Exit>((resolve) =>
    host.once('close', (code?: number | null, signal?: string) =>
      resolve(typeof code === 'number' ? { code } : typeof signal === 'string' ? { signal } : {}),
    ),
  )
  // What was read of the host may still be on its way.
  if (!host.readableEnded && !client.destroyed) await Promise.race([once(host, 'end'), once(client, 'close')])
  if (exit.code !== undefined) client.exit(exit.code)
  else if (exit.signal !== undefined) client.exit(exit.signal, false, '')
  client.end()
  if (!client.writableFinished && !client.destroyed)
    await Promise.race([once(client, 'finish'), once(client, 'close')])
  client.close()
  return exit
}
