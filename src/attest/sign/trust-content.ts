import { createHash, createPublicKey, X509Certificate } from 'node:crypto'
import type { LogKeys } from './log.ts'
import { logKeyId, logPublicKey } from './log-name.ts'

/** What a trust document says beside its version and times: the payload's fields in the form in which they are signed. */
export interface TrustContent {
  /** Who signs the next one: PEM. */
  readonly root: readonly string[]
  readonly trustedRoot: TrustedRoot
  /** Keys that sign without a certificate. */
  readonly keys: readonly { readonly publicKey: string; readonly validFor: Window }[]
  readonly revoked: readonly RevokedKey[]
}

export interface TrustPayload extends TrustContent {
  readonly version: number
  readonly issued: string
  readonly expires?: string
}

export interface RevokedKey {
  /** SHA-256 of its SPKI, hex. */
  readonly key: string
  readonly from: string
  readonly treeSize: number
  /** Id of the key of the log that had this size, base64. */
  readonly log?: string
  readonly reason: string
}

interface Window {
  readonly start: string
  readonly end?: string
}

interface CertificateEntry {
  readonly subject: { readonly organization: string; readonly commonName: string }
  readonly uri: string
  readonly certChain: { readonly certificates: readonly { readonly rawBytes: string }[] }
  readonly validFor: Window
}

interface LogEntry {
  readonly baseUrl: string
  readonly hashAlgorithm: 'SHA2_256'
  readonly publicKey: {
    readonly rawBytes: string
    readonly keyDetails: 'PKIX_ED25519'
    readonly validFor: Window
  }
  readonly logId: { readonly keyId: string }
}

/** Sigstore's trusted root, version 0.1. */
export interface TrustedRoot {
  readonly mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1'
  readonly tlogs: readonly LogEntry[]
  readonly certificateAuthorities: readonly CertificateEntry[]
  readonly ctlogs: readonly never[]
  readonly timestampAuthorities: readonly CertificateEntry[]
}

export interface TrustFacts {
  /** Of this server: every authority has an address of its own below it, which nobody calls. */
  readonly url: string
  /** Every CA that ever signed, or is to: what it signed stays good. */
  readonly authorities: readonly { readonly certificate: Buffer; readonly retiredMs?: number | undefined }[]
  readonly keys: readonly { readonly publicKey: string; readonly sinceMs: number }[]
  readonly log: LogKeys
  readonly revoked: readonly RevokedKey[]
  readonly root: readonly string[]
}

const leafMs = 600_000

/**
 * The next document. Logs and timestamp authorities that the one before named, and that are gone, stay in it with an end: what they
 * proved stays proven.
 */
export function trustContent(
  facts: TrustFacts,
  before: TrustContent | undefined,
  nowMs: number,
): TrustContent {
  const revokedFrom = new Map(facts.revoked.map(({ key, from }) => [key, Date.parse(from)]))
  const end = (key: string, otherMs: number | undefined) => endOf(revokedFrom.get(key), otherMs)
  const authorities = facts.authorities.map(({ certificate, retiredMs }) => {
    const read = new X509Certificate(certificate)
    const lastMs = retiredMs === undefined ? undefined : retiredMs + leafMs
    return certificateEntry(`${facts.url}/attest/ca`, [read], read.validFromDate.getTime(), (key) =>
      end(key, lastMs),
    )
  })
  const { timestampChain, timestampChains, nextTimestampChain, sinceMs: begunMs } = facts.log
  const chains = timestampChains ?? [{ chain: timestampChain, sinceMs: begunMs }]
  const all: typeof chains = nextTimestampChain === undefined ? chains : [...chains, nextTimestampChain]
  const timestamps = all.map(({ chain, sinceMs, untilMs }) =>
    certificateEntry(`https://${facts.log.origin}/timestamps`, chain.map(certificateOf), sinceMs, (key) =>
      end(key, untilMs),
    ),
  )
  const ended = (key: string, window: Window) => ({
    ...window,
    ...end(key, window.end === undefined ? nowMs : Date.parse(window.end)),
  })
  const keptLogs = (before?.trustedRoot.tlogs ?? []).map((one) => ({
    ...one,
    publicKey: { ...one.publicKey, validFor: ended(logSpkiId(one), one.publicKey.validFor) },
  }))
  const keptTimestamps = (before?.trustedRoot.timestampAuthorities ?? []).map((one) => ({
    ...one,
    validFor: ended(leafId(one), one.validFor),
  }))
  const tlogs = newest([...keptLogs, logEntry(facts.log, end)], (one) => one.logId.keyId)
  const logIds = new Set(tlogs.map(({ logId }) => logId.keyId))
  return {
    root: facts.root,
    trustedRoot: {
      mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
      tlogs,
      certificateAuthorities: authorities,
      ctlogs: [],
      timestampAuthorities: newest([...keptTimestamps, ...timestamps], leafId),
    },
    keys: facts.keys.map(({ publicKey, sinceMs }) => ({
      publicKey,
      validFor: { start: iso(sinceMs), ...end(pemKeyId(publicKey), undefined) },
    })),
    // By a log that no document ever named nobody can order others: without it readers take the size as of each of them.
    revoked: facts.revoked.map(({ log, ...one }) => ({
      ...one,
      ...(log !== undefined && logIds.has(log) ? { log } : {}),
    })),
  }
}

