import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { canonicalHost } from '../lib/index.ts'
import type { ConfigProblem, ConnectionConfig, Locate } from '../config/index.ts'

/**
 * The targets that roles may be granted: a host and port, how its protocol is called, which credential
 * is added on the way, and which address it may be dialled at. Knows no secret, only a secret's name.
 * Invariant: no two connections answer to the same host and port, so an operation has one target.
 */
export interface Connection {
  readonly name: string
  readonly kind: 'git' | 'npm'
  readonly tls: boolean
  /** As in the CONNECT request and the Host header: lower case, no trailing dot. */
  readonly host: string
  readonly port: number
  /** Path in front of every resource, without a trailing slash; empty at the root. */
  readonly basePath: string
  readonly url: string
  readonly credential: CredentialConfig | undefined
  /** Dialled instead of what DNS says. */
  readonly dial: { readonly address: string; readonly port: number } | undefined
  /** PEM, trusted beside the system's roots. */
  readonly ca: string | undefined
}

export type CredentialConfig = { readonly scheme: 'basic' | 'bearer'; readonly secret: string }

/** A public host that every step may reach with no credential. */
export interface EgressRule {
  readonly source: string
  readonly port: number
  /** `*.` in front stands for one or more labels; the apex itself is not meant. */
  readonly host: string
  readonly anyLabelBefore: boolean
}

export interface Targets {
  readonly connections: readonly Connection[]
  readonly egress: readonly EgressRule[]
  find(host: string, port: number): Connection | undefined
  allowsEgress(host: string, port: number): EgressRule | undefined
}

export type CompiledTargets = { ok: true; targets: Targets } | { ok: false; problems: ConfigProblem[] }

/** Compiles `connections:` and `egress:` of mayfly.yaml. */
export function compileTargets(
  config: { connections: Readonly<Record<string, ConnectionConfig>>; egress: readonly string[] },
  locate: Locate,
): CompiledTargets {
  const problems: ConfigProblem[] = []
  const byAuthority = new Map<string, Connection>()
  for (const [name, one] of Object.entries(config.connections)) {
    const connection = compileConnection(name, one)
    const complain = (key: string, message: string) =>
      problems.push({ ...locate(['connections', name, key]), message: `connection "${name}": ${message}` })
    if (typeof connection === 'string') {
      complain('url', connection)
      continue
    }
    const authority = `${connection.host}:${connection.port}`
    const other = byAuthority.get(authority)
    if (other !== undefined) complain('url', `${authority} is connection "${other.name}" already`)
    const caProblem = connection.ca === undefined ? undefined : certificateProblem(connection.ca)
    if (caProblem !== undefined) complain('ca', caProblem)
    byAuthority.set(authority, connection)
  }
  const egress = config.egress.map(compileEgress)
  for (const [i, rule] of egress.entries()) {
    if (couldMatch(rule)) continue
    problems.push({
      ...locate(['egress', i]),
      message: `egress rule "${rule.source}" could never match: write host:port, as in deb.example.org:443`,
    })
  }
  if (problems.length > 0) return { ok: false, problems }
  return {
    ok: true,
    targets: {
      connections: [...byAuthority.values()],
      egress,
      find: (host, port) => byAuthority.get(`${host}:${port}`),
      allowsEgress: (host, port) => egress.find((rule) => rule.port === port && matchesHost(rule, host)),
    },
  }
}

function compileConnection(name: string, config: ConnectionConfig): Connection | string {
  const url = new URL(config.url)
  const host = canonicalHost(url.hostname)
  if (host === undefined) return `${url.hostname} is no host name`
  const tls = url.protocol === 'https:'
  const dial = config.dial === undefined ? undefined : parseAddress(config.dial)
  if (config.dial !== undefined && dial === undefined) return `dial ${config.dial} is no IP address and port`
  if (!tls) {
    const problem = clearTextProblem(host, dial?.address, config.credential !== undefined)
    if (problem !== undefined) return problem
  }
  return {
    name,
    kind: config.kind,
    tls,
    host,
    port: url.port === '' ? (tls ? 443 : 80) : Number(url.port),
    basePath: url.pathname.replace(/\/+$/, ''),
    url: config.url,
    credential: compileCredential(config.credential),
    dial,
    ca: config.ca,
  }
}

/** http:// is for what does not leave the machine or the network: an address, and with a credential a local one. */
function clearTextProblem(
  host: string,
  dial: string | undefined,
  hasCredential: boolean,
): string | undefined {
  const address = dial ?? (host === 'localhost' ? '127.0.0.1' : host)
  if (isIP(address) === 0) return 'http:// only with a `dial` address: use https://'
  const isOpen = hasCredential && !/^(?:127\.|::1$)/.test(address)
  return isOpen ? 'a credential is not sent in the clear: use https://' : undefined
}

function compileCredential(credential: ConnectionConfig['credential']): CredentialConfig | undefined {
  if (credential === undefined) return undefined
  if ('basic' in credential) return { scheme: 'basic', secret: credential.basic.slice('secret:'.length) }
  return { scheme: 'bearer', secret: credential.bearer.slice('secret:'.length) }
}

function parseAddress(text: string): { address: string; port: number } | undefined {
  const at = text.lastIndexOf(':')
  const port = Number(text.slice(at + 1))
  const address = canonicalHost(text.slice(0, at))
  return address === undefined || isIP(address) === 0 || port < 1 || port > 65_535
    ? undefined
    : { address, port }
}

function certificateProblem(pem: string): string | undefined {
  try {
    void new X509Certificate(pem)
    return undefined
  } catch {
    return 'ca is neither a certificate in PEM nor the path of a .pem, .crt or .cer file, seen from mayfly.yaml'
  }
}

function compileEgress(source: string): EgressRule {
  const [pattern = '', port = '443'] = source.split(':')
  const anyLabelBefore = pattern.startsWith('*.')
  return { source, port: Number(port), host: anyLabelBefore ? pattern.slice(1) : pattern, anyLabelBefore }
}

function couldMatch({ host, port, anyLabelBefore }: EgressRule): boolean {
  const name = anyLabelBefore ? host.slice(1) : host
  return port >= 1 && port <= 65_535 && canonicalHost(name) === name
}

function matchesHost(rule: EgressRule, host: string): boolean {
  if (!rule.anyLabelBefore) return host === rule.host
  return host.length > rule.host.length && host.endsWith(rule.host)
}
