import type {
  AuthContext,
  CipherAlgorithm,
  ClientChannel,
  Connection as ClientConnection,
  PseudoTtyInfo,
  ServerChannel,
  Session,
} from 'ssh2'
import type { Socket } from 'node:net'
import { limits, messageOf } from '../../lib/index.ts'
import type { Permit } from '../exchange.ts'
import type { StreamExchange } from '../stream-exchange.ts'
import { joinChannels } from './join-channels.ts'
import { filterFiles } from './sftp/filter.ts'
import type { ExecOptions, Upstream } from './upstream-side.ts'

/** By the machine's own instructions, and not what prefixes can be cut from unseen (CVE-2023-48795), for clients without strict key exchange. */
const ciphers: CipherAlgorithm[] = [
  'aes128-gcm@openssh.com',
  'aes256-gcm@openssh.com',
  'aes128-ctr',
  'aes256-ctr',
]

type To = (permit: Permit, user: string) => Promise<Upstream>

/**
 * Speaks SSH with the step's client until it leaves. Whoever it says that it is it may be: the step is known by its door, and what
 * it may do as that user is judged with each thing that it asks for. Resolves with what ends it.
 */
export async function serveClient(stream: StreamExchange, to: To): Promise<() => void> {
  const { default: ssh2 } = await import('ssh2')
  const server = new ssh2.Server({
    hostKeys: [stream.hostKey()],
    ident: 'Mayfly',
    algorithms: { compress: ['none'], cipher: ciphers },
  })
  // What a client sends ends its own connection, and nothing else.
  server.on('error', () => undefined)
  let user = ''
  await new Promise<void>((resolve) => {
    server.on('connection', (client: ClientConnection) => {
      client.on('error', () => client.end())
      client.on('authentication', (context: AuthContext) => {
        if (!isPlainUser(context.username)) return context.reject([])
        user = context.username
        // A key of the client's own is asked about before it signs; nobody here needs to know whether it can.
        context.accept()
      })
      let channels = 0
      const admit = () => {
        if (channels >= limits.sshChannels) return false
        channels++
        return true
      }
      const left = () => void channels--
      client.on('session', (accept, reject) => {
        if (!admit()) return reject()
        const session = accept()
        session.once('close', left)
        serveSession(stream, to, user, session)
      })
      client.on('tcpip', (accept, reject, info) => {
        if (!admit()) return reject()
        const { srcIP, srcPort, destIP, destPort } = info
        const from = { host: srcIP, port: srcPort }
        void passForward(stream, to, user, from, { host: destIP, port: destPort }, accept, reject).finally(
          left,
        )
      })
      // Forwarding back to the client would let the host into the step.
      client.on('request', (_accept, reject, name) => {
        stream.deny(`ssh ${stream.connection.name} ${name}`, 'the host is not let back into the step')
        reject?.()
      })
      client.on('close', () => resolve())
    })
    stream.socket.once('close', () => resolve())
    server.injectSocket(stream.socket as Socket)
  })
  return () => stream.socket.destroy()
}

function isPlainUser(name: string): boolean {
  return /^[A-Za-z0-9._@-]{1,64}$/.test(name)
}

