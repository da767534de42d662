import 'reflect-metadata'
import { randomBytes, webcrypto, type KeyObject } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import { der } from '../../der/index.ts'

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
  },
): Promise<x509.X509Certificate> {
  return x509.X509CertificateGenerator.create({
    issuer: authority.certificate.subject,
    ...fields,
    ...{ publicKey, signingKey: authority.privateKey, signingAlgorithm: algorithm },
    serialNumber: `4${randomBytes(19).toString('hex')}f`,
    extensions: [
      ...fields.extensions.filter((one) => one !== undefined),
      await x509.AuthorityKeyIdentifierExtension.create(authority.certificate),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
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
  return certificateOf(authority, publicKey, {
    subject: change.subject ?? '',
    ...(change.issuerName === undefined ? {} : { issuer: change.issuerName }),
    notBefore: new Date(change.notBeforeMs ?? nowMs - 60_000),
    notAfter: new Date(change.notAfterMs ?? nowMs + 540_000),
    extensions: Object.values(extensions),
  })
}

export function claimOf(number: number, text: string): x509.Extension {
  return new x509.Extension(`1.3.6.1.4.1.57264.1.${number}`, false, der.utf8(text))
}

export async function createAuthority(organization: string, nowMs: number): Promise<IssuingAuthority> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: `O=${organization}, CN=${organization} authority`,
    keys,
    signingAlgorithm: algorithm,
    notBefore: new Date(nowMs - 48 * hourMs),
    notAfter: new Date(nowMs + 48 * hourMs),
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { certificate, privateKey: keys.privateKey }
}
