import { createPublicKey } from 'node:crypto'
import { isIP } from 'node:net'
import { canonicalHost, didYouMean } from '../lib/index.ts'
import { kindNamed, type KindName } from '../kinds/index.ts'
import {
  durationSeconds,
  sizeBytes,
  type ConfigProblem,
  type ConnectionConfig,
  type Locate,
  type PolicyDocument,
} from '../config/index.ts'
import { certificateProblems, compileClientCertificate } from './certificates.ts'
import type { Connection, SignatureKey, Timeouts } from './connection.ts'
import { azureScopeProblem, compileCredential, isMinted } from './credential.ts'
import { compileKeyring } from './keyring.ts'
import { deliverProblem } from './deliver.ts'
import { compileEgress, type Egress } from './egress.ts'
import { compileEgressProxy, type EgressProxy } from './egress-proxy.ts'
import { compileKindSettings, createFurtherHosts } from './kind-settings.ts'
import { compileSumdb } from './sumdb.ts'
import { compilePackageRules, packageRulesProblem } from './package-rules.ts'

export { missingEgress } from './egress.ts'
export { certificateProblem } from './certificate-problem.ts'
export { speaksTls } from './kind-settings.ts'
export type { Connection, Timeouts } from './connection.ts'
export { isMinted, longestSecondsOf, secretReferencesIn } from './credential.ts'
export { allFields, renderDelivery } from './deliver.ts'
export type { Rendered } from './deliver.ts'
export type {
  CredentialConfig,
  InjectedCredential,
  IssuerConfig,
  MintedCredentialConfig,
} from './credential.ts'
export type { ChecksumDatabase } from './sumdb.ts'
export type { ClientCertificate } from './certificates.ts'
export type { PackageRules } from './package-rules.ts'
export type { Egress, EgressRule } from './egress.ts'
export type { EgressProxy } from './egress-proxy.ts'

export interface Targets {
  readonly connections: readonly Connection[]
  readonly egress: Egress
  /** Through which both are reached. */
  readonly proxy?: EgressProxy | undefined
  /** The connections on this host and port, the one with the longest base path first; where two fit a path that one is meant. */
  at(host: string, port: number): readonly Connection[]
}

/** The connection that was probably meant by a host that none is for: at another port, or its name differs by a letter or two. */
export function connectionMeant(
  { connections }: Pick<Targets, 'connections'>,
  host: string,
): Connection | undefined {
  const meant =
    isIP(host) === 0
      ? didYouMean(
          host,
          connections.map((one) => one.host),
          2,
        )
      : host
  return connections.find((one) => one.host === meant)
}

export type CompiledTargets = { ok: true; targets: Targets } | { ok: false; problems: ConfigProblem[] }

/** Compiles `connections:`, `egress:` and `egress_proxy:` of mayfly.yaml. */
export function compileTargets(
  config: Pick<PolicyDocument, 'connections' | 'egress' | 'egress_proxy'> & {
    roles: Parameters<typeof compileEgress>[0]['roles']
  },
  locate: Locate,
): CompiledTargets {
  const problems: ConfigProblem[] = []
  const byAuthority = new Map<string, Connection[]>()
  for (const [name, one] of Object.entries(config.connections)) {
    const connection = compileConnection(name, one, config.connections)
    const complain = (key: string, message: string) =>
      problems.push({ ...locate(['connections', name, key]), message: `connection "${name}": ${message}` })
    if (typeof connection === 'string') {
      complain('url', connection)
      continue
    }
    const authority = `${connection.host}:${connection.port}`
    const others = byAuthority.get(authority) ?? []
    const clash = others.map((other) => clashOf(connection, other)).find((one) => one !== undefined)
    if (clash !== undefined) complain('url', `${authority}${clash}`)
    const ofPackages = packageRulesProblem(one)
    if (ofPackages !== undefined) complain('only', ofPackages)
    const tls = connection.tls || connection.settings?.tls === 'verify'
    for (const [key, problem] of certificateProblems({ ...connection, tls })) complain(key, problem)
    if (connection.settings?.sni !== undefined && !tls) complain('sni', 'sni stands beside tls: verify')
    byAuthority.set(
      authority,
      [...others, connection].toSorted((a, b) => b.basePath.length - a.basePath.length),
    )
  }
  const owners = [...byAuthority.values()].flat()
  for (const owner of owners.filter(({ kind }) => kindNamed(kind).opensStorage === true))
    for (const storage of owner.storage ?? []) {
      const authority = `${storage.host}:${storage.port}`
      const [other] = byAuthority.get(authority) ?? []
      if (other !== undefined)
        problems.push({
          ...locate(['connections', owner.name, 'storage']),
          message: `connection "${owner.name}": ${authority} is of connection "${other.name}" already`,
        })
      else byAuthority.set(authority, [{ ...storage, storageOf: owner }])
    }
  const further = createFurtherHosts(owners)
  const at = (host: string, port: number) => byAuthority.get(`${host}:${port}`) ?? further(host, port)
  const { egress, problems: ofEgress } = compileEgress(config, locate, (...place) => at(...place)[0]?.name)
  problems.push(...ofEgress)
  const proxy = config.egress_proxy === undefined ? undefined : compileEgressProxy(config.egress_proxy)
  if (Array.isArray(proxy)) {
    const [key, message] = proxy
    return {
      ok: false,
      problems: [...problems, { ...locate(['egress_proxy', key]), message: `egress_proxy: ${message}` }],
    }
  }
  if (problems.length > 0) return { ok: false, problems }
  return {
    ok: true,
    targets: {
      connections: owners,
      egress,
      proxy,
      at,
    },
  }
}

