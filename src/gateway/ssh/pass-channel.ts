import type { ClientChannel, PseudoTtyInfo, ServerChannel } from 'ssh2'
import { MayflyError, messageOf } from '../../lib/index.ts'
import type { Permit } from '../exchange.ts'
import type { SessionRecording, SessionToRecord } from '../session-recorder.ts'
import type { StreamExchange } from '../stream-exchange.ts'
import { joinChannels, type Passed } from './join-channels.ts'
import type { Upstream } from './upstream-side.ts'

export type To = (permit: Permit, user: string) => Promise<Upstream>

/** What a client asks of a session: a command, a shell, files. */
export interface Asked {
  readonly action: string
  /** As grants have it. */
  readonly path: string
  /** Why no grant can name it. */
  readonly unnamed?: string | undefined
  readonly user: string
  /** The terminal that it is for; a shell without one is recorded, too. */
  readonly pty?: PseudoTtyInfo | undefined
  open(upstream: Upstream): Promise<ClientChannel>
  /** Of what is not passed as bytes. */
  pass?(client: ServerChannel, host: ClientChannel): Promise<Passed>
}

/** A channel to the host that was opened. */
export interface Opened {
  readonly host: ClientChannel
  readonly recording: SessionRecording | undefined
}

/** What is said to the client in place of what was refused: on its standard error, as an exit of the command. */
const refusedCode = 126

/**
 * Judges what is asked, begins its recording where it is at a terminal, opens it on the host and passes it on; resolves once that
 * has begun. What cannot be recorded is not opened. Undefined if it was refused, which the client has been told.
 */
export async function passChannel(
  stream: StreamExchange,
  to: To,
  client: ServerChannel,
  asked: Asked,
): Promise<Opened | undefined> {
  const { action, path, user } = asked
  const { name: connection } = stream.connection
  const refuse = (message: string) => {
    client.stderr.write(`${message}\r\n`)
    client.exit(refusedCode)
    client.end()
    return undefined
  }
  const name = action === 'sftp' ? `ssh ${connection}/${user} files` : `${action} ${connection}/${path}`
  if (asked.unnamed !== undefined) return refuse(stream.deny(name, asked.unnamed))
  const terminal = recordFor(stream, asked, name)
  const permission =
    action === 'sftp'
      ? await permitFiles(stream, user)
      : await stream.permit(
          { action, connection, path },
          terminal === undefined ? {} : { recording: terminal.id },
        )
  if (!permission.allow) return refuse(permission.message)
  let recording: SessionRecording | undefined
  let host: ClientChannel
  let upstream: Upstream
  try {
    recording = await terminal?.begin()
    upstream = await to(permission, user)
    host = await asked.open(upstream)
  } catch (error) {
    await recording?.end()
    return refuse(stream.deny(name, messageOf(error)))
  }
  // The library says nothing else of a host that hangs up in the middle.
  host.prependOnceListener('close', (code?: number | null) => {
    const words = upstream.lastWords()
    if (typeof code === 'number' || words === '') return
    client.stderr.write(`mayfly: the host closed the connection: ${words}\r\n`)
  })
  const passing = asked.pass?.(client, host) ?? join(stream, name, client, host, recording)
  passing
    .then(async (facts) =>
      stream.done({ operation: name.slice(0, 2_000), facts: { ...facts, ...(await recording?.end()) } }),
    )
    .catch(() => undefined)
  return { host, recording }
}

/** Of a shell, and of a command with a terminal, which may be one as well. */
function recordFor(stream: StreamExchange, asked: Asked, operation: string): SessionToRecord | undefined {
  const { action, pty } = asked
  if (action !== 'ssh:shell' && pty === undefined) return undefined
  return stream.record({ operation, columns: sizeIn(pty?.cols, 80), rows: sizeIn(pty?.rows, 24) })
}

/** The client says it, and what it says may be no size at all. */
export function sizeIn(said: number | undefined, usual: number): number {
  return said === undefined || said < 1 || said > 10_000 ? usual : said
}

function join(
  stream: StreamExchange,
  name: string,
  client: ServerChannel,
  host: ClientChannel,
  recording: SessionRecording | undefined,
): Promise<Passed> {
  if (recording === undefined) return joinChannels(client, host)
  return joinChannels(client, host, {
    ...{ shown: recording.shown(), errors: recording.shown() },
    ...(stream.connection.settings?.record_input === true ? { typed: recording.typed() } : {}),
    failed: (error) =>
      stream.deny(
        name,
        error instanceof MayflyError ? error.message : 'its recording failed, so that it was ended',
      ),
  })
}

/** By any grant for this user's files: which they are its requests say. */
function permitFiles(stream: StreamExchange, user: string) {
  const connection = stream.connection.name
  const path = `${user}/`
  const may = (action: string) => stream.would({ action, connection, path: '' }, { anyRef: true })
  const action = ['ssh:read', 'ssh:write'].find(may) ?? 'ssh:read'
  return may(action)
    ? stream.permitAny({ action, connection, path: '' })
    : stream.permit({ action, connection, path: `${path}*` }, {})
}
