import 'reflect-metadata'
import { createHash, createPublicKey, randomBytes, sign, webcrypto, type KeyObject } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import { der, readDer } from '../../der/index.ts'

export const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
export const workflow = 'https://github.com/octo/app/.github/workflows/release.yml@refs/tags/v1'
export const issuer = 'https://token.actions.githubusercontent.com'
export const hourMs = 3_600_000

export interface LeafChange {
  readonly notBeforeMs?: number
  readonly notAfterMs?: number
  readonly subject?: string
  readonly issuerName?: string
  /** Instead of those by the same name. */
  readonly extensions?: Readonly<Record<string, x509.Extension | undefined>>
  readonly curve?: string
  /** Logs of certificates that promise to log it. */
  readonly promisedBy?: readonly CertificateLogKey[]
}

export interface CertificateLogKey {
  readonly key: KeyObject
  readonly timeMs: number
}

export interface IssuingAuthority {
  readonly certificate: x509.X509Certificate
  readonly privateKey: webcrypto.CryptoKey
}

export async function certificateOf(
  authority: IssuingAuthority,
  publicKey: webcrypto.CryptoKey,
  fields: {
    subject: string
    issuer?: string
    notBefore: Date
    notAfter: Date
    extensions: readonly (x509.Extension | undefined)[]
    serialNumber?: string
  },
  more: readonly x509.Extension[] = [],
): Promise<x509.X509Certificate> {
  return x509.X509CertificateGenerator.create({
    issuer: authority.certificate.subject,
    serialNumber: serialNumber(),
    ...fields,
    ...{ publicKey, signingKey: authority.privateKey, signingAlgorithm: algorithm },
    extensions: [
      ...fields.extensions.filter((one) => one !== undefined),
      await x509.AuthorityKeyIdentifierExtension.create(authority.certificate),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
      ...more,
    ],
  })
}

const claims: readonly (readonly [number, string])[] = [
  ...([
    [8, issuer],
    [9, workflow],
    [11, 'github-hosted'],
    [12, 'https://github.com/octo/app'],
  ] as const),
  ...([
    [13, 'a'.repeat(40)],
    [14, 'refs/tags/v1'],
    [15, '1234'],
    [20, 'push'],
    [24, 'repo:octo/app'],
  ] as const),
]

export async function leafOf(
  authority: IssuingAuthority,
  key: KeyObject,
  nowMs: number,
  change: LeafChange,
): Promise<x509.X509Certificate> {
  const curve = change.curve ?? 'P-256'
  const imported = { name: 'ECDSA', namedCurve: curve }
  const publicKey = await webcrypto.subtle.importKey(
    'spki',
    key.export({ type: 'spki', format: 'der' }),
    imported,
    true,
    ['verify'],
  )
  const extensions: Record<string, x509.Extension | undefined> = {
    keyUsage: new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    extendedUsage: new x509.ExtendedKeyUsageExtension(['1.3.6.1.5.5.7.3.3']),
    name: new x509.SubjectAlternativeNameExtension([{ type: 'url', value: workflow }], true),
    oldIssuer: new x509.Extension('1.3.6.1.4.1.57264.1.1', false, Buffer.from(issuer)),
    ...Object.fromEntries(claims.map(([number, text]) => [`claim${number}`, claimOf(number, text)])),
    ...change.extensions,
  }
  const fields = {
    subject: change.subject ?? '',
    ...(change.issuerName === undefined ? {} : { issuer: change.issuerName }),
    notBefore: new Date(change.notBeforeMs ?? nowMs - 60_000),
    notAfter: new Date(change.notAfterMs ?? nowMs + 540_000),
    extensions: Object.values(extensions),
    serialNumber: serialNumber(),
  }
  const certificate = await certificateOf(authority, publicKey, fields)
  if (change.promisedBy === undefined) return certificate
  const promises = promisesOf(certificate, authority.certificate, change.promisedBy)
  return certificateOf(authority, publicKey, fields, [promises])
}

/** SignedCertificateTimestampList (RFC 6962, section 3.3) about the certificate as it is, without one. */
function promisesOf(
  certificate: x509.X509Certificate,
  issuer: x509.X509Certificate,
  logs: readonly CertificateLogKey[],
): x509.Extension {
  const [signed] = readDer(Buffer.from(certificate.rawData)).children()
  const sha256 = (bytes: ArrayBuffer | Buffer) => createHash('sha256').update(new Uint8Array(bytes)).digest()
  const promises = logs.map(({ key, timeMs }) => {
    const time = Buffer.alloc(8)
    time.writeBigUInt64BE(BigInt(timeMs))
    const entry = [sha256(issuer.publicKey.rawData), long(signed!.whole, 3), long(Buffer.alloc(0), 2)]
    const signature = sign('sha256', Buffer.concat([Buffer.of(0, 0), time, Buffer.of(0, 1), ...entry]), key)
    const id = sha256(createPublicKey(key).export({ type: 'spki', format: 'der' }))
    return long(
      Buffer.concat([Buffer.of(0), id, time, Buffer.of(0, 0), Buffer.of(4, 3), long(signature, 2)]),
      2,
    )
  })
  return new x509.Extension('1.3.6.1.4.1.11129.2.4.2', false, der.octets(long(Buffer.concat(promises), 2)))
}

/** With its length in front, in so many bytes. */
function long(bytes: Buffer, size: number): Buffer {
  const length = Buffer.alloc(size)
  length.writeUIntBE(bytes.length, 0, size)
  return Buffer.concat([length, bytes])
}

function serialNumber(): string {
  return `4${randomBytes(19).toString('hex')}f`
}

export function claimOf(number: number, text: string): x509.Extension {
  return new x509.Extension(`1.3.6.1.4.1.57264.1.${number}`, false, der.utf8(text))
}

export async function createAuthority(
  organization: string,
  nowMs: number,
  change: { readonly constraints?: x509.Extension; readonly more?: readonly x509.Extension[] } = {},
): Promise<IssuingAuthority> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: `O=${organization}, CN=${organization} authority`,
    keys,
    signingAlgorithm: algorithm,
    notBefore: new Date(nowMs - 48 * hourMs),
    notAfter: new Date(nowMs + 48 * hourMs),
    extensions: [
      change.constraints ?? new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ...(change.more ?? []),
    ],
  })
  return { certificate, privateKey: keys.privateKey }
}