/** Why the two cannot be on one host and port; undefined if their paths tell them apart. */
function clashOf(one: Connection, other: Connection): string | undefined {
  // Which of them is meant their handler says.
  if (one.kind === other.kind && one.tls === other.tls && kindNamed(one.kind).byStandIn === true)
    return undefined
  const whole = [one, other].find(({ kind }) => kindNamed(kind).transport === 'stream')
  if (one.basePath === other.basePath || whole !== undefined)
    return `${one.basePath} is connection "${other.name}" already`
  return one.tls === other.tls ? undefined : ` is connection "${other.name}" already, with another scheme`
}

function compileConnection(
  name: string,
  config: ConnectionConfig,
  all: PolicyDocument['connections'],
): Connection | string {
  const url = new URL(config.url)
  const host = canonicalHost(url.hostname)
  if (host === undefined) return `${url.hostname} is no host name`
  const tls = url.protocol === 'https:'
  const credential = compileCredential(config.credential)
  if (credential !== undefined && !kindNamed(config.kind).credentials.includes(credential.scheme))
    return `a connection of kind ${config.kind} takes no ${credential.scheme} credential`
  const scopeProblem = azureScopeProblem(config.kind, credential)
  if (scopeProblem !== undefined) return scopeProblem
  if (config.deliver !== undefined && (credential === undefined || !isMinted(credential)))
    return 'deliver hands a minted credential to steps: a kept one never leaves the gateway, and there is none here'
  if (config.deliver !== undefined && credential !== undefined && isMinted(credential)) {
    const problem = deliverProblem(config.deliver, credential)
    if (problem !== undefined) return problem
  }
  if (config.trusted_publishing !== undefined && credential?.scheme === 'header')
    return 'trusted_publishing goes beside a basic or bearer credential, or none'
  const dial = config.dial === undefined ? undefined : parseAddress(config.dial)
  if (config.dial !== undefined && dial === undefined) return `dial ${config.dial} is no IP address and port`
  if (url.protocol === 'http:') {
    const problem = clearTextProblem(config, host, dial?.address)
    if (problem !== undefined) return problem
  }
  const basePath = basePathOf(config.kind, url.pathname.replace(/\/+$/, ''))
  if (basePath === undefined)
    return `a connection of kind ${config.kind} is for the whole host: write ${url.origin}`
  const { kind, url: written, ca, opaque = false } = config
  const own = { name, kind, url: written, credential, ca, opaque, ...compileTimeouts(config) }
  const beside = compileHostsBeside(config, own)
  if (typeof beside === 'string') return beside
  const keyring = compileKeyring(config)
  if (typeof keyring === 'string') return keyring
  const signatureKeys = compileSignatureKeys(config)
  if (typeof signatureKeys === 'string') return signatureKeys
  const sumdb = compileSumdb(config)
  if (sumdb === 'malformed')
    return 'sumdb is no verifier key (NAME+HASH+KEY, as GOSUMDB takes it): its hash is another key’s, or it is not Ed25519'
  return {
    ...own,
    ...beside,
    packages: compilePackageRules(name, all),
    tls,
    host,
    port: url.port === '' ? (kindNamed(config.kind).port ?? (tls ? 443 : 80)) : Number(url.port),
    basePath,
    dial,
    ...compileClientCertificate(config),
    ...(config.deliver === undefined ? {} : { deliver: config.deliver }),
    ...(config.push_options === undefined ? {} : { pushOptions: config.push_options }),
    ...(config.push_size === undefined ? {} : { pushBytes: sizeBytes(config.push_size) }),
    ...(config.max_bytes === undefined ? {} : { maxBytes: sizeBytes(config.max_bytes) }),
    ...(signatureKeys === undefined ? {} : { signatureKeys }),
    ...(sumdb === undefined ? {} : { sumdb }),
    ...(config.trusted_publishing === undefined ? {} : { trustedPublishing: config.trusted_publishing }),
    ...(keyring === undefined ? {} : { keyring }),
    ...(config.snapshot === true ? { snapshot: true } : {}),
    ...compileKindSettings(config),
  }
}

