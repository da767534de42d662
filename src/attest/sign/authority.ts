import { createPublicKey, generateKeyPairSync, X509Certificate, type KeyObject } from 'node:crypto'
import { der } from '../../der/index.ts'
import {
  extension,
  forCodeSigning,
  keyIdentifier,
  nameOf,
  oids,
  signCertificate,
  type Validity,
} from './certificate.ts'

/** A CA that signs leaves. Its private key is in this process's memory. */
export interface Authority extends Validity {
  /** DER. */
  readonly certificate: Buffer
  readonly privateKey: KeyObject
}

/**
 * A new CA: self-signed, for code signing alone (so that whoever trusts it for more by mistake lets nobody pose as a web site),
 * and with nothing under it but leaves. Each has a name of its own: two CAs of one name are taken for each other by verifiers.
 */
export function makeAuthority(organization: string, validity: Validity): Authority {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const keyId = keyIdentifier(spki)
  // A name of an organization has at most 64 characters (RFC 5280, appendix A.1).
  const name = nameOf(organization.slice(0, 64), `attestation CA ${keyId.toString('hex').slice(0, 16)}`)
  const extensions = [
    extension(oids.keyUsage, keyCertSign, true),
    extension(oids.basicConstraints, der.sequence(der.boolean(true), der.integer(0)), true),
    forCodeSigning,
    extension(oids.subjectKey, der.octets(keyId)),
    extension(oids.authorityKey, der.sequence(der.context(0, keyId, false))),
  ]
  const certified = { issuer: name, subject: name, spki, extensions, ...validity }
  return { certificate: signCertificate(certified, privateKey), privateKey, ...validity }
}

/** keyCertSign and cRLSign, bits 5 and 6. */
const keyCertSign = der.bits(Buffer.of(0x06), 1)

/** From what was kept; nothing if the two do not belong together, or the certificate is none of P-256. */
export function readAuthority(certificate: Buffer, privateKey: KeyObject): Authority | undefined {
  try {
    const read = new X509Certificate(certificate)
    const { asymmetricKeyDetails } = read.publicKey
    const fits = asymmetricKeyDetails?.namedCurve === 'prime256v1' && read.ca
    if (!fits || !createPublicKey(privateKey).equals(read.publicKey)) return undefined
    const [notBeforeMs, notAfterMs] = [read.validFromDate.getTime(), read.validToDate.getTime()]
    return { certificate, privateKey, notBeforeMs, notAfterMs }
  } catch {
    return undefined
  }
}
