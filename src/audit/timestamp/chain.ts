import { createPrivateKey, generateKeyPairSync, hash, type KeyObject, randomBytes, sign } from 'node:crypto'
import { der } from '../../der/index.ts'
import { oids } from './oids.ts'

/** Certificates of a timestamp authority (PEM, the leaf first, then its root) and the leaf's private key (PKCS #8, PEM). */
export interface NewChain {
  readonly chain: readonly [leaf: string, root: string]
  readonly key: string
}

const yearMs = 31_557_600_000
/** A timestamp is worth as much as its leaf's years: nobody renews the timestamps of bundles that are out. */
const validMs = 15 * yearMs

/**
 * A root and the one leaf that it ever signs: the root's private key is in no variable any more once this has returned, so
 * nobody can make a second leaf that is valid in the past. Its names are its own: verifiers find an authority by them.
 */
export function makeChain(nowMs: number): NewChain {
  const id = randomBytes(8).toString('hex')
  const [root, leaf] = [newKeys(), newKeys()]
  const names = { issuer: nameOf(`Mayfly timestamp root ${id}`), subject: nameOf(`Mayfly timestamp ${id}`) }
  // Whole seconds, as certificates have them: what is stamped within this second must not come before its leaf.
  const validity = { fromMs: Math.floor(nowMs / 1000) * 1000, untilMs: nowMs + validMs }
  const rootCertificate = certificate(root.privateKey, {
    ...{ issuer: names.issuer, subject: names.issuer, validity, spki: root.spki },
    extensions: [
      extension(oids.basicConstraints, der.sequence(der.boolean(true), der.integer(0)), true),
      // keyCertSign, bit 5.
      extension(oids.keyUsage, der.bits(Buffer.of(0b0000_0100), 2), true),
      extension(oids.subjectKeyIdentifier, der.octets(keyIdOf(root.spki))),
    ],
  })
  const leafCertificate = certificate(root.privateKey, {
    ...{ issuer: names.issuer, subject: names.subject, validity, spki: leaf.spki },
    extensions: [
      // digitalSignature, bit 0.
      extension(oids.keyUsage, der.bits(Buffer.of(0b1000_0000), 7), true),
      // Alone and critical (RFC 3161, section 2.3).
      extension(oids.extendedKeyUsage, der.sequence(der.oid(oids.timeStamping)), true),
      extension(oids.subjectKeyIdentifier, der.octets(keyIdOf(leaf.spki))),
      extension(oids.authorityKeyIdentifier, der.sequence(der.context(0, keyIdOf(root.spki), false))),
    ],
  })
  return {
    chain: [pemOf(leafCertificate), pemOf(rootCertificate)],
    key: leaf.privateKey.export({ format: 'pem', type: 'pkcs8' }),
  }
}

interface Contents {
  readonly issuer: Buffer
  readonly subject: Buffer
  readonly validity: { readonly fromMs: number; readonly untilMs: number }
  readonly spki: Buffer
  readonly extensions: readonly Buffer[]
}

/** A certificate (RFC 5280, section 4.1), signed with ECDSA over SHA-256. */
function certificate(signer: KeyObject, { issuer, subject, validity, spki, extensions }: Contents): Buffer {
  const algorithm = der.sequence(der.oid(oids.ecdsaWithSha256))
  const signed = der.sequence(
    der.context(0, der.integer(2)),
    der.integer(newSerial()),
    algorithm,
    issuer,
    der.sequence(der.time(validity.fromMs), der.time(validity.untilMs)),
    subject,
    spki,
    der.context(3, der.sequence(...extensions)),
  )
  return der.sequence(signed, algorithm, der.bits(sign('sha256', signed, signer)))
}

function extension(oid: string, content: Buffer, isCritical = false): Buffer {
  return der.sequence(der.oid(oid), ...(isCritical ? [der.boolean(true)] : []), der.octets(content))
}

function nameOf(commonName: string): Buffer {
  const part = (oid: string, text: string) => der.setOf(der.sequence(der.oid(oid), der.utf8(text)))
  return der.sequence(part(oids.organization, 'Mayfly'), part(oids.commonName, commonName))
}

/** 160 bits, of which the first is 0 and the second is 1: a positive number of always 20 bytes. */
export function newSerial(): Buffer {
  const bytes = randomBytes(20)
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return bytes
}

function newKeys(): { privateKey: KeyObject; spki: Buffer } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { privateKey, spki: publicKey.export({ format: 'der', type: 'spki' }) }
}

/** The first 160 bits of the SHA-256 of the key's point (RFC 7093, section 2, method 1). */
function keyIdOf(spki: Buffer): Buffer {
  return hash('sha256', spki.subarray(-65), 'buffer').subarray(0, 20)
}

function pemOf(certificateDer: Buffer): string {
  const lines = certificateDer.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}

/** Of PEM; throws what Node throws for a text that is no private key. */
export function privateKeyOf(pem: string): KeyObject {
  return createPrivateKey(pem)
}
