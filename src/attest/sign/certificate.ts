import { createHash, randomBytes } from 'node:crypto'
import { der, readDer } from '../../der/index.ts'
import type { Signer } from './signer.ts'

export interface Validity {
  readonly notBeforeMs: number
  readonly notAfterMs: number
}

interface Certified extends Validity {
  /** Names as DER; an empty SEQUENCE says nobody. */
  readonly issuer: Buffer
  readonly subject: Buffer
  readonly spki: Buffer
  readonly extensions: readonly Buffer[]
}

const ecdsaWithSha256 = der.sequence(der.oid('1.2.840.10045.4.3.2'))
const version3 = der.context(0, der.integer(2))

/** X.509 version 3 (RFC 5280, section 4.1), signed with ECDSA P-256; the serial number has 160 random bits. */
export async function signCertificate(certified: Certified, signer: Pick<Signer, 'sign'>): Promise<Buffer> {
  const { issuer, subject, spki, extensions, notBeforeMs, notAfterMs } = certified
  const body = der.sequence(
    version3,
    der.integer(serial()),
    ecdsaWithSha256,
    issuer,
    der.sequence(der.time(notBeforeMs), der.time(notAfterMs)),
    subject,
    spki,
    der.context(3, der.sequence(...extensions)),
  )
  return der.sequence(body, ecdsaWithSha256, der.bits(await signer.sign(body)))
}

/** Positive, and never shorter than 20 bytes (RFC 5280, section 4.1.2.2, has that as the limit). */
function serial(): Buffer {
  const bytes = randomBytes(20)
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return bytes
}

const criticalMark = der.boolean(true)

export function extension(oid: Buffer, value: Uint8Array, isCritical = false): Buffer {
  return der.sequence(oid, ...(isCritical ? [criticalMark] : []), der.octets(value))
}

export const oids = {
  subjectKey: der.oid('2.5.29.14'),
  keyUsage: der.oid('2.5.29.15'),
  subjectAltName: der.oid('2.5.29.17'),
  basicConstraints: der.oid('2.5.29.19'),
  authorityKey: der.oid('2.5.29.35'),
  extendedKeyUsage: der.oid('2.5.29.37'),
} as const

export const forCodeSigning = extension(
  oids.extendedKeyUsage,
  der.sequence(der.oid('1.3.6.1.5.5.7.3.3')),
  false,
)

/** The leftmost 160 bits of the SHA-256 of the key (RFC 7093, section 2, method 1). */
export function keyIdentifier(spki: Buffer): Buffer {
  const [, key] = readDer(spki).children()
  return createHash('sha256')
    .update(key?.content.subarray(1) ?? spki)
    .digest()
    .subarray(0, 20)
}

/** O and CN; gh takes an issuer with exactly one O. */
export function nameOf(organization: string, commonName: string): Buffer {
  const part = (oid: string, text: string) => der.setOf(der.sequence(der.oid(oid), der.utf8(text)))
  return der.sequence(part('2.5.4.10', organization), part('2.5.4.3', commonName))
}

/** The subject of a certificate, as its own bytes: what it signs names it with the same. */
export function subjectOf(certificate: Buffer): Buffer {
  const [body] = readDer(certificate).children()
  const subject = body?.children()[5]
  if (subject === undefined) throw new TypeError('not a certificate')
  return subject.whole
}
