import { createPublicKey, verify, type KeyObject } from 'node:crypto'
import { DerError, oidOf, readDer, tags, type DerNode } from '../../der/index.ts'

export type Hash = 'sha256' | 'sha384' | 'sha512'

const signatures: Readonly<Record<string, Hash>> = {
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
}
const hashes: Readonly<Record<string, Hash>> = {
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
}

/** The hash of an AlgorithmIdentifier `ecdsa-with-SHA…`, whose parameters are absent (RFC 5758, section 3.2). Throws `DerError`. */
export function signatureHashOf(node: DerNode | undefined): Hash {
  const [id, ...parameters] = node?.tag === tags.sequence ? node.children() : []
  const hash = signatures[oidOf(id)]
  if (hash === undefined || parameters.length > 0)
    throw new DerError('a signature other than ECDSA with SHA-2')
  return hash
}

/** The hash of an AlgorithmIdentifier of one, whose parameters are absent or NULL (RFC 5754, section 2). Throws `DerError`. */
export function hashOf(node: DerNode | undefined): Hash {
  const [id, parameter, ...more] = node?.tag === tags.sequence ? node.children() : []
  const hash = hashes[oidOf(id)]
  const isPlain = parameter === undefined || (parameter.tag === tags.null && parameter.content.length === 0)
  if (hash === undefined || !isPlain || more.length > 0) throw new DerError('a hash other than SHA-2')
  return hash
}

const ecPublicKey = '1.2.840.10045.2.1'
const curves: Readonly<Record<string, { readonly name: string; readonly bytes: number }>> = {
  '1.2.840.10045.3.1.7': { name: 'prime256v1', bytes: 32 },
  '1.3.132.0.34': { name: 'secp384r1', bytes: 48 },
  '1.3.132.0.35': { name: 'secp521r1', bytes: 66 },
}

/**
 * The key of a SubjectPublicKeyInfo on a curve of NIST (RFC 5480). Throws `DerError` for other keys, and for every other way to write the
 * same one (a compressed or hybrid point, parameters written out): keys are known by the SHA-256 of these bytes, so under a second one
 * a revoked key would come back.
 */
export function ecKeyOf(spki: Buffer): KeyObject {
  const [algorithm, bits, ...more] = childrenOf(readDer(spki))
  const [id, parameters, ...others] = childrenOf(algorithm)
  const curve = oidOf(id) === ecPublicKey ? curves[oidOf(parameters)] : undefined
  if (curve === undefined || more.length + others.length > 0)
    throw new DerError('a public key other than P-256, P-384 or P-521')
  const [unused, form] = bits?.tag === tags.bits ? bits.content : []
  if (unused !== 0 || form !== 4 || bits?.content.length !== 2 + 2 * curve.bytes)
    throw new DerError('a public key whose point is not written out in full')
  try {
    const key = createPublicKey({ key: spki, format: 'der', type: 'spki' })
    if (key.asymmetricKeyDetails?.namedCurve === curve.name) return key
  } catch (cause) {
    throw new DerError('a public key that is none', { cause })
  }
  throw new DerError('a public key that is none')
}

function childrenOf(node: DerNode | undefined): readonly DerNode[] {
  return node?.tag === tags.sequence ? node.children() : []
}

export function isP256(key: KeyObject): boolean {
  return key.asymmetricKeyDetails?.namedCurve === 'prime256v1'
}

/** ECDSA in DER; a signature in any other form is false. */
export function isSignedBy(key: KeyObject, hash: Hash, message: Uint8Array, signature: Uint8Array): boolean {
  return verify(hash, message, key, signature)
}
