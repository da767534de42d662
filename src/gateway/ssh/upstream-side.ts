import type { Duplex } from 'node:stream'
import type { Client, ClientChannel, PseudoTtyOptions, ServerHostKeyAlgorithm } from 'ssh2'
import { MayflyError, limits, messageOf } from '../../lib/index.ts'
import type { Connection } from '../../connections/index.ts'
import { loginOf } from '../stream-exchange.ts'
import type { Permit } from '../exchange.ts'
import { gatherWrites } from './gather-writes.ts'
import { certificateAgent, signCertificateRequests, type Ssh2 } from './certificate-agent.ts'

/** A host that was logged in to as one user. */
export interface Upstream {
  exec(command: string, options: ExecOptions): Promise<ClientChannel>
  shell(options: ExecOptions): Promise<ClientChannel>
  sftp(): Promise<ClientChannel>
  forward(from: { host: string; port: number }, to: { host: string; port: number }): Promise<ClientChannel>
  /** What it said as it hung up, if it did and said something. */
  lastWords(): string
  onEnd(listener: () => void): void
  end(): void
}

export interface ExecOptions {
  readonly pty: PseudoTtyOptions | undefined
  readonly env: Readonly<Record<string, string>>
}

/**
 * Logs in. The host shows one of the keys that its connection names, or is hung up on. Throws `denied` for another key,
 * `credential_failed` where it takes the credential not, `upstream_unreachable`.
 */
export async function connectUpstream(
  connection: Connection,
  permit: Permit,
  user: string,
  socket: Duplex,
): Promise<Upstream> {
  const { default: ssh2 } = await import('ssh2')
  const client = new ssh2.Client()
  const keys = (connection.settings?.host_keys ?? []).map((line) => line.split(' '))
  let shown: string | undefined
  await new Promise<void>((resolve, reject) => {
    client.once('ready', resolve)
    if (permit.fields?.['certificate'] !== undefined)
      client.once('handshake', () => signCertificateRequests(client))
    client.on('error', (cause: Error & { level?: string }) => reject(faultOf(connection, user, cause, shown)))
    client.once('close', () =>
      reject(faultOf(connection, user, new Error('it closed the connection'), shown)),
    )
    gatherWrites(socket)
    client.connect({
      sock: socket,
      username: user,
      readyTimeout: connection.timeouts?.connectMs ?? limits.upstreamConnectMs,
      keepaliveInterval: 0,
      algorithms: { compress: ['none'], serverHostKey: keys.flatMap(([type = '']) => algorithmsOf(type)) },
      hostVerifier: (key: Buffer) => {
        const text = key.toString('base64')
        const isKnown = keys.some(([, known]) => known === text)
        if (!isKnown) shown = text
        return isKnown
      },
      ...credentialFor(ssh2, connection, permit, user),
    })
  })
  return upstreamOf(client, connection)
}

/** What a host may sign with that has a key of this type: nothing by SHA-1 (RFC 8332). */
function algorithmsOf(type: string): ServerHostKeyAlgorithm[] {
  return (type === 'ssh-rsa' ? ['rsa-sha2-512', 'rsa-sha2-256'] : [type]) as ServerHostKeyAlgorithm[]
}

/** Exactly one way to log in is tried. */
function credentialFor(ssh2: Ssh2, connection: Connection, permit: Permit, user: string): object {
  const { fields, authorization } = permit
  if (fields?.['certificate'] !== undefined && fields['private_key'] !== undefined)
    return {
      authHandler: [
        {
          type: 'agent',
          username: user,
          agent: certificateAgent(ssh2, fields['private_key'], fields['certificate']),
        },
      ],
    }
  if (connection.credential?.scheme === 'ssh-key') {
    const privateKey = authorization?.reveal() ?? ''
    if (ssh2.utils.parseKey(privateKey) instanceof Error)
      throw new MayflyError(
        'credential_failed',
        `secret "${connection.credential.secret}" is no private key of OpenSSH without a passphrase: mayfly secret set ${connection.credential.secret}`,
      )
    return { privateKey, authHandler: ['publickey'] }
  }
  if (connection.credential === undefined) return { authHandler: ['none'] }
  return { password: loginOf(permit, connection).password, authHandler: ['password'] }
}

