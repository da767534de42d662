import { execFileSync, spawn, spawnSync, type SpawnSyncReturns } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { connect } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { freePort } from './postgres.ts'

/** An OpenSSH server of the test on 127.0.0.1, that lets in the one user that it runs as, by certificate. */
export interface Sshd {
  readonly port: number
  readonly user: string
  /** As known_hosts has it. */
  readonly hostKey: string
  /** OpenSSH’s own client, with these files. */
  ssh(key: string, certificate: string, command: string): SpawnSyncReturns<string>
  setRevoked(krl: Buffer): void
  log(): string
  [Symbol.dispose](): void
}

const program = '/usr/sbin/sshd'

/** Undefined where there is no sshd, or nobody to run it as: it is not run as root. */
export async function startSshd(
  authorities: string,
  principals: string,
  krl?: Buffer,
): Promise<Sshd | undefined> {
  const who = ordinaryUser()
  if (!existsSync(program) || who === undefined) return undefined
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-sshd-'))
  chmodSync(folder, 0o755)
  const at = (name: string) => join(folder, name)
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', at('host')])
  writeFileSync(at('authorities'), authorities)
  writeFileSync(at('principals'), principals)
  if (krl !== undefined) writeFileSync(at('krl'), krl)
  if (who.ids !== undefined) chownSync(at('host'), who.ids.uid, who.ids.gid)
  const port = await freePort()
  const lines = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${at('host')}`,
    `TrustedUserCAKeys ${at('authorities')}`,
    `AuthorizedPrincipalsFile ${at('principals')}`,
    ...(krl === undefined ? [] : [`RevokedKeys ${at('krl')}`]),
    'AuthorizedKeysFile none',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'UsePAM no',
    'StrictModes no',
    'PidFile none',
    'LogLevel VERBOSE',
    'Subsystem sftp internal-sftp',
  ]
  writeFileSync(at('config'), `${lines.join('\n')}\n`)
  const log = openSync(at('log'), 'w')
  const server = spawn(program, ['-D', '-e', '-f', at('config')], {
    ...who.ids,
    cwd: '/',
    stdio: ['ignore', 'ignore', log],
  })
  await answers(port)
  return {
    port,
    user: who.name,
    hostKey: readFileSync(at('host.pub'), 'utf8').split(' ').slice(0, 2).join(' '),
    ssh: (key, certificate, command) =>
      spawnSync(
        'ssh',
        [
          ...['-F', 'none', '-i', key, '-p', String(port), '-T'],
          ...[
            `CertificateFile=${certificate}`,
            'IdentitiesOnly=yes',
            'IdentityAgent=none',
            'BatchMode=yes',
            'StrictHostKeyChecking=no',
            'UserKnownHostsFile=/dev/null',
            'LogLevel=ERROR',
          ].flatMap((one) => ['-o', one]),
          ...[`${who.name}@127.0.0.1`, command],
        ],
        { encoding: 'utf8', timeout: 20_000 },
      ),
    setRevoked: (list) => writeFileSync(at('krl'), list),
    log: () => readFileSync(at('log'), 'utf8'),
    [Symbol.dispose]() {
      server.kill('SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** We, or as root somebody who has a shell. */
function ordinaryUser(): { name: string; ids?: { uid: number; gid: number } } | undefined {
  if (process.getuid?.() !== 0) return { name: userInfo().username }
  const found = /^([a-z][a-z0-9-]*):[^:]*:([1-9]\d*):(\d+):[^:]*:[^:]*:\/bin\/(?:ba)?sh$/m.exec(
    readFileSync('/etc/passwd', 'utf8'),
  )
  if (found === null) return undefined
  // Who is not root cannot give a terminal to the group that sshd wants it in: it has to be made in that.
  const tty = /^tty:[^:]*:(\d+):/m.exec(readFileSync('/etc/group', 'utf8'))
  return { name: found[1] ?? '', ids: { uid: Number(found[2]), gid: Number(tty?.[1] ?? found[3]) } }
}

async function answers(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const socket = connect(port, '127.0.0.1')
    const [event] = await Promise.race([
      once(socket, 'data').then(() => ['up']),
      once(socket, 'close').then(() => ['down']),
    ]).catch(() => ['down'])
    socket.destroy()
    if (event === 'up') return
    await new Promise((next) => setTimeout(next, 20))
  }
  throw new Error('sshd did not start')
}
