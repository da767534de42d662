import { createPublicKey, X509Certificate } from 'node:crypto'
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
import type { Signer } from './signer.ts'

/** A CA that signs leaves. */
export interface Authority extends Validity {
  /** DER. */
  readonly certificate: Buffer
  /** DER. */
  readonly spki: Buffer
  readonly signer: Signer
}

/**
 * A new CA for a key: self-signed, for code signing alone (so that whoever trusts it for more by mistake lets nobody pose as a web
 * site), and with nothing under it but leaves. Its name has its key in it: two CAs of one name are taken for each other by verifiers.
 */
export async function makeAuthority(
  organization: string,
  validity: Validity,
  signer: Signer,
): Promise<Authority> {
  const spki = await signer.publicKey()
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
  const certificate = await signCertificate(certified, signer)
  return { certificate, spki, signer, ...wholeSeconds(validity) }
}

/** keyCertSign and cRLSign, bits 5 and 6. */
const keyCertSign = der.bits(Buffer.of(0x06), 1)

function wholeSeconds({ notBeforeMs, notAfterMs }: Validity): Validity {
  const whole = (ms: number) => Math.floor(ms / 1000) * 1000
  return { notBeforeMs: whole(notBeforeMs), notAfterMs: whole(notAfterMs) }
}

/** From what was kept; nothing if the two do not belong together, or it is no certificate of a CA. */
export async function readAuthority(certificate: Buffer, signer: Signer): Promise<Authority | undefined> {
  const spki = await signer.publicKey()
  try {
    const read = new X509Certificate(certificate)
    const key = createPublicKey({ key: spki, format: 'der', type: 'spki' })
    if (!read.ca || !key.equals(read.publicKey)) return undefined
    const [notBeforeMs, notAfterMs] = [read.validFromDate.getTime(), read.validToDate.getTime()]
    return { certificate, spki, signer, notBeforeMs, notAfterMs }
  } catch {
    return undefined
  }
}
