import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto'
import { DerError, readDer, tags, unsignedOf } from '../../../der/index.ts'
import { exactTextOf, parseBase64 } from '../../verify/index.ts'

/** What an entry of the attestation log says, and nothing else. */
export interface RekordEntry {
  /** SHA-256 of what was signed. */
  readonly digest: Uint8Array
  /** ECDSA, in DER. */
  readonly signature: Uint8Array
  readonly verifier: { readonly kind: 'certificate' | 'publicKey'; readonly der: Uint8Array }
}

export type ParsedEntry =
  | { readonly ok: true; readonly entry: RekordEntry }
  | { readonly ok: false; readonly message: string }

/** A certificate of ours has some 1,200 bytes; one with many claims fits four times over. */
export const maxEntryBytes = 16_384

/**
 * JCS (RFC 8785) of a `hashedrekord` 0.0.2 has this one form: members sorted, nothing between them, and base64 needs no
 * escapes. Verifiers of Sigstore build these bytes again from a bundle and compare, so an entry in any other form would
 * stand in the log for good and never verify.
 */
const form =
  /^\{"apiVersion":"0\.0\.2","kind":"hashedrekord","spec":\{"hashedRekordV002":\{"data":\{"algorithm":"SHA2_256","digest":"(?<digest>[A-Za-z0-9+/]{43}=)"\},"signature":\{"content":"(?<signature>[A-Za-z0-9+/=]{1,200})","verifier":\{"keyDetails":"PKIX_ECDSA_P256_SHA_256","(?<kind>publicKey|x509Certificate)":\{"rawBytes":"(?<der>[A-Za-z0-9+/=]{1,16384})"\}\}\}\}\}\}$/

/** An entry as Rekor v2 takes it, with the algorithms that Mayfly signs with. Never throws. */
export function parseRekordEntry(bytes: Uint8Array): ParsedEntry {
  if (bytes.length > maxEntryBytes)
    return refused(`it has ${bytes.length} bytes, at most ${maxEntryBytes} fit`)
  const groups = form.exec(exactTextOf(bytes) ?? '')?.groups
  if (groups === undefined)
    return refused(
      'it is not the canonical JSON (RFC 8785) of a hashedrekord 0.0.2 with SHA2_256 and PKIX_ECDSA_P256_SHA_256',
    )
  const digest = parseBase64(groups['digest'] ?? '')
  const signature = parseBase64(groups['signature'] ?? '')
  const der = parseBase64(groups['der'] ?? '')
  if (digest === undefined || signature === undefined || der === undefined)
    return refused('its base64 is not canonical')
  if (!isEcdsaSignature(signature)) return refused('its signature is not ECDSA on P-256 in DER')
  const kind = groups['kind'] === 'publicKey' ? 'publicKey' : 'certificate'
  const problem = whyNoVerifier(kind, der)
  return problem === undefined
    ? { ok: true, entry: { digest, signature, verifier: { kind, der } } }
    : refused(problem)
}

const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

/** Two numbers from 1 up to the order of P-256. Whether they are a signature of what was signed its verifiers see: here is only its hash. */
function isEcdsaSignature(bytes: Uint8Array): boolean {
  try {
    const node = readDer(bytes)
    const parts = node.tag === tags.sequence ? node.children() : []
    return parts.length === 2 && parts.map(unsignedOf).every((one) => one > 0n && one < order)
  } catch (error) {
    if (error instanceof DerError) return false
    throw error
  }
}

function whyNoVerifier(kind: RekordEntry['verifier']['kind'], der: Uint8Array): string | undefined {
  try {
    readDer(der)
    const bytes = Buffer.from(der)
    const key = kind === 'publicKey' ? spkiKey(bytes) : certificateKey(bytes)
    if (key === undefined) return 'what is to verify it has another encoding than DER'
    const { asymmetricKeyType, asymmetricKeyDetails } = key
    return asymmetricKeyType === 'ec' && asymmetricKeyDetails?.namedCurve === 'prime256v1'
      ? undefined
      : 'the key that is to verify it is not on P-256'
  } catch {
    return `what is to verify it is no ${kind === 'publicKey' ? 'public key' : 'certificate'} in DER`
  }
}

/** The SPKI of a key on P-256 up to its point, which is written in full (RFC 5480, section 2.2). */
const spkiHead = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d03010703420004', 'hex')

// OpenSSL reads other encodings of the same point, too; verifiers compare bytes, so there is one.
function spkiKey(der: Buffer): KeyObject | undefined {
  const key = createPublicKey({ key: der, format: 'der', type: 'spki' })
  const isOther = key.asymmetricKeyDetails?.namedCurve === 'prime256v1' && !isFull(der)
  return isOther ? undefined : key
}

function isFull(der: Buffer): boolean {
  return der.length === spkiHead.length + 64 && der.subarray(0, spkiHead.length).equals(spkiHead)
}

function certificateKey(der: Buffer): KeyObject | undefined {
  const certificate = new X509Certificate(der)
  return certificate.raw.equals(der) ? certificate.publicKey : undefined
}

function refused(message: string): ParsedEntry {
  return { ok: false, message }
}
