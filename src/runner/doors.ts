import { isIPv4, isIPv6 } from 'node:net'
import { MayflyError, canonicalHost, limits } from '../lib/index.ts'
import { kindNamed, kindNames } from '../kinds/index.ts'
import type { StepGrant } from './api-facts.ts'
import type { RoleFacts } from './session-facts.ts'

/** Where tools in the sandbox find their proxy. Each sandbox has a network of its own, so the port is free. */
export const proxyPort = 3128
const proxyPlace = `127.0.0.1:${proxyPort}`

/** Where a door leads. */
export type Way =
  | { readonly to: 'proxy' }
  /** To the gateway, and on to this host and port. */
  | { readonly to: 'host'; readonly authority: string }
  /** To this port of the runner's own localhost. */
  | { readonly to: 'service'; readonly port: number }

export interface Doors {
  /** By the place that is listened at in the step's network: `127.64.0.1:443`. */
  readonly ways: ReadonlyMap<string, Way>
  /** The step's /etc/hosts: every host that has a door, at an address of its own. */
  readonly hosts: string
  /** Hosts that have a door, by name or address. */
  readonly hostNames: readonly string[]
  /** Of the hosts that were named, those that only the proxy leads to. */
  readonly without: readonly string[]
}

/**
 * For tools that know no proxy: every host that the policy names has an address of the step's own loopback, where its port is
 * listened at. So the socket says which host is meant, whatever the client says on it, and what is not named has no address.
 * `authorities` are `host:port`, in the policy's order, as the server has sent them.
 */
export function planDoors(authorities: readonly string[], services: readonly number[]): Doors {
  const ways = new Map<string, Way>([[proxyPlace, { to: 'proxy' }]])
  for (const port of services)
    for (const place of [`127.0.0.1:${port}`, `[::1]:${port}`]) ways.set(place, { to: 'service', port })
  const addresses = new Map<string, string>()
  const without: string[] = []
  for (const authority of new Set(authorities)) {
    const place = ways.size < limits.doorsPerStep ? placeOf(authority, addresses) : undefined
    if (place === undefined || ways.has(place)) without.push(authority)
    else ways.set(place, { to: 'host', authority })
  }
  const taken = new Set([...ways.keys()].map((place) => place.slice(0, place.lastIndexOf(':'))))
  const named = [...addresses].filter(([, address]) => taken.has(address))
  const reached = [...ways.values()].flatMap((way) => (way.to === 'host' ? [hostOf(way.authority)] : []))
  return { ways, hosts: hostsFile(named), hostNames: [...new Set(reached)], without }
}

function hostOf(authority: string): string {
  return authority.slice(0, authority.lastIndexOf(':'))
}

/**
 * Of the hosts that have a door, those that the job's NO_PROXY means: its own network reaches them without a proxy, and so the
 * step does, by the door. Any other host of NO_PROXY has no way but the proxy. Entries are names with all below them, with or
 * without a dot or `*.` in front; `*` is every host; a port is passed over.
 */
export function aroundProxy(noProxy: string, hostNames: readonly string[]): string[] {
  const entries = noProxy
    .toLowerCase()
    .split(/[\s,]+/)
    .map((entry) => entry.replace(/:\d+$/, '').replace(/^\*?\./, ''))
    .filter((entry) => entry !== '')
  return hostNames.filter((host) =>
    entries.some((entry) => entry === '*' || host === entry || host.endsWith(`.${entry}`)),
  )
}

/** `host:port` of a connection, and of its files where tools go there themselves. */
export function authoritiesOf({ authority, storage = [] }: StepGrant['connections'][number]): string[] {
  return [authority, ...storage]
}

/** Every `host:port` that the policy names for this step. */
export function namedAuthorities({ connections, egress = [], grants }: StepGrant): string[] {
  const further = connections.flatMap((one) => {
    const kind = kindNames.find((name) => name === one.kind)
    const hosts = kind === undefined ? [] : (kindNamed(kind).doors?.(one, grants) ?? [])
    return hosts.map((host) => `${host}:443`)
  })
  return [...new Set([...connections.flatMap(authoritiesOf), ...egress, ...further])]
}

/** The line for the developer, if there are more hosts than doors. */
export function tooManyHosts({ ways, without }: Doors): string | undefined {
  const [first] = without
  return first === undefined || ways.size < limits.doorsPerStep
    ? undefined
    : `mayfly: the policy names more than ${limits.doorsPerStep} hosts for this step: from ${first} on, ${without.length} of them are reached by the proxy only`
}

/**
 * Services are what the job itself started (GitHub's `services:`, docker compose). Throws `denied` for one that the role does
 * not allow, `bad_input` for one that a step cannot have: before anything of the step is opened.
 */
export function checkServices(
  { name, services }: { readonly name: string; readonly services: readonly number[] },
  role: Pick<RoleFacts, 'name' | 'services'> | undefined,
): void {
  const refused = services.find((port) => role?.services.includes(port) !== true)
  if (services.includes(proxyPort))
    throw new MayflyError(
      'bad_input',
      `step "${name}": service ${proxyPort}: that port is the proxy’s in a step: let the service have another`,
    )
  if (refused !== undefined)
    throw new MayflyError(
      'denied',
      `step "${name}" asks for service ${refused}, which role "${role?.name}" does not allow: add to roles.${role?.name} in mayfly.yaml: services: [${[...(role?.services ?? []), refused].join(', ')}]`,
    )
}

/** Where a host and port is listened at; undefined if it can have no door. A name is given an address. */
function placeOf(authority: string, addresses: Map<string, string>): string | undefined {
  const parts = /^(.+):([0-9]{1,5})$/.exec(authority)
  const host = parts?.[1] ?? ''
  const port = Number(parts?.[2])
  if (!(port >= 1 && port <= 65_535)) return undefined
  const address = addressOf(host, addresses)
  return address === undefined ? undefined : `${address}:${port}`
}

function addressOf(host: string, addresses: Map<string, string>): string | undefined {
  if (host === 'localhost') return '127.0.0.1'
  // A host that is an address is at that address: lo is given it. Not one that stands for every host, or for many.
  if (isIPv4(host)) return /^(?:0|22[4-9]|2[3-5]\d)\./.test(host) ? undefined : host
  const plain = host.replace(/^\[(.*)\]$/, '$1')
  if (isIPv6(plain)) return plain === '::1' ? '[::1]' : undefined
  // What the server sends is written into a file that the step's tools read: another word or line must not come of it.
  if (canonicalHost(host) !== host || !/^[a-z0-9._-]+$/.test(host)) return undefined
  const known = addresses.get(host)
  if (known !== undefined) return known
  const number = addresses.size + 1
  const address = `127.64.${number >> 8}.${number & 255}`
  addresses.set(host, address)
  return address
}

function hostsFile(named: readonly (readonly [name: string, address: string])[]): string {
  const own = named.some(([name]) => name === 'mayfly') ? 'localhost' : 'localhost mayfly'
  const lines = named.map(([name, address]) => `${address} ${name}\n`)
  return `127.0.0.1 ${own}\n::1 localhost\n${lines.join('')}`
}
