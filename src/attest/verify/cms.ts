import { createHash } from 'node:crypto'
import { der, DerError, oidOf, readDer, tags, unsignedOf, type DerNode } from '../../der/index.ts'
import { partOf, sequenceOf } from './certificate.ts'
import { hashOf, signatureHashOf, type Hash } from './ecdsa.ts'

/** SignedData of CMS (RFC 5652) with one signer and signed attributes: what a timestamp is. Its signature is not verified yet. */
export interface SignedData {
  readonly contentType: string
  readonly content: Buffer
  /** Who signed: issuer (DER) and serial number of the certificate. */
  readonly issuer: Buffer
  readonly serial: bigint
  /** As they are handed along, which nobody signed. */
  readonly certificates: readonly Buffer[]
  /** Of the signer's certificate, where the attributes name it (RFC 5035). */
  readonly certificateHashes: readonly CertificateHash[]
  readonly hash: Hash
  /** What is signed: the attributes as a SET. */
  readonly signed: Buffer
  readonly signature: Buffer
}

export interface CertificateHash {
  readonly hash: Hash | 'sha1'
  readonly digest: Buffer
  /** As it is said again; nobody has to. */
  readonly named?: { readonly issuer: Buffer; readonly serial: bigint }
}

const ids = {
  ...{ signedData: '1.2.840.113549.1.7.2', contentType: '1.2.840.113549.1.9.3' },
  ...{ messageDigest: '1.2.840.113549.1.9.4', signingTime: '1.2.840.113549.1.9.5' },
  ...{ certificate: '1.2.840.113549.1.9.16.2.12', certificateV2: '1.2.840.113549.1.9.16.2.47' },
} as const

/** Of a ContentInfo; the digest of the content in it holds. Throws `DerError`. */
export function readSignedData(token: DerNode): SignedData {
  const [type, wrapped, ...more] = sequenceOf(token)
  if (oidOf(type) !== ids.signedData || wrapped?.tag !== 0xa0 || more.length > 0)
    throw new DerError('it is no signed data')
  const [version, digests, encapsulated, ...rest] = sequenceOf(readDer(wrapped.content))
  if (unsignedOf(version) !== 3n) throw new DerError('signed data of another version than 3')
  // Only certificates may stand between; lists of revoked ones are not looked at, and so not taken.
  const [certificates, infos] = rest.length === 2 ? rest : [undefined, rest[0]]
  if (rest.length > 2 || (certificates !== undefined && certificates.tag !== 0xa0))
    throw new DerError('signed data with more than it may have')
  const [contentType, octets, ...others] = sequenceOf(encapsulated)
  if (octets?.tag !== 0xa0 || others.length > 0) throw new DerError('signed data without its content')
  const content = partOf(readDer(octets.content), tags.octets).content
  const [signer, ...signers] = sequenceOf(infos, tags.set)
  // Which of two signed is for nobody to choose.
  if (signer === undefined || signers.length > 0) throw new DerError('it has not exactly one signer')
  const { digest, ...read } = readSigner(signer, oidOf(contentType), content)
  const [only, ...further] = sequenceOf(digests, tags.set)
  if (only?.whole.equals(digest) !== true || further.length > 0)
    throw new DerError('signed data that names other hashes than its signer')
  return {
    ...{ contentType: oidOf(contentType), content, ...read },
    certificates: (certificates?.children() ?? []).map(({ whole }) => whole),
  }
}

