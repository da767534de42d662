/** Hosts of the suite's internet: the victim's own, those that it trusts, and the attackers'. */
export const hosts = [
  ...['git.example.com', 'registry.example.com', 'api.example.com'],
  ...['uploader.example.org', 'runtime.example.org'],
  ...['collector.example.net', 'webhook.example.net', 'git.examp1e.com', 'c2.example.net'],
] as const

export type Host = (typeof hosts)[number]

/** Public addresses, as a gateway sees them; outside this namespace they are somebody's. */
export function addressOf(host: Host): string {
  return `11.22.33.${10 + hosts.indexOf(host)}`
}

export const nameServer = '11.22.33.53'
