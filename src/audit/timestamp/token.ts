import { hash, type KeyObject, sign, type X509Certificate } from 'node:crypto'
import { der, readDer } from '../../der/index.ts'
import { newSerial } from './chain.ts'
import { oids } from './oids.ts'
import { type Failure, failures, type TimestampRequest } from './request.ts'

/** A leaf with its key, ready to sign. */
export interface TimestampSigner {
  readonly certificate: X509Certificate
  readonly key: KeyObject
}

const sha256Algorithm = der.sequence(der.oid(oids.sha256))
const granted = der.sequence(der.integer(0))

/** A TimeStampResp with a token (RFC 3161, section 2.4.2). `timeMs` is cut to whole seconds, which every verifier reads. */
export function grant(request: TimestampRequest, signer: TimestampSigner, timeMs: number): Buffer {
  const info = timestampInfo(request, timeMs)
  const signedData = der.sequence(
    der.integer(3),
    der.setOf(sha256Algorithm),
    der.sequence(der.oid(oids.timestampInfo), der.context(0, der.octets(info))),
    ...(request.wantsCertificate ? [der.context(0, signer.certificate.raw)] : []),
    der.setOf(signerInfo(info, signer, timeMs)),
  )
  return der.sequence(granted, der.sequence(der.oid(oids.signedData), der.context(0, signedData)))
}

/** A TimeStampResp that says no, and why. */
export function refuse(failure: Failure, message: string): Buffer {
  const rejection = 2
  const bit = failures[failure]
  const bytes = Buffer.alloc((bit >> 3) + 1)
  bytes[bit >> 3] = 0x80 >> (bit & 7)
  return der.sequence(
    der.sequence(
      der.integer(rejection),
      der.sequence(der.utf8(message)),
      // A list of named bits ends with its last 1 (X.690, section 11.2.2).
      der.bits(bytes, 7 - (bit & 7)),
    ),
  )
}

function timestampInfo({ imprint, nonce }: TimestampRequest, timeMs: number): Buffer {
  const accuracy = der.sequence(der.integer(1))
  return der.sequence(
    der.integer(1),
    der.oid(oids.anyPolicy),
    der.sequence(der.sequence(der.oid(imprint.algorithm)), der.octets(imprint.hash)),
    der.integer(newSerial()),
    der.generalizedTime(wholeSeconds(timeMs)),
    accuracy,
    ...(nonce === undefined ? [] : [nonce]),
  )
}

/** SignerInfo (RFC 5652, section 5.3). */
function signerInfo(info: Buffer, { certificate, key }: TimestampSigner, timeMs: number): Buffer {
  const attributes = [
    attribute(oids.contentType, der.oid(oids.timestampInfo)),
    attribute(oids.signingTime, der.time(wholeSeconds(timeMs))),
    attribute(oids.messageDigest, der.octets(hash('sha256', info, 'buffer'))),
    // Says which certificate this was signed for, so that nobody puts another of the same key in its place (RFC 5816).
    attribute(
      oids.signingCertificateV2,
      der.sequence(der.sequence(der.sequence(der.octets(hash('sha256', certificate.raw, 'buffer'))))),
    ),
  ]
  const signed = der.setOf(...attributes)
  const { issuer, serial } = issuerAndSerialOf(certificate)
  return der.sequence(
    der.integer(1),
    der.sequence(issuer, serial),
    sha256Algorithm,
    der.context(0, readDer(signed).content),
    der.sequence(der.oid(oids.ecdsaWithSha256)),
    der.octets(sign('sha256', signed, key)),
  )
}

function attribute(oid: string, value: Buffer): Buffer {
  return der.sequence(der.oid(oid), der.setOf(value))
}

function issuerAndSerialOf({ raw }: X509Certificate): { issuer: Buffer; serial: Buffer } {
  const [, serial, , issuer] = readDer(raw).children()[0]?.children() ?? []
  return { issuer: issuer?.whole ?? Buffer.alloc(0), serial: serial?.whole ?? Buffer.alloc(0) }
}

function wholeSeconds(timeMs: number): number {
  return Math.floor(timeMs / 1000) * 1000
}