function compileSignatureKeys({
  signature_keys: keys,
}: ConnectionConfig): SignatureKey[] | undefined | string {
  if (keys === undefined) return undefined
  const compiled: SignatureKey[] = []
  for (const { keyid, key: text } of keys) {
    try {
      const key = createPublicKey({ key: Buffer.from(text, 'base64'), format: 'der', type: 'spki' })
      if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') throw new TypeError('another curve')
      compiled.push({ keyid, key })
    } catch {
      return `signature_keys: ${keyid} is no ECDSA key on P-256 (base64, as the registry publishes it)`
    }
  }
  return compiled
}

function compileTimeouts({ timeouts }: ConnectionConfig): Pick<Connection, 'timeouts'> {
  if (timeouts === undefined) return {}
  const ms = (text: string | undefined, key: keyof Timeouts) =>
    text === undefined ? {} : { [key]: durationSeconds(text) * 1000 }
  const { connect, first_byte: firstByte, idle } = timeouts
  return {
    timeouts: { ...ms(connect, 'connectMs'), ...ms(firstByte, 'firstByteMs'), ...ms(idle, 'idleMs') },
  }
}

/** The other hosts that a connection names: always by TLS, and trusted by the same certificates. */
function compileHostsBeside(
  { storage = [], token_host: token }: ConnectionConfig,
  own: Pick<Connection, 'name' | 'kind' | 'url' | 'credential' | 'ca' | 'opaque' | 'timeouts'>,
): Pick<Connection, 'storage' | 'tokenHost'> | string {
  const places = [...storage, ...(token === undefined ? [] : [token])].map(placeOf)
  if (places.includes(undefined)) return 'storage and token_host are host names, with a port unless it is 443'
  const hosts = places.flatMap((place) =>
    place === undefined ? [] : [{ ...own, ...place, basePath: '', tls: true, dial: undefined }],
  )
  return { storage: hosts.slice(0, storage.length), tokenHost: hosts[storage.length] }
}

/** Where a protocol fixes its root, a URL names the host alone. */
function basePathOf(kind: KindName, written: string): string | undefined {
  const { basePath, urlEnds = [] } = kindNamed(kind)
  const end = urlEnds.find((one) => written.endsWith(one)) ?? ''
  if (basePath === undefined) return written.slice(0, written.length - end.length)
  return written === '' || written === basePath ? basePath : undefined
}

function placeOf(place: string): { host: string; port: number } | undefined {
  const [name = '', port = '443'] = place.split(':')
  const host = canonicalHost(name)
  return host === undefined || Number(port) < 1 || Number(port) > 65_535
    ? undefined
    : { host, port: Number(port) }
}

/** http:// is for what does not leave the machine or the network: an address, and with a credential a local one. */
function clearTextProblem(
  { kind, credential }: ConnectionConfig,
  host: string,
  dial: string | undefined,
): string | undefined {
  // What is signed nobody can change on the way, and who reads it there reads what everybody may.
  if (kindNamed(kind).signed === true && credential === undefined) return undefined
  const address = dial ?? (host === 'localhost' ? '127.0.0.1' : host)
  if (isIP(address) === 0) return 'http:// only with a `dial` address: use https://'
  const isOpen = credential !== undefined && !/^(?:127\.|::1$)/.test(address)
  return isOpen ? 'a credential is not sent in the clear: use https://' : undefined
}

function parseAddress(text: string): { address: string; port: number } | undefined {
  const at = text.lastIndexOf(':')
  const port = Number(text.slice(at + 1))
  const address = canonicalHost(text.slice(0, at))
  return address === undefined || isIP(address) === 0 || port < 1 || port > 65_535
    ? undefined
    : { address, port }
}
