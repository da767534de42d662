import type { Channel, ClientChannel, ServerChannel } from 'ssh2'
import { once } from 'node:events'
import type { Duplex, Readable, Writable } from 'node:stream'

/** What passed, once both sides are done. */
export type Passed = Readonly<Record<string, string | number>>

/** What a session passes on its way, each once. */
export interface Through {
  readonly shown: Duplex
  readonly errors: Duplex
  readonly typed?: Duplex
  /** One of them failed, and ends the session; returns the line for the client. */
  failed(error: Error): string
}

/** Carries bytes and standard error, the end, and how it ended, between a client's channel and the host's. */
export async function joinChannels(
  client: ServerChannel,
  host: ClientChannel,
  through?: Through,
): Promise<Passed> {
  const facts: Record<string, string | number> = { sent: 0, received: 0 }
  const count = (from: Readable, name: 'sent' | 'received') =>
    from.on('data', (chunk: Buffer) => (facts[name] = Number(facts[name]) + chunk.length))
  const [fromClient, fromHost, errors] = taps(client, host, through)
  fromClient.pipe(host as Writable)
  fromHost.pipe(client as Writable, { end: false })
  errors.pipe(client.stderr, { end: false })
  count(client, 'sent')
  count(host, 'received')
  count(host.stderr, 'received')
  const { code, signal } = await closed(client, host, through === undefined ? [host] : [fromHost, errors])
  return {
    ...facts,
    ...(code === undefined ? {} : { exit: code }),
    ...(signal === undefined ? {} : { signal }),
  }
}

function taps(
  client: ServerChannel,
  host: ClientChannel,
  through: Through | undefined,
): [Readable, Readable, Readable] {
  if (through === undefined) return [client, host, host.stderr]
  const { shown, errors, typed } = through
  let hasFailed = false
  for (const one of [shown, errors, typed])
    one?.on('error', (error: Error) => {
      if (!hasFailed) client.stderr.write(`\r\n${through.failed(error)}\r\n`)
      hasFailed = true
      client.close()
      host.close()
    })
  return [typed === undefined ? client : client.pipe(typed), host.pipe(shown), host.stderr.pipe(errors)]
}

/** How what ran on the host ended; neither, if it has not said. */
export interface Exit {
  readonly code?: number
  readonly signal?: string
  readonly dumped?: boolean
  /** What the host says of it. */
  readonly said?: string
}

/** Those that have a name of their own (RFC 4254, section 6.10), which the library passes; hosts say others, too. */
const signals: ReadonlySet<string> = new Set(
  'ABRT ALRM FPE HUP ILL INT QUIT SEGV TERM USR1 USR2 KILL PIPE'.split(' '),
)
/** As OpenSSH's client ends where a signal ended the command. */
const bySignal = 255

/** The end of a command that is told to the client, whatever the host calls its signal: it would wait for ever. */
function tellExit(client: ServerChannel, { code, signal, dumped = false, said = '' }: Exit): void {
  if (code !== undefined) return client.exit(code)
  if (signal === undefined) return
  const name = signal.replace(/^SIG/, '')
  if (signals.has(name)) return client.exit(name, dumped, said)
  client.stderr.write(`mayfly: the host ended it by the signal ${signal}\r\n`)
  client.exit(bySignal)
}

/** Of the host's own words, for people and the log. */
function plain(words: unknown): string {
  return typeof words === 'string' ? words.replaceAll(/[^ -~]+/g, ' ').slice(0, 100) : ''
}

/** Whichever closes first closes the other, once what it said last has gone: how it ended goes before the end. */
export async function closed(
  client: ServerChannel,
  host: Channel,
  said: readonly Readable[] = [host],
): Promise<Exit> {
  client.on('error', () => host.close())
  host.on('error', () => client.close())
  client.once('close', () => host.close())
  // The library says it again with the end: what ends at once has ended before anybody listens.
  const exit = await new Promise<Exit>((resolve) =>
    host.once('close', (code?: number | null, signal?: string, dumped?: boolean, said?: string) => {
      if (typeof code === 'number') resolve({ code })
      else if (typeof signal !== 'string') resolve({})
      else resolve({ signal: plain(signal), dumped: dumped === true, said: plain(said) })
    }),
  )
  // What was read of the host may still be on its way.
  for (const one of said)
    if (!one.readableEnded && !one.destroyed && !client.destroyed)
      await Promise.race([once(one, 'end'), once(one, 'close'), once(client, 'close')])
  tellExit(client, exit)
  client.end()
  if (!client.writableFinished && !client.destroyed)
    await Promise.race([once(client, 'finish'), once(client, 'close')])
  client.close()
  return exit
}