/** Of several with one id the last, in the place of the first. */
function newest<T>(all: readonly T[], idOf: (one: T) => string): T[] {
  return [...new Map(all.map((one) => [idOf(one), one])).values()]
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}

/**
 * Ours take what was timestamped before the moment of the revocation; for Sigstore's verifiers the last moment is still within. One
 * millisecond earlier the two say the same.
 */
function endOf(revokedMs: number | undefined, otherMs: number | undefined): { end?: string } {
  const ends = [
    ...(revokedMs === undefined ? [] : [revokedMs - 1]),
    ...(otherMs === undefined ? [] : [otherMs]),
  ]
  return ends.length === 0 ? {} : { end: iso(Math.min(...ends)) }
}

function certificateEntry(
  base: string,
  chain: readonly X509Certificate[],
  sinceMs: number,
  end: (key: string) => { end?: string },
): CertificateEntry {
  const [first] = chain
  if (first === undefined) throw new TypeError('an authority has a certificate')
  const key = certificateKeyId(first)
  return {
    subject: { organization: partOf(first, 'O'), commonName: partOf(first, 'CN') },
    uri: `${base}/${key.slice(0, 16)}`,
    certChain: { certificates: chain.map(({ raw }) => ({ rawBytes: raw.toString('base64') })) },
    validFor: { start: iso(sinceMs), ...end(key) },
  }
}

function partOf({ subject }: X509Certificate, name: string): string {
  const line = subject.split('\n').find((one) => one.startsWith(`${name}=`))
  return line?.slice(name.length + 1) ?? ''
}

const ed25519Head = Buffer.from('302a300506032b6570032100', 'hex')

function logEntry(
  { origin, verifierKey, sinceMs }: LogKeys,
  end: (key: string, otherMs: undefined) => { end?: string },
): LogEntry {
  const spki = Buffer.concat([ed25519Head, logPublicKey(verifierKey)])
  return {
    baseUrl: `https://${origin}`,
    hashAlgorithm: 'SHA2_256',
    publicKey: {
      rawBytes: spki.toString('base64'),
      keyDetails: 'PKIX_ED25519',
      validFor: { start: iso(sinceMs), ...end(sha256Hex(spki), undefined) },
    },
    logId: { keyId: logKeyId(verifierKey).toString('base64') },
  }
}

export function certificateOf(pem: string): X509Certificate {
  return new X509Certificate(pem)
}

export function certificateKeyId({ publicKey }: X509Certificate): string {
  return sha256Hex(publicKey.export({ type: 'spki', format: 'der' }))
}

export function pemKeyId(pem: string): string {
  return sha256Hex(createPublicKey(pem).export({ type: 'spki', format: 'der' }))
}

/** Of its first certificate: the CA, or the leaf of a timestamp authority. */
export function leafId({ certChain }: CertificateEntry): string {
  return certificateKeyId(leafOf({ certChain }))
}

export function leafOf({ certChain }: Pick<CertificateEntry, 'certChain'>): X509Certificate {
  return new X509Certificate(Buffer.from(certChain.certificates[0]?.rawBytes ?? '', 'base64'))
}

export function logSpkiId({ publicKey }: LogEntry): string {
  return sha256Hex(Buffer.from(publicKey.rawBytes, 'base64'))
}

export function sha256Hex(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