function serveSession(stream: StreamExchange, to: To, user: string, session: Session): void {
  const { connection } = stream
  let pty: PseudoTtyInfo | undefined
  const env: Record<string, string> = {}
  let channel: ClientChannel | undefined
  session.on('pty', (accept, _reject, info) => {
    pty = info
    accept?.()
  })
  session.on('env', (accept, reject, { key, val }) => {
    // What hosts take by default (AcceptEnv): others could be an interpreter's.
    if (!/^(?:LANG|LC_[A-Z]{1,20}|TERM)$/.test(key) || val.length > 200) return reject?.()
    env[key] = val
    accept?.()
  })
  session.on('window-change', (accept, _reject, { rows, cols, height, width }) => {
    channel?.setWindow(rows, cols, height, width)
    ;(accept as (() => void) | undefined)?.()
  })
  session.on('signal', (accept, _reject, { name }) => {
    channel?.signal(name)
    ;(accept as (() => void) | undefined)?.()
  })
  for (const refused of ['x11', 'auth-agent'])
    session.on(refused, (_accept: unknown, reject: (() => void) | undefined) => {
      stream.deny(`ssh ${connection.name} ${refused}`, 'the host is not let back into the step')
      reject?.()
    })
  const options = (): ExecOptions => ({
    env,
    pty: pty === undefined ? undefined : { ...pty, term: (pty as { term?: string }).term ?? 'xterm' },
  })
  const asked = (
    action: string,
    path: string,
    accept: () => ServerChannel,
    open: (upstream: Upstream) => Promise<ClientChannel>,
    pass = joinChannels,
  ) => {
    const client = accept()
    client.on('error', () => undefined)
    passChannel(stream, to, user, { action, path }, client, open, pass)
      .then((opened) => (channel = opened))
      .catch(() => client.close())
  }
  session.on('exec', (accept, _reject, { command }) =>
    asked(actionFor(command), `${user}/${command}`, accept, (upstream) => upstream.exec(command, options())),
  )
  session.on('shell', (accept) => asked('ssh:shell', user, accept, (upstream) => upstream.shell(options())))
  session.on('subsystem', (accept, reject, { name }: { name: string }) => {
    if (name !== 'sftp') {
      stream.deny(`ssh ${connection.name} subsystem ${name}`, 'of subsystems only sftp is passed')
      return reject()
    }
    return asked(
      'sftp',
      user,
      accept,
      (upstream) => upstream.sftp(),
      (client, host) => filterFiles(stream, user, client, host),
    )
  })
}

/** `*` in a grant is any characters: where a shell would see more than words, it is another action's. */
function actionFor(command: string): string {
  return /[;&|<>()$`\\!{}*?[\]#\n\r]/.test(command) ? 'ssh:script' : 'ssh:exec'
}

/** What is said to the client in place of what was refused: on its standard error, as an exit of the command. */
const refusedCode = 126

async function passChannel(
  stream: StreamExchange,
  to: To,
  user: string,
  { action, path }: { action: string; path: string },
  client: ServerChannel,
  open: (upstream: Upstream) => Promise<ClientChannel>,
  pass: (client: ServerChannel, host: ClientChannel) => Promise<Readonly<Record<string, string | number>>>,
): Promise<ClientChannel | undefined> {
  const { connection } = stream
  const refuse = (message: string) => {
    client.stderr.write(`${message}\r\n`)
    client.exit(refusedCode)
    client.end()
    return undefined
  }
  const permission =
    action === 'sftp'
      ? await permitFiles(stream, user)
      : await stream.permit({ action, connection: connection.name, path }, {})
  if (!permission.allow) return refuse(permission.message)
  const name =
    action === 'sftp' ? `ssh ${connection.name}/${user} files` : `${action} ${connection.name}/${path}`
  let host: ClientChannel
  try {
    host = await open(await to(permission, user))
  } catch (error) {
    return refuse(stream.deny(name, messageOf(error)))
  }
  pass(client, host)
    .then((facts) => stream.done({ operation: name.slice(0, 2_000), facts }))
    .catch(() => undefined)
  return host
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

async function passForward(
  stream: StreamExchange,
  to: To,
  user: string,
  from: { host: string; port: number },
  target: { host: string; port: number },
  accept: () => ServerChannel,
  reject: () => void,
): Promise<void> {
  const { name } = stream.connection
  const path = `${user}/${target.host}:${target.port}`
  const permission = await stream.permit({ action: 'ssh:forward', connection: name, path }, {})
  if (!permission.allow) return reject()
  try {
    const host = await (await to(permission, user)).forward(from, target)
    const facts = await joinChannels(accept(), host)
    stream.done({ operation: `ssh:forward ${name}/${path}`, facts })
  } catch (error) {
    stream.deny(`ssh:forward ${name}/${path}`, messageOf(error))
    reject()
  }
}
