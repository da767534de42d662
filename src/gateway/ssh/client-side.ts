import type {
  AuthContext,
  CipherAlgorithm,
  Connection as ClientConnection,
  KexAlgorithm,
  PseudoTtyInfo,
  ServerChannel,
  Session,
} from 'ssh2'
import type { Socket } from 'node:net'
import { limits, messageOf } from '../../lib/index.ts'
import { maxCommandChars } from '../../kinds/index.ts'
import type { StreamExchange } from '../stream-exchange.ts'
import { gatherWrites } from './gather-writes.ts'
import { joinChannels } from './join-channels.ts'
import { filterFiles } from './sftp/filter.ts'
import { passChannel, sizeIn, type Asked, type Opened, type To } from './pass-channel.ts'
import type { ExecOptions } from './upstream-side.ts'

/** By the machine's own instructions, and not what prefixes can be cut from unseen (CVE-2023-48795), for clients without strict key exchange. */
const ciphers: CipherAlgorithm[] = [
  'aes128-gcm@openssh.com',
  'aes256-gcm@openssh.com',
  'aes128-ctr',
  'aes256-ctr',
]

/** Of what the library speaks: it offers an exchange of groups by itself, and cannot do it on this side. */
const exchanges: KexAlgorithm[] = [
  'curve25519-sha256',
  'curve25519-sha256@libssh.org',
  'ecdh-sha2-nistp256',
  'ecdh-sha2-nistp384',
  'ecdh-sha2-nistp521',
  'diffie-hellman-group14-sha256',
  'diffie-hellman-group16-sha512',
  'diffie-hellman-group18-sha512',
]

/**
 * Speaks SSH with the step's client until it leaves. Whoever it says that it is it may be: the step is known by its door, and what
 * it may do as that user is judged with each thing that it asks for. Resolves with what ends it.
 */
export async function serveClient(stream: StreamExchange, to: To): Promise<() => void> {
  const { default: ssh2 } = await import('ssh2')
  const server = new ssh2.Server({
    hostKeys: [stream.hostKey()],
    ident: 'Mayfly',
    algorithms: { compress: ['none'], cipher: ciphers, kex: exchanges },
  })
  // What a client sends ends its own connection, and nothing else.
  server.on('error', () => undefined)
  let user = ''
  await new Promise<void>((resolve) => {
    server.on('connection', (client: ClientConnection) => {
      client.on('error', (error) => {
        if (/packet length/i.test(error.message))
          stream.deny(
            `ssh ${stream.connection.name}`,
            'a packet of more than 35,000 bytes: a long script goes by standard input',
          )
        client.end()
      })
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
    gatherWrites(stream.socket)
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
  let opened: Opened | undefined
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
    opened?.host.setWindow(rows, cols, height, width)
    opened?.recording?.resized(sizeIn(cols, 80), sizeIn(rows, 24))
    ;(accept as (() => void) | undefined)?.()
  })
  session.on('signal', (accept, _reject, { name }) => {
    opened?.host.signal(name)
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
  const asked = (accept: () => ServerChannel, what: Omit<Asked, 'user'>) => {
    const client = accept()
    client.on('error', () => undefined)
    passChannel(stream, to, client, { ...what, user })
      .then((made) => (opened = made))
      .catch(() => client.close())
  }
  session.on('exec', (accept, _reject, { command }) =>
    asked(accept, {
      ...{ action: actionFor(command), path: `${user}/${command}`, unnamed: unnamed(command), pty },
      open: (upstream) => upstream.exec(command, options()),
    }),
  )
  session.on('shell', (accept) =>
    asked(accept, { action: 'ssh:shell', path: user, pty, open: (upstream) => upstream.shell(options()) }),
  )
  session.on('subsystem', (accept, reject, { name }: { name: string }) => {
    if (name !== 'sftp') {
      stream.deny(`ssh ${connection.name} subsystem ${name}`, 'of subsystems only sftp is passed')
      return reject()
    }
    return asked(accept, {
      ...{ action: 'sftp', path: user },
      open: (upstream) => upstream.sftp(),
      pass: (client, host) => filterFiles(stream, user, client, host),
    })
  })
}

const byInput = "send it by standard input to a shell that is granted: ssh HOST bash -s <<'EOF'"

/** What no grant can name, in the user's terms. */
function unnamed(command: string): string | undefined {
  if (/[\n\r]/.test(command)) return `a command has one line: ${byInput}`
  if (/[\p{Cc}\p{Zl}\p{Zp}]|\p{Z}$/u.test(command))
    return `a command has no control characters, such as tabs, and no space at its end: ${byInput}`
  if (command.length > maxCommandChars)
    return `a command has at most ${maxCommandChars} characters, this one ${command.length}: ${byInput}`
  return undefined
}

/** `*` in a grant is any characters: where a shell would see more than words, it is another action's. */
function actionFor(command: string): string {
  return /[;&|<>()$`\\!{}*?[\]#\n\r]/.test(command) ? 'ssh:script' : 'ssh:exec'
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
