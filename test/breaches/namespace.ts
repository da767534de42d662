import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createTestAuthority } from '../certificates.ts'
import { addressOf, hosts, nameServer } from './hosts.ts'

const script = fileURLToPath(new URL('network.pl', import.meta.url))
const bundle = '/etc/ssl/certs/ca-certificates.crt'

/**
 * Runs the suite where names of hosts, their addresses and their certificates are the suite's own, so that an attack goes to port
 * 443 of a host by name, as it did, and nothing leaves this machine. Its output is ours; returns its exit code.
 */
export async function inOwnInternet(program: string, args: readonly string[]): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-breaches-'))
  try {
    const authority = await createTestAuthority(join(folder, 'ca'))
    await authority.issue('hosts', hosts)
    const file = (name: string, text: string) => {
      writeFileSync(join(folder, name), text)
      return join(folder, name)
    }
    const names = hosts.map((name) => `${addressOf(name)} ${name}\n`).join('')
    const mounts = [
      [file('hosts', `127.0.0.1 localhost\n${names}`), '/etc/hosts'],
      [file('resolv.conf', `nameserver ${nameServer}\n`), '/etc/resolv.conf'],
      [file('bundle', `${readIfThere(bundle)}\n${readFileSync(authority.file, 'utf8')}`), bundle],
    ]
    const isRoot = process.getuid?.() === 0
    const shell = [
      'set -e',
      `/usr/bin/perl ${script} ${[...hosts.map(addressOf), nameServer].join(' ')}`,
      ...mounts.map(([from, to]) => `[ ! -e ${to} ] || mount --bind ${from} "$(readlink -f ${to})"`),
      'exec "$@"',
    ].join('\n')
    const command = [process.execPath, '--disable-warning=ExperimentalWarning', program, ...args]
    const child = spawn('unshare', [...(isRoot ? [] : ['-Ur']), '-nm', 'sh', '-c', shell, 'sh', ...command], {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, MAYFLY_BREACHES: folder },
    })
    return await new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (code) => resolve(code ?? 255))
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
