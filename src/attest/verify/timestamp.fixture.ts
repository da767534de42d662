import { createHash, sign, type KeyObject } from 'node:crypto'
import type { X509Certificate } from '@peculiar/x509'
import { der, readDer } from '../../der/index.ts'

/** What of a timestamp is made in another way. */
export interface TimestampChange {
  readonly timeMs?: number
  readonly status?: number
  /** Of these bytes instead of the signature. */
  readonly of?: Buffer
  readonly key?: KeyObject
  readonly certificate?: X509Certificate
  readonly contentType?: string
  /** Of this instead of the content. */
  readonly digestOf?: Buffer
  /** SHA-256 of another certificate. */
  readonly certificateHash?: Buffer
  readonly isUnsorted?: boolean
  readonly isTwiceSigned?: boolean
  /** Behind the time, where what may be left out has its place. */
  readonly more?: readonly Buffer[]
  /** Its signed attributes do not say which certificate signed. */
  readonly isUnnamed?: boolean
  /** They say so by SHA-1 alone (RFC 3161), or beside SHA-256. */
  readonly v1?: 'alone' | 'beside'
  /** Behind the hash of the certificate. */
  readonly certificateNamed?: Buffer
}

const oids = {
  ...{
    signedData: '1.2.840.113549.1.7.2',
    tstInfo: '1.2.840.113549.1.9.16.1.4',
    sha256: '2.16.840.1.101.3.4.2.1',
  },
  ...{ contentType: '1.2.840.113549.1.9.3', messageDigest: '1.2.840.113549.1.9.4' },
  certificateV1: '1.2.840.113549.1.9.16.2.12',
  ...{ certificateV2: '1.2.840.113549.1.9.16.2.47', ecdsa: '1.2.840.10045.4.3.2' },
} as const

/** A TimeStampResp (RFC 3161). */
export function timestampOf(
  about: TimestampChange & {
    signature: Buffer
    timeMs: number
    key: KeyObject
    certificate: X509Certificate
  },
): Buffer {
  const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest()
  const hashed = der.sequence(der.oid(oids.sha256))
  const info = der.sequence(
    ...[der.integer(1), der.oid('1.3.6.1.4.1.57264.2')],
    der.sequence(hashed, der.octets(sha256(about.of ?? about.signature))),
    ...[der.integer(77), der.generalizedTime(about.timeMs)],
    ...(about.more ?? []),
  )
  const raw = Buffer.from(about.certificate.rawData)
  const [certificate] = readDer(raw).children()
  const [, serial, , issuer] = certificate?.children() ?? []
  const attribute = (id: string, value: Buffer) => der.sequence(der.oid(id), der.setOf(value))
  const named = der.sequence(
    der.sequence(
      der.sequence(
        der.octets(about.certificateHash ?? sha256(raw)),
        ...(about.certificateNamed === undefined ? [] : [about.certificateNamed]),
      ),
    ),
  )
  const sha1 = createHash('sha1').update(raw).digest()
  const bySha1 = der.sequence(der.sequence(der.sequence(der.octets(sha1))))
  const attributes = [
    attribute(oids.contentType, der.oid(about.contentType ?? oids.tstInfo)),
    attribute(oids.messageDigest, der.octets(sha256(about.digestOf ?? info))),
    ...(about.isUnnamed === true || about.v1 === 'alone' ? [] : [attribute(oids.certificateV2, named)]),
    ...(about.v1 === undefined ? [] : [attribute(oids.certificateV1, bySha1)]),
  ]
  const sorted = der.setOf(...attributes)
  const written =
    about.isUnsorted === true
      ? der.value(
          0x31,
          ...readDer(sorted)
            .children()
            .map(({ whole }) => whole)
            .toReversed(),
        )
      : sorted
  const signer = der.sequence(
    der.integer(1),
    der.sequence(issuer?.whole ?? Buffer.alloc(0), serial?.whole ?? Buffer.alloc(0)),
    hashed,
    der.context(0, readDer(written).content),
    der.sequence(der.oid(oids.ecdsa)),
    der.octets(sign('sha256', written, about.key)),
  )
  const signedData = der.sequence(
    ...[der.integer(3), der.setOf(hashed)],
    der.sequence(der.oid(oids.tstInfo), der.context(0, der.octets(info))),
    der.context(0, raw),
    der.setOf(...(about.isTwiceSigned === true ? [signer, signer] : [signer])),
  )
  return der.sequence(
    der.sequence(der.integer(about.status ?? 0)),
    der.sequence(der.oid(oids.signedData), der.context(0, signedData)),
  )
}