function faultOf(
  connection: Connection,
  user: string,
  cause: Error & { level?: string },
  shown: string | undefined,
): MayflyError {
  const { name, url } = connection
  if (shown !== undefined)
    return new MayflyError(
      'denied',
      `${url} shows a host key that connection "${name}" does not name: it is another host, or somebody is in between; if its key was changed, put the new one into host_keys (ssh-keyscan, held against what its operators say)`,
    )
  if (cause.level === 'client-authentication')
    return new MayflyError(
      'credential_failed',
      `${url} does not let "${user}" in with the ${credentialHint(connection, user)}`,
    )
  return new MayflyError(
    'upstream_unreachable',
    `connection "${name}" (${url}) does not answer: ${messageOf(cause)}`,
    {
      cause,
    },
  )
}

/** The credential, and what to look at. */
function credentialHint({ name, credential }: Connection, user: string): string {
  switch (credential?.scheme) {
    case 'ssh-certificate': {
      const { principals } = credential.config
      const list = principals.map((one) => `"${one}"`).join(', ')
      if (!principals.includes(user))
        return `certificate of connection "${name}": "${user}" is not among its principals (${list}); add it there, or does the host's AuthorizedPrincipalsFile let one of those log in as it?`
      return `certificate of connection "${name}": does the host trust its CA (TrustedUserCAKeys), and is that user there?`
    }
    case 'ssh-key':
      return `key of connection "${name}" (secret "${credential.secret}"): is its public half in that user's authorized_keys?`
    case 'basic':
      return `password of connection "${name}" (secret "${credential.secret}"): is it that user's, and does the host take passwords (PasswordAuthentication)?`
    case undefined:
      return `nothing that connection "${name}" has: give it a credential`
    default:
      return `credential of connection "${name}"`
  }
}

function upstreamOf(client: Client, { credential }: Connection): Upstream {
  // Each channel that is being opened listens for its end.
  client.setMaxListeners(0)
  /** What it said when it hung up. */
  let lastWords = ''
  client.on(
    'error',
    (error) =>
      (lastWords = messageOf(error)
        .replaceAll(/[^ -~]+/g, ' ')
        .slice(0, 200)),
  )
  const hungUp = () => (lastWords === '' ? '' : `: ${lastWords}`)
  const opened = (open: (done: (error: Error | undefined, channel: ClientChannel) => void) => void) =>
    new Promise<ClientChannel>((resolve, reject) => {
      const fail = (why: string) => reject(new MayflyError('upstream_unreachable', why))
      const closed = () => fail(`the host closed the connection${hungUp()}`)
      client.once('close', closed)
      open((error, channel) => {
        client.off('close', closed)
        if (error === undefined || error === null) resolve(channel)
        else fail(`the host refuses it: ${messageOf(error)}${certificateHint(credential, messageOf(error))}`)
      })
    })
  const options = ({ pty, env }: ExecOptions) => ({ env: { ...env }, ...(pty === undefined ? {} : { pty }) })
  return {
    exec: (command, asked) => opened((done) => client.exec(command, options(asked), done)),
    shell: (asked) => opened((done) => client.shell(asked.pty ?? false, options(asked), done)),
    sftp: () => opened((done) => client.subsys('sftp', done)),
    forward: (from, to) => opened((done) => client.forwardOut(from.host, from.port, to.host, to.port, done)),
    lastWords: () => lastWords,
    onEnd: (listener) => void client.once('close', listener),
    end: () => void client.end(),
  }
}

/** A host refuses what the certificate does not permit, without saying so. */
function certificateHint(credential: Connection['credential'], refusal: string): string {
  if (credential?.scheme !== 'ssh-certificate') return ''
  const { extensions } = credential.config
  if (extensions === undefined) return ''
  const needed = /pseudo-terminal/.test(refusal) ? 'permit-pty' : 'permit-port-forwarding'
  if (extensions.includes(needed)) return ''
  if (needed === 'permit-port-forwarding' && !/open failed|forward/i.test(refusal)) return ''
  return `: its certificate has no ${needed}, add it to \`extensions\` of the connection's ssh-certificate, or leave them out`
}
