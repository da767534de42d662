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
  host.on('exit', (code: number | null, signal?: string, _dump?: string, description?: string) => {
    if (code === null) {
      facts['signal'] = String(signal)
      client.exit(String(signal), false, description ?? '')
    } else {
      facts['exit'] = code
      client.exit(code)
    }
  })
  await closed(client, host)
  return facts
}

/** Whichever closes first closes the other, once what it said last has gone. */
export async function closed(client: Channel, host: Channel): Promise<void> {
  client.on('error', () => host.close())
  host.on('error', () => client.close())
  client.once('close', () => host.close())
  await new Promise<void>((resolve) => host.once('close', resolve))
  // What was read of the host may still be on its way.
  if (!host.readableEnded && !client.destroyed) await Promise.race([once(host, 'end'), once(client, 'close')])
  client.end()
  if (!client.writableFinished && !client.destroyed)
    await Promise.race([once(client, 'finish'), once(client, 'close')])
  client.close()
}