function readSigner(
  node: DerNode,
  contentType: string,
  content: Buffer,
): Omit<SignedData, 'contentType' | 'content' | 'certificates'> & { digest: Buffer } {
  const [version, id, digest, attributes, algorithm, signature, ...more] = sequenceOf(node)
  // By issuer and serial number (version 1), and without attributes that nobody signed.
  if (unsignedOf(version) !== 1n || more.length > 0) throw new DerError('a signer of another form')
  const [issuer, serial, ...others] = sequenceOf(id)
  if (others.length > 0) throw new DerError('a signer of another form')
  const hash = hashOf(digest)
  const signed = attributesOf(attributes)
  const values = valuesOf(signed)
  const only = (oid: string) => {
    const [value, ...further] = values.get(oid) ?? []
    if (value === undefined || further.length > 0)
      throw new DerError('an attribute is missing, or has two values')
    return value
  }
  if (oidOf(only(ids.contentType)) !== contentType) throw new DerError('signed attributes of another content')
  const digested = partOf(only(ids.messageDigest), tags.octets).content
  if (!digested.equals(createHash(hash).update(content).digest()))
    throw new DerError('its content is not the one that was signed')
  // By its name and serial number alone another certificate could stand in its place (RFC 5816); SHA-1 (RFC 3161) would not hold it either.
  if (!values.has(ids.certificateV2))
    throw new DerError('signed attributes that do not name the certificate by SHA-256 or more (RFC 5816)')
  const certificateHashes = [
    hashV2(only(ids.certificateV2)),
    ...(values.has(ids.certificate) ? [hashV1(only(ids.certificate))] : []),
  ]
  return {
    digest: partOf(digest).whole,
    issuer: partOf(issuer, tags.sequence).whole,
    serial: unsignedOf(serial),
    certificateHashes,
    hash: signatureHashOf(algorithm),
    signed,
    signature: partOf(signature, tags.octets).content,
  }
}

/**
 * Signed is the SET OF that stands there with another tag (section 5.4). One whose attributes are not in the order of DER is refused:
 * some verifiers sort them first, others do not, and they would not agree on it.
 */
function attributesOf(node: DerNode | undefined): Buffer {
  const signed = der.setOf(...sequenceOf(node, 0xa0).map(({ whole }) => whole))
  if (!signed.subarray(1).equals(partOf(node).whole.subarray(1)))
    throw new DerError('signed attributes out of order')
  return signed
}

function valuesOf(signed: Buffer): ReadonlyMap<string, readonly DerNode[]> {
  const values = new Map<string, readonly DerNode[]>()
  for (const one of sequenceOf(readDer(signed), tags.set)) {
    const [id, set, ...more] = sequenceOf(one)
    const oid = oidOf(id)
    if (values.has(oid) || more.length > 0) throw new DerError('an attribute twice')
    values.set(oid, sequenceOf(set, tags.set))
  }
  return values
}

/** SigningCertificateV2: the first of its certificates is the signer's; SHA-256 unless it says another hash. */
function hashV2(node: DerNode): CertificateHash {
  const [first, ...rest] = sequenceOf(certificateIn(node))
  const isNamed = first?.tag === tags.sequence
  return certificateHash(isNamed ? hashOf(first) : 'sha256', isNamed ? rest : [first, ...rest])
}

function hashV1(node: DerNode): CertificateHash {
  return certificateHash('sha1', sequenceOf(certificateIn(node)))
}

/** The first of a list of certificates, behind which there may be policies. */
function certificateIn(node: DerNode): DerNode {
  const [certificates, policies, ...more] = sequenceOf(node)
  if (policies !== undefined) sequenceOf(policies)
  if (more.length > 0) throw new DerError('an attribute with more than it may have')
  return partOf(sequenceOf(certificates)[0], tags.sequence)
}

function certificateHash(
  hash: CertificateHash['hash'],
  [digest, named, ...more]: readonly (DerNode | undefined)[],
): CertificateHash {
  if (more.length > 0) throw new DerError('an attribute with more than it may have')
  return {
    ...{ hash, digest: partOf(digest, tags.octets).content },
    ...(named === undefined ? {} : { named: namedIn(named) }),
  }
}

/** IssuerSerial: one directory name, and a number. */
function namedIn(node: DerNode): NonNullable<CertificateHash['named']> {
  const [names, serial, ...more] = sequenceOf(node)
  const [name, ...others] = sequenceOf(names)
  const [issuer, ...further] = sequenceOf(name, 0xa4)
  if (more.length + others.length + further.length > 0)
    throw new DerError('an attribute with more than it may have')
  return { issuer: partOf(issuer, tags.sequence).whole, serial: unsignedOf(serial) }
}
