import type { StepGrant } from './api-facts.ts'

/** known_hosts of SSH (sshd(8)) for the hosts of the step's connections: the gateway shows the run's own key for each. */
export function knownHostsOf({ connections, ssh_host_key: key }: StepGrant): string {
  // What the server sends is written into a file that ssh reads: another line must not come of it.
  if (key === undefined || !/^ssh-ed25519 [A-Za-z0-9+/=]+$/.test(key)) return ''
  return connections
    .filter(({ kind, authority }) => kind === 'ssh' && /^[A-Za-z0-9.:[\]_-]+$/.test(authority))
    .map(({ authority }) => `${hostIn(authority)} ${key}\n`)
    .join('')
}

/** A port that is not the usual one is named with the host in brackets. */
function hostIn(authority: string): string {
  const at = authority.lastIndexOf(':')
  const host = authority.slice(0, at).replaceAll(/[[\]]/g, '')
  const port = authority.slice(at + 1)
  return port === '22' ? host : `[${host}]:${port}`
}
