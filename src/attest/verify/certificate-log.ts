import { createHash } from 'node:crypto'
import { der, DerError, oidOf, readDer, tags } from '../../der/index.ts'
import { partOf, sequenceOf, type Certificate } from './certificate.ts'
import { extensionIds } from './chain.ts'
import { isSignedBy } from './ecdsa.ts'
import { isWithin } from './fields.ts'
import type { CertificateLog } from './model.ts'
import { Refusal } from './refusal.ts'

/**
 * Where a trusted root names logs of certificates (the public Sigstore does, our own does not): one of them has to have promised to
 * log this certificate (RFC 6962, section 3.2).
 */
export function refusePromises(
  certificate: Certificate,
  issuer: Certificate | undefined,
  timeMs: number,
  logs: readonly CertificateLog[],
): void {
  if (logs.length === 0 || issuer === undefined) return
  try {
    const signed = precertificateOf(certificate)
    const promises = promisesOf(certificate)
    const isKept = (promise: Promised) => {
      const log = logs.find(({ logId }) => logId.equals(promise.logId))
      if (
        log?.key === undefined ||
        !isWithin(promise.timeMs, log.validFor) ||
        promise.timeMs > timeMs + slackMs
      )
        return false
      return isSignedBy(log.key, 'sha256', promisedBy(promise, issuer, signed), promise.signature)
    }
    // One that does not hold beside one that does is refused by some verifiers, so by all.
    if (promises.length > 0 && promises.every(isKept)) return
  } catch (cause) {
    if (!(cause instanceof DerError) && !(cause instanceof RangeError)) throw cause
  }
  throw new Refusal(
    'untrusted_certificate',
    'no trusted log of certificates has promised to log its certificate',
  )
}

/** Clocks of two services. */
const slackMs = 300_000

interface Promised {
  readonly logId: Buffer
  readonly timeMs: number
  readonly time: Buffer
  readonly extensions: Buffer
  readonly signature: Buffer
}

/** SignedCertificateTimestampList in the form of TLS. A `RangeError` where it is cut. */
function promisesOf({ extensions }: Certificate): readonly Promised[] {
  const value = extensions.get(extensionIds.promises)?.value
  if (value === undefined) return []
  const list = partOf(readDer(value), tags.octets).content
  if (list.readUInt16BE(0) !== list.length - 2) throw new RangeError('another length')
  const promises: Promised[] = []
  for (let at = 2; at < list.length;) {
    const end = at + 2 + list.readUInt16BE(at)
    if (end > list.length) throw new RangeError('cut off')
    promises.push(promiseIn(list.subarray(at + 2, end)))
    at = end
  }
  return promises
}

function promiseIn(bytes: Buffer): Promised {
  const extensionsEnd = 43 + bytes.readUInt16BE(41)
  const signature = bytes.subarray(extensionsEnd + 4)
  // Version 1; SHA-256 (4) with ECDSA (3).
  const isKnown = bytes[0] === 0 && bytes.readUInt16BE(extensionsEnd) === 0x0403
  if (!isKnown || bytes.readUInt16BE(extensionsEnd + 2) !== signature.length)
    throw new RangeError('another form')
  const time = bytes.subarray(33, 41)
  const timeMs = Number(time.readBigUInt64BE())
  return {
    logId: bytes.subarray(1, 33),
    time,
    timeMs,
    extensions: bytes.subarray(41, extensionsEnd),
    signature,
  }
}

function promisedBy({ time, extensions }: Promised, issuer: Certificate, signed: Buffer): Buffer {
  const issuerKey = createHash('sha256').update(issuer.spki).digest()
  const length = Buffer.alloc(4)
  length.writeUInt32BE(signed.length)
  // Version 1, certificate_timestamp, the time, precert_entry.
  return Buffer.concat([
    ...[Buffer.of(0, 0), time, Buffer.of(0, 1), issuerKey, length.subarray(1), signed, extensions],
  ])
}

/** What was signed, without the promises, which were made before they could stand in it. */
function precertificateOf(certificate: Certificate): Buffer {
  const parts = sequenceOf(readDer(certificate.signed)).map((part) => {
    if (part.tag !== 0xa3) return part.whole
    const kept = sequenceOf(readDer(part.content)).filter(
      (one) => oidOf(sequenceOf(one)[0]) !== extensionIds.promises,
    )
    return der.context(3, der.sequence(...kept.map(({ whole }) => whole)))
  })
  return der.sequence(...parts)
}
