import type { KeyObject } from 'node:crypto'
import {
  DerError,
  oidOf,
  readDer,
  refuseFalse,
  tags,
  timeOf,
  unsignedOf,
  type DerNode,
} from '../../der/index.ts'
import { ecKeyOf, signatureHashOf, type Hash } from './ecdsa.ts'

/** X.509 version 3 (RFC 5280), as it is written; nothing of it is trusted yet. */
export interface Certificate {
  readonly raw: Buffer
  /** What is signed. */
  readonly signed: Buffer
  readonly hash: Hash
  readonly signature: Buffer
  readonly serial: bigint
  /** DER; compared byte for byte. */
  readonly issuer: Buffer
  readonly subject: Buffer
  readonly notBeforeMs: number
  readonly notAfterMs: number
  readonly spki: Buffer
  readonly key: KeyObject
  /** By object identifier. */
  readonly extensions: ReadonlyMap<string, { readonly critical: boolean; readonly value: Buffer }>
}

/** Throws `DerError`. */
export function readCertificate(raw: Uint8Array): Certificate {
  const whole = readDer(raw)
  const [signed, algorithm, signature, ...more] = sequenceOf(whole)
  const [version, serial, inner, issuer, validity, subject, spki, extensions, ...others] = sequenceOf(signed)
  const [notBefore, notAfter, ...times] = sequenceOf(validity)
  if (more.length + others.length + times.length > 0)
    throw new DerError('a certificate with more than it may have')
  if (version?.tag !== 0xa0 || unsignedOf(readDer(version.content)) !== 2n)
    throw new DerError('a certificate of another version than 3')
  // The one outside is not signed.
  if (inner === undefined || algorithm?.whole.equals(inner.whole) !== true)
    throw new DerError('a certificate that names two signature algorithms')
  return {
    raw: whole.whole,
    signed: partOf(signed).whole,
    hash: signatureHashOf(inner),
    signature: bitsOf(signature),
    serial: serialOf(serial),
    issuer: partOf(issuer, tags.sequence).whole,
    subject: partOf(subject, tags.sequence).whole,
    notBeforeMs: dateOf(notBefore),
    notAfterMs: dateOf(notAfter),
    spki: partOf(spki, tags.sequence).whole,
    key: ecKeyOf(partOf(spki).whole),
    extensions: extensionsOf(extensions),
  }
}

/** Positive, of up to 20 bytes (RFC 5280, section 4.1.2.2). */
function serialOf(node: DerNode | undefined): bigint {
  const serial = unsignedOf(node)
  if (serial === 0n || partOf(node).content.length > 20) throw new DerError('a serial number that is none')
  return serial
}

/** UTCTime until 2049, GeneralizedTime without fractions from 2050 on (RFC 5280, section 4.1.2.5). */
function dateOf(node: DerNode | undefined): number {
  const ms = timeOf(node)
  const { tag, content } = partOf(node)
  const isLate = new Date(ms).getUTCFullYear() >= 2050
  if (tag !== (isLate ? tags.generalizedTime : tags.utcTime) || content.includes('.'))
    throw new DerError('a date in another form than certificates have')
  return ms
}

function extensionsOf(node: DerNode | undefined): Certificate['extensions'] {
  const extensions = new Map<string, { critical: boolean; value: Buffer }>()
  if (node === undefined) return extensions
  if (node.tag !== 0xa3) throw new DerError('a certificate with more than it may have')
  const all = sequenceOf(readDer(node.content))
  if (all.length === 0) throw new DerError('a list of extensions without any')
  for (const one of all) {
    const [id, second, third, ...more] = sequenceOf(one)
    const oid = oidOf(id)
    const critical = second?.tag === tags.boolean
    if (critical) refuseFalse(second)
    const value = partOf(critical ? third : second, tags.octets).content
    if (more.length > 0 || (!critical && third !== undefined))
      throw new DerError('an extension that is not DER')
    if (extensions.has(oid)) throw new DerError(`extension ${oid} twice`)
    extensions.set(oid, { critical, value })
  }
  return extensions
}

/** Throws `DerError` unless it is there, and of this tag. */
export function partOf(node: DerNode | undefined, tag = node?.tag): DerNode {
  if (node === undefined || node.tag !== tag)
    throw new DerError('a part is missing, or another is in its place')
  return node
}

export function sequenceOf(node: DerNode | undefined, tag: number = tags.sequence): readonly DerNode[] {
  return partOf(node, tag).children()
}

/** Of a BIT STRING of whole bytes. */
export function bitsOf(node: DerNode | undefined): Buffer {
  const { content } = partOf(node, tags.bits)
  if (content[0] !== 0) throw new DerError('bits that are no whole bytes')
  return content.subarray(1)
}
